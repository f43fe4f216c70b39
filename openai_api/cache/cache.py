"""What do requests ask of the cache? Whether one of their targets has answered the same before, and to keep what is said now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from time import time

from models_catalog.cache_names import ALL, NO_PURGES, of_key, of_model, of_tenant
from models_catalog.snapshot import CacheUse, CatalogSnapshot, Client, ModelEntry
from openai_api.cache.entry import Entry, Owned, Said, entry_of, made_entry
from openai_api.cache.joining import Flight, Shared
from openai_api.cache.key import marks, request_key, target_key
from openai_api.cache.known import KnownPlaces, as_said
from openai_api.cache.place import Place
from openai_api.cache.store import Store
from providers.offload import LARGE, offload
from providers.types import Call, Reply, Target

DEFAULT_AGE_S = 24 * 3600.0
MOST_ANSWER_BYTES = 4 * 1024**2
AT_ONCE = 64 * 1024
"""Bytes of an answer that is kept before anybody else has a turn: it takes less than a millisecond."""


class Cache:
    """The cache of a process over its store. `secret` keys the hashes; `max_age_s` is how long answers are given again where
    neither the model nor the request says it; an answer of more than `most_answer_bytes` is not kept. `flights` are the calls
    that equal requests may join, by the keys of requests."""

    def __init__(
        self, store: Store, secret: bytes, max_age_s: float = DEFAULT_AGE_S, most_answer_bytes: int = MOST_ANSWER_BYTES
    ) -> None:
        self.store = store
        self.most_answer_bytes = most_answer_bytes
        self.hits = self.misses = self.joined = self.purged = 0
        self.flights: dict[bytes, Flight] = {}
        self._secret = secret
        self._max_age_s = max_age_s
        self._purges: Mapping[str, int] = NO_PURGES
        self._known = KnownPlaces()
        self._writing: set[asyncio.Task[None]] = set()
        self._streams: set[Shared] = set()

    async def places(
        self, call: Call, client: Client, catalog: CatalogSnapshot, targets: Sequence[tuple[ModelEntry, Target]]
    ) -> tuple[bytes, Sequence[Place]]:
        """The key of the request, and where the answer of each target is kept. Raises `Unkeyed`."""
        self.take(catalog)
        said = as_said(call, client, targets) if len(call.body) <= LARGE else None
        known = self._known.get(catalog, said)
        if known is not None:
            return known
        request = await offload(len(call.body), request_key, self._secret, call, client, catalog)
        found = request, [self._place(request, client, catalog, leg, target) for leg, target in targets]
        self._known.put(catalog, said, found)
        return found

    def _place(self, request: bytes, client: Client, catalog: CatalogSnapshot, leg: ModelEntry, target: Target) -> Place:
        marked = marks(client.owner.tenant_id, client.lineage, leg.pattern or leg.name)
        return Place(leg, target, marked + target_key(self._secret, request, leg, target, catalog).hex())

    async def find(self, places: Sequence[Place], use: CacheUse) -> tuple[Place, Entry] | None:
        """The answer of the first target that has one, if that is not too old."""
        oldest = time() - (self._max_age_s if use.max_age_s is None else use.max_age_s)
        found = await self.store.get([place.key for place in places])
        for place, entry in zip(places, found, strict=True):
            if entry is not None and entry.at > oldest:
                self.hits += 1
                return place, entry
        self.misses += 1
        return None

    def fly(self, request: bytes) -> Flight:
        """A call that equal requests may join from now on, until it has ended."""
        flight = self.flights[request] = Flight(partial(self.flights.pop, request, None))
        return flight

    def keep(self, place: Place, call: Call, client: Client, answer: Reply | Said) -> None:
        """Keeps what a target has said, soon, unless it is too much."""
        size = len(answer.body) if isinstance(answer, Reply) else answer.size
        if size <= AT_ONCE:
            self.put(place, made_entry(call, owned(place, client), answer))
        elif size <= self.most_answer_bytes:
            task = asyncio.get_running_loop().create_task(self._keep(place, call, client, answer), name="cache-write")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    def share(self, shared: Shared) -> None:
        """Ends the stream with the process, if it lasts so long."""
        self._streams.add(shared)
        shared.task.add_done_callback(lambda _: self._streams.discard(shared))

    def put(self, place: Place, entry: Entry) -> None:
        """Keeps an entry."""
        age = place.leg.cache.max_age_s
        self.store.put(place.key, entry, self._max_age_s if age is None else age)

    async def _keep(self, place: Place, call: Call, client: Client, answer: Reply | Said) -> None:
        self.put(place, await entry_of(call, owned(place, client), answer))

    def take(self, catalog: CatalogSnapshot) -> None:
        """Drops what a newer catalog says is purged. Its keys are others already: this only frees what they hold."""
        if catalog.purges is self._purges:
            return
        before, self._purges = self._purges, catalog.purges
        fresh = {name for name, count in catalog.purges.items() if before.get(name) != count}
        if fresh:
            self.purged += self.store.forget(lambda entry: not fresh.isdisjoint(_names(entry)))

    def counters(self) -> Iterator[tuple[str, float]]:
        """What is told of it, by the names of metrics. For any thread."""
        store = self.store
        yield "cache_hits_total", self.hits
        yield "cache_misses_total", self.misses
        yield "cache_joined_total", self.joined
        yield "cache_purged_total", self.purged
        yield "cache_evictions_total", store.evictions
        yield "cache_failures_total", store.failures
        yield "cache_entries", len(store)
        yield "cache_bytes", store.bytes

    async def stop(self) -> None:
        """Ends what is under way."""
        for shared in self._streams:
            shared.task.cancel()
        await asyncio.gather(*self._writing, *(shared.task for shared in self._streams), return_exceptions=True)
        await self.store.stop()


def owned(place: Place, client: Client) -> Owned:
    """Whose the answer kept there is."""
    return Owned(place.leg.pattern or place.leg.name, client.owner.tenant_id, client.lineage)


def _names(entry: Entry) -> tuple[str, ...]:
    return ALL, of_model(entry.model), of_tenant(entry.tenant), of_key(entry.key)
