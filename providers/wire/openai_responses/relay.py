"""How are responses asked for, and how is a stream of their events relayed?

Formats: OpenAI OpenAPI document of August 2026 and OpenResponses specification of 2026-04-24, `/responses`. Every event
is one frame whose `event:` is its `type`; the stream ends after `response.completed`, `.incomplete` or `.failed`, with
`data: [DONE]`. Only events that carry the response itself are changed: its id, its model, and the id before it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from providers.bytes import sse
from providers.bytes.event import Event
from providers.bytes.halves import mended
from providers.bytes.patch import Fields, InvalidJson, fields_of, patch
from providers.bytes.sse import Frames
from providers.errors import Failure, InvalidResponse, ProviderError, UpstreamFailed
from providers.wire.openai.error_object import Json, with_texts
from providers.wire.openai.errors import scrub
from providers.wire.openai.framing import DONE, json_string
from providers.wire.openai.good_answer import error_in, failure_in_event
from providers.wire.openai.relay import FrameRelay
from providers.wire.openai.usage import usage_of
from providers.wire.openai_responses.response_object import error_object

ENDINGS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
DELTA = b'.delta"'
"""How the type of an event ends that stands for a token."""
BEGINNINGS = frozenset({"response.created", "response.queued", "response.in_progress"})


class ResponseRequest(msgspec.Struct):
    """The fields of a request that the gateway reads; everything else passes as it came."""

    model: str | None = None
    input: str | list[msgspec.Raw] | None = None
    stream: bool | None = None
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    conversation: Any = None
    prompt: Any = None
    credentials: dict[str, str] | None = msgspec.field(default=None, name="tensorzero::credentials")


decode_request = msgspec.json.Decoder(ResponseRequest).decode
"""Raises `msgspec.ValidationError` (which names the field) or `msgspec.DecodeError`."""
_string = msgspec.json.Decoder(str | None).decode


Fail = Callable[[str, str, Json], Frames]


class Names:
    """How a response is called outside: its `model`, its id and the one before it.

    `seal` makes the outside id of an upstream's. `previous` is the outside id that the request continued, None if the
    upstream knows. `mask` makes what takes the target's secrets out of the error of a response that has failed.
    """

    def __init__(
        self,
        model: str,
        seal: Callable[[str], str],
        previous: str | None,
        mask: Callable[[], Callable[[str], str]] = lambda: scrub,
    ) -> None:
        self._model = json_string(model)
        self._seal = seal
        self._previous = previous
        self._mask = mask

    def on(self, response: Fields) -> bytes:
        """The response under its outside names. Raises `InvalidResponse` without an id."""
        inner = _text(response, "id")
        if not inner:
            raise InvalidResponse("the response has no id")
        changes: dict[str, bytes | None] = {"id": json_string(self._seal(inner))}
        if "model" in response.spans:
            changes["model"] = self._model
        if "previous_response_id" in response.spans:
            upstreams = _text(response, "previous_response_id")
            outside = self._previous or (self._seal(upstreams) if upstreams else None)
            changes["previous_response_id"] = msgspec.json.encode(outside)
        if (error := response.raw("error") or b"null") != b"null":
            mask = self._mask()
            changes["error"] = msgspec.json.encode(with_texts(msgspec.json.decode(error), lambda text: scrub(mask(text))))
        return patch(response, changes)


class ResponsesRelay(FrameRelay):
    """One stream of Responses events. `final` is the response at its end, under its outside names; without `names` the
    events have them already. `beginning` gives the response where no event has told it yet.

    `fail` gives the events with which a response fails that is made here, from the code, the message and the further fields of
    its error. An error event is told as the failure of the response. With `at_once` the stream has begun with its first event,
    and not only with the first content: a response in the background may wait long for that.
    """

    def __init__(self, names: Names | None, beginning: Callable[[], dict[str, Any]], *, at_once: bool = False) -> None:
        super().__init__()
        self._beginning = beginning
        self._deltas = 0
        self._names = names
        self._at_once = at_once
        self.fail: Fail | None = None
        self._response: bytes | None = None
        self._last = b""

    def broken(self, failure: Failure) -> Frames:
        """`response.failed` with what the response was at its beginning, and the end."""
        code, more = failure.code or "server_error", dict(failure.more)
        if self.fail is not None and (events := self.fail(code, failure.message, more)):
            self.error = None
            return self.take(events)
        response = msgspec.json.decode(self._response) if self._response else self._beginning()
        event = {"type": "response.failed", "sequence_number": self._number() + 1}
        event["response"] = {**response, "status": "failed", "error": error_object(code, failure.message) | more}
        self.final = msgspec.json.encode(event["response"])
        return [frame_of(event), sse.frame_of(DONE)]

    @property
    def deltas(self) -> int:
        return self._deltas

    def _number(self) -> int:
        data = sse.data_of(self._last)
        try:
            number = msgspec.json.decode(data)["sequence_number"] if data else -1
        except (msgspec.DecodeError, KeyError, TypeError):
            return self.events
        return number if isinstance(number, int) else self.events

    def _frame(self, frame: bytes, out: Frames) -> None:
        if DELTA in frame:
            self._deltas += 1
        if b'"response"' not in frame and b'"type":"response.' in frame:
            self.events += 1
            self._last = frame
            out.append(frame)
            return
        data = sse.data_of(frame)
        if data is None or not data.strip():
            out += sse.without_data(frame)
            return
        if data.strip() == DONE:
            return  # it comes with the last event, whether the upstream sends it or not
        try:
            out += self._event(frame, data, fields_of(data))
        except InvalidJson:
            if (whole := mended(data)) != data:  # what the response is at last is kept and read again
                self._frame(sse.with_data(frame, data, whole), out)
            else:
                self._not_json(frame, out)

    def _event(self, frame: bytes, data: bytes, fields: Fields) -> Frames:
        kind = _text(fields, "type") or ""
        self.error = failure_in_event(data) if sse.names_error(frame) else error_in(fields)
        if self.error is not None:
            return []
        self._last = frame
        raw = fields.raw("response")
        inner = fields_of(raw) if raw and raw.startswith(b"{") else None
        if raw is None or inner is None or ("id" not in inner.spans and kind not in ENDINGS | BEGINNINGS):
            self.events += 1
            return [frame]
        if self._names is None and kind in BEGINNINGS:
            self._response = raw
            return [frame]
        if kind == "response.failed" and not self.started:
            self.error = _failure(inner)
            return []
        if kind not in BEGINNINGS or self._at_once:
            self.events += 1
        self._response = self._names.on(inner) if self._names else raw
        out = frame.replace(data, patch(fields, {"response": self._response}), 1) if self._names else frame
        return [out, self._ended(inner)] if kind in ENDINGS else [out]

    def _ended(self, response: Fields) -> bytes:
        self.done, self.final, self.usage = True, self._response, usage_of(response)
        return sse.frame_of(DONE)


def response_in(frames: Frames) -> bytes | None:
    """The whole response, if one of the events ends it."""
    ends = [event for event in map(Event, frames) if event.kind in ENDINGS]
    return ends[-1].fields.raw("response") if ends else None


def frame_of(event: dict[str, Any]) -> bytes:
    """The frame of one event."""
    return b"event: %b\ndata: %b\n\n" % (event["type"].encode(), msgspec.json.encode(event))


def _failure(response: Fields) -> ProviderError:
    """The error of a response that failed before it began."""
    return error_in(response) or UpstreamFailed("the response has failed")


def _text(fields: Fields, name: str) -> str | None:
    raw = fields.raw(name)
    try:
        return _string(raw) if raw else None
    except msgspec.DecodeError:
        return None
