"""Can a vendor sign each request, by its bytes and the time, and stream frames that are no server-sent events?

The vendor is a server on loopback that checks every signature; the adapter has no other foundation than `HttpVendor`.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import struct
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

import msgspec
import pytest

from providers.bytes import sse
from providers.bytes.framing import SSE
from providers.bytes.patch import fields_of
from providers.capabilities import Capability
from providers.errors import (
    CredentialError,
    FirstByteTimeout,
    InvalidResponse,
    Overloaded,
    OwnCredentialError,
    ProviderError,
    StreamTruncated,
)
from providers.http_vendor import HttpVendor, RewrittenStream
from providers.signing import Signer
from providers.transport import Head, Headers, Pieces, RequestHeader, Transport, UpstreamRequest
from providers.transport.httpx_transport import HttpxTransport
from providers.transport.slim import SlimTransport
from providers.types import Call, Credential, Reply, Secret, TargetConfig, TargetTimeouts, Wire
from providers.wire.over_http import OVER_HTTP, OverHttp
from tests.unit.providers.transport.scripted import Peer, Script, ScriptedServer

KEY = b"shared secret"
FRAME = struct.Struct(">I")
NO_BODY = "UNSIGNED-PAYLOAD"


def signature(method: str, path: str, headers: Mapping[str, str], digest: str, at: str) -> str:
    """What both sides compute: of the method, the path with its query, a header, the hash of the body and the time."""
    text = "\n".join((method, path, headers["x-region"], digest, at))
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


class HmacSigner:
    """Signs the body, unless it is told not to, and the time. `tokens` are waited for before, as one that is renewed is."""

    def __init__(self, *, covers_body: bool = True, wait: float = 0.0, fails: ProviderError | None = None) -> None:
        self._covers_body = covers_body
        self._wait = wait
        self._fails = fails
        self.times: list[float] = []

    async def sign(self, credentials: Mapping[str, Secret], request: UpstreamRequest, at: float) -> tuple[RequestHeader, ...]:
        await asyncio.sleep(self._wait)
        if self._fails is not None:
            raise self._fails
        if "own" in credentials and credentials["own"].reveal() != KEY.decode():
            raise OwnCredentialError("own", refused=True)
        self.times.append(at)
        digest, stamp = self._digest(request.body), repr(at)
        made = signature(request.head.method, request.head.path, dict(request.head.headers), digest, stamp)
        return (b"x-digest", digest.encode()), (b"x-time", stamp.encode()), (b"x-signature", made.encode())

    def _digest(self, body: bytes | bytearray | Pieces) -> str:
        if not self._covers_body:
            return NO_BODY
        whole = hashlib.sha256()
        for piece in (body,) if isinstance(body, bytes | bytearray) else body:
            whole.update(piece)
        return whole.hexdigest()


class LengthFrames:
    """Frames with their length before them, as in AWS's event streams."""

    def __init__(self) -> None:
        self._rest = b""

    @property
    def waiting(self) -> int:
        return len(self._rest)

    def feed(self, chunk: bytes) -> list[bytes]:
        self._rest += chunk
        frames = []
        while len(self._rest) >= FRAME.size and len(self._rest) >= (end := FRAME.size + FRAME.unpack_from(self._rest)[0]):
            frames.append(self._rest[FRAME.size : end])
            self._rest = self._rest[end:]
        return frames

    def rest(self) -> bytes:
        if self._rest:
            raise StreamTruncated("the last frame is cut")
        return b""


LENGTHS = replace(SSE, content_type=b"application/x-lengths", splitter=LengthFrames)


def told(status: int, headers: Headers, body: bytes, *, named_by_client: bool = False) -> ProviderError:
    """What the failures of this vendor mean, which no other has."""
    kind = {403: CredentialError, 419: Overloaded}.get(status, InvalidResponse)
    return kind(body.decode(), upstream_status=status)


class Row:
    label = "Signed"
    api_base = ""


WIRES = MappingProxyType({Wire.OPENAI_CHAT: OverHttp(told, LENGTHS)})


class SignedVendor(HttpVendor):
    """An adapter that stands on what all vendors share, and on a signer."""

    def __init__(self, config: TargetConfig, signer: Signer) -> None:
        super().__init__(config, Row(), signer, WIRES)

    def head_for(self, capability: Capability) -> Head:
        return self.head(f"/models/{self.config.upstream_model}/invoke?trace=1")

    async def chat(self, call: Call, transport: Transport, body: bytes | Pieces | None = None) -> Reply:
        answer = await transport.fetch(self.request(call, call.body if body is None else body))
        return Reply(wire=call.wire, body=self.good(answer, call.wire))

    async def stream_chat(self, call: Call, transport: Transport) -> RewrittenStream:
        stream = await self.opened(self.request(call, call.body), call.wire, transport)
        return self.rewritten(stream, call, sse.frame_of)


class Checking:
    """The vendor: answers requests that are signed right, and no signature twice."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self.bodies: list[bytes] = []

    def status(self, request: bytes) -> int:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split(" ")
        headers = dict(re.findall(r"([a-z-]+): ([^\r]*)", head.decode()))
        digest = headers["x-digest"]
        wanted = signature(method, path, headers, digest, headers["x-time"])
        fresh = headers["x-signature"] not in self.seen
        self.seen.add(headers["x-signature"])
        self.bodies.append(body)
        same = digest in (NO_BODY, hashlib.sha256(body).hexdigest())
        return 200 if fresh and same and hmac.compare_digest(wanted, headers["x-signature"]) else 403

    async def __call__(self, peer: Peer) -> None:
        while True:
            status = self.status(await peer.request())
            body = b'{"ok":true}' if status == 200 else b"the signature is not right"
            await peer.send(b"HTTP/1.1 %d Said\r\ncontent-length: %d\r\n\r\n%b" % (status, len(body), body))

    async def once_then_gone(self, peer: Peer) -> None:
        """One answer on the connection; the next request breaks it after it was read."""
        assert self.status(await peer.request()) == 200
        await peer.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        assert self.status(await peer.request()) == 200
        peer.reset()


class Twice:
    """A body in pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def __len__(self) -> int:
        return sum(map(len, self._pieces))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._pieces)

    def __bytes__(self) -> bytes:
        return b"".join(self)


@pytest.fixture(params=[SlimTransport, HttpxTransport], ids=["slim", "httpx"])
async def transport(request: pytest.FixtureRequest) -> AsyncIterator[Transport]:
    made = request.param()
    yield made
    await made.aclose()


def vendor(server: ScriptedServer, signer: Signer, first_byte: float | None = None, base: str = "/v9") -> SignedVendor:
    return SignedVendor(
        TargetConfig(
            id="t",
            provider="p",
            provider_type="signed",
            upstream_model="m%2F1",
            api_base=f"http://127.0.0.1:{server.port}{base}",
            credential=Credential(),
            extra_headers=(("X-Region", "here"),),
            timeouts=TargetTimeouts.of(first_byte=first_byte),
        ),
        signer,
    )


def call(**more: object) -> Call:
    body = b'{"model":"m","messages":[]}'
    made = Call(capability=Capability.CHAT, wire=Wire.OPENAI_CHAT, model="m", body=body, fields=fields_of(body), request_id="r")
    return msgspec.structs.replace(made, **more)


async def test_request_when_a_signer_signs_body_and_time_then_the_vendor_takes_it(transport: Transport) -> None:
    check = Checking()
    async with ScriptedServer(check) as server:
        adapter = vendor(server, HmacSigner())
        for _ in range(3):
            reply = await adapter.chat(call(headers=((b"traceparent", b"00-1"),)), transport)
            assert reply.body == b'{"ok":true}'
        assert b"traceparent: 00-1\r\n" in server.requests[0]
        assert server.requests[0].startswith(b"POST /v9/models/m%2F1/invoke?trace=1 HTTP/1.1\r\n")
    assert len(check.seen) == 3


@pytest.mark.parametrize("size", [1, 300_000], ids=["small", "large"])
@pytest.mark.parametrize("covers_body", [True, False])
async def test_request_when_its_body_comes_in_pieces_then_its_signature_covers_all_of_it(
    transport: Transport, size: int, covers_body: bool
) -> None:
    body = Twice(b"a" * size, b"b" * size, b"c")
    check = Checking()
    async with ScriptedServer(check) as server:
        reply = await vendor(server, HmacSigner(covers_body=covers_body)).chat(call(), transport, body)
    assert reply.body == b'{"ok":true}'
    assert check.bodies == [bytes(body)]


@pytest.mark.parametrize("streamed", [False, True])
async def test_request_when_the_kept_connection_was_gone_then_it_is_signed_anew(streamed: bool) -> None:
    check, signer, transport = Checking(), HmacSigner(), SlimTransport()
    body = Twice(b"x" * 200_000, b"y")
    async with ScriptedServer(check.once_then_gone, check) as server:
        adapter = vendor(server, signer)
        await adapter.chat(call(), transport)
        if streamed:
            stream = await adapter.opened(adapter.request(call(), body), Wire.OPENAI_CHAT, transport)
            assert await stream.next() == b'{"ok":true}'
            stream.close()
        else:
            assert (await adapter.chat(call(), transport, body)).body == b'{"ok":true}'
        assert sum(one.stale_retries for one in transport.counters().values()) == 1
        await transport.aclose()
    assert len(signer.times) == len(set(signer.times)) == len(check.seen) == 3
    assert check.bodies[1:] == [bytes(body)] * 2


async def test_request_when_it_is_changed_after_it_was_signed_then_the_vendors_own_failure_says_so(transport: Transport) -> None:
    class Late(HmacSigner):
        async def sign(self, credentials: Mapping[str, Secret], request: UpstreamRequest, at: float) -> tuple[RequestHeader, ...]:
            return await super().sign(credentials, msgspec.structs.replace(request, body=b"another"), at)

    async with ScriptedServer(Checking()) as server:
        with pytest.raises(CredentialError, match="the signature is not right"):
            await vendor(server, Late()).chat(call(), transport)
        with pytest.raises(CredentialError, match="the signature is not right"):
            await vendor(server, Late()).stream_chat(call(), transport)


async def test_request_when_its_signer_fails_or_takes_too_long_then_nothing_is_sent(transport: Transport) -> None:
    async with ScriptedServer(Checking()) as server:
        with pytest.raises(CredentialError, match="no token"):
            await vendor(server, HmacSigner(fails=CredentialError("no token"))).chat(call(), transport)
        with pytest.raises(FirstByteTimeout):
            await vendor(server, HmacSigner(wait=5.0), first_byte=0.05).chat(call(), transport)
        with pytest.raises(OwnCredentialError):
            await vendor(server, HmacSigner()).chat(call(credentials={"own": Secret("another")}), transport)
        assert server.requests == []


def frames(*payloads: bytes) -> bytes:
    return b"".join(FRAME.pack(len(payload)) + payload for payload in payloads)


def streaming(*pieces: bytes) -> Script:
    async def script(peer: Peer) -> None:
        assert Checking().status(await peer.request()) == 200
        await peer.send(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n", *pieces)
        peer.finish()

    return script


@pytest.mark.parametrize("cut", [1, 3, 7, 1000])
async def test_stream_when_its_frames_are_no_events_then_the_wires_splitter_finds_them(transport: Transport, cut: int) -> None:
    sent = frames(b'{"a":1}', b"two\n\nlines", b"")
    async with ScriptedServer(streaming(*[sent[at : at + cut] for at in range(0, len(sent), cut)])) as server:
        stream = await vendor(server, HmacSigner()).stream_chat(call(), transport)
        received = b""
        while part := await stream.next():
            received += part
        stream.close()
    assert received == b'data: {"a":1}\n\ndata: two\ndata: \ndata: lines\n\ndata: \n\n'


async def test_stream_when_its_last_frame_is_cut_then_the_wire_says_so(transport: Transport) -> None:
    async with ScriptedServer(streaming(frames(b"one", b"two")[:-1])) as server:
        stream = await vendor(server, HmacSigner()).stream_chat(call(), transport)
        assert await stream.next() == b"data: one\n\n"
        with pytest.raises(StreamTruncated):
            await stream.next()
        stream.close()


def test_wires_when_looked_up_then_each_says_what_its_failures_mean() -> None:
    assert set(OVER_HTTP) == set(Wire)
