"""What went wrong when httpx failed, and what does httpx let pass that our rules do not?"""

from __future__ import annotations

import socket
import ssl

import httpx

from providers.errors import (
    AdapterFailed,
    ConnectFailed,
    ConnectTimeout,
    DnsFailed,
    InvalidResponse,
    ProtocolViolation,
    ProviderError,
    TlsFailed,
    UpstreamReset,
)
from providers.transport import MAX_HEADER_BYTES, MAX_HEADERS, Headers, find_header

CONNECT_CAUSES: tuple[tuple[type[BaseException], type[ProviderError]], ...] = (
    (socket.gaierror, DnsFailed),
    (ssl.SSLError, TlsFailed),
    (OSError, ConnectFailed),
)
BROKEN = ("disconnected without", "peer closed connection")
"""How a `RemoteProtocolError` that is the end of the connection, not a breach of the protocol, is worded."""


def check_head(peer: str, status: int, headers: Headers) -> None:
    """The rules that httpx is lax about."""
    names = [name for name, _ in headers]
    if len(headers) > MAX_HEADERS or sum(len(name) + len(value) + 4 for name, value in headers) > MAX_HEADER_BYTES:
        raise ProtocolViolation(f"{peer}: too many or too long headers")
    if status < 200 or {b"content-length", b"transfer-encoding"} <= set(names):
        raise ProtocolViolation(f"{peer}: status {status}, or both content-length and transfer-encoding")
    coding = find_header(headers, b"content-encoding") or b"identity"
    if coding.strip().lower() != b"identity":
        raise InvalidResponse(f"{peer}: content-encoding {coding[:20]!r}")


def breaks_protocol(error: Exception) -> bool:
    return isinstance(error, httpx.RemoteProtocolError) and not any(words in str(error) for words in BROKEN)


def explain(peer: str, error: Exception, scheme: str) -> ProviderError:
    """The error of an exchange without a head. The text of a local one is left out: it may quote a header."""
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectTimeout(f"{peer}: {error}")
    if isinstance(error, httpx.ConnectError):
        return _connect_cause(error, scheme)(f"{peer}: {error}")
    if isinstance(error, httpx.ProxyError):
        return ConnectFailed(f"{peer}: the proxy refused")
    if breaks_protocol(error):
        return ProtocolViolation(f"{peer}: {error}")
    if isinstance(error, (httpx.NetworkError, httpx.RemoteProtocolError)):
        return UpstreamReset(f"{peer}: {error}")
    return AdapterFailed(f"{peer}: {type(error).__name__}")


def _connect_cause(error: BaseException, scheme: str) -> type[ProviderError]:
    cause: BaseException | None = error
    while cause is not None:
        for theirs, ours in CONNECT_CAUSES:
            if isinstance(cause, theirs):
                reset = scheme == "https" and isinstance(cause, ConnectionResetError)
                return TlsFailed if reset else ours
        cause = cause.__cause__ or cause.__context__
    return TlsFailed if scheme == "https" else ConnectFailed
