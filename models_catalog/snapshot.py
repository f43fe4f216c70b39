"""What does a request need to know of the catalog? One immutable object, compiled from the database."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from types import MappingProxyType
from typing import Any

from models_catalog.bounds import NO_BOUNDS, Bounds
from models_catalog.cache_names import NO_PURGES
from models_catalog.route_groups import Group, groups_of, is_bounded
from models_catalog.tariffs import NO_PRICE_LIST, PriceList
from providers.capabilities import Capability
from providers.types import Target

MODEL_PREFIX = "tensorzero::model_name::"
"""May stand before a name where a client sends one."""
STAR = "*"
"""At the end of a model's name: any name that begins like it."""

FITTING = re.compile(r"[A-Za-z0-9._:@/+=~, -]{0,199}[A-Za-z0-9._:@+=~-]")
"""Names that a pattern may stand for: what they hold becomes part of an upstream address at some providers."""

MOST_KEPT = 1000


def with_rest(upstream_model: str, rest: str) -> str:
    """The upstream model of a pattern for one name; `rest` is what the star stands for."""
    return upstream_model[:-1] + rest if upstream_model.endswith(STAR) else upstream_model


Network = IPv4Network | IPv6Network
NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Owner:
    """Who a key belongs to: names, as they are recorded, and ids; all "" for a key of nobody's."""

    tenant: str = ""
    project: str = ""
    person: str = ""
    tenant_id: str = ""
    project_id: str = ""
    person_id: str = ""


NOBODY = Owner()


@dataclass(frozen=True, slots=True)
class Client:
    """The authenticated caller. `models` None means every model, `prefixes` are those of the names in it that end in a star;
    `expires_at` is in seconds since the epoch; `record_bodies` allows that what is said is recorded.

    `hashed_with` is what stands before the key where its digest is taken; `published` says that it comes from another program.

    `owner` is who the key belongs to; `bounds` are the rules of the key and of its owner. `lineage` is the id under which it is
    counted, that of the first of the keys that have replaced each other. `aliases` are names that it may send for models;
    `networks` are where it may be used from, None from everywhere; `max_wait_s` is how long its requests may wait for a limit;
    `ends_streams` says that its running answers end with the key; `labels` are recorded with its requests.
    """

    id: str
    name: str
    models: frozenset[str] | None = None
    expires_at: float | None = None
    prefixes: tuple[str, ...] = ()
    record_bodies: bool = False
    owner: Owner = NOBODY
    bounds: Bounds = NO_BOUNDS
    lineage: str = ""
    aliases: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    networks: tuple[Network, ...] | None = None
    max_wait_s: float = 0.0
    ends_streams: bool = False
    labels: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    hashed_with: bytes = b""
    published: bool = False

    def __post_init__(self) -> None:
        if not self.lineage:
            object.__setattr__(self, "lineage", self.id)

    def meant(self, name: str) -> str:
        """The name of the model that the client means by a name, which may have the prefix."""
        return self.aliases.get(name) or self.aliases.get(name.removeprefix(MODEL_PREFIX)) or name

    def may_say(self, name: str) -> bool:
        """Whether it may send the name: a published client only those that are published with it."""
        return not self.published or name in self.aliases or name.removeprefix(MODEL_PREFIX) in self.aliases

    def may_use(self, model: str) -> bool:
        return self.models is None or model in self.models or model.startswith(self.prefixes)


class ClientsById(Mapping[bytes, Client]):
    """Clients by the digests of their keys, which can be found by their ids, too."""

    @abstractmethod
    def of_id(self, client_id: str) -> Client | None:
        """The client in force with that id."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often the whole list of targets is tried again after the first pass, and the longest pause, in seconds."""

    num_retries: int = 2
    max_delay_s: float = 10.0


class Strategy(StrEnum):
    """Which of several routes takes the next request."""

    ORDERED = "ordered"
    WEIGHTED = "weighted"
    LEAST_BUSY = "least_busy"
    FASTEST = "fastest"
    CHEAPEST = "cheapest"


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What is done with the cache where a request does not say it. `joins` lets equal requests share a running call."""

    reads: bool = False
    writes: bool = False
    max_age_s: float | None = None
    joins: bool = False


NO_CACHE = CacheUse()


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """One public model. `targets` are in routing order and hold only what can serve the capability; `fallbacks` are
    the names of other models, without repeats. `card` is the model's object in `/v1/models`, as JSON. `pattern` is the name of
    the model by which this one name was found, "" if that is a model of its own. `most_output_tokens` is what an answer is
    expected to have at most where the request does not say it. `groups` are the targets of a capability that has some that share;
    `watched` says that it is counted what is asked of its targets, since they share or have limits of their own."""

    name: str
    capabilities: frozenset[Capability]
    targets: Mapping[Capability, tuple[Target, ...]]
    fallbacks: tuple[str, ...] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    prices: PriceList = NO_PRICE_LIST
    card: bytes = b"{}"
    pattern: str = ""
    strategy: Strategy = Strategy.ORDERED
    affinity: bool = True
    cache: CacheUse = NO_CACHE
    most_output_tokens: int | None = None
    groups: Mapping[Capability, tuple[Group, ...]] = field(init=False, repr=False, compare=False)
    watched: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        groups = groups_of(self.targets)
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "watched", bool(groups) or is_bounded(self.targets.values()))


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


class SharedNames:
    """Names that all published keys of one beginning may send besides their own, with the models that they mean. Belongs to the
    event loop."""

    BEGINNING = b"bud_client"

    def __init__(self, names: Mapping[str, str] = NOTHING) -> None:
        self.names = names
        self._models = frozenset(names.values())
        self._widened: dict[str, tuple[Client, Client]] = {}

    def widened(self, client: Client, key: bytes) -> Client:
        """The client of that key with these names over its own. The latest thousand are kept."""
        if not self.names or not client.published or not key.startswith(self.BEGINNING):
            return client
        before, after = self._widened.get(client.id, (None, client))
        if before is not client:
            models = None if client.models is None else client.models | self._models
            after = replace(client, aliases={**client.aliases, **self.names}, models=models)
            if len(self._widened) >= MOST_KEPT:
                del self._widened[next(iter(self._widened))]
            self._widened[client.id] = client, after
        return after


@dataclass(frozen=True, slots=True)
class HookEntry:
    """A hook of the catalog. `options` are those that are given, secrets among them as `Secret`. `models` are names, a * at the
    end of one standing for any rest, () for all; `keys` the ids of client keys, None for all. What is None of the rest, the
    hook's type says. `path` is its admin page."""

    id: str
    name: str
    type: str
    options: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    models: tuple[str, ...] = ()
    keys: frozenset[str] | None = None
    fail_open: bool | None = None
    time_limit_s: float | None = None
    path: str = ""


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
    """The catalog of one version. `clients` are keyed by the SHA-256 digest of the key (and of what it is `hashed_with`),
    `models` by name; those whose names end in a star are in `wildcards`, `hooks` in the order in which they run. `version` rises
    with every write, `routing_version` with those of more than client keys. `model_bounds` are the rules of models, by their
    names; `purges` how often what is cached of a model, tenant or key has been purged, by names like "model:gpt-4o"."""

    version: int = 0
    routing_version: int = 0
    clients: Mapping[bytes, Client] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    model_bounds: Mapping[str, Bounds] = field(default_factory=lambda: MappingProxyType({}))
    purges: Mapping[str, int] = field(default_factory=lambda: NO_PURGES)
    models: Mapping[str, ModelEntry] = field(default_factory=lambda: MappingProxyType({}))
    problems: tuple[Problem, ...] = ()
    models_body: bytes = b'{"object":"list","data":[]}'
    wildcards: Wildcards = field(default_factory=Wildcards, repr=False)
    hooks: tuple[HookEntry, ...] = ()
    shared: SharedNames = field(default_factory=SharedNames, repr=False)

    def client(self, client_id: str) -> Client | None:
        """The client in force with that id."""
        if isinstance(self.clients, ClientsById):
            return self.clients.of_id(client_id)
        return next((client for client in self.clients.values() if client.id == client_id), None)

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

    def routes(self) -> dict[str, tuple[ModelEntry, Target]]:
        """A target of each route, those of patterns included, with its model, by its id."""
        listed = ((entry, target) for entry in self.entries() for targets in entry.targets.values() for target in targets)
        return {target.id: (entry, target) for entry, target in listed}
