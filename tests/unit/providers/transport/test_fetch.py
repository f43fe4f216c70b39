"""Does a transport fetch whole answers exactly, and call every failure by its name?"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time

import pytest

from providers import transport as limits
from providers.errors import (
    AdapterFailed,
    ConnectFailed,
    ConnectTimeout,
    FirstByteTimeout,
    IdleTimeout,
    InvalidResponse,
    ProtocolViolation,
    ProviderError,
    ResponseTooLarge,
    TotalTimeout,
    UpstreamReset,
)
from providers.transport import Head, Origin, Transport, UpstreamRequest
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
    request_to,
    until,
)

SHORT = 0.06
TOLERANCE = 0.5


async def test_fetch_with_a_length_gives_status_headers_and_body(transport: Transport) -> None:
    answer = b"HTTP/1.1 201 Made\r\nX-One:  a\r\nSET-Cookie: b\r\nset-cookie: c \r\nContent-Length: 5\r\n\r\nhello"
    async with ScriptedServer(once(answer)) as server:
        reply = await transport.fetch(request_to(server))
    assert reply.status == 201
    assert reply.body == b"hello"
    assert reply.headers == [(b"x-one", b"a"), (b"set-cookie", b"b"), (b"set-cookie", b"c"), (b"content-length", b"5")]
    assert reply.header(b"x-one") == b"a"


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", 200, b"hello"),
        (CHUNKED + b"5\r\nhello\r\n0\r\nx-trailer: 1\r\n\r\n", 200, b"hello"),
        (CHUNKED + b"0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nto the end", 200, b"to the end"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 3 + OK, 200, b"ok"),
        (OK.replace(b"200 OK", b"302 Found\r\nlocation: http://127.0.0.1:9/"), 302, b"ok"),
        (OK.replace(b"200 OK", b"500 Oops"), 500, b"ok"),
        (OK.replace(b"200 OK", b"529"), 529, b"ok"),
        (OK.replace(b"\r\n\r\n", b"\r\ncontent-encoding: identity\r\n\r\n"), 200, b"ok"),
    ],
)
@pytest.mark.parametrize("dribble", [False, True], ids=["at-once", "byte-at-a-time"])
async def test_fetch_of_each_framing_gives_the_body(
    transport: Transport, answer: bytes, status: int, body: bytes, dribble: bool
) -> None:
    pieces = [answer[index : index + 1] for index in range(len(answer))] if dribble else [answer]
    async with ScriptedServer(once(*pieces)) as server:
        reply = await transport.fetch(request_to(server))
    assert (reply.status, reply.body) == (status, body)
    assert server.accepted == 1


async def test_fetch_sends_exactly_the_head_its_own_headers_and_the_body(transport: Transport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        request = request_to(server, path="/a/%2e%2e/b//c?q=%2F|x", body=b'{"a":1}', headers=[(b"traceparent", b"00-ab")])
        await transport.fetch(request)
    line, *lines = server.requests[0].split(b"\r\n")
    assert line == b"POST /a/%2e%2e/b//c?q=%2F|x HTTP/1.1"
    expected = {
        b"host: 127.0.0.1:%d" % server.port,
        b"accept-encoding: identity",
        b"traceparent: 00-ab",
        b"content-length: 7",
        b"",
        b'{"a":1}',
    }
    assert {line.lower() for line in lines} - {b"connection: close"} == expected


async def test_fetch_without_a_body_sends_a_length_only_where_one_is_due(transport: Transport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        for method in ("GET", "DELETE", "POST"):
            await transport.fetch(request_to(server, method=method, body=b""))
    assert [b"content-length: 0" in request.lower() for request in server.requests] == [False, False, True]


@pytest.mark.parametrize("size", [65_000, 3_000_000])
async def test_fetch_with_a_large_body_sends_all_of_it(transport: Transport, size: int) -> None:
    body = bytes(range(256)) * (size // 256)
    async with ScriptedServer(answering(OK)) as server:
        reply = await transport.fetch(request_to(server, body=body))
    assert reply.body == b"ok"
    assert server.requests[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("value", [b"a\r\nx-evil: 1", b"a\nb", b"a\rb", b"a\0b"])
async def test_fetch_with_a_line_break_in_a_header_sends_nothing(transport: Transport, value: bytes) -> None:
    async with ScriptedServer(answering(OK)) as server:
        with pytest.raises(AdapterFailed) as caught:
            await transport.fetch(request_to(server, headers=[(b"x-user", value)]))
        assert server.requests == []
        assert value.decode() not in str(caught.value)
        assert (await transport.fetch(request_to(server))).body == b"ok"


async def test_fetch_of_a_large_answer_gives_all_of_it(transport: Transport) -> None:
    body = bytes(range(256)) * 8192
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with ScriptedServer(answering(head, body)) as server:
        assert (await transport.fetch(request_to(server))).body == body


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HT",
        b"HTTP/1.1 200 OK\r\ncontent-le",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhell",
        CHUNKED.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") + b"5\r\nhell",
        CHUNKED,
        CHUNKED + b"5\r\nhel",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhello\r\n0\r\n",
    ],
)
@pytest.mark.parametrize("reset", [False, True], ids=["eof", "reset"])
async def test_fetch_whose_connection_breaks_raises_reset(transport: Transport, answer: bytes, reset: bool) -> None:
    async with ScriptedServer(once(answer, reset=reset)) as server:
        with pytest.raises(UpstreamReset):
            await transport.fetch(request_to(server))
    assert server.accepted == 1


async def test_fetch_that_is_reset_while_the_end_is_the_end_of_the_connection_raises_reset(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        await asyncio.sleep(0.02)
        peer.reset()

    async with ScriptedServer(script) as server:
        with pytest.raises(UpstreamReset):
            await transport.fetch(request_to(server))


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b"<html>not HTTP</html>\r\n\r\n", ProtocolViolation),
        (b"220 mail.example.com ESMTP\r\n\r\n", ProtocolViolation),
        (b"220 mail.example.com ESMTP\r\n", ProtocolViolation),
        (b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" * 17 + OK, ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 2\r\n\r\n2\r\nok\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nx-name : a\r\ncontent-length: 2\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nx-nul: a\0b\r\ncontent-length: 2\r\n\r\nok", ProtocolViolation),
        (CHUNKED + b"zz\r\nok\r\n0\r\n\r\n", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nx-flood: " + b"a" * 70_000 + b"\r\ncontent-length: 2\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\n" + b"x-flood: a\r\n" * 201 + b"content-length: 2\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\n" + b"x-flood: a\r\n" * 10_000 + b"content-length: 2\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\nx-flood: " + b"a" * 1_100_000 + b"\r\ncontent-length: 2\r\n\r\nok", ProtocolViolation),
        (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok", InvalidResponse),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: BR\r\ncontent-length: 2\r\n\r\nok", InvalidResponse),
    ],
)
async def test_fetch_of_an_answer_against_the_rules_raises_and_closes(
    transport: Transport, answer: bytes, error: type[ProviderError]
) -> None:
    async with ScriptedServer(hanging(answer), answering(OK)) as server:
        with pytest.raises(error):
            await transport.fetch(request_to(server))
        await server.settled()
        assert (await transport.fetch(request_to(server))).body == b"ok"
    assert server.accepted == 2


async def test_fetch_of_what_is_not_http_raises_the_same_when_the_connection_ends_with_it(transport: Transport) -> None:
    async with ScriptedServer(once(b"220 mail.example.com ESMTP\r\n")) as server:
        with pytest.raises(ProtocolViolation):
            await transport.fetch(request_to(server))


async def test_fetch_of_endless_interim_answers_is_cut(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        while True:
            await peer.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n")

    async with ScriptedServer(script) as server:
        with pytest.raises(ProtocolViolation):
            await transport.fetch(request_to(server))


async def test_fetch_of_an_answer_that_announces_more_than_the_cap_does_not_wait_for_it(transport: Transport) -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (limits.MAX_REPLY_BYTES + 1)
    async with ScriptedServer(hanging(head)) as server:
        with pytest.raises(ResponseTooLarge):
            await transport.fetch(request_to(server))
        await server.settled()


async def test_fetch_of_an_endless_head_is_cut(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\n")
        while True:
            await peer.send(b"x-" + b"a" * 10_000)

    async with ScriptedServer(script) as server:
        with pytest.raises(ProtocolViolation):
            await transport.fetch(request_to(server))


async def test_fetch_of_a_second_answer_behind_the_first_never_gives_it_to_anyone(transport: Transport) -> None:
    smuggled = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil"
    async with ScriptedServer(hanging(OK + smuggled), answering(OK)) as server:
        with contextlib.suppress(ProtocolViolation):
            assert (await transport.fetch(request_to(server))).body == b"ok"
        await server.settled()
        for _ in range(3):
            assert (await transport.fetch(request_to(server))).body == b"ok"


async def test_fetch_of_more_than_the_cap_raises_too_large(transport: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("answer", "httpx_transport"):
        monkeypatch.setattr(f"providers.transport.{module}.MAX_REPLY_BYTES", 100_000)
    assert limits.MAX_REPLY_BYTES == 64 * 1024 * 1024
    exact = b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n" + b"a" * 100_000
    over = b"HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n" + b"a" * 100_001
    endless = CHUNKED + b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    async with ScriptedServer(once(exact), once(over), hanging(*[endless] + [endless[len(CHUNKED) :]] * 10)) as server:
        assert len((await transport.fetch(request_to(server))).body) == 100_000
        for _ in range(2):
            with pytest.raises(ResponseTooLarge):
                await transport.fetch(request_to(server))
        await server.settled()


async def test_fetch_from_a_closed_port_raises_connect_failed(transport: Transport) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        origin = Origin("http", "127.0.0.1", unused.getsockname()[1])
        with pytest.raises(ConnectFailed):
            await transport.fetch(UpstreamRequest(Head("GET", origin, "/", ()), b"", Timeouts(*[PATIENCE] * 4)))


@pytest.mark.parametrize(
    "timeouts", [Timeouts(SHORT, PATIENCE, PATIENCE, PATIENCE), Timeouts(PATIENCE, SHORT, PATIENCE, PATIENCE)]
)
async def test_fetch_from_a_full_backlog_raises_connect_timeout(transport: Transport, timeouts: Timeouts) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        head = Head("GET", Origin("http", "127.0.0.1", listener.getsockname()[1]), "/", ())
        before = time.monotonic()
        with pytest.raises(ConnectTimeout):
            await transport.fetch(UpstreamRequest(head, b"", timeouts))
        assert SHORT - TICK <= time.monotonic() - before < SHORT + TOLERANCE
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("sent", "timeouts", "error"),
    [
        (b"", Timeouts(PATIENCE, SHORT, PATIENCE, PATIENCE), FirstByteTimeout),
        (b"HTTP/1.1 200 OK\r\n", Timeouts(PATIENCE, SHORT, PATIENCE, PATIENCE), FirstByteTimeout),
        (b"HTTP/1.1 100 Continue\r\n\r\n", Timeouts(PATIENCE, SHORT, PATIENCE, PATIENCE), FirstByteTimeout),
        (OK[:-2], Timeouts(PATIENCE, PATIENCE, SHORT, PATIENCE), IdleTimeout),
        (OK[:-1], Timeouts(PATIENCE, PATIENCE, SHORT, PATIENCE), IdleTimeout),
        (b"", Timeouts(PATIENCE, PATIENCE, PATIENCE, SHORT), TotalTimeout),
        (OK[:-1], Timeouts(PATIENCE, PATIENCE, PATIENCE, SHORT), TotalTimeout),
    ],
)
async def test_fetch_that_waits_too_long_raises_the_timeout_of_the_phase(
    transport: Transport, sent: bytes, timeouts: Timeouts, error: type[ProviderError]
) -> None:
    async with ScriptedServer(hanging(sent)) as server:
        before = time.monotonic()
        with pytest.raises(error):
            await transport.fetch(request_to(server, timeouts=timeouts))
        assert SHORT - TICK <= time.monotonic() - before < SHORT + TOLERANCE
        await server.settled()


async def test_fetch_of_a_dribbling_body_is_kept_alive_by_bytes_but_not_past_the_total(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        while True:
            await peer.send(b"x")
            await asyncio.sleep(0.005)

    async with ScriptedServer(script) as server:
        before = time.monotonic()
        with pytest.raises(TotalTimeout):
            await transport.fetch(request_to(server, timeouts=Timeouts(PATIENCE, 0.2, 0.2, 0.5)))
        assert 0.5 - TICK <= time.monotonic() - before < 0.5 + TOLERANCE


async def test_fetch_cancelled_closes_the_connection(transport: Transport) -> None:
    async with ScriptedServer(hanging(b""), answering(OK)) as server:
        task = asyncio.create_task(transport.fetch(request_to(server)))
        await until(lambda: server.requests)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await server.settled()
        assert (await transport.fetch(request_to(server))).body == b"ok"


async def test_fetch_of_many_at_once_gives_each_its_own_answer(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        while True:
            body = (await peer.request()).partition(b"\r\n\r\n")[2]
            await asyncio.sleep(0)
            await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body), body)

    async with ScriptedServer(script) as server:
        bodies = [b"%d" % number * (number % 7 + 1) for number in range(100)]
        replies = await asyncio.gather(*[transport.fetch(request_to(server, body=body)) for body in bodies])
    assert [reply.body for reply in replies] == bodies


async def test_fetch_from_an_ipv6_address_works(transport: Transport) -> None:
    async with ScriptedServer(answering(OK), host="::1") as server:
        assert (await transport.fetch(request_to(server, host="::1"))).body == b"ok"
    assert b"\r\nhost: [::1]:%d\r\n" % server.port in server.requests[0].lower()


async def test_fetch_after_the_transport_was_closed_is_refused(transport: Transport) -> None:
    async with ScriptedServer(answering(OK)) as server:
        await transport.fetch(request_to(server))
        await transport.aclose()  # type: ignore[attr-defined]
        with pytest.raises(AdapterFailed):
            await transport.fetch(request_to(server))
        await server.settled()
    assert server.accepted == 1
