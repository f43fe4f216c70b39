"""Does a request leave only over TLS that proves who is there?"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from providers.errors import ConnectFailed, ConnectTimeout, StreamTruncated, TlsFailed, UpstreamReset
from providers.transport import Transport
from providers.transport.dial import tls_context
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.slim import SlimTransport
from providers.types import Secret, Timeouts
from tests.unit.providers.transport.conftest import CONTEXT
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

NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


class Authority(NamedTuple):
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def unsigned(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, until_day: int) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=name(issuer),
        subject_name=name(subject),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=NOW - 10 * DAY,
        not_valid_after=NOW + until_day * DAY,
    )


@pytest.fixture(scope="module")
def authority() -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = unsigned("test authority", "test authority", key, 1)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    return Authority(key, builder.sign(key, hashes.SHA256()))


@pytest.fixture(scope="module")
def served(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., ssl.SSLContext]:
    """Makes a server's TLS settings, with a certificate for localhost and 127.0.0.1 unless told otherwise."""

    def make(*names: x509.GeneralName, until_day: int = 1) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = unsigned("server", "test authority", key, until_day)
        alternatives = names or (x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
        certificate = builder.add_extension(issuer, critical=False).sign(authority.key, hashes.SHA256())
        path: Path = tmp_path_factory.mktemp("tls") / "server.pem"
        pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
        path.write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain) + certificate.public_bytes(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    return make


@pytest.fixture
def trusting(authority: Authority) -> ssl.SSLContext:
    context = tls_context()
    context.load_verify_locations(cadata=authority.certificate.public_bytes(serialization.Encoding.PEM).decode())
    return context


@pytest.fixture(params=[SlimTransport, HttpxTransport], ids=["slim", "httpx"])
async def transport(request: pytest.FixtureRequest, trusting: ssl.SSLContext, no_leaks: None) -> AsyncIterator[Transport]:
    transport = request.param(context=trusting)
    yield transport
    await transport.aclose()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_fetch_from_a_trusted_server_works(transport: Transport, served: Callable[..., ssl.SSLContext], host: str) -> None:
    asked_for: list[str | None] = []
    context = served()
    context.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    async with ScriptedServer(answering(OK), context=context) as server:
        for _ in range(3):
            assert (await transport.fetch(request_to(server, scheme="https", host=host))).body == b"ok"
    assert server.accepted == (1 if isinstance(transport, SlimTransport) else 3)
    assert set(asked_for) <= {"localhost", None}
    assert ("localhost" in asked_for) == (host == "localhost")


async def test_fetch_over_tls_of_a_large_body_and_answer_loses_nothing(
    transport: Transport, served: Callable[..., ssl.SSLContext]
) -> None:
    body = random.Random(3).randbytes(3_000_000)
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body
    async with ScriptedServer(answering(answer), context=served()) as server:
        assert (await transport.fetch(request_to(server, scheme="https", body=body))).body == body
    assert server.requests[0].endswith(body)


@pytest.mark.parametrize(("names", "until_day"), [((x509.DNSName("other.example"),), 1), ((), -1)], ids=["wrong-host", "expired"])
async def test_fetch_from_a_server_without_proof_sends_nothing(
    transport: Transport, served: Callable[..., ssl.SSLContext], names: tuple[x509.GeneralName, ...], until_day: int
) -> None:
    async with ScriptedServer(answering(OK), context=served(*names, until_day=until_day)) as server:
        with pytest.raises(TlsFailed):
            await transport.fetch(request_to(server, scheme="https"))
        assert server.requests == []


@pytest.mark.parametrize("kind", [SlimTransport, HttpxTransport], ids=["slim", "httpx"])
async def test_fetch_from_an_unknown_authority_sends_nothing(
    kind: type[SlimTransport | HttpxTransport], served: Callable[..., ssl.SSLContext], no_leaks: None
) -> None:
    transport = kind(context=CONTEXT)
    async with ScriptedServer(answering(OK), context=served()) as server:
        with pytest.raises(TlsFailed):
            await transport.fetch(request_to(server, scheme="https"))
        assert server.requests == []
    await transport.aclose()


@pytest.mark.parametrize("trusted", [True, False])
async def test_proxy_that_is_asked_over_tls_must_prove_who_it_is(
    trusting: ssl.SSLContext, served: Callable[..., ssl.SSLContext], no_leaks: None, trusted: bool
) -> None:
    async with ScriptedServer(answering(OK), context=served()) as proxy:
        url = Secret(f"https://user:hidden@127.0.0.1:{proxy.port}")
        transport = HttpxTransport(context=trusting if trusted else CONTEXT, proxy=url)
        request = request_to(proxy, host="api.example.test")
        if trusted:
            assert (await transport.fetch(request)).body == b"ok"
        else:
            with pytest.raises(ConnectFailed) as caught:
                await transport.fetch(request)
            assert "hidden" not in str(caught.value)
        assert len(proxy.requests) == trusted
        await transport.aclose()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
async def test_fetch_over_tls_1_1_is_refused(transport: Transport, served: Callable[..., ssl.SSLContext]) -> None:
    context = served()
    context.minimum_version = ssl.TLSVersion.TLSv1_1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with ScriptedServer(answering(OK), context=context) as server:
        with pytest.raises(TlsFailed):
            await transport.fetch(request_to(server, scheme="https"))


async def test_fetch_over_tls_from_a_server_without_tls_fails(transport: Transport) -> None:
    async with ScriptedServer(once(OK)) as server:

        async def plain(peer: Peer) -> None:
            await peer.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

        server._scripts = [plain]
        with pytest.raises(TlsFailed):
            await transport.fetch(request_to(server, scheme="https"))


@pytest.mark.parametrize("reset", [False, True], ids=["eof", "reset"])
async def test_fetch_whose_handshake_breaks_fails(transport: Transport, reset: bool) -> None:
    async def script(peer: Peer) -> None:
        if reset:
            peer.reset()

    async with ScriptedServer(script) as server:
        with pytest.raises(TlsFailed):
            await transport.fetch(request_to(server, scheme="https"))


async def test_fetch_whose_handshake_stalls_raises_connect_timeout(transport: Transport) -> None:
    async def script(peer: Peer) -> None:
        await peer.gone()

    async with ScriptedServer(script) as server:
        before = time.monotonic()
        with pytest.raises(ConnectTimeout):
            await transport.fetch(request_to(server, scheme="https", timeouts=Timeouts(0.08, PATIENCE, PATIENCE, PATIENCE)))
        assert 0.08 - TICK <= time.monotonic() - before < 0.6
        await server.settled()


async def test_fetch_over_tls_to_the_end_of_the_connection_works(
    transport: Transport, served: Callable[..., ssl.SSLContext]
) -> None:
    async with ScriptedServer(once(b"HTTP/1.1 200 OK\r\n\r\nto the end"), context=served()) as server:
        assert (await transport.fetch(request_to(server, scheme="https"))).body == b"to the end"


async def test_answers_over_tls_that_break_are_told_apart(transport: Transport, served: Callable[..., ssl.SSLContext]) -> None:
    async with ScriptedServer(once(), once(CHUNKED + b"5\r\nhel"), context=served()) as server:
        with pytest.raises(UpstreamReset):
            await transport.fetch(request_to(server, scheme="https"))
        stream = await transport.stream(request_to(server, scheme="https"))
        assert await stream.next() == b"hel"
        with pytest.raises(StreamTruncated):
            await stream.next()


async def test_stale_connection_over_tls_is_replaced(served: Callable[..., ssl.SSLContext], trusting: ssl.SSLContext) -> None:
    slim = SlimTransport(context=trusting)

    async def script(peer: Peer) -> None:
        await peer.answer(OK)
        await peer.request()

    async with ScriptedServer(script, answering(OK), context=served()) as server:
        for _ in range(2):
            assert (await slim.fetch(request_to(server, scheme="https"))).body == b"ok"
        (counters,) = slim.counters().values()
        assert counters.stale_retries == 1
        await slim.aclose()


async def test_stream_over_tls_read_slowly_holds_the_server_back(
    transport: Transport, served: Callable[..., ssl.SSLContext]
) -> None:
    block = b"x" * 65536
    blocks = 320
    sent = 0

    async def script(peer: Peer) -> None:
        nonlocal sent
        await peer.answer(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (len(block) * blocks))
        for _ in range(blocks):
            await peer.send(block)
            sent += len(block)

    async with ScriptedServer(script, context=served()) as server:
        stream = await transport.stream(request_to(server, scheme="https"))
        await asyncio.sleep(0.2)
        held = sent
        await asyncio.sleep(0.05)
        assert held == sent < len(block) * blocks
        received = 0
        while data := await stream.next():
            received += len(data)
            assert len(data) <= 1024 * 1024
    assert received == len(block) * blocks


async def test_cancelled_handshakes_and_exchanges_leave_nothing_behind(
    served: Callable[..., ssl.SSLContext], trusting: ssl.SSLContext, no_leaks: None
) -> None:
    slim = SlimTransport(context=trusting)
    async with ScriptedServer(answering(OK), context=served()) as server:
        for steps in range(60):
            tasks = [asyncio.ensure_future(slim.fetch(request_to(server, scheme="https"))) for _ in range(3)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert (await slim.fetch(request_to(server, scheme="https"))).body == b"ok"
        (counters,) = slim.counters().values()
        assert counters.active == 0
        await slim.aclose()
        await until(lambda: not server.open)
    (counters,) = slim.counters().values()
    assert counters.active == counters.idle == 0


async def test_stream_closed_over_tls_closes_the_connection(transport: Transport, served: Callable[..., ssl.SSLContext]) -> None:
    async with ScriptedServer(hanging(CHUNKED + b"2\r\nok\r\n"), context=served()) as server:
        stream = await transport.stream(request_to(server, scheme="https"))
        assert await stream.next() == b"ok"
        stream.close()
        await server.settled()
