"""What does every vendor over HTTP need? Heads that are compiled once, requests that are signed, and what answers mean.

The formats are the wires' business (`wire/`, `wire/over_http.py`), the connections the transport's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Protocol
from urllib.parse import quote, urlsplit

from providers.bytes.framing import Framing
from providers.bytes.sse import BOM
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.signing import KeyHeader, Signer
from providers.transport import Head, Origin, Pieces, RequestHeader, Transport, UpstreamReply, UpstreamRequest, UpstreamStream
from providers.types import Call, TargetConfig, Timeouts, Wire
from providers.wire.over_http import OVER_HTTP, OverHttp

HOST = re.compile(r"[a-z0-9._:-]+")
IN_A_PATH = "/%:@"
IN_A_QUERY = "!$%&'()*+,/:;=?@"
JSON = ("content-type", "application/json")
COMMON_HEADERS = (("accept-encoding", "identity"), ("user-agent", "signalbox"))
LISTING = Timeouts(5.0, 20.0, 20.0, 20.0)
FAILURE_BYTES = 1024 * 1024
"""How much is read of the body of a stream that failed."""


class Vendor(Protocol):
    """What is known of a vendor before any target: its name for people, and its base address, "" if it has none."""

    @property
    def label(self) -> str: ...
    @property
    def api_base(self) -> str: ...


class Readable(Protocol):
    """A stream of an upstream, or what is made of one: see `UpstreamStream`."""

    async def next(self) -> bytes: ...
    def extend(self, seconds: float) -> None: ...
    def close(self) -> None: ...


class HttpVendor:
    """One target of a vendor over HTTP. A subclass has the methods of its capabilities, and says with `head_for` where their
    requests go.

    `signer` is a key in a header, which is compiled into the heads, or signs each request; `wires` says by wire what failures
    mean and how streams are split.
    """

    def __init__(
        self,
        config: TargetConfig,
        vendor: Vendor,
        signer: KeyHeader | Signer,
        wires: Mapping[Wire, OverHttp] = OVER_HTTP,
    ) -> None:
        self.config = config
        self.wires = wires
        self._vendor = vendor
        key = signer if isinstance(signer, KeyHeader) else None
        self._fixed = key.fixed if key else dict  # what it gives has the key in the open, and is not kept
        self._brought = key.brought if key and key.credential.dynamic is not None else None
        self._sign = None if isinstance(signer, KeyHeader) else signer.sign
        self._heads: dict[Capability, Head] = {}

    listed_at = ""
    """The path at which the vendor tells what it offers; "" where it does not, or where that is not known."""
    listed_in = Wire.OPENAI_CHAT
    """The wire whose errors it answers with there."""
    listed_after = "after"
    """The parameter by which the page behind a mark is asked for."""
    unlisted = ""
    """Why there is no list that could be asked for, for people."""

    def listing(self, mark: str = "") -> UpstreamRequest:
        """The request for what the vendor offers (`offered.py`), or for the page of it that is behind a mark. Raises
        `ConfigurationError`."""
        if not self.listed_at:
            raise ConfigurationError("type", self.unlisted or f"{self._vendor.label} has no list of its models")
        sign = None if self._sign is None else partial(self._sign, {})
        path = self.listed_at
        if mark:
            path += f"{'&' if '?' in path else '?'}{self.listed_after}={quote(mark, safe='')}"
        head = self.head(path, json=False, method="GET")
        return UpstreamRequest(head, b"", LISTING, self.listing_headers(), sign)

    def listing_headers(self) -> tuple[RequestHeader, ...]:
        """What that request has besides the headers of all."""
        return ()

    def head_for(self, capability: Capability) -> Head:
        """The head of a capability's requests, made when it is first needed: few models use many. Raises `ConfigurationError`."""
        raise NotImplementedError

    def head(self, path: str, *, json: bool = True, base: str = "", method: str = "POST") -> Head:
        """The head of a request to `path` below the target's base address, or below `base`; without a content type unless
        `json`. A `path` that is a whole address stands for itself, or for its place beside the vendor's usual paths when the
        operator has given another base. Raises `ConfigurationError`."""
        own = base or self.config.api_base
        elsewhere = urlsplit(path) if path.startswith("https://") else None
        if elsewhere and not own:
            own = f"https://{elsewhere.netloc}"
        origin, prefix, query = self.place_of(own or self._vendor.api_base)
        if elsewhere:
            prefix, path = prefix.removesuffix(urlsplit(self._vendor.api_base).path), elsewhere.path
        whole = quote(prefix, safe=IN_A_PATH) + path
        if query:
            whole += ("&" if "?" in whole else "?") + quote(query, safe=IN_A_QUERY)
        headers = dict((JSON, *COMMON_HEADERS) if json else COMMON_HEADERS)
        headers.update(self._fixed())
        headers.update((name.lower(), value) for name, value in self.config.extra_headers)
        try:
            return Head(method, origin, whole, tuple(headers.items()))
        except ValueError:  # its text may contain the key
            message = "a header or the address contains a character that HTTP does not allow"
            raise ConfigurationError("extra_headers", message) from None

    def place_of(self, address: str) -> tuple[Origin, str, str]:
        """Where an address leads; see `origin_of`."""
        return origin_of(address, self._vendor.label)

    def request(
        self, call: Call, body: bytes | bytearray | Pieces, head: Head | None = None, content_type: bytes = b""
    ) -> UpstreamRequest:
        """The request of a call, with its body; to the capability's own path unless a `head` is given."""
        headers = call.headers
        if self._brought is not None:
            headers = (*headers, self._brought(call))
        if content_type:
            headers = (*headers, (b"content-type", content_type))
        head = head or self._heads.get(call.capability)
        if head is None:
            head = self._heads[call.capability] = self.head_for(call.capability)
        timeouts = self.config.timeouts.when(streamed=call.stream)
        if self._sign is None:
            return UpstreamRequest(head, body, timeouts, headers)
        return UpstreamRequest(head, body, timeouts, headers, partial(self._sign, call.credentials))

    def good(self, answer: UpstreamReply, wire: Wire, *, named_by_client: bool = False) -> bytes:
        """The body of a good answer to a request in `wire`. Raises what any other means (see `FailureOf`)."""
        if not is_good(answer.status):
            failure_of = self.wires[wire].failure_of
            raise failure_of(answer.status, answer.headers, answer.body, named_by_client=named_by_client)
        return answer.body.removeprefix(BOM)

    async def opened(
        self, request: UpstreamRequest, wire: Wire, transport: Transport, *, named_by_client: bool = False
    ) -> UpstreamStream:
        """The stream that answers a request in `wire`, once its status is good. Raises as `good`."""
        stream = await transport.stream(request)
        if is_good(stream.status):
            return stream
        try:
            body = await read_all(stream)
        finally:
            stream.close()
        raise self.wires[wire].failure_of(stream.status, stream.headers, body, named_by_client=named_by_client)

    def rewritten(
        self, stream: Readable, call: Call, rewrite: Callable[[bytes], bytes], lossy: tuple[str, ...] = ()
    ) -> RewrittenStream:
        """A stream in the call's wire whose frames are changed on their way, each as it comes; none is kept."""
        return RewrittenStream(stream, call.wire, lossy, self.wires[call.wire].framing, rewrite)


class RewrittenStream:
    """A streamed answer whose frames go through `rewrite` one by one; it gives the bytes for the client, perhaps none."""

    def __init__(
        self, stream: Readable, wire: Wire, lossy: tuple[str, ...], framing: Framing, rewrite: Callable[[bytes], bytes]
    ) -> None:
        self.wire, self.lossy, self.content_type = wire, lossy, framing.content_type
        self.extend, self.close = stream.extend, stream.close
        self._stream = stream
        self._splitter = framing.splitter()
        self._rewrite = rewrite

    async def next(self) -> bytes:
        while chunk := await self._stream.next():
            if out := b"".join(map(self._rewrite, self._splitter.feed(chunk))):
                return out
        rest = self._splitter.rest()
        return self._rewrite(rest) if rest else b""


def is_good(status: int) -> bool:
    """Whether an answer of that status may hold what was asked for: some vendors say 201."""
    return 200 <= status < 300


async def read_all(stream: Readable, limit: int = FAILURE_BYTES) -> bytes:
    """What is left of a stream, hardly more than `limit` bytes of it."""
    parts: list[bytes] = []
    size = 0
    while size < limit and (part := await stream.next()):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def origin_of(address: str, label: str) -> tuple[Origin, str, str]:
    """The origin, the path without its last slash, and the query of an address. Raises `ConfigurationError`; `label` is the
    vendor's name."""
    if not address:
        raise ConfigurationError("api_base", f"{label} has no default address: set an API base")
    try:
        url = urlsplit(address)
        port = url.port or (443 if url.scheme == "https" else 80)
        host = (url.hostname or "").encode("idna").decode() if url.hostname else ""
    except ValueError as error:
        raise ConfigurationError("api_base", f"{address!r} is not a valid URL") from error
    if url.scheme not in ("http", "https") or not HOST.fullmatch(host) or "@" in url.netloc or url.fragment:
        raise ConfigurationError("api_base", f"{address!r} is not an http or https address of a host")
    return Origin(url.scheme, host, port), url.path.rstrip("/"), url.query
