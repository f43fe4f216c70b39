"""Does an answer of a good status, or an event, hold what was asked for, or an error?

Upstreams tell errors with status 200: as an object in the place of the answer, beside an empty one, within a choice, or as an
event of a stream. An answer that holds nothing is no success, whatever its status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from providers.bytes.halves import read, told_fields
from providers.bytes.patch import Fields, InvalidJson, fields_of
from providers.errors import InvalidResponse, Overloaded, ProviderError, UpstreamFailed
from providers.wire.openai.errors import failure_in_band

STOPPED: Mapping[str, type[ProviderError]] = MappingProxyType(
    {"error": UpstreamFailed, "insufficient_system_resource": Overloaded}
)
"""Reasons to stop that are failures: OpenRouter's and vLLM's, and DeepSeek's."""
ERROR_NAMES = frozenset({"error", "errors", "base_resp", "x_groq"})
"""Fields that carry an error."""
INNER = MappingProxyType({"base_resp": "status_code", "x_groq": "error"})
"""Fields of vendors' own that are no error without a field in them."""
NUMBERS = ("code", "status", "status_code")
"""What may stand beside an error."""
SAYING = frozenset({"message", "detail", "msg", "error_message", "error_msg", "status_code"})
"""Fields that an error is made of where nothing that was asked for stands beside them."""
CONTENT = (
    "choices", "delta", "output", "data", "results", "text", "usage", "response", "item", "part", "audio", "b64_json", "b64",
    "embedding", "segments", "input_tokens", "deleted",
)  # fmt: skip
OF_ANSWERS = frozenset({*CONTENT, "id", "object", "created", "model"})
"""What stays of an answer where an error stands in its place."""
NOTHING = (b"null", b"[]", b'""', b"{}")
FAILED = frozenset({b'"failed"', b'"cancelled"'})
"""Statuses of a response that has failed."""
NO_ERROR = frozenset({"", "0", "none", "null"})


class _Choice(msgspec.Struct):
    finish_reason: Any = None
    error: Any = None
    message: msgspec.Raw = msgspec.Raw()
    text: msgspec.Raw = msgspec.Raw()


class _Picture(msgspec.Struct):
    url: msgspec.Raw = msgspec.Raw()
    b64_json: msgspec.Raw = msgspec.Raw()


_choices = msgspec.json.Decoder(list[_Choice]).decode
_pictures = msgspec.json.Decoder(list[_Picture]).decode


def answer_of(body: bytes, field: str) -> Fields:
    """The fields of an answer of a good status, which must hold something in `field`. Raises the error that it carries
    instead, or `InvalidResponse`. What has an `object` alone may be a response that has failed, and tells why."""
    try:
        fields = told_fields(body)
    except InvalidJson as error:
        raise (failure_in_text(body) or InvalidResponse()) from error
    raw = fields.raw(field)
    if raw is None or not _HOLDS.get(field, _something)(raw):
        raise error_in(fields) or InvalidResponse(f"the answer's {field!r} holds nothing")
    if field == "choices" and (stopped := _stopped(raw)):
        raise stopped
    if field == "output" and fields.raw("status") in FAILED:
        raise error_in(fields) or UpstreamFailed("the response has failed")
    if field != "object" and "error" in fields.spans and (failure := error_in(fields)) is not None:
        raise failure
    return fields


def error_in(fields: Fields) -> ProviderError | None:
    """The error that an object is, or carries beside nothing; None for any other."""
    spans = fields.spans
    if fields.raw("object") == b'"error"' or fields.raw("type") == b'"error"':
        return failure_in_band(_decoded(fields.body))
    for name in ERROR_NAMES & spans.keys():
        if (failure := _carried(fields, name)) is not None:
            return failure
    if (choices := fields.raw("choices")) and (stopped := _stopped(choices)):
        return stopped
    if SAYING.isdisjoint(spans) or any(fields.raw(name) not in (None, *NOTHING) for name in CONTENT):
        return None
    kind = fields.raw("type") or b""
    if b"." in kind or b"ping" in kind:
        return None
    return failure_in_band({name: value for name, value in _decoded(fields.body).items() if name not in OF_ANSWERS})


def failure_in_text(data: bytes) -> ProviderError | None:
    """The error in what is no JSON object: a list of errors."""
    value = _decoded(data)
    if isinstance(value, list) and value and isinstance(value[0], dict):
        try:
            return error_in(fields_of(msgspec.json.encode(value[0])))
        except InvalidJson:
            return None
    return None


def failure_in_whole(data: bytes) -> ProviderError | None:
    """The error in what was to be a stream and is one JSON value."""
    data = data.strip()
    if not data.startswith((b"{", b"[")):
        return None
    try:
        return error_in(fields_of(data))
    except InvalidJson:
        return failure_in_text(data)


def failure_in_event(data: bytes) -> ProviderError:
    """The error of an event that is named `error`, whatever it says."""
    value = _decoded(data)
    return failure_in_band(value if isinstance(value, dict | list) else data.decode("utf-8", "replace").strip())


def _carried(fields: Fields, name: str) -> ProviderError | None:
    value = _decoded(fields.raw(name) or b"null")
    if name in INNER:
        value = value if isinstance(value, dict) and value.get(INNER[name]) else None
    if not _tells(value):
        return None
    beside = {} if name in INNER else {of: _decoded(fields.raw(of) or b"null") for of in NUMBERS if of in fields.spans}
    return failure_in_band({**beside, "error" if name == "errors" else name: value})


def _tells(error: Any) -> bool:
    """Whether an error is one: some upstreams send an empty one with every answer."""
    if isinstance(error, dict):
        return any(str(value).lower() not in NO_ERROR for value in error.values())
    return bool(error)


def _stopped(choices: bytes) -> ProviderError | None:
    """The failure for which a choice has stopped."""
    if b'"error"' not in choices and b'"insufficient_system_resource"' not in choices:  # each answer passes here
        return None
    try:
        found = read(_choices, choices)
    except (msgspec.DecodeError, RecursionError):
        return None
    for choice in found:
        if _tells(choice.error):
            return failure_in_band({"error": choice.error})
        if isinstance(choice.finish_reason, str) and choice.finish_reason in STOPPED:
            return STOPPED[choice.finish_reason](f"it stopped for the reason {choice.finish_reason!r}")
    return None


def _something(raw: bytes) -> bool:
    return raw not in NOTHING


def _said(raw: bytes) -> bool:
    return raw != b"null"


def _is_object(raw: bytes) -> bool:
    return raw not in (*NOTHING, b'"error"')


def _answered(raw: bytes) -> bool:
    """Whether some choice has a message or a text."""
    if b'"message":{' in raw or b'"message": {' in raw:
        return True
    try:
        return any(bytes(choice.message or choice.text) not in (b"", b"null") for choice in read(_choices, raw))
    except (msgspec.DecodeError, RecursionError):
        return False


def _has_items(raw: bytes) -> bool:
    """Whether there is an item which is an object; numbers and texts are none."""
    return raw.startswith(b"[") and raw[1:].lstrip().startswith(b"{")


_HOLDS: Mapping[str, Callable[[bytes], bool]] = MappingProxyType(
    {
        "choices": _answered,
        "data": _has_items,
        "results": _has_items,
        "output": _said,
        "text": _said,
        "content": _said,
        "object": _is_object,
    }
)
"""Whether a field holds what was asked for. A text and a content may be empty where nothing is said, and an output where a
response is incomplete."""


def pictures_in(raw: bytes) -> bool:
    """Whether some item of an answer has a picture or its address."""
    try:
        return any(
            bytes(item.url) not in (b"", *NOTHING) or bytes(item.b64_json) not in (b"", *NOTHING) for item in _pictures(raw)
        )
    except (msgspec.DecodeError, RecursionError):
        return False


def _decoded(data: bytes) -> Any:
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return data.decode("utf-8", "replace")
