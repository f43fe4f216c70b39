"""What does an upstream say in an error, in whichever spelling? One value for all of them.

Formats: OpenAI's `{"error": {"message", "type", "param", "code"}}`, in a list at Google's OpenAI endpoint; Mistral's and vLLM's
`{"object": "error", "message", …}`; Anthropic's `{"type": "error", "error": …}`; FastAPI's `{"detail": text | list}`; RFC 9457's
`{"title", "detail", "status"}`; Cloudflare's `{"errors": [{"code", "message"}]}`; xAI's `{"code": text, "error": text}`;
MiniMax's `{"base_resp": {"status_code", "status_msg"}}`; google.rpc's `details`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import msgspec

from providers.errors import Failure
from providers.retry import clamped, seconds_in

Json = dict[str, Any]
DEPTH = 4
"""How often an error may stand in another."""
TEXTS = ("message", "detail", "error", "msg", "error_message", "error_msg", "status_msg", "title", "description")
"""Where the words of an error stand, the best first."""
WORDS = ("code", "type", "status", "reason", "error_code", "error_type")
NUMBERS = ("code", "status", "status_code", "http_status", "http_code", "error_code", "raw_status_code")
OWN = frozenset({"message", "type", "param", "code"})
"""The fields that every error object of ours has."""
PAUSES = MappingProxyType({"retry_after": 1.0, "retry_after_seconds": 1.0, "estimated_time": 1.0, "retry_after_ms": 0.001})
"""Fields that say when to come again, with the seconds that they count in; `estimated_time` is Hugging Face's."""
FOREVER = 10**9
OF_EVENTS = frozenset({"sequence_number", "event_id"})
"""What an error event says of itself."""
MAX_MORE_BYTES = 16 * 1024
MAX_MORE_DEPTH = 8
_SPACE = re.compile(r"[\s-]+")
_decode = msgspec.json.decode


class Told(msgspec.Struct, frozen=True):
    """What an error says: `status` is the number in it, `words` its codes in lower case, the most telling first, `more` its
    further fields, and `retry_after` the seconds that it asks for."""

    message: str = ""
    type: str | None = None
    code: str | None = None
    param: str | None = None
    status: int | None = None
    words: tuple[str, ...] = ()
    more: Mapping[str, Any] = {}
    retry_after: float | None = None


def error_fields(failure: Failure) -> Json:
    """`{"message", "type", "param", "code"}`, and the further fields that an upstream's error has."""
    own = {"message": failure.message, "type": failure.kind, "param": failure.param, "code": failure.code}
    return {**own, **failure.more} if failure.more else own


def error_body(failure: Failure) -> bytes:
    """The error as an answer of its own, or as an event of a stream that has no other shape for it."""
    return msgspec.json.encode({"error": error_fields(failure)})


def told_by(body: bytes) -> Told:
    """What the body of an error answer says; nothing if it is no JSON."""
    try:
        value = _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Told()
    return told_in(value) if isinstance(value, dict | list) else Told()


def told_in(value: Any) -> Told:
    """What a decoded error says."""
    error = error_object(value)
    name = next((name for name in TEXTS if error.get(name)), "message")
    said = error.get(name)
    message = said if isinstance(said, str) else encoded(said) if said else ""
    return Told(
        message=message,
        type=None if error.get("type") == "error" else _text(error.get("type")),
        code=_text(error.get("code")),
        param=_text(error.get("param")),
        status=next((number for name in NUMBERS if (number := _status(error.get(name)))), None),
        words=tuple(dict.fromkeys(_words(error))),
        more=_more({name: value for name, value in error.items() if name not in OWN}, said_in=name),
        retry_after=_pause(error, message),
    )


def error_object(value: Any) -> Json:
    """The error object in what an upstream sent, unwrapped; `{}` if there is none."""
    for _ in range(DEPTH):
        if isinstance(value, list):
            value = value[0] if value and not _is_validation(value) else {"message": value} if value else {}
        elif not isinstance(value, dict):
            return {} if value is None else {"message": value} if isinstance(value, str) else {"code": value}
        elif (inner := _inner(value)) is None:
            return value
        else:
            value = inner
    return value if isinstance(value, dict) else {}


def _inner(value: Json) -> Any:
    """What stands in an object that is only the wrapping of an error; None if it is the error itself."""
    for name in ("error", "errors"):
        inner = value.get(name)
        if not inner or inner is True:
            continue
        if isinstance(inner, dict | list):
            if isinstance(value.get("message"), str) and "message" not in _first(inner):
                return None
            beside = {key: value[key] for key in NUMBERS if _status(value.get(key))}
            return {**beside, **inner} if isinstance(inner, dict) else inner
        if not value.get("message"):
            rest = {key: item for key, item in value.items() if key != name}
            return {**rest, ("message" if isinstance(inner, str) else "code"): inner}
    detail = value.get("detail")
    if isinstance(detail, dict) and detail and not value.get("message"):
        return detail
    base, groq = value.get("base_resp"), value.get("x_groq")
    if isinstance(base, dict) and base.get("status_code"):
        return {**base, "code": f"base_resp_{base['status_code']}"}
    return {"message": groq["error"]} if isinstance(groq, dict) and groq.get("error") else None


def _first(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value and isinstance(value[0], dict) else value


def _is_validation(value: list[Any]) -> bool:
    """Whether a list is one of FastAPI's, whose items say each what is wrong at a place."""
    return isinstance(value[0], dict) and "loc" in value[0]


def _words(error: Json, depth: int = 2) -> Iterator[str]:
    """The codes of an error; of those within it first, which are the more exact ones."""
    for detail in _objects(error.get("details")):  # google.rpc's ErrorInfo and QuotaFailure
        yield from _texts(detail, "reason")
        if any("perday" in str(each.get("quotaId", "")).lower() for each in _objects(detail.get("violations"))):
            yield "quota_per_day"
    yield from _texts(error.get("innererror"), "code")  # Azure's
    if isinstance(metadata := error.get("metadata"), dict):
        yield from _of_metadata(metadata, depth)
    yield from _texts(error, *WORDS)


def _of_metadata(metadata: Json, depth: int) -> Iterator[str]:
    """OpenRouter's: what moderation says, and the error of the vendor behind it."""
    if metadata.get("reasons") or metadata.get("flagged_input"):
        yield "moderation"
    raw = metadata.get("raw")
    if depth and isinstance(raw, str) and raw.lstrip().startswith(("{", "[")):
        with suppress(msgspec.DecodeError, RecursionError):
            yield from _words(error_object(_decode(raw)), depth - 1)


def _texts(value: Any, *names: str) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (_word(text) for name in names if isinstance(text := value.get(name), str))


def _word(text: str) -> str:
    return _SPACE.sub("_", text.strip().lower())[:100]


def _objects(value: Any) -> list[Json]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _status(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value < 600 else None


def _text(value: Any) -> str | None:
    return None if value is None or isinstance(value, dict | list) else str(value)


def _pause(error: Json, message: str) -> float | None:
    for name, seconds in PAUSES.items():
        value = error.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < FOREVER:
            return clamped(value * seconds)
    for detail in _objects(error.get("details")):
        if isinstance(delay := detail.get("retryDelay"), str):
            return seconds_in(f"retry in {delay}")
    return seconds_in(message)


def _more(fields: Json, said_in: str) -> Mapping[str, Any]:
    """The further fields as they came, as many as fit."""
    kept: Json = {}
    left = MAX_MORE_BYTES
    for name, value in fields.items():
        if (
            name == said_in
            or name in OF_EVENTS
            or (name == "object" and value == "error")
            or not _is_shallow(value, MAX_MORE_DEPTH)
        ):
            continue
        left -= len(name) + len(encoded(value))
        if left < 0:
            break
        kept[name] = value
    return kept


def _is_shallow(value: Any, depth: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth >= 0 and all(_is_shallow(item, depth - 1) for item in inner)


def encoded(value: Any) -> str:
    """The value as JSON."""
    return msgspec.json.encode(value).decode()


def with_texts(value: Any, change: Callable[[str], str]) -> Any:
    """Decoded JSON with each of its texts changed, names too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(name): with_texts(item, change) for name, item in value.items()}
    return [with_texts(item, change) for item in value] if isinstance(value, list) else value
