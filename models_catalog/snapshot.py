"""What does a request need to know of the catalog? One immutable object, compiled from the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from providers.capabilities import Capability
from providers.types import Target


@dataclass(frozen=True, slots=True)
class Client:
    """The authenticated caller. `models` None means every model; `expires_at` is in seconds since the epoch."""

    id: str
    name: str
    models: frozenset[str] | None = None
    expires_at: float | None = None

    def may_use(self, model: str) -> bool:
        return self.models is None or model in self.models


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often the whole list of targets is tried again after the first pass, and the longest pause, in seconds."""

    num_retries: int = 2
    max_delay_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars for a million tokens; None is unknown."""

    input_per_million: float | None = None
    output_per_million: float | None = None


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One public model. `targets` are in routing order and hold only what can serve the capability; `fallbacks` are
    the names of other models, without repeats. `card` is the model's object in `/v1/models`, as JSON."""

    name: str
    capabilities: frozenset[Capability]
    targets: Mapping[Capability, tuple[Target, ...]]
    fallbacks: tuple[str, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    prices: Prices = field(default_factory=Prices)
    card: bytes = b"{}"


@dataclass(frozen=True, slots=True)
class Problem:
    """A catalog row that was left out, and why. `where` is like "model gpt-4o, route azure"; `path` its admin page; `lost`
    the capability that is left out of a model, while the rest of it is served."""

    where: str
    message: str
    path: str = ""
    lost: Capability | None = None


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """The catalog of one version. `clients` are keyed by the SHA-256 digest of the key."""

    version: int = 0
    clients: Mapping[bytes, Client] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    models: Mapping[str, ModelEntry] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[Problem, ...] = ()
    models_body: bytes = b'{"object":"list","data":[]}'

    def circuits(self) -> set[str]:
        """The names of the circuit breakers of all targets."""
        return set(self.targets())

    def targets(self) -> dict[str, Target]:
        """All targets by the names of their circuit breakers."""
        by_capability = (targets for entry in self.models.values() for targets in entry.targets.values())
        return {target.circuit: target for targets in by_capability for target in targets}
