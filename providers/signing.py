"""How does a request prove to a vendor who sends it? By a header that is compiled once, or by a signature of its own.

A key in a header costs nothing per request: it stands in the heads of the target. What depends on the time, on the bytes of a
request or on a token that is renewed is a `Signer`. The transport asks it each time the request is sent, so also when a kept
connection was gone and the request is sent once more: a signature is never reused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from providers.errors import CREDENTIALS_FIELD, CallerError, ConfigurationError, OwnCredentialError
from providers.transport import RequestHeader, UpstreamRequest
from providers.types import Call, Credential, Secret

AuthHeader = Callable[[str], tuple[str, str]]
"""The header, name in lower case, that carries a key."""


class Signer(Protocol):
    """Signs the requests of one target, one by one: AWS's SigV4, a token that is renewed, a signature of the body."""

    async def sign(self, credentials: Mapping[str, Secret], request: UpstreamRequest, at: float) -> tuple[RequestHeader, ...]:
        """The headers that prove who sends the request; they are sent beside its own, once for this sending.

        `credentials` are the secrets that the client's request brought, `at` is the time in Unix seconds. `request.head` has the
        method, the origin, the percent-encoded path with its query and the headers of all requests, `request.headers` those of
        this one. `request.body` is the whole body; one in `Pieces` is read piece by piece, from its start each time. A signature
        that does not cover the body does not touch it. Raises `ProviderError`.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyHeader:
    """A key in a header: the target's own, or the one that each request brings (`dynamic::NAME`)."""

    credential: Credential
    header: AuthHeader

    def fixed(self) -> tuple[tuple[str, str], ...]:
        """The headers of all requests, with the target's own key. Raises `ConfigurationError`."""
        secret = self.credential.secret
        if not secret:
            return ()
        if not secret.reveal().isprintable():
            raise ConfigurationError("credential", "the key contains a character that HTTP does not allow")
        return (self.header(secret.reveal()),)

    def brought(self, call: Call) -> RequestHeader:
        """The header with the key that the call brings. Raises `OwnCredentialError` without one, `CallerError` for one that no
        header can carry."""
        name = self.credential.dynamic or ""
        if not (secret := call.credentials.get(name)):
            raise OwnCredentialError(name)
        header, value = self.header(secret.reveal())
        if not (value.isascii() and value.isprintable()):
            message = "A credential in the request contains a character that HTTP headers do not allow."
            raise CallerError(400, message, param=CREDENTIALS_FIELD)
        return header.encode(), value.encode("ascii")
