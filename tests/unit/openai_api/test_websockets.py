"""What does a WebSocket do that no server of the tests shows: without extensions, without a bound on messages, with defects?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from openai_api.context import Limits
from openai_api.dialects.openai import OPENAI
from openai_api.errors import invalid
from openai_api.responses.connection_responses import ConnectionResponses
from openai_api.responses.store import StoredResponse
from openai_api.turns import TurnOutlet
from openai_api.websockets import ResponsesSocket
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.types import Call, ResponseContext, Wire
from tests.unit.openai_api.parts import AUTHORIZED, CLIENT, Message, Responses, Site, entry, target

HOST = (b"host", b"x")
CREATE = {"type": "response.create", "model": "demo", "input": "one two"}


async def true(what: Callable[[], bool]) -> None:
    """Waits until it is."""
    async with asyncio.timeout(3):
        while not what():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


class Server:
    """A server and its client: `say` is heard, `told` is what came back."""

    def __init__(self, site: Site, *, headers: Any = AUTHORIZED, extensions: Any = None, path: str = "/v1/responses") -> None:
        self.sent: list[Message] = []
        self.broken: Exception | None = None
        self._heard: asyncio.Queue[Message] = asyncio.Queue()
        self._heard.put_nowait({"type": "websocket.connect"})
        scope: dict[str, Any] = {"type": "websocket", "path": path, "headers": [HOST, *headers], "client": CLIENT}
        if extensions is not None:
            scope["extensions"] = extensions
        self.task = asyncio.create_task(ResponsesSocket.as_asgi(site.gateway)(scope, self._heard.get, self._send))

    async def _send(self, message: Message) -> None:
        if self.broken is not None:
            raise self.broken
        self.sent.append(message)
        await asyncio.sleep(0)

    def say(self, value: Any) -> None:
        self._heard.put_nowait({"type": "websocket.receive", "text": value if isinstance(value, str) else json.dumps(value)})

    async def leave(self) -> None:
        self._heard.put_nowait({"type": "websocket.disconnect", "code": 1005})
        await asyncio.wait_for(self.task, 2)

    async def until(self, kind: str) -> dict[str, Any]:
        """The first event of that type, once it has come."""
        await true(lambda: any(event["type"] == kind for event in self.told()))
        return next(event for event in self.told() if event["type"] == kind)

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(message["text"]) for message in self.sent if message["type"] == "websocket.send"]


def demo(**fields: Any) -> Site:
    return Site(entry("demo", target("t", "echo"), able=[Capability.CHAT, Capability.RESPONSES]), **fields)


async def test_refusal_when_the_server_cannot_answer_closes_with_a_code() -> None:
    server = Server(site := demo(), headers=())
    await asyncio.wait_for(server.task, 2)
    assert server.sent == [{"type": "websocket.close", "code": 4401}]
    assert (site.record.status, site.record.error, site.state.active) == (401, "invalid_api_key", {})


async def test_refusal_when_the_server_can_answer_is_the_whole_error() -> None:
    server = Server(demo(), path="/v1/other", extensions={"websocket.http.response": {}})
    await asyncio.wait_for(server.task, 2)
    start, body = server.sent
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 404)
    assert body["type"] == "websocket.http.response.body"
    assert json.loads(body["body"])["error"]["code"] == "not_found"


async def test_message_when_the_server_lets_a_large_one_through_is_413_and_the_connection_stays() -> None:
    server = Server(site := demo(limits=Limits(max_body_bytes=100)))
    server.say({**CREATE, "input": "é" * 50})
    error = await server.until("error")
    assert (error["status"], error["error"]["code"]) == (413, "request_too_large")
    server.say(CREATE)
    await server.until("response.completed")
    await server.leave()
    assert [record.status for record in site.kept.records] == [413, 200]


async def test_client_when_it_leaves_in_a_turn_is_recorded_once_and_nothing_is_left() -> None:
    server = Server(site := Site(entry("demo", target("t", "slow-30000ms"), able=[Capability.RESPONSES])))
    server.say(CREATE)
    await true(lambda: bool(site.state.active))
    assert site.state.sockets
    await server.leave()
    assert [record.client_aborted for record in site.kept.records] == [True]
    assert (site.state.active, site.state.sockets) == ({}, set())


class Defective(Responses):
    async def put(self, response: StoredResponse) -> None:
        raise ValueError("a defect")


async def test_turn_when_a_defect_ends_it_in_the_middle_is_told_and_the_connection_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    site = demo()
    site.gateway = replace(site.gateway, responses=Defective())
    server = Server(site)
    server.say({**CREATE, "stream_id": "x"})
    error = await server.until("error")
    assert (error["status"], error["error"]["code"], error["stream_id"]) == (500, "internal_error", "x")
    assert "a defect" in caplog.text
    server.say({**CREATE, "store": False})
    await server.until("response.completed")
    await server.leave()


@pytest.mark.parametrize("broken", [OSError(), RuntimeError("closed")])
async def test_client_when_the_server_says_so_only_while_it_is_told_is_recorded_as_gone(broken: Exception) -> None:
    server = Server(site := demo())
    server.say(CREATE)
    await server.until("response.completed")
    server.broken = broken
    server.say(CREATE)
    await true(lambda: len(site.kept.records) == 2)
    assert [record.client_aborted for record in site.kept.records] == [False, True]
    await server.leave()


async def test_server_when_it_begins_to_end_wakes_the_idle_and_lets_turns_go_on() -> None:
    server = Server(site := demo())
    server.say(CREATE)
    await server.until("response.completed")
    site.state.drain()
    await true(lambda: server.sent[-1] == {"type": "websocket.close", "code": 1001})
    await server.leave()


async def test_turn_when_events_are_told_then_each_is_a_message_and_neither_comments_nor_the_end_is() -> None:
    frames = [
        b": hello\n\n",
        b'event: a\ndata: {"type":"a"}\n\n',
        b'data: {"type":\ndata: "b" }\n\n',
        b"\r\n",
        b"data: [DONE]\n\n",
    ]
    heard: list[bytes] = []

    async def hear(data: bytes) -> None:
        heard.append(data)

    outlet = TurnOutlet(hear, OPENAI)
    outlet.stream_id = "x"
    await outlet.begin((), frames[:1], b"")
    await outlet.events(frames[1:2])
    assert not outlet.finished
    await outlet.end(frames[2:])
    assert [json.loads(data) for data in heard] == [{"type": name, "stream_id": "x"} for name in "ab"]
    assert outlet.finished


async def test_turn_when_large_events_come_at_once_gives_others_their_turn() -> None:
    heard, turns = [], 0

    async def hear(data: bytes) -> None:
        heard.append(len(data))

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    outlet, waiting = TurnOutlet(hear, OPENAI), asyncio.create_task(others())
    await outlet.begin((), [], b"")
    await outlet.events([b"data: " + b"x" * 2**18 + b"\n\n"] * 32)
    waiting.cancel()
    assert heard == [2**18] * 32
    assert turns >= 7


async def test_turn_when_an_error_has_no_code_gives_its_type() -> None:
    heard: list[bytes] = []

    async def hear(data: bytes) -> None:
        heard.append(data)

    outlet, error = TurnOutlet(hear, OPENAI), invalid("", "no")
    error.code = None
    await outlet.error(error, ())
    assert json.loads(heard[0])["error"]["code"] == "invalid_request_error"


def call(said: str, **context: Any) -> Call:
    """A request for a response that is not stored."""
    body = json.dumps({"input": said, "store": False}).encode()
    wire, capability, response = Wire.OPENAI_RESPONSES, Capability.RESPONSES, ResponseContext(**context)
    fields = fields_of(body)
    return Call(capability=capability, wire=wire, model="demo", body=body, fields=fields, request_id="r", response=response)


async def test_memory_when_full_forgets_the_oldest_and_tells_nobody_else() -> None:
    memory, keeps = ConnectionResponses(Responses(), 1000), target("t")
    for number in range(5):
        memory.stream_id = str(number)
        answer = {"id": f"resp_{number}", "status": "completed", "output": []}
        await memory.remember(call("x" * 300), "me", keeps, json.dumps(answer).encode())
    known = [number for number in range(5) if memory.recall(f"resp_{number}", "me")]
    assert known == [3, 4]
    assert memory.recall("resp_4", "another") is None
    await memory.remember(call("x" * 2000), "me", keeps, b'{"id":"resp_9","status":"completed","output":[]}')
    assert [number for number in (3, 4, 9) if memory.recall(f"resp_{number}", "me")] == []


async def test_memory_when_a_continuation_failed_forgets_what_it_continued() -> None:
    memory, keeps = ConnectionResponses(Responses(), 1000), target("t")
    await memory.remember(call("a"), "me", keeps, b'{"id":"resp_1","status":"completed","output":[]}')
    await memory.remember(call("b"), "me", keeps, b'{"id":"resp_2","status":"failed","output":[]}')
    assert memory.recall("resp_1", "me") is not None
    await memory.remember(call("b", previous_id="resp_1"), "me", keeps, b'{"id":"resp_2","status":"failed","output":[]}')
    assert memory.recall("resp_1", "me") is None


async def test_memory_when_asked_as_a_store_is_the_store_behind_it() -> None:
    memory = ConnectionResponses(store := Responses(), 1000)
    await memory.put(StoredResponse("a", "me", "demo", b"[]", b"{}", 0.0))
    assert list(store.kept) == ["a"]
    assert await memory.get("a", "me") is not None
    assert await memory.delete("a", "me")
    assert await memory.get("a", "me") is None
