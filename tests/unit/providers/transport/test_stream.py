"""Does a transport hand on a stream as it comes, and end it as it ended?"""

from __future__ import annotations

import asyncio
import time

import pytest

from providers.errors import (
    FirstByteTimeout,
    IdleTimeout,
    InvalidResponse,
    ProtocolViolation,
    ProviderError,
    StreamTruncated,
    TotalTimeout,
    UpstreamReset,
)
from providers.transport import Transport
from providers.transport.slim import SlimTransport
from providers.types import Timeouts
from tests.unit.providers.transport.scripted import (
    CHUNKED,
    OK,
    PATIENCE,
    TICK,
    Peer,
    ScriptedServer,
    answering,
    hanging,
    once,
    read_all,
    read_on,
    request_to,
    until,
)

SHORT = 0.06
TOLERANCE = 0.5
CUT = CHUNKED + b"5\r\nhello\r\n5\r\nwo"
TO_THE_END = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nhello"


async def test_stream_returns_at_the_head_and_gives_the_bytes_as_they_come(transport: Transport) -> None:
    released = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for text in (b"one", b"two"):
            await released.wait()
            released.clear()
            await peer.send(b"3\r\n" + text + b"\r\n")
        await released.wait()
        await peer.send(b"0\r\n\r\n")

    async with ScriptedServer(script) as server:
        stream = await transport.stream(request_to(server))
        assert stream.status == 200
        assert stream.headers[0] == (b"content-type", b"text/event-stream")
        for expected in (b"one", b"two", b"", b""):
            released.set()
            assert await stream.next() == expected
        stream.close()
        stream.close()


async def test_stream_of_an_error_status_is_a_stream(transport: Transport) -> None:
    async with ScriptedServer(once(b"HTTP/1.1 429 Slow\r\nretry-after: 3\r\ncontent-length: 4\r\n\r\nbusy")) as server:
        stream = await transport.stream(request_to(server))
        assert stream.status == 429
        assert (b"retry-after", b"3") in stream.headers
        assert await read_all(stream) == b"busy"


@pytest.mark.parametrize("answer", [OK, CHUNKED + b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\nok"])
async def test_stream_of_each_framing_byte_at_a_time_gives_the_body(transport: Transport, answer: bytes) -> None:
    async with ScriptedServer(once(*[answer[index : index + 1] for index in range(len(answer))])) as server:
        assert await read_all(await transport.stream(request_to(server))) == b"ok"


@pytest.mark.parametrize("answer", [CUT, b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhellowo", CHUNKED + b"7\r\nhellowo\r\n"])
@pytest.mark.parametrize("reset", [False, True], ids=["eof", "reset"])
async def test_stream_that_is_cut_gives_its_bytes_and_then_raises_truncated(
    transport: Transport, answer: bytes, reset: bool
) -> None:
    got = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer(answer)
        await got.wait()
        if reset:
            peer.reset()

    async with ScriptedServer(script) as server:
        stream = await transport.stream(request_to(server))
        received = b""
        while len(received) < 7:
            received += await stream.next()
        got.set()
        for _ in range(2):
            with pytest.raises(StreamTruncated):
                await stream.next()
    assert received == b"hellowo"


async def test_stream_cut_behind_the_head_gives_the_bytes_first(transport: Transport) -> None:
    async with ScriptedServer(once(CUT)) as server:
        stream = await transport.stream(request_to(server))
        await server.settled()
        await asyncio.sleep(0.01)
        received = bytearray()
        with pytest.raises(StreamTruncated):
            await read_on(stream, received)
    assert received == b"hellowo"


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\ncont"])
async def test_stream_cut_before_the_head_raises_reset(transport: Transport, answer: bytes) -> None:
    async with ScriptedServer(once(answer)) as server:
        with pytest.raises(UpstreamReset):
            await transport.stream(request_to(server))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n", InvalidResponse),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n", ProtocolViolation),
    ],
)
async def test_stream_with_a_head_against_the_rules_raises_and_closes(
    transport: Transport, answer: bytes, error: type[ProviderError]
) -> None:
    async with ScriptedServer(hanging(answer)) as server:
        with pytest.raises(error):
            await transport.stream(request_to(server))
        await server.settled()


async def test_stream_that_breaks_the_framing_raises_protocol_violation(transport: Transport) -> None:
    async with ScriptedServer(hanging(CHUNKED + b"5\r\nhello\r\nnot a size\r\n")) as server:
        stream = await transport.stream(request_to(server))
        received = bytearray()
        with pytest.raises(ProtocolViolation):
            await read_on(stream, received)
        await server.settled()
    assert received == b"hello"


async def test_stream_closed_before_its_end_closes_the_connection(transport: Transport) -> None:
    async with ScriptedServer(hanging(CUT)) as server:
        stream = await transport.stream(request_to(server))
        assert await stream.next()
        stream.close()
        stream.close()
        await server.settled()
        with pytest.raises(UpstreamReset):
            await stream.next()


async def test_stream_cancelled_while_it_waits_closes_the_connection(transport: Transport) -> None:
    async with ScriptedServer(hanging(CHUNKED)) as server:
        stream = await transport.stream(request_to(server))
        task = asyncio.ensure_future(stream.next())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.settled()


async def test_stream_cancelled_before_the_head_closes_the_connection(transport: Transport) -> None:
    async with ScriptedServer(hanging(b"HTTP/1.1 ")) as server:
        task = asyncio.ensure_future(transport.stream(request_to(server)))
        await until(lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.settled()


@pytest.mark.parametrize("sent", [b"", CHUNKED, CHUNKED + b"6\r\n: ping\r\n"])
async def test_stream_without_a_first_event_raises_first_byte_timeout(transport: Transport, sent: bytes) -> None:
    async with ScriptedServer(hanging(sent)) as server:
        before = time.monotonic()
        request = request_to(server, timeouts=Timeouts(PATIENCE, SHORT, PATIENCE, PATIENCE))
        with pytest.raises(FirstByteTimeout):
            await read_all(await transport.stream(request))
        assert SHORT - TICK <= time.monotonic() - before < SHORT + TOLERANCE
        await server.settled()


async def test_stream_that_only_pings_after_an_event_raises_idle_timeout(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(CHUNKED + b"5\r\nhello\r\n")
        while True:
            await asyncio.sleep(0.01)
            await peer.send(b"6\r\n: ping\r\n")

    async with ScriptedServer(script) as server:
        stream = await transport.stream(request_to(server))
        assert (await stream.next()).startswith(b"hello")
        before = time.monotonic()
        stream.extend(SHORT)
        with pytest.raises(IdleTimeout):
            await read_all(stream)
        assert SHORT - TICK <= time.monotonic() - before < SHORT + TOLERANCE


async def test_stream_extended_with_each_event_lasts_until_the_total_timeout(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(CHUNKED)
        while True:
            await peer.send(b"5\r\nhello\r\n")
            await asyncio.sleep(0.01)

    async with ScriptedServer(script) as server:
        before = time.monotonic()
        stream = await transport.stream(request_to(server, timeouts=Timeouts(PATIENCE, 0.3, 0.3, 0.5)))
        received = bytearray()
        with pytest.raises(TotalTimeout):
            await read_on(stream, received, extend=0.3)
        assert set(received) == set(b"helo")
        assert 0.5 - TICK <= time.monotonic() - before < 0.5 + TOLERANCE
        await server.settled()


async def test_stream_whose_reader_is_late_finds_what_came_in_time(transport: Transport) -> None:
    async with ScriptedServer(hanging(CHUNKED + b"5\r\nhello\r\n")) as server:
        stream = await transport.stream(request_to(server, timeouts=Timeouts(PATIENCE, 0.12, 0.12, PATIENCE)))
        await asyncio.sleep(0.18)
        assert await stream.next() == b"hello"
        with pytest.raises(FirstByteTimeout):
            await stream.next()


async def test_stream_extended_by_a_reader_that_was_late_waits_on(transport: Transport) -> None:
    late = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.answer(CHUNKED + b"3\r\none\r\n")
        await late.wait()
        await asyncio.sleep(0.05)
        await peer.send(b"3\r\ntwo\r\n")
        await peer.gone()

    async with ScriptedServer(script) as server:
        stream = await transport.stream(request_to(server, timeouts=Timeouts(PATIENCE, 0.12, 0.12, PATIENCE)))
        await asyncio.sleep(0.18)
        late.set()
        assert await stream.next() == b"one"
        stream.extend(1)
        assert await stream.next() == b"two"
        stream.close()


async def test_stream_abandoned_by_its_reader_is_closed_at_the_total_timeout(slim: SlimTransport) -> None:
    async with ScriptedServer(hanging(CHUNKED)) as server:
        stream = await slim.stream(request_to(server, timeouts=Timeouts(PATIENCE, 0.12, 0.12, 0.2)))
        await server.settled()
        with pytest.raises(TotalTimeout):
            await stream.next()


async def test_stream_read_slowly_holds_the_server_back_and_loses_nothing(transport: Transport) -> None:
    block = bytes(range(256)) * 256
    blocks = 320
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(block) * blocks))
        for _ in range(blocks):
            await peer.send(block)
            sent += len(block)

    async with ScriptedServer(script) as server:
        stream = await transport.stream(request_to(server))
        await asyncio.sleep(0.2)
        held = sent
        await asyncio.sleep(0.05)
        assert held == sent < len(block) * blocks
        received = bytearray()
        largest = 0
        while data := await stream.next():
            largest = max(largest, len(data))
            received += data
    assert received == block * blocks
    assert largest <= 512 * 1024


async def test_stream_paused_by_its_reader_does_not_blame_the_upstream(transport: Transport) -> None:
    block = b"x" * 65536
    blocks = 200

    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(block) * blocks))
        for _ in range(blocks):
            await peer.send(block)

    async with ScriptedServer(script) as server:
        stream = await transport.stream(request_to(server, timeouts=Timeouts(PATIENCE, 0.12, 0.12, PATIENCE)))
        stream.extend(0.12)
        await asyncio.sleep(0.18)
        received = 0
        while data := await stream.next():
            received += len(data)
            stream.extend(0.5)
    assert received == len(block) * blocks


async def test_stream_under_way_when_the_transport_closes_fails(transport: Transport) -> None:
    async with ScriptedServer(hanging(CHUNKED), answering(OK)) as server:
        stream = await transport.stream(request_to(server))
        reader = asyncio.ensure_future(stream.next())
        await asyncio.sleep(0.01)
        await transport.aclose()  # type: ignore[attr-defined]
        with pytest.raises(ProviderError):
            await reader
        await server.settled()
