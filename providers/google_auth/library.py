"""How are the other credentials of Google's used: workload identity, impersonation, Application Default Credentials?

By Google's own library, google-auth, which is an extra (`signalbox-gateway[vertex]`) and imported only where such a credential
is. It works in a thread, and asks over the gateway's transport.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from providers.errors import AdapterFailed, ConfigurationError, CredentialError, ProviderError
from providers.google_auth.sources import SCOPE, TIMEOUTS, UNTOLD_S, Source, Token, ask_metadata
from providers.http_vendor import origin_of
from providers.transport import Head, Transport, UpstreamReply, UpstreamRequest
from providers.types import Secret

KINDS = ("external_account", "external_account_authorized_user", "impersonated_service_account")
"""The types of JSON that are left to the library."""
MISSING = "this kind of credential needs google-auth: install signalbox-gateway[vertex]"
WHOLE_S = 60.0
"""Seconds for all that the library asks: a chain of identities takes several requests."""
METADATA_HOSTS = frozenset({"metadata.google.internal", "169.254.169.254", "fd00:ec2::254", "fd20:ce::254"})
"""Servers of machines' identities: Google's, and AWS's for identities that are federated from there."""
AWS_TOKEN = "urn:ietf:params:aws:token-type:aws4_request"  # noqa: S105 - the name of a type
NOT_SENT = frozenset({"content-length", "host"})
Ask = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class LibrarySource:
    """Credentials of google-auth, made when they are first used: that may take requests, too."""

    load: Callable[[Ask], Any] = field(repr=False)
    made: list[Any] = field(default_factory=list, repr=False)
    lock: Lock = field(default_factory=Lock, repr=False)

    async def token(self, transport: Transport, at: float) -> Token:
        asking = _asking(transport, asyncio.get_running_loop())
        try:
            async with asyncio.timeout(WHOLE_S):
                return await asyncio.to_thread(self._refreshed, asking)
        except TimeoutError as error:
            raise AdapterFailed(f"google-auth gave no token within {WHOLE_S:.0f} s") from error

    def _refreshed(self, asking: Ask) -> Token:
        _, exceptions = _library()
        with self.lock:
            try:
                if not self.made:
                    self.made.append(self.load(asking))
                credentials = self.made[0]
                credentials.refresh(asking)
            except exceptions.GoogleAuthError as error:  # its text may quote what it was given
                if isinstance(error.__cause__, ProviderError):
                    raise error.__cause__ from None
                raise CredentialError(f"google-auth: {type(error).__name__}") from None
            return Token(Secret(str(credentials.token)), _seconds(credentials.expiry))


def file_source(file: Mapping[str, Any]) -> Source:
    """The source of a decoded credential file. Raises `ConfigurationError` without the library, or for a file that it refuses."""
    _, exceptions = _library()
    try:
        found = _loaded(dict(file))
    except (exceptions.GoogleAuthError, ValueError, TypeError, KeyError, AttributeError) as error:
        message = f"google-auth refuses the credential of type {file.get('type')!r}: {type(error).__name__}"
        raise ConfigurationError("credential", message) from None
    return LibrarySource(lambda asking: found)


def default_source() -> Source:
    """The source of Application Default Credentials, which are looked for when the first token is needed, as Google documents it:
    `GOOGLE_APPLICATION_CREDENTIALS`, gcloud's file, the metadata server. Raises `ConfigurationError` without the library."""
    auth, _ = _library()
    return LibrarySource(lambda asking: auth.default(scopes=[SCOPE], request=asking)[0])


def _library() -> tuple[Any, Any]:
    try:
        return import_module("google.auth"), import_module("google.auth.exceptions")
    except ImportError as error:
        raise ConfigurationError("credential", MISSING) from error


def _loaded(file: dict[str, Any]) -> Any:
    """The library's own choice among its classes is deprecated. Raises what they raise; `ValueError` for a source that is a
    program to be run, which no row of a catalog may name."""
    kind = file["type"]
    if kind == "impersonated_service_account":
        of = import_module("google.auth.impersonated_credentials").Credentials.from_impersonated_service_account_info
    elif kind == "external_account_authorized_user":
        of = import_module("google.auth.external_account_authorized_user").Credentials.from_info
    elif "executable" in (file.get("credential_source") or {}):
        raise ValueError(kind)
    elif file.get("subject_token_type") == AWS_TOKEN:
        of = import_module("google.auth.aws").Credentials.from_info
    else:
        of = import_module("google.auth.identity_pool").Credentials.from_info
    return of(file, scopes=[SCOPE])


def _seconds(expiry: datetime | None) -> float:
    """How long a token is good; the library has times without a zone, which are in UTC."""
    if expiry is None:
        return UNTOLD_S
    return (expiry.replace(tzinfo=UTC) - datetime.now(UTC)).total_seconds()


def _asking(transport: Transport, loop: asyncio.AbstractEventLoop) -> Ask:
    """What the library asks with, from its thread (`google.auth.transport.Request`)."""

    def asking(
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        **kwargs: Any,
    ) -> Any:
        try:
            asked = _request(url, method, body, headers or {})
            reply = asyncio.run_coroutine_threadsafe(_answer(asked, transport), loop).result(timeout or TIMEOUTS.total)
        except (ProviderError, ConfigurationError, TimeoutError, ValueError) as error:
            raise _library()[1].TransportError(type(error).__name__) from error
        told = {name.decode("latin-1"): value.decode("latin-1") for name, value in reply.headers}
        return SimpleNamespace(status=reply.status, headers=told, data=reply.body)

    return asking


async def _answer(request: UpstreamRequest, transport: Transport) -> UpstreamReply:
    if request.head.origin.host in METADATA_HOSTS:
        return await ask_metadata(request)
    return await transport.fetch(request)


def _request(url: str, method: str, body: bytes | str | None, headers: Mapping[str, str]) -> UpstreamRequest:
    origin, path, _ = origin_of(url, "Google")
    parts = urlsplit(url)
    whole = (parts.path or path or "/") + (f"?{parts.query}" if parts.query else "")
    given = [(name.lower(), value) for name, value in headers.items() if name.lower() not in NOT_SENT]
    head = Head(method, origin, whole, tuple(given))
    return UpstreamRequest(head, body.encode() if isinstance(body, str) else body or b"", TIMEOUTS)
