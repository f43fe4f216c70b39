"""Which headers are passed on, in either direction? All but those of one connection, and those that are meant for us."""

from __future__ import annotations

from collections.abc import Iterable

Pairs = tuple[tuple[bytes, bytes], ...]
HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Headers of one connection (RFC 9110, 7.6.1); those that `connection` names, too."""
OURS = HOP | {b"host", b"content-length", b"accept-encoding", b"expect"}
"""What the transport says itself. Codings of content are not asked for: observers read what is said."""
FRAMED = HOP | {b"content-length"}
MEANT_FOR_US = (b"x-gateway-", b"x-cylestio-")
CREDENTIALS = (b"authorization", b"x-api-key", b"api-key")


def sent_up(headers: Iterable[tuple[bytes, bytes]]) -> Pairs:
    """The client's headers as the upstream gets them, credentials included."""
    pairs = tuple(headers)
    dropped = OURS | _named(pairs)
    return tuple((name, value) for name, value in pairs if name not in dropped and not name.startswith(MEANT_FOR_US))


def sent_down(headers: Iterable[tuple[bytes, bytes]], *, length: bool) -> Pairs:
    """The upstream's headers as the client gets them; with its content length only if the body stays as it is."""
    pairs = tuple(headers)
    dropped = (HOP if length else FRAMED) | _named(pairs)
    return tuple((name, value) for name, value in pairs if name not in dropped)


def has_credentials(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the client says who it is."""
    return any(name in CREDENTIALS and value.strip() for name, value in headers)


def _named(pairs: Pairs) -> frozenset[bytes]:
    """The headers that `connection` names."""
    words = b",".join(value for name, value in pairs if name == b"connection").lower().split(b",")
    return frozenset(word.strip() for word in words) - {b""}
