"""Does the slim transport use its connections again when it may, and only then?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import pytest

from providers.errors import ProviderError, UpstreamReset
from providers.transport import Origin
from providers.transport.dial import Dialer, P
from providers.transport.pool import PoolCounters
from providers.transport.slim import STALE_WITHIN_S, SlimTransport
from tests.unit.providers.transport.conftest import CONTEXT
from tests.unit.providers.transport.scripted import (
    CHUNKED,
    OK,
    Peer,
    ScriptedServer,
    answering,
    counters,
    hanging,
    once,
    request_to,
    until,
)

CLOSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


@pytest.mark.parametrize("answer", [OK, CHUNKED + b"2\r\nok\r\n0\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" + OK])
async def test_connection_after_a_complete_answer_is_used_again(slim: SlimTransport, answer: bytes) -> None:
    async with ScriptedServer(answering(answer)) as server:
        for _ in range(5):
            assert (await slim.fetch(request_to(server))).body == b"ok"
        assert server.accepted == 1
        assert counters(slim) == PoolCounters(active=0, idle=1, opened=1, stale_retries=0)


async def test_connection_after_a_stream_read_to_its_end_is_used_again(slim: SlimTransport) -> None:
    async with ScriptedServer(answering(CHUNKED + b"2\r\nok\r\n", b"0\r\n\r\n")) as server:
        for _ in range(3):
            stream = await slim.stream(request_to(server))
            assert counters(slim).active == 1
            while await stream.next():
                pass
            assert counters(slim).idle == 1
            stream.close()
        assert server.accepted == 1


async def test_connection_of_a_stream_closed_when_all_has_arrived_is_used_again(slim: SlimTransport) -> None:
    async with ScriptedServer(answering(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")) as server:
        for _ in range(3):
            stream = await slim.stream(request_to(server))
            assert await stream.next() == b"ok"
            stream.close()
        assert server.accepted == 1


async def test_stream_that_was_closed_does_not_touch_the_next_exchange(slim: SlimTransport) -> None:
    async with ScriptedServer(answering(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")) as server:
        first = await slim.stream(request_to(server))
        assert await first.next() == b"ok"
        assert await first.next() == b""
        second = await slim.stream(request_to(server))
        first.extend(0.001)
        first.close()
        assert await first.next() == b""
        await asyncio.sleep(0.05)
        assert await second.next() == b"ok"
        assert await second.next() == b""
        assert server.accepted == 1


@pytest.mark.parametrize("answer", [CLOSE, b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"])
async def test_connection_that_the_upstream_will_close_is_not_used_again(slim: SlimTransport, answer: bytes) -> None:
    async with ScriptedServer(hanging(answer), answering(OK)) as server:
        assert (await slim.fetch(request_to(server))).body == b"ok"
        assert (await slim.fetch(request_to(server))).body == b"ok"
        await until(lambda: server.open == 1)
        assert server.accepted == 2
        assert counters(slim).stale_retries == 0


async def test_connections_are_taken_last_used_first(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        number = server.accepted
        while True:
            await peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n%d" % number)

    async with ScriptedServer(script) as server:
        await asyncio.gather(*[slim.fetch(request_to(server)) for _ in range(4)])
        assert counters(slim).idle == 4
        bodies = {(await slim.fetch(request_to(server))).body for _ in range(8)}
        assert len(bodies) == 1
        assert counters(slim) == PoolCounters(active=0, idle=4, opened=4, stale_retries=0)


@pytest.mark.parametrize("reset", [False, True], ids=["eof", "reset"])
async def test_stale_connection_is_replaced_and_the_request_sent_once_more(slim: SlimTransport, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.request()
        if reset:
            peer.reset()

    async with ScriptedServer(script, answering(OK)) as server:
        for number in range(2):
            assert (await slim.fetch(request_to(server, body=b"%d" % number))).body == b"ok"
        assert [request[-1:] for request in server.requests] == [b"0", b"1", b"1"]
        assert server.accepted == 2
        assert counters(slim) == PoolCounters(active=0, idle=1, opened=2, stale_retries=1)


async def test_stale_connection_under_a_stream_is_replaced(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.request()

    async with ScriptedServer(script, answering(CHUNKED + b"2\r\nok\r\n0\r\n\r\n")) as server:
        await slim.fetch(request_to(server))
        stream = await slim.stream(request_to(server))
        assert await stream.next() == b"ok"
        stream.close()
        assert counters(slim).stale_retries == 1


async def test_stale_connection_that_sent_one_byte_is_not_retried(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.answer(b"H")

    async with ScriptedServer(script, answering(OK)) as server:
        await slim.fetch(request_to(server))
        with pytest.raises(UpstreamReset):
            await slim.fetch(request_to(server))
        assert server.accepted == 1
        assert counters(slim).stale_retries == 0


async def test_kept_connection_that_breaks_when_the_request_may_have_been_worked_on_is_not_retried(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.request()
        await asyncio.sleep(STALE_WITHIN_S + 0.1)
        peer.reset()

    async with ScriptedServer(script, answering(OK)) as server:
        await slim.fetch(request_to(server))
        with pytest.raises(UpstreamReset):
            await slim.fetch(request_to(server))
        assert server.accepted == 1
        assert counters(slim).stale_retries == 0


async def test_fresh_connection_that_breaks_is_not_retried_even_after_a_stale_one(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.request()

    async with ScriptedServer(script, once(), answering(OK)) as server:
        await slim.fetch(request_to(server))
        with pytest.raises(UpstreamReset):
            await slim.fetch(request_to(server))
        assert server.accepted == 2
        assert counters(slim).stale_retries == 1


async def test_connections_that_the_upstream_closed_while_idle_are_forgotten(slim: SlimTransport) -> None:
    async with ScriptedServer(once(OK)) as server:
        for _ in range(3):
            await slim.fetch(request_to(server))
            await until(lambda: counters(slim).idle == 0)
        assert counters(slim) == PoolCounters(active=0, idle=0, opened=3, stale_retries=0)


async def test_connection_on_which_bytes_wait_is_not_used_though_the_loop_has_not_read_them(slim: SlimTransport) -> None:
    poisoned = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await poisoned.wait()
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
        await peer.gone()

    async with ScriptedServer(script, answering(OK)) as server:
        await slim.fetch(request_to(server))
        (connection,) = next(iter(slim._pools.values()))._idle
        poisoned.set()
        await asyncio.sleep(0)
        while not connection.readable(0) and not connection.closed:
            time.sleep(0.001)  # noqa: ASYNC251
            await asyncio.sleep(0)
        assert (await slim.fetch(request_to(server))).body == b"ok"
        assert server.accepted == 2


async def test_answer_that_nobody_asked_for_closes_the_idle_connection(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await asyncio.sleep(0.02)
        await peer.send(b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\n\r\n")
        await peer.gone()

    async with ScriptedServer(script, answering(OK)) as server:
        await slim.fetch(request_to(server))
        await server.settled()
        assert counters(slim).idle == 0
        assert (await slim.fetch(request_to(server))).status == 200


async def test_server_that_speaks_first_fails_the_request(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"220 mail.example.com ESMTP\r\n")
        await peer.gone()

    async with ScriptedServer(script) as server:
        with pytest.raises(ProviderError):
            await slim.fetch(request_to(server))
        await server.settled()


async def test_server_that_hangs_up_at_once_fails_the_request(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        peer.reset()

    async with ScriptedServer(script) as server:
        for _ in range(20):
            with pytest.raises(ProviderError):
                await slim.fetch(request_to(server))
        await until(lambda: counters(slim).active == 0)


class LateDialer(Dialer):
    """Tells of a connection only when the upstream may have closed it again."""

    async def dial(self, origin: Origin, factory: Callable[[], P], seconds: float) -> P:
        protocol = await super().dial(origin, factory, seconds)
        await asyncio.sleep(0.02)
        return protocol


async def test_connection_closed_before_its_first_request_fails_the_request_at_once(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        peer.finish()

    slim._dialer = LateDialer(CONTEXT)
    async with ScriptedServer(script) as server:
        before = time.monotonic()
        with pytest.raises(UpstreamReset):
            await slim.fetch(request_to(server))
        assert time.monotonic() - before < 1
        assert counters(slim) == PoolCounters(active=0, idle=0, opened=0, stale_retries=0)


async def test_connection_whose_request_was_not_read_to_its_end_is_not_used_again(slim: SlimTransport) -> None:
    done = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await done.wait()

    async def slow_start(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        await script(peer)

    async with ScriptedServer(slow_start, answering(OK)) as server:
        assert (await slim.fetch(request_to(server, body=b"x" * 50_000_000))).status == 413
        assert (await slim.fetch(request_to(server))).status == 200
        assert server.accepted == 2
        done.set()


async def test_request_cut_off_by_the_end_of_the_answers_leaves_no_half_open_connection(slim: SlimTransport) -> None:
    done = asyncio.Event()

    async def script(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        peer.half_close()
        await done.wait()

    async with ScriptedServer(script) as server:
        with pytest.raises(UpstreamReset):
            await slim.fetch(request_to(server, body=b"x" * 50_000_000))
        before = time.monotonic()
        await until(lambda: counters(slim).active == 0)
        assert time.monotonic() - before < 1
        done.set()


async def test_connection_closed_while_idle_is_not_taken_though_the_loop_has_not_said_so(slim: SlimTransport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        await slim.fetch(request_to(server))
        (connection,) = next(iter(slim._pools.values()))._idle
        connection.abort()
        assert (await slim.fetch(request_to(server))).body == b"ok"
        assert counters(slim) == PoolCounters(active=0, idle=1, opened=2, stale_retries=0)


async def test_idle_connection_is_dropped_after_its_time() -> None:
    slim = SlimTransport(keep_seconds=0.05, context=CONTEXT)
    async with ScriptedServer(hanging(OK)) as server:
        await slim.fetch(request_to(server))
        assert counters(slim).idle == 1
        before = time.monotonic()
        await server.settled()
        assert time.monotonic() - before < 1
        assert counters(slim).idle == 0
    await slim.aclose()


async def test_idle_connection_used_in_time_is_kept() -> None:
    slim = SlimTransport(keep_seconds=0.4, context=CONTEXT)
    async with ScriptedServer(answering(OK)) as server:
        for _ in range(5):
            await slim.fetch(request_to(server))
            await asyncio.sleep(0.12)
        assert server.accepted == 1
    await slim.aclose()


async def test_counters_show_what_goes_on(slim: SlimTransport) -> None:
    assert slim.counters() == {}
    async with ScriptedServer(hanging(CHUNKED)) as server:
        streams = [await slim.stream(request_to(server)) for _ in range(3)]
        assert counters(slim) == PoolCounters(active=3, idle=0, opened=3, stale_retries=0)
        for stream in streams:
            stream.close()
        await until(lambda: counters(slim) == PoolCounters(active=0, idle=0, opened=3, stale_retries=0))
