"""How does a vendor that only has chat give a response, and one that only has responses a chat answer?

The vendor's adapter is called as it is, with the converted request; what comes out, whole or as a stream, has the wire
that was asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Protocol

import msgspec

from providers.bytes import sse
from providers.bytes.halves import Halves, decoded, told_fields
from providers.bytes.patch import Fields, InvalidJson, fields_of
from providers.bytes.sse import Frames
from providers.convert import hints
from providers.errors import EmptyStream, InvalidResponse, ProviderError
from providers.ids import item_ids, mint
from providers.offload import offload
from providers.protocols import METHODS, Chat, Responses
from providers.transport import Transport
from providers.types import EVENT_STREAM, Answered, Call, Reply, ReplyStream, Wire
from providers.wire.chat_request_to_responses import to_responses
from providers.wire.chat_to_responses import MISFITS, ResponseWriter
from providers.wire.openai.good_answer import error_in, failure_in_event, failure_in_text, failure_in_whole
from providers.wire.openai.usage import usage_of
from providers.wire.openai_chat.request import DONE
from providers.wire.openai_responses.relay import frame_of
from providers.wire.openai_responses.response_object import new_response
from providers.wire.openai_responses.tools import refused
from providers.wire.responses_to_chat import to_chat
from providers.wire.responses_to_chat_answer import ChatWriter, to_completion

Json = dict[str, Any]


async def respond_by_chat(adapter: Chat, call: Call, transport: Transport) -> Answered:
    """The response to a call, made by a chat completion. Raises `ProviderError`."""
    chat, writer, lossy = await offload(len(call.body), _as_chat, call, returns_reasoning=adapter.returns_reasoning)
    answer, refused_hints = await hints.asked(adapter, chat, transport)
    lossy = (*lossy, *refused_hints)
    if not isinstance(answer, Reply):
        return ConvertedStream(answer, _Responses(writer), call.wire, lossy)
    return await offload(len(answer.body), _whole_response, call, writer, answer, lossy)


async def chat_by_responses(adapter: Responses, call: Call, transport: Transport) -> Answered:
    """The chat answer to a call, made by a response. Raises `ProviderError`."""
    responses, lossy = await offload(len(call.body), _as_responses, call)
    answer = await adapter.respond(responses, transport)
    if isinstance(answer, Reply):
        return await offload(len(answer.body), _whole_completion, call, answer, lossy)
    return ConvertedStream(answer, _Chat(ChatWriter(*_identity(call), include_usage=True)), call.wire, lossy)


def left_out_by_chat(call: Call) -> tuple[str, ...]:
    """What a response that is made of chat, in the background too, leaves out of a request. Raises `CallerError` if it cannot
    be made."""
    request: Json = msgspec.json.decode(call.body)
    request.pop("background", None)
    return left_out(call, to_chat(request).lossy)


def left_out(call: Call, names: tuple[str, ...]) -> tuple[str, ...]:
    """The fields that have no word in the other format, for `lossy`. Raises `Unsupported` if the call is strict."""
    if names and call.strict:
        raise refused(f"This model's provider does not take the parameter {names[0]!r}.", names[0], "unsupported_parameter")
    return names


def _as_chat(call: Call, *, returns_reasoning: bool) -> tuple[Call, ResponseWriter, tuple[str, ...]]:
    """The call for chat, what writes the response, and the fields that were left out. Raises `ProviderError`."""
    request: Json = msgspec.json.decode(call.body)
    converted = to_chat(request, returns_reasoning=returns_reasoning)
    response_id = call.response.id or mint("resp")
    response = new_response(request, response_id, int(time.time()), call.model)
    response["previous_response_id"] = call.response.previous_id
    writer = ResponseWriter(response, converted.tools, item_ids(response_id, "o"))
    return _converted(call, Wire.OPENAI_CHAT, converted.body), writer, left_out(call, converted.lossy)


def _whole_response(call: Call, writer: ResponseWriter, reply: Reply, lossy: tuple[str, ...]) -> Reply:
    writer.begin()
    with _readable():
        writer.whole(_object(reply.body))
        writer.end(usage_of(reply.fields) if reply.fields else None, int(time.time()))
    return _reply(call, writer.response, (*lossy, *reply.lossy, *writer.lossy))


def _as_responses(call: Call) -> tuple[Call, tuple[str, ...]]:
    """The call for a response, and the fields that were left out. Raises `ProviderError`."""
    converted = to_responses(msgspec.json.decode(call.body))
    made = _converted(call, Wire.OPENAI_RESPONSES, converted.body)
    added = () if "store" in call.fields.spans else ("store",)
    return msgspec.structs.replace(made, added=added), left_out(call, converted.lossy)


def _whole_completion(call: Call, reply: Reply, lossy: tuple[str, ...]) -> Reply:
    with _readable():
        completion = to_completion(_object(reply.body), *_identity(call))
    return _reply(call, completion, (*lossy, *reply.lossy))


@contextmanager
def _readable() -> Iterator[None]:
    """Whatever goes wrong with the values of an upstream's answer is the upstream's fault: `InvalidResponse`."""
    try:
        yield
    except MISFITS as error:
        raise InvalidResponse("the answer cannot be read") from error


def _identity(call: Call) -> tuple[str, int, str]:
    """The id, time and model of a completion."""
    return mint("chatcmpl"), int(time.time()), call.model


def _converted(call: Call, wire: Wire, body: Json) -> Call:
    """The call as the adapter's method for that wire takes it."""
    encoded = msgspec.json.encode({"model": call.model, **body})
    return call.with_body(encoded, capability=METHODS[wire].capability, wire=wire, include_usage=True)


def _reply(call: Call, value: Json, lossy: tuple[str, ...]) -> Reply:
    body = msgspec.json.encode(value)
    return Reply(wire=call.wire, body=body, fields=fields_of(body), lossy=lossy)


def _object(data: bytes, decode: Callable[[bytes], Any] = decoded) -> Json:
    try:
        value = decode(data)
    except ValueError as error:
        raise InvalidResponse("a chunk is not JSON") from error
    if not isinstance(value, dict):
        raise InvalidResponse("a chunk is no object")
    return value


class Machine(Protocol):
    """Turns the events of one wire into frames of another; `done` says that no more are wanted."""

    done: bool

    def begin(self) -> Frames:
        """What is said before the upstream says anything."""
        ...

    def event(self, data: bytes, fields: Fields) -> Frames:
        """What an event amounts to. Raises `ProviderError` for one that is an error."""
        ...

    def end(self, *, told: bool) -> Frames:
        """What is said after the upstream's last event; nothing if it was cut off. `told` says that the upstream has told
        its end."""
        ...

    def fail(self, code: str, message: str, more: Json) -> Frames:
        """What is said when it cannot go on, with `more` fields of the error; nothing if the wire has no words of its own for
        that."""
        ...


class _Responses:
    """Chat chunks in, Responses events out."""

    def __init__(self, writer: ResponseWriter) -> None:
        self.done = False
        self._halves = Halves()
        self._writer = writer

    def begin(self) -> Frames:
        return list(map(frame_of, self._writer.begin()))

    def event(self, data: bytes, fields: Fields) -> Frames:
        if (failure := error_in(fields)) is not None:
            raise failure
        self._writer.usage = usage_of(fields) or self._writer.usage
        return list(map(frame_of, self._writer.chunk(_object(data, self._halves.decoded))))

    def end(self, *, told: bool) -> Frames:
        self.done = True
        events = self._writer.end(self._writer.usage, int(time.time())) if self._writer.finished or told else []
        return list(map(frame_of, events))

    def fail(self, code: str, message: str, more: Json) -> Frames:
        self.done = True
        return list(map(frame_of, self._writer.fail(code, message, self._writer.usage, more)))


class _Chat:
    """Responses events in, chat chunks out."""

    def __init__(self, writer: ChatWriter) -> None:
        self.done = False
        self._halves = Halves()
        self._writer = writer

    def begin(self) -> Frames:
        return []

    def event(self, data: bytes, fields: Fields) -> Frames:
        with _readable():
            chunks = self._writer.event(_object(data, self._halves.decoded))
        out = [sse.frame_of(msgspec.json.encode(chunk)) for chunk in chunks]
        return out + self.end(told=True) if self._writer.finished else out

    def end(self, *, told: bool) -> Frames:
        self.done = True
        return [sse.frame_of(DONE)] if self._writer.finished else []

    def fail(self, code: str, message: str, more: Json) -> Frames:
        return []


class ConvertedStream:
    """A `FrameStream` of one wire, made of one of another as it comes."""

    content_type = EVENT_STREAM

    def __init__(self, inner: ReplyStream, machine: Machine, wire: Wire, lossy: tuple[str, ...]) -> None:
        self.wire = wire
        self.lossy = (*lossy, *inner.lossy)
        self.extend = inner.extend
        self.close = inner.close
        self._inner = inner
        self._machine = machine
        self._splitter = sse.FrameSplitter()
        self._begun = self._heard = False
        self._told = 0
        self._lock = Lock()
        self._error: ProviderError | None = None

    async def next(self) -> Frames:
        """Raises the upstream's own error, also one that comes in the stream, after all that was said before it."""
        if not self._begun:
            self._begun = True
            if begin := self._machine.begin():
                return begin
        out: Frames = []
        while not out and not self._machine.done:
            if self._error is not None:
                raise self._error
            chunk = await self._inner.next()
            out = await offload(self._work(chunk), self._converted, chunk) if chunk else await offload(self._told, self._last)
        self._told += sum(map(len, out))
        return out

    def _work(self, chunk: bytes) -> int:
        """How many bytes are to be worked upon: the end tells all again that was told."""
        return len(chunk) + self._splitter.waiting + (self._told if DONE in chunk else 0)

    def fail(self, code: str, message: str, more: Json) -> Frames:
        """What is said when it cannot go on. A thread may still be at work when whoever awaited it was cancelled."""
        with self._lock:
            return self._machine.fail(code, message, more)

    def _converted(self, chunk: bytes) -> Frames:
        out: Frames = []
        with self._lock:
            try:
                for frame in self._splitter.feed(chunk):
                    out += self._frame(frame)
            except ProviderError as error:
                self._error = error
        return out

    def _last(self) -> Frames:
        with self._lock:
            rest = self._splitter.rest()
            if not self._heard and (failure := failure_in_whole(rest)) is not None:
                raise failure
            out = self._frame(rest.rstrip(b"\r\n") + b"\n\n")
            return out if self._machine.done else out + self._machine.end(told=False)

    def _frame(self, frame: bytes) -> Frames:
        data = sse.data_of(frame)
        if self._machine.done or data is None or not data.strip():
            return []
        if data.strip() == DONE:
            if not self._heard:
                raise EmptyStream
            return self._machine.end(told=True)
        self._heard = True
        if sse.names_error(frame):
            raise failure_in_event(data)
        try:
            fields = told_fields(data)
        except InvalidJson as error:
            raise (failure_in_text(data) or InvalidResponse("a chunk is not JSON")) from error
        return self._machine.event(data, fields)
