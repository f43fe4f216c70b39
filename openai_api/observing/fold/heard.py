"""What was asked and answered in an exchange, whatever its wire? Its bodies in canonical form, as far as they can be read."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import msgspec

from openai_api.observing.transcript import Transcript
from providers.bytes.framing import SSE, Framing
from providers.bytes.halves import decoded
from providers.bytes.ndjson import NDJSON
from providers.canonical.answer import Answer
from providers.canonical.blocks import Turn
from providers.canonical.request import Request
from providers.convert.codecs import codecs
from providers.convert.reading import answer_so_far, canonical_answer, is_conversation
from providers.convert.stream import MISFITS
from providers.errors import InvalidResponse, ProviderError
from providers.types import Wire

MESSAGES = ("messages", "input", "contents")
"""Where the wires have what was said, one item after the other."""
JSON, LINES = "application/json", "application/x-ndjson"


class Heard(msgspec.Struct):
    """`body` and `told` are the JSON of request and answer, None where it is none; of a stream, of its first event. `request` and
    `answer` are the same in canonical form, None where that cannot be had: the request with the messages that are new, for an
    agent sends hundreds again; of a stream that broke off, `answer` is what it told until then."""

    body: dict[str, Any] | None = None
    request: Request | None = None
    told: dict[str, Any] | None = None
    answer: Answer | None = None
    wire: Wire | None = None

    def turns(self) -> tuple[Turn, ...]:
        """What the request says anew."""
        return () if self.request is None else self.request.turns

    def repeated(self) -> tuple[Turn, ...]:
        """All that the request says, read anew."""
        if self.wire is None or self.body is None or (request := _request(self.wire, as_chat(self.body))) is None:
            return ()
        return request.turns

    def messages(self) -> list[Any] | None:
        """What the request says, as it stands in its body."""
        return messages_in(self.body) if self.body else None


def messages_in(body: dict[str, Any]) -> list[Any] | None:
    for name in MESSAGES:
        if name in body:
            return body[name] if isinstance(body[name], list) else None
    return None


def since(body: dict[str, Any], seen: int) -> dict[str, Any]:
    """The request without its first messages."""
    messages = messages_in(body) if seen else None
    if messages is None:
        return body
    return {name: value[seen:] if value is messages else value for name, value in body.items()}


def heard(transcript: Transcript) -> Heard:
    """What the bodies say. Never raises: whoever sends an odd body has done so to the model as well."""
    found, wire = Heard(), transcript.wire
    found.body = _object(transcript.request)
    if wire is None or not is_conversation(wire):
        found.told = None if transcript.streamed else _object(transcript.answer)
        return found
    if found.body is not None:
        found.wire, found.request = wire, _request(wire, since(as_chat(found.body), transcript.record.session_seen))
    _hear_answer(found, transcript, wire)
    return found


def _hear_answer(found: Heard, transcript: Transcript, wire: Wire) -> None:
    if transcript.answer_cut or not transcript.answer:
        return
    if transcript.streamed:
        _answer_streamed(found, transcript, wire)
        return
    found.told = _object(transcript.answer)
    if found.told is not None and transcript.record.status < 400 and found.told.get("error") is None:
        found.answer = _whole(wire, as_message(found.told))


def as_chat(body: dict[str, Any]) -> dict[str, Any]:
    """The request as a conversation: Ollama's prompts are one of a single message."""
    if "messages" in body or not isinstance(body.get("prompt"), str):
        return body
    system = [{"role": "system", "content": body["system"]}] if body.get("system") else []
    rest = {name: value for name, value in body.items() if name not in ("prompt", "system", "images", "template", "context")}
    return {**rest, "messages": [*system, {"role": "user", "content": body["prompt"]}]}


def as_message(told: dict[str, Any]) -> dict[str, Any]:
    """The answer to one of Ollama's prompts as that of a conversation."""
    if "message" in told or not isinstance(told.get("response"), str):
        return told
    names = ("thinking", "tool_calls")
    message = {"role": "assistant", "content": told["response"]} | {name: told[name] for name in names if name in told}
    return {**{name: value for name, value in told.items() if name not in ("response", *names)}, "message": message}


def _answer_streamed(found: Heard, transcript: Transcript, wire: Wire) -> None:
    framing, frames = frames_of(transcript)
    found.answer = answer_so_far(wire, frames, framing)
    for frame in frames[:1]:
        found.told = _object(framing.data_of(frame) or b"")


def frames_of(transcript: Transcript) -> tuple[Framing, list[bytes]]:
    """The frames of a stream, without the last one if it was cut off in it. Gemini's may be the items of an array."""
    if transcript.content_type.startswith(JSON):
        return SSE, _items(transcript.answer)
    framing = NDJSON if transcript.content_type.startswith(LINES) else SSE
    splitter = framing.splitter()
    try:
        frames = splitter.feed(transcript.answer)
    except InvalidResponse:
        return framing, []
    if transcript.complete and (rest := splitter.rest()).strip():
        frames.append(framing.last(rest))
    return framing, frames


def _items(answer: bytes) -> list[bytes]:
    """The items of an array, as far as it was told, as frames."""
    whole = answer.rstrip()
    with suppress(ValueError):
        values = decoded(whole if whole.endswith(b"]") else whole.rstrip(b",") + b"]")
        return [SSE.frame_of(msgspec.json.encode(value), b"") for value in (values if isinstance(values, list) else [values])]
    return []


def _request(wire: Wire, body: dict[str, Any]) -> Request | None:
    with suppress(ProviderError, *MISFITS):
        return codecs()[wire].decode_request(body)
    return None


def _whole(wire: Wire, told: dict[str, Any]) -> Answer | None:
    with suppress(ProviderError):
        return canonical_answer(wire, told)
    return None


def _object(data: bytes) -> dict[str, Any] | None:
    with suppress(ValueError):
        value = decoded(data) if data else None
        return value if isinstance(value, dict) else None
    return None
