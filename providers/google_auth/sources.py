"""Where does an access token come from? A token endpoint (RFC 6749), to which a service account or a person's grant is shown,
or the metadata server of a machine in Google's cloud.

Formats: Google's "Using OAuth 2.0 …" and "Authenticate workloads to Google Cloud APIs" of 2026.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote, urlencode

import msgspec

from providers.errors import CredentialError, InvalidResponse, Overloaded, ProviderError, RateLimited, UpstreamFailed
from providers.google_auth.service_account import ServiceAccount
from providers.retry import retry_after_of
from providers.transport import Head, Origin, Transport, UpstreamReply, UpstreamRequest
from providers.transport.reach import Reach
from providers.transport.slim import SlimTransport
from providers.types import Secret, Timeouts

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
TIMEOUTS = Timeouts(connect=5.0, first_byte=10.0, idle=10.0, total=15.0)
ACCEPT = ("accept", "application/json")
FORM = (ACCEPT, ("content-type", "application/x-www-form-urlencoded"), ("user-agent", "signalbox"))
FLAVOR = "metadata-flavor"
TOKEN_PATH = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - a path
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SKEW_S = 60.0
"""Seconds between two clocks that are worth a word where a token is refused."""
UNTOLD_S = 300.0
"""How long a token is taken to be good whose answer does not say."""
MAX_DETAIL = 200
GOOD, RATE, SERVER, BUSY = 200, 429, 500, 503


class Token(NamedTuple):
    """An access token, and how many seconds it is good for."""

    value: Secret
    seconds: float


class Source(Protocol):
    """Gives a new token each time it is asked."""

    async def token(self, transport: Transport, at: float) -> Token:
        """A token that is made now, in Unix seconds. Raises `ProviderError`."""
        ...


@dataclass(frozen=True, slots=True)
class ServiceAccountSource:
    """A service account's key, shown to the token endpoint of its file."""

    account: ServiceAccount
    origin: Origin
    path: str

    async def token(self, transport: Transport, at: float) -> Token:
        form = {"grant_type": JWT_BEARER, "assertion": self.account.assertion(SCOPE, at)}
        return _token(await transport.fetch(_posted(self.origin, self.path, form)), at)


@dataclass(frozen=True, slots=True)
class RefreshSource:
    """A person's grant, as `gcloud auth application-default login` keeps it."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    origin: Origin
    path: str

    async def token(self, transport: Transport, at: float) -> Token:
        own = {"client_id": self.client_id, "client_secret": self.client_secret, "refresh_token": self.refresh_token}
        return _token(await transport.fetch(_posted(self.origin, self.path, {"grant_type": "refresh_token", **own})), at)


@dataclass(frozen=True, slots=True)
class MetadataSource:
    """The machine's own service account. Its server is at an address that no upstream may have (`transport/reach.py`), so it is
    asked over connections of its own, which lead nowhere else, and never through a proxy."""

    origin: Origin

    async def token(self, transport: Transport, at: float) -> Token:
        path = f"{TOKEN_PATH}?scopes={quote(SCOPE, safe='')}"
        head = Head("GET", self.origin, path, (ACCEPT, (FLAVOR, "Google"), ("user-agent", "signalbox")))
        reply = await ask_metadata(UpstreamRequest(head, b"", TIMEOUTS))
        if (reply.header(FLAVOR.encode()) or b"").lower() != b"google":
            raise InvalidResponse("the metadata server's answer is not Google's: it has no Metadata-Flavor")
        return _token(reply, at)


async def ask_metadata(request: UpstreamRequest) -> UpstreamReply:
    """The answer to a request that the gateway itself makes of a metadata server. Raises `ProviderError`."""
    own = SlimTransport(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), reach=_Anywhere())
    try:
        return await own.fetch(request)
    finally:
        await own.aclose()


class _Anywhere(Reach):
    """What a metadata server may have for an address: any, for neither clients nor the catalog choose what is asked of it."""

    def refuses(self, host: str, address: str) -> bool:
        return False


def _posted(origin: Origin, path: str, form: dict[str, str]) -> UpstreamRequest:
    return UpstreamRequest(Head("POST", origin, path or "/", FORM), urlencode(form).encode(), TIMEOUTS)


def _token(reply: UpstreamReply, at: float) -> Token:
    """The token of an answer. Raises what any other answer means; no text repeats what was sent."""
    told = _object(reply.body)
    if reply.status != GOOD:
        raise _failure(reply, told, at)
    value, seconds = told.get("access_token"), told.get("expires_in")
    if not isinstance(value, str) or not value or not (value.isascii() and value.isprintable()):
        raise InvalidResponse("the token endpoint's answer has no usable access_token")
    return Token(Secret(value), float(seconds) if isinstance(seconds, int | float) and seconds > 0 else UNTOLD_S)


def _failure(reply: UpstreamReply, told: dict[str, Any], at: float) -> ProviderError:
    words = [told.get("error"), told.get("error_description")]
    said = ": ".join(word for word in words if isinstance(word, str))[:MAX_DETAIL]
    detail, status = f"the token endpoint answered {reply.status} {said}".rstrip(), reply.status
    if status == RATE:
        return RateLimited(detail, retry_after=retry_after_of(reply.headers), upstream_status=status)
    if status == BUSY:
        return Overloaded(detail, retry_after=retry_after_of(reply.headers), upstream_status=status)
    if status >= SERVER:
        return UpstreamFailed(detail, upstream_status=status)
    clock = _clock(reply, at)
    return CredentialError(f"{detail} {clock}".rstrip(), said=clock, upstream_status=status)


def _clock(reply: UpstreamReply, at: float) -> str:
    """What is to be said of the gateway's clock, "" if it is right or nobody can tell."""
    try:
        theirs = parsedate_to_datetime((reply.header(b"date") or b"").decode("latin-1")).timestamp()
    except (ValueError, TypeError):
        return ""
    ahead = at - theirs
    if abs(ahead) < SKEW_S:
        return ""
    return f"The gateway's clock is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the token endpoint's."


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
