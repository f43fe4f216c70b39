"""Is a host found and reached, within the time allowed, by whichever of its addresses answers?"""

from __future__ import annotations

import asyncio
import gc
import socket
import time
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest

from providers.errors import ConnectFailed, ConnectTimeout, DnsFailed, ProviderError
from providers.transport import Head, Origin, Transport, UpstreamRequest
from providers.transport import dial as module
from providers.transport.dial import Dialer, in_turn, system_resolve
from providers.transport.slim import SlimTransport
from providers.types import Timeouts
from tests.unit.providers.transport.conftest import CONTEXT
from tests.unit.providers.transport.scripted import OK, PATIENCE, TICK, ScriptedServer, answering, request_to, until

DEAD = "127.0.0.2"
"""An address where nothing listens."""


class Names:
    """A name service that answers from a list; an exception is raised, a number is a delay in seconds."""

    def __init__(self, *answers: list[str] | Exception | float) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, float):
            await asyncio.sleep(answer)
            return ["127.0.0.1"]
        return answer


async def dial(dialer: Dialer, server: ScriptedServer, seconds: float = PATIENCE) -> str:
    """The address that was reached."""
    protocol = await dialer.dial(Origin("http", "api.example.test", server.port), Reached, seconds)
    address = str(protocol.transport.get_extra_info("peername")[0])
    protocol.transport.abort()
    return address


class Reached(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)


@pytest.fixture
async def server() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer(answering(OK)) as server:
        yield server


@pytest.fixture
def full() -> Iterator[socket.socket]:
    """A listener that lets no further connection in."""
    with socket.socket() as listener:
        listener.bind((DEAD, 0))
        listener.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        yield listener
        for filler in fillers:
            filler.close()


async def test_addresses_are_tried_in_turn_until_one_answers(server: ScriptedServer) -> None:
    assert await dial(Dialer(CONTEXT, Names([DEAD, DEAD, "127.0.0.1", DEAD])), server) == "127.0.0.1"


async def test_addresses_that_all_refuse_raise_connect_failed(server: ScriptedServer) -> None:
    with pytest.raises(ConnectFailed) as caught:
        await dial(Dialer(CONTEXT, Names([DEAD, DEAD])), server)
    assert caught.type is ConnectFailed


async def test_only_the_first_addresses_are_tried(server: ScriptedServer) -> None:
    with pytest.raises(ConnectFailed):
        await dial(Dialer(CONTEXT, Names([DEAD] * module.MAX_ADDRESSES + ["127.0.0.1"])), server)


async def test_address_that_is_silent_leaves_time_for_the_next(full: socket.socket) -> None:
    port = full.getsockname()[1]
    listener = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", port)
    dialer = Dialer(CONTEXT, Names([DEAD, "127.0.0.1"]))
    before = time.monotonic()
    protocol = await dialer.dial(Origin("http", "api.example.test", port), Reached, 0.6)
    assert 0.3 - TICK <= time.monotonic() - before < 0.6
    assert protocol.transport.get_extra_info("peername")[0] == "127.0.0.1"
    protocol.transport.abort()
    listener.close()


async def test_addresses_that_are_all_silent_raise_connect_timeout_in_time(full: socket.socket) -> None:
    dialer = Dialer(CONTEXT, Names([DEAD, DEAD]))
    before = time.monotonic()
    with pytest.raises(ConnectTimeout):
        await dialer.dial(Origin("http", "api.example.test", full.getsockname()[1]), Reached, 0.1)
    assert 0.1 - TICK <= time.monotonic() - before < 0.6


@pytest.mark.parametrize(
    "failure",
    [
        socket.gaierror(socket.EAI_NONAME, "unknown"),
        socket.gaierror(socket.EAI_AGAIN, "again"),
        UnicodeError("label too long"),
        [],
    ],
)
async def test_name_without_an_address_raises_dns_failed(server: ScriptedServer, failure: Exception | list[str]) -> None:
    with pytest.raises(DnsFailed):
        await dial(Dialer(CONTEXT, Names(failure)), server)


async def test_name_service_that_is_silent_raises_dns_failed_in_time(server: ScriptedServer) -> None:
    before = time.monotonic()
    dialer = Dialer(CONTEXT, Names(PATIENCE))
    with pytest.raises(DnsFailed):
        await dial(dialer, server, 0.06)
    assert 0.06 - TICK <= time.monotonic() - before < 0.6
    await dialer.aclose()


@pytest.mark.parametrize("failure", [socket.gaierror(socket.EAI_AGAIN, "again"), PATIENCE, []])
async def test_name_service_that_fails_after_a_good_answer_leaves_that_in_use(
    server: ScriptedServer, failure: Exception | float | list[str]
) -> None:
    dialer = Dialer(CONTEXT, Names(["127.0.0.1"], failure))
    for _ in range(2):
        assert await dial(dialer, server, 0.4) == "127.0.0.1"
    await dialer.aclose()


async def test_good_answer_too_old_is_not_used(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    dialer = Dialer(CONTEXT, Names(["127.0.0.1"], socket.gaierror(socket.EAI_AGAIN, "again")))
    await dial(dialer, server)
    now = time.monotonic()
    monkeypatch.setattr(module, "monotonic", lambda: now + module.GOOD_ANSWER_SECONDS + 1)
    with pytest.raises(DnsFailed):
        await dial(dialer, server)


async def test_new_answer_of_the_name_service_is_used_at_once(server: ScriptedServer) -> None:
    names = Names([DEAD], ["127.0.0.1"])
    dialer = Dialer(CONTEXT, names)
    with pytest.raises(ConnectFailed):
        await dial(dialer, server)
    assert await dial(dialer, server) == "127.0.0.1"
    assert names.asked == [("api.example.test", server.port)] * 2


async def test_many_who_ask_for_one_host_at_once_share_one_question(server: ScriptedServer) -> None:
    names = Names(0.02, ["127.0.0.1"])
    dialer = Dialer(CONTEXT, names)
    assert await asyncio.gather(*[dial(dialer, server) for _ in range(20)]) == ["127.0.0.1"] * 20
    assert len(names.asked) == 1
    await dial(dialer, server)
    assert len(names.asked) == 2


async def test_one_who_gives_up_asking_does_not_end_the_question_of_the_others(server: ScriptedServer, no_leaks: None) -> None:
    known = asyncio.Event()

    async def slow(host: str, port: int) -> list[str]:
        await known.wait()
        return ["127.0.0.1"]

    dialer = Dialer(CONTEXT, slow)
    first, second = [asyncio.ensure_future(dial(dialer, server)) for _ in range(2)]
    await asyncio.sleep(0.01)
    first.cancel()
    with pytest.raises(DnsFailed):
        await dial(dialer, server, 0.01)
    known.set()
    assert await second == "127.0.0.1"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_question_that_fails_when_nobody_waits_any_more_is_no_error(server: ScriptedServer, no_leaks: None) -> None:
    given_up = asyncio.Event()

    async def slow(host: str, port: int) -> list[str]:
        await given_up.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    dialer = Dialer(CONTEXT, slow)
    with pytest.raises(DnsFailed):
        await dial(dialer, server, 0.01)
    given_up.set()
    await until(lambda: not dialer._lookups)
    gc.collect()


async def test_request_that_waits_for_a_name_when_the_transport_closes_fails(no_leaks: None) -> None:
    async with ScriptedServer(answering(OK)) as server:
        transport = SlimTransport(context=CONTEXT, resolve=Names(PATIENCE))
        task = asyncio.ensure_future(transport.fetch(request_to(server, host="api.example.test")))
        await asyncio.sleep(0.01)
        await transport.aclose()
        with pytest.raises(ProviderError):
            await task


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_address_is_not_looked_up(host: str) -> None:
    async with ScriptedServer(answering(OK), host=host) as server:
        transport = SlimTransport(context=CONTEXT, resolve=Names())
        assert (await transport.fetch(request_to(server, host=host))).body == b"ok"
        await transport.aclose()


async def test_system_resolves_localhost() -> None:
    assert set(await system_resolve("localhost", 80)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        (["::1", "::2", "::3", "::1", "127.0.0.1"], ["::1", "127.0.0.1", "::2", "::3"]),
        (["127.0.0.1", "127.0.0.1", "::1", "127.0.0.2"], ["127.0.0.1", "::1", "127.0.0.2"]),
        (["127.0.0.1"], ["127.0.0.1"]),
        ([], []),
    ],
)
def test_both_families_are_tried_in_turn(addresses: list[str], expected: list[str]) -> None:
    assert in_turn(addresses) == expected


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a" * 64 + ".invalid", "bad host", "x..y"])
async def test_fetch_from_a_host_that_does_not_exist_raises_dns_failed(transport: Transport, host: str) -> None:
    head = Head("GET", Origin("http", host, 80), "/", ())
    with pytest.raises(DnsFailed):
        await transport.fetch(UpstreamRequest(head, b"", Timeouts(PATIENCE, PATIENCE, PATIENCE, PATIENCE)))
