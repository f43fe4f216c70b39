"""What does a request need to know of the catalog? One immutable object, compiled from the database."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from providers.capabilities import Capability
from providers.types import Target

STAR = "*"
"""At the end of a model's name: any name that begins like it."""

FITTING = re.compile(r"[A-Za-z0-9._:@/+=~, -]{0,199}[A-Za-z0-9._:@+=~-]")
"""Names that a pattern may stand for: what they hold becomes part of an upstream address at some providers."""

MOST_KEPT = 1000


def with_rest(upstream_model: str, rest: str) -> str:
    """The upstream model of a pattern for one name; `rest` is what the star stands for."""
    return upstream_model[:-1] + rest if upstream_model.endswith(STAR) else upstream_model


@dataclass(frozen=True, slots=True)
class Client:
    """The authenticated caller. `models` None means every model, `prefixes` are those of the names in it that end in a star;
    `expires_at` is in seconds since the epoch; `record_bodies` allows that what is said is recorded."""

    id: str
    name: str
    models: frozenset[str] | None = None
    expires_at: float | None = None
    prefixes: tuple[str, ...] = ()
    record_bodies: bool = False

    def may_use(self, model: str) -> bool:
        return self.models is None or model in self.models or model.startswith(self.prefixes)


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
    the names of other models, without repeats. `card` is the model's object in `/v1/models`, as JSON. `pattern` is the name of
    the model by which this one name was found, "" if that is a model of its own."""

    name: str
    capabilities: frozenset[Capability]
    targets: Mapping[Capability, tuple[Target, ...]]
    fallbacks: tuple[str, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    prices: Prices = field(default_factory=Prices)
    card: bytes = b"{}"
    pattern: str = ""


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A model whose name ends in a star: any name that begins with `prefix`. `entry` is the model itself, which is listed and
    never called; `build` makes the entry of one name, or None if nothing can serve it."""

    prefix: str
    entry: ModelEntry
    build: Callable[[str], ModelEntry | None] = field(repr=False)


class Wildcards:
    """Finds the entry of a name that no model has. The longest prefix wins. `names` are those of all rows of the catalog: a
    model that is switched off or cannot be served is not served by a pattern. Belongs to the event loop."""

    def __init__(self, patterns: Iterable[Wildcard] = (), names: Collection[str] = ()) -> None:
        self.patterns = tuple(sorted(patterns, key=lambda pattern: -len(pattern.prefix)))
        self._names = names
        self._off = tuple(name[:-1] for name in names if name.endswith(STAR))
        self._found: dict[str, ModelEntry] = {}

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def find(self, name: str) -> ModelEntry | None:
        """The entry of the name; made when it is first asked for. The latest thousand are kept."""
        entry = self._found.get(name)
        if entry is None and name not in self._names and FITTING.fullmatch(name) and ".." not in name:
            entry = self._made(name)
            if entry is not None:
                if len(self._found) >= MOST_KEPT:
                    del self._found[next(iter(self._found))]
                self._found[name] = entry
        return entry

    def _made(self, name: str) -> ModelEntry | None:
        pattern = next((known for known in self.patterns if name.startswith(known.prefix)), None)
        if pattern is None or any(name.startswith(prefix) and len(prefix) > len(pattern.prefix) for prefix in self._off):
            return None
        return pattern.build(name)


@dataclass(frozen=True, slots=True)
class Problem:
    """A catalog row that was left out, and why. `where` is like "model gpt-4o, route azure"; `path` its admin page; `lost`
    the capability that is left out of a model, while the rest of it is served; `harmless` says that nothing is left out."""

    where: str
    message: str
    path: str = ""
    lost: Capability | None = None
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class CatalogSnapshot:
    """The catalog of one version. `clients` are keyed by the SHA-256 digest of the key, `models` by name; those whose names end
    in a star are in `wildcards`. `version` rises with every write, `routing_version` with those of more than client keys."""

    version: int = 0
    routing_version: int = 0
    clients: Mapping[bytes, Client] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    models: Mapping[str, ModelEntry] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[Problem, ...] = ()
    models_body: bytes = b'{"object":"list","data":[]}'
    wildcards: Wildcards = field(default_factory=Wildcards, repr=False)

    def entries(self) -> Iterator[ModelEntry]:
        """All models, and then the patterns."""
        yield from self.models.values()
        yield from (pattern.entry for pattern in self.wildcards.patterns)

    def entry(self, name: str) -> ModelEntry | None:
        """The model or the pattern of exactly this name."""
        return self.models.get(name) or next((found for found in self.entries() if found.name == name), None)

    def chain(self, entry: ModelEntry, capability: Capability) -> Iterator[ModelEntry]:
        """The model and then its fallback models, depth first, each once, as far as they have the capability."""
        seen: set[str] = set()
        waiting = [entry.name]
        while waiting:
            name = waiting.pop(0)
            found = entry if name == entry.name else self.models.get(name)
            if name in seen or found is None:
                continue
            seen.add(name)
            waiting[:0] = found.fallbacks
            if capability in found.targets:
                yield found

    def circuits(self) -> set[str]:
        """The names of the circuit breakers of all targets."""
        return set(self.targets())

    def targets(self) -> dict[str, Target]:
        """All targets by the names of their circuit breakers."""
        by_capability = (targets for entry in self.models.values() for targets in entry.targets.values())
        return {target.circuit: target for targets in by_capability for target in targets}
