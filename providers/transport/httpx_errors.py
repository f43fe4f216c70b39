"""What went wrong when httpx failed, and does the head of an answer keep the rules that httpx is lax about?"""

from __future__ import annotations

import socket
import ssl
from typing import Any

import httpx

from providers.errors import (
    AdapterFailed,
    ConnectFailed,
    ConnectTimeout,
    DnsFailed,
    ProtocolViolation,
    ProviderError,
    TlsFailed,
    UpstreamReset,
)
from providers.transport.answer import Answer

CONNECT_CAUSES: tuple[tuple[type[BaseException], type[ProviderError]], ...] = (
    (socket.gaierror, DnsFailed),
    (ssl.SSLError, TlsFailed),
    (OSError, ConnectFailed),
)
BROKEN = ("disconnected without", "peer closed connection")
"""How a `RemoteProtocolError` that is the end of the connection, not a breach of the protocol, is worded."""


def judge_head(stream: Any, peer: str) -> None:
    """Has all that `stream` reads until the head of an answer judged by the slim transport's rules; what breaks them is
    raised where it is read. httpx counts no interim answers, and what is no HTTP it takes for a connection that broke."""
    answer, read = Answer(peer), stream.read
    answer.begin(False)

    async def judged(*arguments: Any, **named: Any) -> bytes:
        data: bytes = await read(*arguments, **named)
        if data:
            answer.feed(data)
        if answer.head or answer.error is not None or not data:
            answer.drop_parser()
            del stream.read
        if answer.error is not None and not answer.head:
            raise answer.error
        return data

    stream.read = judged


def breaks_protocol(error: Exception) -> bool:
    return isinstance(error, httpx.RemoteProtocolError) and not any(words in str(error) for words in BROKEN)


def explain(peer: str, error: Exception, scheme: str) -> ProviderError:
    """The error of an exchange without a head. The text of a local one is left out: it may quote a header."""
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectTimeout(f"{peer}: {error}")
    if isinstance(error, httpx.ConnectError):
        return _connect_cause(error, scheme)(f"{peer}: {error}")
    if isinstance(error, httpx.ProxyError):
        return ConnectFailed(f"{peer}: the proxy answered {str(error)[:100]}")
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
