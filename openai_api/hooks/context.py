"""What does a hook know of the request beside its body?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from models_catalog.snapshot import Client
from openai_api.recording.events import Record
from providers.capabilities import Capability
from providers.types import Secret, Wire

SECRET_HEADERS = frozenset(
    {
        b"authorization",
        b"proxy-authorization",
        b"cookie",
        b"set-cookie",
        b"x-api-key",
        b"api-key",
        b"x-goog-api-key",
        b"x-auth-token",
        b"x-access-token",
        b"x-amz-security-token",
        b"x-csrf-token",
        b"www-authenticate",
        b"sec-websocket-protocol",
    }
)
"""Headers that may carry credentials. Only an `AuthenticationHook` sees them, and as secrets."""


AskModel = Callable[[Capability, Wire, Mapping[str, Any]], Awaitable[bytes]]


class HookContext:
    """One request. `state` is the hooks' own: what one puts there, all of them find. `tags` may be added to.

    `record` is what will be told of the request; the fields that hooks may set are those that this class has setters for.
    """

    __slots__ = ("_raw", "_shown", "asking", "client", "peer", "record", "state", "wire")

    def __init__(
        self, record: Record, headers: Mapping[bytes, bytes], client: Client, peer: str, wire: Wire | None = None
    ) -> None:
        self.record = record
        self.client = client
        self.peer = peer
        self.wire = wire
        self.state: dict[str, Any] = {}
        self.asking: AskModel | None = None
        self._raw = headers
        self._shown: Mapping[str, str] | None = None

    async def ask(self, capability: Capability, wire: Wire, body: Mapping[str, Any]) -> bytes:
        """The whole answer of the model that the body names, for the hook's own use. Raises `ApiError`.

        It is asked as a client would ask it, by routes, retries, fallbacks and limits, and has a record of its own. Hooks do not
        see it, and the client's key need not be allowed to use that model. There is nobody to ask before the client's own model
        is known: in `authenticate`, and in `on_error` perhaps.
        """
        if self.asking is None:
            raise RuntimeError("models can be asked from before_request on")
        return await self.asking(capability, wire, body)

    @property
    def request_id(self) -> str:
        return self.record.request_id

    @property
    def method(self) -> str:
        return self.record.method

    @property
    def path(self) -> str:
        return self.record.path

    @property
    def model(self) -> str:
        """The public name that the client asked for, "" as long as it is not known."""
        return self.record.model or ""

    @property
    def stream(self) -> bool:
        """Whether the client asked for a stream."""
        return self.record.stream

    @property
    def tenant(self) -> str:
        return self.record.tenant

    @property
    def session_id(self) -> str:
        """ "" where the request belongs to no session, or sessions are off."""
        return self.record.session

    @property
    def agent_id(self) -> str:
        return self.record.agent

    @property
    def tags(self) -> dict[str, str]:
        """The tags of the request. A tag that is set here is recorded with it."""
        return self.record.tags

    @property
    def headers(self) -> Mapping[str, str]:
        """The client's headers, names in lower case, without those that carry credentials."""
        if self._shown is None:
            self._shown = shown_headers(self._raw)
        return self._shown


def shown_headers(headers: Mapping[bytes, bytes]) -> Mapping[str, str]:
    """The headers as texts, without those that carry credentials."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in headers.items() if name not in SECRET_HEADERS}


class Credentials:
    """What the client has sent to say who it is. `keys` are the different keys, in whatever header they came."""

    __slots__ = ("_headers", "keys")

    def __init__(self, keys: tuple[Secret, ...], headers: Mapping[bytes, bytes]) -> None:
        self.keys = keys
        self._headers = headers

    @property
    def authorization(self) -> Secret | None:
        """The whole value of the header `Authorization`, with its scheme."""
        return self.header("authorization")

    def header(self, name: str) -> Secret | None:
        """Any header's value."""
        value = self._headers.get(name.lower().encode("latin-1", "replace"))
        return None if value is None else Secret(value.decode("latin-1"))
