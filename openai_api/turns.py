"""What is a turn on a WebSocket? A message that is read like the body of a request, and an answer told event by event.

Format: OpenResponses specification of 2026-04-24, "WebSocket"; `stream_id` and `generate` are OpenAI's of August 2026.
Every message is one JSON object; there is no `[DONE]`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from openai_api.context import Gateway, Inbound
from openai_api.dialects.dialect import Dialect
from openai_api.endpoints import responses
from openai_api.endpoints.json_body import json_object, typed
from openai_api.errors import ApiError, Headers, invalid, upstream
from openai_api.http.outlet import PIECE
from openai_api.pipeline.check_capability import check_capability
from openai_api.pipeline.resolve_model import resolve_model
from openai_api.pipeline.respond import begin_stream
from openai_api.responses.connection_responses import ConnectionResponses
from openai_api.responses.journey import take_request
from providers.bytes import sse
from providers.bytes.patch import patch
from providers.bytes.sse import Frames
from providers.errors import CallerError
from providers.offload import offload
from providers.types import Call, Usage
from providers.wire.openai.framing import DONE
from providers.wire.openai_responses.codec.requests.types import check_types
from providers.wire.openai_responses.relay import frame_of
from providers.wire.openai_responses.response_object import new_response, usage_object

CREATE = "response.create"
PROCESSED = "response.processed"
"""Codex sends this when it has processed a response; it expects no answer."""
STEER = "response.steer"
"""Would change a response in progress, which only OpenAI's own models can do."""
TURN_FRAMES = 64
"""Events sent before other tasks run: a client that reads as fast as we write would otherwise hold the event loop."""
MOST_OF_PROCESSED = 1024
"""Characters of such a message."""
STREAM_ID = re.compile(r"[A-Za-z0-9_.-]{1,256}")
OF_THE_SOCKET: Mapping[str, bytes | None] = {
    "type": None,
    "stream_id": None,
    "generate": None,
    "background": None,
    "stream_options": None,
    "stream": b"true",
}
"""Fields of a message that are no fields of a request, and what they become (None: removed)."""
Tell = Callable[[bytes], Awaitable[None]]


class _Message(msgspec.Struct):
    """What is read of a message before it is a request."""

    type: str | None = None
    stream_id: str | None = None
    generate: bool | None = None
    background: bool | None = None


_message = msgspec.json.Decoder(_Message).decode


def is_receipt(text: str) -> bool:
    """Whether a message expects no answer."""
    if len(text) > MOST_OF_PROCESSED or PROCESSED not in text:
        return False
    try:
        return _message(text).type == PROCESSED
    except msgspec.DecodeError:
        return False


class Turn:
    """One message and its answer. `previous` is the id of the response that it continues, once it is known."""

    def __init__(self, outlet: TurnOutlet) -> None:
        self.previous: str | None = None
        self._outlet = outlet

    async def take(self, gateway: Gateway, memory: ConnectionResponses, inbound: Inbound) -> None:
        """The journey of the message in `inbound.body`. Raises `ApiError`."""
        message = await offload(len(inbound.body), self._read, inbound)
        memory.stream_id = self._outlet.stream_id
        if message.generate is False:
            await warm_up(memory, inbound, self._decode(inbound))
        else:
            await take_request(gateway, inbound, self._decode)

    def _read(self, inbound: Inbound) -> _Message:
        """Makes a request's body of the message. Raises 400."""
        fields = json_object(inbound.body)
        message = typed(_message, inbound.body)
        if message.stream_id is not None:
            if not STREAM_ID.fullmatch(message.stream_id):
                raise invalid(
                    "invalid_value",
                    "The stream_id must be 1 to 256 characters from A-Z, a-z, 0-9, '_', '.' and '-'.",
                    "stream_id",
                )
            self._outlet.stream_id = message.stream_id
        if message.type == STEER:
            text = "Steering a response in progress is not supported. Send the next turn when it has ended."
            raise invalid("steer_not_supported", text, "type")
        if message.type != CREATE:
            raise invalid("invalid_value", f"Unknown message type {message.type!r:.60}. Send {CREATE!r}.", "type")
        if message.background:
            raise invalid("invalid_value", "Background responses are not supported over a WebSocket.", "background")
        inbound.body = patch(fields, OF_THE_SOCKET)
        return message

    def _decode(self, inbound: Inbound) -> Call:
        call = responses.decode(inbound)
        self.previous = call.response.previous_id
        return call


class TurnOutlet:
    """An `Outlet` over a WebSocket: each event of a stream is a message, with the `stream_id` if there is one; so is an error,
    and a whole answer, which no turn asks for."""

    def __init__(self, tell: Tell, dialect: Dialect) -> None:
        self.finished = False
        self.stream_id = ""
        self._tell = tell
        self._dialect = dialect

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.finished = True
        await self._say(body)

    async def error(self, error: ApiError, headers: Headers) -> None:
        self.finished = True
        await self._say(self._dialect.message(error.failure()))

    async def begin(self, headers: Headers, first: Frames, content_type: bytes) -> None:
        await self.events(first)  # there is no head

    async def events(self, frames: Frames) -> None:
        size = 0
        for number, frame in enumerate(frames, 1):
            data = sse.data_of(frame)
            if data and data.strip() not in (b"", DONE):
                await self._say(data)
            size += len(frame)
            if size >= PIECE or not number % TURN_FRAMES:
                size = 0
                await asyncio.sleep(0)

    async def end(self, frames: Frames) -> None:
        self.finished = True
        await self.events(frames)

    def close(self) -> None:
        pass

    async def _say(self, data: bytes) -> None:
        if self.stream_id:
            data = b'%b,"stream_id":"%b"}' % (data.rstrip()[:-1], self.stream_id.encode())
        await self._tell(data)


async def warm_up(memory: ConnectionResponses, inbound: Inbound, call: Call) -> None:
    """Answers `generate: false`: an empty response, which is remembered so that it can be continued. Raises `ApiError`."""
    record, client = inbound.record, inbound.caller
    record.stream, record.capability = True, call.capability
    entry = resolve_model(call.model, client, inbound.catalog)
    record.model, record.pattern = entry.name, entry.pattern
    check_capability(entry, call.capability, client, inbound.catalog)
    if not any(target.speaks(call) for target in entry.targets[call.capability]):
        await offload(len(call.body), _check, call)
    response = _empty(call)
    done = {**response, "status": "completed", "completed_at": response["created_at"], "usage": usage_object(Usage())}
    memory.warm(call, client.id, msgspec.json.encode(done))
    events = [{"type": "response.created", "response": response}, {"type": "response.completed", "response": done}]
    frames = [frame_of({**event, "sequence_number": number}) for number, event in enumerate(events)]
    await (await begin_stream(inbound, (), [])).end(frames)


def _check(call: Call) -> None:
    """Raises 400 for what no response that is made of chat could be made of."""
    try:
        check_types(msgspec.json.decode(call.body))
    except CallerError as error:
        raise upstream(error) from error


def _empty(call: Call) -> dict[str, Any]:
    request = msgspec.json.decode(call.body)
    try:
        return new_response(request, call.response.id, int(time.time()), call.model)
    except (AttributeError, TypeError, ValueError) as error:
        raise ApiError(400, "invalid_type", "A field of the request has the wrong type.") from error
