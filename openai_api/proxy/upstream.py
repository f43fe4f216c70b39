"""Where does the proxy pass requests on to? One address, and the key that is sent where a client brings none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from openai_api.errors import ApiError, invalid
from openai_api.proxy.headers import Pairs, has_credentials, sent_up
from providers.capabilities import Capability
from providers.errors import ConfigurationError
from providers.http_vendor import origin_of
from providers.protocols import serving
from providers.transport import Head, Origin, UpstreamRequest
from providers.types import Adapter, Credential, Secret, Target, TargetConfig, TargetTimeouts, Wire

IDENTITY = (b"accept-encoding", b"identity")


class Kind(StrEnum):
    """Whose API the upstream has. It says how a key is sent, and how errors of our own look where the path does not tell."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"


class _Passed:
    """Stands where other targets have an adapter: nothing is adapted."""

    def __init__(self, config: TargetConfig) -> None:
        self.config = config


@dataclass(frozen=True, slots=True)
class Upstream:
    """The one upstream. `prefix` is the path of its address, without a slash at its end; `key` is sent with requests that have no
    credentials of their own."""

    kind: Kind
    base_url: str
    origin: Origin
    prefix: str
    timeouts: TargetTimeouts
    key: Secret | None = field(default=None, repr=False)

    @classmethod
    def of(cls, base_url: str, kind: Kind, key: Secret | None = None, timeouts: TargetTimeouts | None = None) -> Upstream:
        """The upstream at that address. Raises `ConfigurationError`."""
        origin, prefix, query = origin_of(base_url, "The proxy")
        if query:
            raise ConfigurationError("base_url", f"{base_url!r} has a query")
        if key and not (key.reveal().isascii() and key.reveal().isprintable()):
            raise ConfigurationError("api_key", "the key contains a character that HTTP does not allow")
        return cls(kind, base_url.rstrip("/"), origin, prefix, timeouts or TargetTimeouts.of(), key)

    def request(
        self, method: str, path: str, query: bytes, headers: Iterable[tuple[bytes, bytes]], body: bytes, *, streamed: bool = False
    ) -> UpstreamRequest:
        """A client's request as it is passed on; `path` as it came, percent-encoded. Raises 400 `invalid_path`."""
        pairs = tuple(headers)
        whole = self.prefix + path + (f"?{query.decode('latin-1')}" if query else "")
        try:
            head = Head("GET" if method == "HEAD" else method, self.origin, whole, ())
        except ValueError:
            raise _invalid_path() from None
        up: Pairs = (*sent_up(pairs), IDENTITY)
        if self.key and not has_credentials(pairs):
            up = (*up, self._authentication(self.key.reveal().encode("ascii")))
        return UpstreamRequest(head, body, self.timeouts.when(streamed=streamed), up)

    def target(self) -> Target:
        """The upstream as the catalog has it: a target that takes every format."""
        name = str(self.kind)
        config = TargetConfig(
            id="proxy",
            provider=name,
            provider_type=name,
            upstream_model="",
            api_base=self.base_url,
            credential=Credential(secret=self.key),
            timeouts=self.timeouts,
        )
        adapter: Adapter = _Passed(config)
        wires = {capability: of for capability, of in serving(tuple(Wire)).items() if capability in tuple(Capability)}
        return Target("proxy", "proxy", "", name, "", self.timeouts, adapter, wires)

    def _authentication(self, key: bytes) -> tuple[bytes, bytes]:
        return (b"x-api-key", key) if self.kind is Kind.ANTHROPIC else (b"authorization", b"Bearer " + key)


def _invalid_path() -> ApiError:
    return invalid("invalid_path", "The path contains a character that HTTP does not allow.")
