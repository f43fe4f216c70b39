"""Is the session of a request in its record and in the head of its answer, in every dialect, whole or streamed?"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from openai_api.sessions.sessions import Mode, Sessions
from openai_api.sessions.shared import RedisSessions
from providers.capabilities import Capability
from tests import needs
from tests.fakes import claude_code
from tests.fakes.chaos.process import eventually
from tests.sessions import SEEN, WIRES, Json
from tests.unit.openai_api.parts import AUTHORIZED, NARROW_KEY, Answer, Site, entry, target

SESSION = "x-gateway-session-id"
ABLE = (Capability.CHAT, Capability.RESPONSES, Capability.EMBEDDING)
every_wire = pytest.mark.parametrize("wire", WIRES)


def site(mode: Mode = Mode.ON, **more: Any) -> Site:
    return Site(entry("demo", target("a"), able=ABLE), sessions=Sessions(mode, **more))


async def ask(on: Site, wire: str, body: Json, *headers: tuple[bytes, bytes], key: str = "") -> Answer:
    path = WIRES[wire][0].format(model="demo")
    credentials = ((b"authorization", b"Bearer " + key.encode()),) if key else AUTHORIZED
    return await on.ask(body, path=path, headers=(*credentials, *headers))


@every_wire
async def test_conversation_when_it_goes_on_then_its_records_tell_what_is_new(wire: str) -> None:
    on = site()
    for _ in range(2):
        for body in WIRES[wire][1]("Oslo?", "demo"):
            answer = await ask(on, wire, body)
            assert answer.headers[SESSION] == on.record.session, answer.body
    first, second = on.kept.records[:3], on.kept.records[3:]
    for records in (first, second):
        assert len({record.session for record in records}) == 1
        assert [record.session_new for record in records] == [True, False, False]
        assert [record.session_seen for record in records] == list(SEEN[wire])
        assert {record.agent for record in records} == {first[0].agent}
    assert first[0].session != second[0].session


@pytest.mark.parametrize("wire", ["chat", "messages", "responses", "ollama"])
async def test_stream_when_it_begins_then_its_head_names_the_session(wire: str) -> None:
    on = site()
    for body in WIRES[wire][1]("Oslo?", "demo"):
        answer = await ask(on, wire, {**body, "stream": True})
        assert answer.headers[SESSION] == on.kept.records[0].session
        assert on.record.stream


@every_wire
async def test_keys_when_they_say_the_same_then_they_have_sessions_of_their_own(wire: str) -> None:
    on = site()
    first, second, _ = WIRES[wire][1]("Oslo?", "demo")
    await ask(on, wire, first)
    await ask(on, wire, second, key=NARROW_KEY)
    assert on.record.session != on.kept.records[0].session
    assert on.record.session_new
    await ask(on, wire, second)
    assert on.record.session == on.kept.records[0].session


@every_wire
@pytest.mark.parametrize("value", [b"s" * 10_000, b"a\tb", b"\xff", "a\u202eb".encode()])
async def test_header_when_it_cannot_be_taken_then_it_is_a_400_of_the_dialect(wire: str, value: bytes) -> None:
    answer = await ask(site(Mode.EXPLICIT), wire, WIRES[wire][1]("Oslo?", "demo")[0], (b"x-gateway-session-id", value))
    assert answer.status == 400
    error = answer.json["error"]
    assert (error if isinstance(error, str) else error["message"]).startswith("The header x-gateway-session-id ")


@every_wire
@pytest.mark.parametrize("mode", [Mode.EXPLICIT, Mode.AUTO])
async def test_request_when_only_names_count_then_a_name_is_taken_and_nothing_else(wire: str, mode: Mode) -> None:
    """`auto`: nobody looks at sessions here."""
    on = site(mode)
    body = WIRES[wire][1]("Oslo?", "demo")[0]
    assert SESSION not in (await ask(on, wire, body)).headers
    assert (on.record.session, on.record.agent) == ("", "")
    headers = ((b"x-gateway-session-id", "Fjordfahrt 7 ü".encode()), (b"x-gateway-agent-id", b"a"), (b"x-gateway-tags", b"k:v,w"))
    answer = await ask(on, wire, body, *headers)
    assert (on.record.session, on.record.agent, on.record.tags) == ("Fjordfahrt 7 ü", "a", {"k": "v", "w": "true"})
    assert answer.headers[SESSION] == "Fjordfahrt 7 %C3%BC"


async def test_sessions_when_they_are_off_then_headers_mean_nothing() -> None:
    on = Site(entry("demo", target("a"), able=ABLE))
    answer = await ask(on, "chat", WIRES["chat"][1]("Oslo?", "demo")[0], (b"x-gateway-session-id", b"s" * 300))
    assert (answer.status, on.record.session, SESSION in answer.headers) == (200, "", False)


@pytest.mark.parametrize("stream", [False, True])
async def test_response_when_it_goes_on_from_another_then_it_is_of_its_session(stream: bool) -> None:
    on = site()
    body: Json = {"model": "demo", "input": "hi", "stream": stream}
    for _ in range(3):
        answer = await ask(on, "responses", body)
        told = answer.body.rpartition(b'"response":{')[2] if stream else answer.body
        body["previous_response_id"] = told.partition(b'"id":"')[2].partition(b'"')[0].decode()
        assert body["previous_response_id"].startswith("resp_")
    assert len({record.session for record in on.kept.records}) == 1
    assert [record.session_new for record in on.kept.records] == [True, False, False]


async def test_embeddings_when_asked_for_then_only_a_session_that_is_named_is_theirs() -> None:
    on, body = site(), {"model": "demo", "input": "hi"}
    assert SESSION not in (await on.ask(body, path="/v1/embeddings")).headers
    named = await on.ask(body, path="/v1/embeddings", headers=(*AUTHORIZED, (b"x-cylestio-session-id", b"s")))
    assert named.headers[SESSION] == "s"


@pytest.mark.parametrize("path", ["/v1/messages/count_tokens", "/v1/responses/input_tokens", "/v1beta/models/demo:countTokens"])
async def test_count_when_asked_for_then_it_begins_no_session(path: str) -> None:
    on = site()
    wire = {"messages": "messages", "responses": "responses"}.get(path.split("/")[2], "gemini")
    answer = await on.ask(WIRES[wire][1]("Oslo?", "demo")[0], path=path)
    assert (answer.status, on.record.session, SESSION in answer.headers) == (200, "", False)


async def test_claude_code_when_it_works_then_its_header_and_its_metadata_name_the_session() -> None:
    on = site(Mode.EXPLICIT)
    body = claude_code.body("demo", [claude_code.ASKED])
    await on.ask(body, path=claude_code.PATH)
    assert on.record.session == claude_code.SESSION
    sent = [(name.encode(), value.encode()) for name, value in claude_code.HEADERS.items()]
    await on.ask({**body, "metadata": {}}, path=claude_code.PATH, headers=(*AUTHORIZED, *sent))
    assert on.record.session == claude_code.SESSION


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server of the test's own."""
    needs.need("redis", shutil.which("redis-server") is not None, "no redis-server on this machine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    command = [
        "redis-server",
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(tmp_path_factory.mktemp("r")),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    assert eventually(lambda: needs.answers(f"redis://127.0.0.1:{port}"), 10, 0.05)
    yield port
    process.kill()
    process.wait(10)


@every_wire
async def test_workers_when_they_share_a_redis_then_they_agree_on_all(redis_port: int, wire: str) -> None:
    shared = [RedisSessions(f"redis://127.0.0.1:{redis_port}/0", answer_s=5) for _ in range(3)]
    workers = [site(shared=one) for one in shared]
    for _ in range(2):
        for worker, body in zip(workers, WIRES[wire][1](f"Oslo, {wire}?", "demo"), strict=True):
            await ask(worker, wire, body)
    for number in range(2):
        records = [worker.kept.records[number] for worker in workers]
        assert len({record.session for record in records}) == 1
        assert [record.session_new for record in records] == [True, False, False]
        assert [record.session_seen for record in records] == list(SEEN[wire])
    assert workers[0].kept.records[0].session != workers[0].kept.records[1].session
    assert [one.failures for one in shared] == [0, 0, 0]
    await asyncio.gather(*(one.stop() for one in shared))


async def test_workers_when_conversations_begin_alike_then_each_goes_on_at_another_worker_in_their_order(redis_port: int) -> None:
    shared = [RedisSessions(f"redis://127.0.0.1:{redis_port}/1", answer_s=5) for _ in range(2)]
    one, other = [site(shared=each) for each in shared]
    first, second, _ = WIRES["chat"][1]("Alike?", "demo")
    for _ in range(4):
        await ask(one, "chat", first)
    for _ in range(4):
        await ask(other, "chat", second)
    assert [record.session for record in one.kept.records] == [record.session for record in other.kept.records]
    await asyncio.gather(*(each.stop() for each in shared))


async def test_response_when_it_was_made_by_another_worker_then_its_session_is_known(redis_port: int) -> None:
    shared = [RedisSessions(f"redis://127.0.0.1:{redis_port}/2", answer_s=5) for _ in range(2)]
    one, other = [site(shared=each) for each in shared]
    made = (await ask(one, "responses", {"model": "demo", "input": "hi"})).json["id"]
    kept = one.gateway.responses.kept  # type: ignore[attr-defined]
    other.gateway.responses.kept.update(kept)  # type: ignore[attr-defined]
    await ask(other, "responses", {"model": "demo", "input": "on", "previous_response_id": made})
    assert other.record.session == one.record.session
    await asyncio.gather(*(each.stop() for each in shared))


async def test_server_when_it_falls_silent_then_one_request_waits_a_moment_and_the_next_not_at_all() -> None:
    """Answers while a connection is made, and no question about a session."""
    asked = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal asked
        while data := await reader.read(65536):
            if b"EVALSHA" in data:
                asked += 1
                continue
            writer.write(b"+OK\r\n" * sum(line.startswith(b"*") for line in data.split(b"\r\n")))
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    shared = RedisSessions(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    on, loop = site(shared=shared), asyncio.get_running_loop()
    at = loop.time()
    for body in WIRES["chat"][1]("Oslo?", "demo"):
        await ask(on, "chat", body)
    assert loop.time() - at < 2
    assert len({record.session for record in on.kept.records}) == 1
    assert (asked, shared.failures) == (1, 1)
    await shared.stop()
    server.close()


async def test_server_when_it_says_nothing_then_a_request_waits_a_moment_and_the_next_not_at_all() -> None:
    """Takes connections, and is silent."""
    connected = 0

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connected
        connected += 1
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    shared = RedisSessions(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0")
    on, loop = site(shared=shared), asyncio.get_running_loop()
    at = loop.time()
    for body in WIRES["chat"][1]("Oslo?", "demo"):
        await ask(on, "chat", body)
    assert loop.time() - at < 2
    assert len({record.session for record in on.kept.records}) == 1
    await shared.stop()
    server.close()
    assert connected
