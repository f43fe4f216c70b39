"""Which keys does a request carry? `Authorization: Bearer K` (RFC 6750), the same without the scheme, or a header's value; where
the dialect has it, one in the query (Google's `?key=K`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import parse_qs

BEARER = b"bearer"
SCHEMES = frozenset(
    {BEARER, b"basic", b"digest", b"negotiate", b"ntlm", b"oauth", b"token", b"apikey", b"dpop", b"hoba", b"mutual", b"vapid"}
)
"""First words of an `Authorization` (those registered with IANA, and others in use) that are no key where they stand alone."""


def keys_in(headers: Mapping[bytes, bytes], names: Iterable[bytes]) -> set[bytes]:
    """The different keys in the headers of these names. An empty header is none."""
    return {key for name in names if name in headers and (key := key_in(name, headers[name]))}


def keys_in_query(query: bytes, name: str) -> set[bytes]:
    """The different keys that the query gives under that name. An empty one is none."""
    said = parse_qs(query.decode("latin-1"), encoding="latin-1")
    return {value.strip().encode("latin-1") for value in said.get(name, ())} - {b""}


def key_in(name: bytes, value: bytes) -> bytes:
    """The key in a credential header, b"" if there is none.

    An `Authorization` of another scheme is none: it is meant for a proxy on the way (`Basic`), or was put there by one.
    """
    if name != b"authorization":
        return value.strip()
    words = value.split(None, 1)
    if len(words) == 2:
        return words[1].rstrip() if words[0].lower() == BEARER else b""
    return words[0] if words and words[0].lower() not in SCHEMES else b""
