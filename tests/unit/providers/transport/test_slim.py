"""What does the slim transport promise beyond what both transports do?"""

from __future__ import annotations

import asyncio
import gc
import socket
import time

import pytest

from providers.errors import AdapterFailed, IdleTimeout, ProtocolViolation, StreamTruncated, UpstreamReset
from providers.transport import Head, Origin, UpstreamRequest
from providers.transport.connection import HIGH_WATER, READ_BYTES
from providers.transport.slim import SlimTransport
from providers.types import Timeouts
from tests.unit.providers.transport.scripted import (
    CHUNKED,
    OK,
    PATIENCE,
    Peer,
    ScriptedServer,
    answering,
    hanging,
    once,
    read_on,
    request_to,
    until,
)


@pytest.mark.parametrize("answer", [b"<html>", b"SSH-2.0-server\r\n", b"\x15\x03\x01\x00\x02\x02\x16"])
async def test_fetch_of_what_is_no_http_fails_at_the_first_bytes(slim: SlimTransport, answer: bytes) -> None:
    async with ScriptedServer(hanging(answer)) as server:
        with pytest.raises(ProtocolViolation):
            await slim.fetch(request_to(server))
        await server.settled()


@pytest.mark.parametrize("method", ["HEAD", "CONNECT"])
async def test_fetch_with_a_method_that_has_no_framing_is_refused(slim: SlimTransport, method: str) -> None:
    async with ScriptedServer(answering(OK)) as server:
        with pytest.raises(AdapterFailed):
            await slim.fetch(request_to(server, method=method, body=b""))
        assert server.requests == []


async def test_fetch_of_a_flood_of_interim_answers_is_cut(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        while True:
            await peer.send(b"HTTP/1.1 102 Processing\r\n\r\n")

    async with ScriptedServer(script) as server:
        with pytest.raises(ProtocolViolation):
            await slim.fetch(request_to(server))


async def test_stream_whose_reader_never_comes_holds_little_memory(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(CHUNKED)
        while True:
            await peer.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    async with ScriptedServer(script) as server:
        streams = [await slim.stream(request_to(server)) for _ in range(5)]
        await asyncio.sleep(0.2)
        for stream in streams:
            connection = stream._connection  # type: ignore[attr-defined]
            assert connection._paused
            assert HIGH_WATER < connection.size < HIGH_WATER + READ_BYTES
            stream.close()
        await server.settled()


async def test_stream_paused_stands_still_until_the_reader_returns_and_then_may_idle(slim: SlimTransport) -> None:
    body = b"x" * (HIGH_WATER + 1)

    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(body) + 1), body)
        await peer.gone()

    async with ScriptedServer(script) as server:
        stream = await slim.stream(request_to(server))
        stream.extend(0.08)
        await until(lambda: stream._connection._paused)  # type: ignore[attr-defined]
        await asyncio.sleep(0.15)
        assert await stream.next() == body
        before = time.monotonic()
        with pytest.raises(IdleTimeout):
            await stream.next()
        assert 0.02 < time.monotonic() - before < 0.6


async def test_stream_paused_beyond_the_total_timeout_is_closed(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(CHUNKED)
        while True:
            await peer.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")

    async with ScriptedServer(script) as server:
        await slim.stream(request_to(server, timeouts=Timeouts(PATIENCE, PATIENCE, PATIENCE, 0.1)))
        await server.settled()


async def test_stream_paused_when_the_connection_breaks_gives_all_that_came(slim: SlimTransport) -> None:
    block = b"1000\r\n" + b"x" * 0x1000 + b"\r\n"
    async with ScriptedServer(once(CHUNKED, *[block] * 100)) as server:
        stream = await slim.stream(request_to(server))
        await server.settled()
        received = bytearray()
        with pytest.raises(StreamTruncated):
            await read_on(stream, received)
        assert len(received) == 100 * 0x1000


async def test_two_readers_of_one_stream_are_refused(slim: SlimTransport) -> None:
    async with ScriptedServer(hanging(CHUNKED)) as server:
        stream = await slim.stream(request_to(server))
        first = asyncio.ensure_future(stream.next())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await stream.next()
        with pytest.raises(UpstreamReset):
            await first


async def test_answer_before_the_request_was_sent_whole_is_given(slim: SlimTransport) -> None:
    async def script(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        await peer.send(b"HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno")
        await peer.gone()

    async with ScriptedServer(script) as server:
        reply = await slim.fetch(request_to(server, body=b"x" * 20_000_000))
        assert (reply.status, reply.body) == (413, b"no")
        await server.settled()


async def test_idle_connection_holds_nothing_of_its_last_answer(slim: SlimTransport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        await slim.fetch(request_to(server))
        (connection,) = next(iter(slim._pools.values()))._idle
        assert connection.chunks == []


async def test_failures_leave_no_garbage_that_grows(slim: SlimTransport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        origin = Origin("http", "127.0.0.1", unused.getsockname()[1])
        request = UpstreamRequest(Head("GET", origin, "/", ()), b"", Timeouts(*[PATIENCE] * 4))

        async def fail(times: int) -> None:
            for _ in range(times):
                with pytest.raises(Exception, match="127"):
                    await slim.fetch(request)

        await fail(20)
        gc.collect()
        before = len(gc.get_objects())
        await fail(200)
        gc.collect()
        assert len(gc.get_objects()) - before < 150
