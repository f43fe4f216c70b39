"""How is one request passed on? As a call of the journey, whose bytes stay as they are unless a hook edits them, or past it."""

from __future__ import annotations

from time import perf_counter

import msgspec

from openai_api.context import Inbound
from openai_api.errors import upstream
from openai_api.pipeline.respond import send_whole
from openai_api.proxy.outlet import Head, Under
from openai_api.proxy.upstream import Upstream
from openai_api.recording.events import Attempt
from openai_api.recording.failure_text import failure_text
from providers.bytes.framing import SSE, Framing
from providers.bytes.ndjson import NDJSON
from providers.bytes.patch import InvalidJson, fields_of
from providers.convert.verbatim import VerbatimRelay
from providers.errors import ProviderError
from providers.http_vendor import is_good, read_all
from providers.masking import mask_of
from providers.transport import MAX_REPLY_BYTES, Transport, UpstreamStream, find_header
from providers.types import Answered, Call, Reply, Target, Usage, Wire
from providers.wire.over_http import OVER_HTTP

FRAMINGS: tuple[tuple[bytes, Framing], ...] = ((b"text/event-stream", SSE), (b"application/x-ndjson", NDJSON))
JSON = b"application/json"
BODILESS = frozenset({204, 304})

Pairs = list[tuple[bytes, bytes]]


class PassedStream:
    """A stream of the upstream, with the relay that passes it on."""

    lossy: tuple[str, ...] = ()

    def __init__(self, stream: UpstreamStream, wire: Wire, content_type: bytes, relay: VerbatimRelay) -> None:
        self.wire = wire
        self.content_type = content_type
        self.relay = relay
        self.next, self.extend, self.close = stream.next, stream.extend, stream.close


class Passing:
    """One request on its way: where it goes, its headers as they came, and the outlet that is told how the upstream answers.

    `failed` is an answer without a good status: its head and its body.
    """

    def __init__(self, to: Upstream, inbound: Inbound, outlet: Under, path: str, headers: Pairs) -> None:
        self.failed: tuple[Head, bytes] | None = None
        self.relay: VerbatimRelay | None = None
        self._to = to
        self._inbound = inbound
        self._outlet = outlet
        self._path = path
        self._headers = headers

    async def ask(self, target: Target, call: Call, transport: Transport) -> Answered:
        """Asks for the answer to a call. Raises `ProviderError`."""
        stream = await self._opened(call.body, transport, streamed=call.stream)
        try:
            return await self._answer(stream, target, call)
        except BaseException:
            stream.close()
            raise

    async def _answer(self, stream: UpstreamStream, target: Target, call: Call) -> Answered:
        head = Head(stream.status, stream.headers)
        if not is_good(stream.status):
            body = self._masked(await read_all(stream, MAX_REPLY_BYTES), target)
            self.failed = head, body
            raise OVER_HTTP[call.wire].failure_of(stream.status, stream.headers, body)
        self._outlet.upstream = head
        content_type = find_header(stream.headers, b"content-type") or JSON
        kind = content_type.lower()
        framing = next((framing for known, framing in FRAMINGS if kind.startswith(known)), None)
        if framing is None and kind.startswith(JSON):
            body = await read_all(stream, MAX_REPLY_BYTES)
            return Reply(wire=call.wire, body=body, content_type=content_type, usage=_usage(call.wire, body))
        self.relay = VerbatimRelay(call.wire, framing)
        return PassedStream(stream, call.wire, content_type, self.relay)

    async def past(self, transport: Transport) -> None:
        """Passes the request on as it is, and the answer back, whatever both are. Raises `ApiError`."""
        record = self._inbound.record
        line = Attempt("proxy", str(self._to.kind), "")
        record.attempts = [*record.attempts, line]
        try:
            stream = await self._opened(self._inbound.body, transport)
        except ProviderError as error:
            line.outcome, line.failure, line.message = error.code, error.failure.value, failure_text(error)
            raise upstream(error) from error
        finally:
            line.upstream_s = perf_counter() - line.began
        line.outcome = "ok" if stream.status < 500 else f"status_{stream.status}"
        try:
            await self._told(stream)
        finally:
            self._outlet.close()
            stream.close()

    async def tell_failure(self, head: Head, body: bytes) -> None:
        """Tells the client what the upstream said without a good status."""
        self._outlet.upstream = head
        await send_whole(self._inbound, head.status, (), body)

    async def _told(self, stream: UpstreamStream) -> None:
        """The rest of an answer whose head has come. One that breaks off breaks the client's."""
        record, outlet = self._inbound.record, self._outlet
        if self._to.key and not is_good(stream.status) and self._has_body(stream):
            body = self._masked(await read_all(stream, MAX_REPLY_BYTES), self._to.target())
            await self.tell_failure(Head(stream.status, stream.headers), body)
            return
        record.status, record.first_byte_s = stream.status, perf_counter() - record.clock
        outlet.upstream = Head(stream.status, stream.headers, exact=True)
        await outlet.begin((), [], b"")
        if self._has_body(stream):
            try:
                while chunk := await stream.next():
                    stream.extend(self._to.timeouts.streamed.idle)
                    await outlet.events([chunk])
            except ProviderError as error:
                record.error = error.code
                return
        await outlet.end([])

    def _has_body(self, stream: UpstreamStream) -> bool:
        return self._inbound.method != "HEAD" and stream.status not in BODILESS

    async def _opened(self, body: bytes, transport: Transport, *, streamed: bool = True) -> UpstreamStream:
        inbound = self._inbound
        request = self._to.request(inbound.method, self._path, inbound.query, self._headers, body, streamed=streamed)
        return await transport.stream(request)

    def _masked(self, body: bytes, target: Target) -> bytes:
        """What an upstream says of a refused key, without the key where it is the operator's."""
        if not self._to.key:
            return body
        try:
            return mask_of(target.adapter.config, {})(body.decode()).encode()
        except UnicodeDecodeError:
            return body


def _usage(wire: Wire, body: bytes) -> Usage | None:
    try:
        return OVER_HTTP[wire].usage_of(fields_of(body))
    except (InvalidJson, msgspec.MsgspecError):
        return None
