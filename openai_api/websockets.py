"""How do requests come over a WebSocket? `GET /v1/responses`: a connection with a key, and one turn after the other.

A turn is a request like any other: its own id, catalog, record and row. `turns.py` has what is special in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from openai_api.context import Gateway, Inbound, Receive, Send
from openai_api.errors import ApiError, InvalidKey, conflicting_credentials, internal_error, invalid, server_draining
from openai_api.http.credentials import key_in
from openai_api.http.outlet import HttpOutlet
from openai_api.http.receive import ClientGone, checked_headers, request_id_of
from openai_api.http.routing import Place, RouteTable, not_found
from openai_api.in_flight import in_flight
from openai_api.outlet import Outlet
from openai_api.pipeline.exchange import identify
from openai_api.recording.events import Record
from openai_api.responses.connection_responses import ConnectionResponses
from openai_api.routes import TABLE
from openai_api.turns import Turn, TurnOutlet, is_receipt
from providers.ids import unique

log = logging.getLogger("gateway.websockets")
KEY_PROTOCOL = "openai-insecure-api-key."
"""How a browser, which can set no header, sends the key."""
REALTIME = "realtime"
API_KEY = b"api-key"
MOST_WAITING = 16
"""Messages that may wait for the turn before them."""
NORMAL, GOING_AWAY, REFUSED, DEFECT = 1000, 1001, 1008, 1011
NOT_NOW = 503


class ResponsesSocket:
    """Serves every WebSocket. One instance serves all connections."""

    def __init__(self, gateway: Gateway, table: RouteTable = TABLE) -> None:
        self._gateway = gateway
        self._table = table

    @classmethod
    def as_asgi(cls, gateway: Gateway) -> ResponsesSocket:
        """The ASGI application, as Channels names it."""
        return cls(gateway)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        await receive()  # "websocket.connect"
        request_id = request_id_of(scope["headers"])
        place = self._table.place(scope["path"])
        outlet = HttpOutlet(Refusal(scope, send), "GET", request_id, place.dialect)
        inbound = _inbound("GET", scope["path"], outlet, request_id)
        inbound.peer, inbound.dialect = (scope.get("client") or ("",))[0], place.dialect
        protocols: list[str] = scope.get("subprotocols") or []
        try:
            await self._admit(place, inbound, scope["headers"], protocols)
        except ApiError as error:
            await in_flight(self._gateway, inbound, _refused(error))
            return
        with suppress(ClientGone):
            await Connection(self._gateway, inbound, send).serve(receive, _chosen(protocols, inbound.headers))

    async def _admit(self, place: Place, inbound: Inbound, headers: list[tuple[bytes, bytes]], protocols: list[str]) -> None:
        """Whether there may be a connection. Raises `ApiError`."""
        inbound.headers = _with_key(checked_headers(headers, place.dialect.credentials), protocols)
        if place.socket is None:
            raise not_found(inbound.method, inbound.path)
        inbound.path = inbound.record.path = inbound.record.route = place.socket.path
        await identify(self._gateway, inbound)
        if not self._gateway.authentication:
            _check_origin(inbound.headers)
        if self._gateway.state.draining:
            raise server_draining()


class Refusal:
    """An ASGI `send` for HTTP that answers the handshake, where the server can; else the connection is just refused."""

    def __init__(self, scope: Mapping[str, Any], send: Send) -> None:
        self._answers = "websocket.http.response" in (scope.get("extensions") or {})
        self._send = send

    async def __call__(self, message: Mapping[str, Any]) -> None:
        if self._answers:
            await self._send({**message, "type": f"websocket.{message['type']}"})
        elif message["type"] == "http.response.start":
            await self._send({"type": "websocket.close", "code": 4000 + message["status"]})


class Connection:
    """One WebSocket. Messages are read while a turn is in work, so that a client that leaves ends it at once."""

    def __init__(self, gateway: Gateway, handshake: Inbound, send: Send) -> None:
        self._memory = ConnectionResponses(gateway.responses, gateway.limits.max_body_bytes)
        self._gateway = replace(gateway, responses=self._memory)
        self._handshake = handshake
        self._send = send
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._news = asyncio.Event()
        self._in_work: Inbound | None = None
        """The turn in work."""
        self._left = self._refused = False
        self._ends = asyncio.get_running_loop().time() + gateway.limits.socket_s

    async def serve(self, receive: Receive, protocol: str | None) -> None:
        """Serves until the client leaves or the connection must end. Raises `ClientGone`."""
        sockets = self._gateway.state.sockets
        headers = [(b"x-request-id", self._handshake.request_id.encode())]
        await self._out({"type": "websocket.accept", "subprotocol": protocol, "headers": headers})
        turns = asyncio.create_task(self._take_turns(), name="websocket-turns")
        sockets.add(self._news.set)
        try:
            with suppress(ClientGone):
                while (message := await receive())["type"] == "websocket.receive":
                    await self._hear(message)
            self._leave()
        finally:
            sockets.discard(self._news.set)
            turns.cancel()
            await asyncio.gather(turns, return_exceptions=True)

    def _leave(self) -> None:
        self._left = True
        if self._in_work is not None and not self._in_work.outlet.finished:
            self._in_work.record.client_aborted = True

    async def _hear(self, message: Mapping[str, Any]) -> None:
        """Queues a message for its turn, if there is room and it expects an answer."""
        if is_receipt(message.get("text") or ""):
            return
        size = sum(map(_size, self._waiting)) + _size(message)
        if self._waiting and (len(self._waiting) >= MOST_WAITING or size > self._gateway.limits.max_body_bytes):
            text = f"Too many queued messages: at most {MOST_WAITING} may wait for their turn."
            await self._tell_error(ApiError(429, "too_many_waiting", text, kind="rate_limit_error"))
            return
        self._waiting.append(message)
        self._news.set()

    async def _take_turns(self) -> None:
        try:
            while not await self._must_end():
                await self._turn(self._waiting.popleft())
        except ClientGone:
            return  # `receive` says so too
        except Exception:
            log.exception("a WebSocket connection failed")
            await self._close(DEFECT)

    async def _must_end(self) -> bool:
        """Waits for a message; true if the connection ends instead."""
        loop, state = asyncio.get_running_loop(), self._gateway.state
        while not (self._left or self._refused or state.draining or loop.time() >= self._ends):
            if self._waiting:
                return False
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._ends):
                    await self._news.wait()
        if self._left:
            return True
        if self._refused:
            await self._close(REFUSED)
        elif state.draining:
            await self._close(GOING_AWAY)
        else:
            text = f"Connections are limited to {self._gateway.limits.socket_s:g} seconds. Open a new one."
            await self._tell_error(invalid("websocket_connection_limit_reached", text))
            await self._close(NORMAL)
        return True

    async def _turn(self, message: Mapping[str, Any]) -> None:
        """One message from its bytes to the last event of its answer, with a record of its own."""
        handshake = self._handshake
        outlet = TurnOutlet(self._tell, handshake.dialect)
        turn = Turn(outlet)
        inbound = _inbound("POST", handshake.path, outlet, unique()[:32])
        inbound.record.route, inbound.dialect = handshake.path, handshake.dialect
        inbound.peer, inbound.headers = handshake.peer, handshake.headers
        self._in_work = inbound
        try:
            await in_flight(self._gateway, inbound, self._answer(inbound, turn, message))
        finally:
            self._in_work = None
        self._refused = self._refused or isinstance(inbound.ends_with, InvalidKey)
        if not outlet.finished and not self._left:
            await outlet.error(internal_error(inbound.request_id), ())  # a defect in the middle of the answer
        if turn.previous is not None and inbound.record.error is not None:
            self._memory.forget(turn.previous)

    async def _answer(self, inbound: Inbound, turn: Turn, message: Mapping[str, Any]) -> None:
        try:
            await identify(self._gateway, inbound)
        except ApiError as error:
            self._refused = error.status != NOT_NOW
            raise
        inbound.record.body_bytes = _size(message)
        text = message.get("text")
        if text is None:
            raise invalid("invalid_message", "Send each message as JSON in a text frame, not a binary one.")
        inbound.body, most = text.removeprefix("\ufeff").encode(), self._gateway.limits.max_body_bytes
        if len(inbound.body) > most:
            raise ApiError(413, "request_too_large", f"Message exceeds the limit of {most} bytes.")
        await turn.take(self._gateway, self._memory, inbound)

    async def _tell(self, data: bytes) -> None:
        await self._out({"type": "websocket.send", "text": data.decode()})

    async def _tell_error(self, error: ApiError) -> None:
        await self._tell(self._handshake.dialect.message(error.failure()))

    async def _close(self, code: int) -> None:
        await self._out({"type": "websocket.close", "code": code})

    async def _out(self, message: Mapping[str, Any]) -> None:
        """Sends. Raises `ClientGone`: servers signal it with an `OSError`, or a `RuntimeError` if they closed the connection."""
        try:
            await self._send(message)
        except (OSError, RuntimeError) as error:
            raise ClientGone from error


def _inbound(method: str, path: str, outlet: Outlet, request_id: str) -> Inbound:
    return Inbound(request_id, method, path, "", {}, b"", Record(request_id, method, path), outlet)


async def _refused(error: ApiError) -> None:
    raise error


def _with_key(headers: Mapping[bytes, bytes], protocols: list[str]) -> Mapping[bytes, bytes]:
    """The headers with the key that a browser has sent. Raises 400 if there is another one."""
    keys = {name.removeprefix(KEY_PROTOCOL) for name in protocols if name.startswith(KEY_PROTOCOL)}
    if keys and (key := key_in(API_KEY, headers.get(API_KEY, b""))):
        keys.add(key.decode("latin-1"))
    if len(keys) > 1:
        raise conflicting_credentials()
    return {**headers, API_KEY: keys.pop().encode("latin-1", "replace")} if keys else headers


def _chosen(protocols: list[str], headers: Mapping[bytes, bytes]) -> str | None:
    """Which of the offered protocols is spoken: `realtime`, as OpenAI's endpoint says, else the first that is no key.

    A browser that offers protocols closes a connection for which none of them, or another one, is chosen (WHATWG WebSockets,
    4.1). Where a page has offered its key and nothing else, the key is thus what must be said; to nobody else it is.
    """
    harmless = [name for name in protocols if not name.startswith(KEY_PROTOCOL)]
    if harmless:
        return REALTIME if REALTIME in harmless else harmless[0]
    return protocols[0] if protocols and b"origin" in headers else None


def _check_origin(headers: Mapping[bytes, bytes]) -> None:
    """Without keys, a page of any other site could speak through its visitor's browser. Raises 403."""
    origin = headers.get(b"origin")
    if origin is not None and origin.rpartition(b"://")[2] != headers[b"host"]:
        raise ApiError(403, "origin_not_allowed", "Cross-origin connections are not allowed while authentication is off.")


def _size(message: Mapping[str, Any]) -> int:
    return len(message.get("text") or message.get("bytes") or b"")
