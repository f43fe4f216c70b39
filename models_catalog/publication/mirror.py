"""What does the publication say as a whole? The last good value of each Redis key, and what of the catalog each holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import blake2b

from django.views.decorators.debug import sensitive_variables

from models_catalog.publication.models import ModelReader, PublishedModel
from models_catalog.publication.names import Kind, kind_of, origin_of
from models_catalog.publication.values import BadValue, Pairs, PublishedKey, Reader

SAME_TIME = timedelta(seconds=1)
"""What two readings of one expiry may differ by."""


Holders = defaultdict[str, set[bytes]]
"""Which Redis keys hold what, by its digest or id."""


@dataclass(frozen=True, slots=True)
class Found:
    """A Redis key as it was read. `raw` is None where it holds no text; `expires_at` None where it stays."""

    name: bytes
    raw: bytes | None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The last good value of a Redis key; `seen` is the digest of the bytes that were looked at last."""

    origin: str
    seen: bytes
    expires_at: datetime | None
    keys: tuple[PublishedKey, ...] = ()
    models: Mapping[str, PublishedModel] = field(default_factory=dict)
    names: Pairs = ()


@dataclass(slots=True)
class Touched:
    """What of the catalog may have changed: digests of client keys, and ids of models."""

    keys: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)

    def add(self, entry: Entry) -> None:
        self.keys.update(key.digest for key in entry.keys)
        self.models.update(entry.models)


class Mirror:
    """Belongs to one thread. `problems` are why the newest values of Redis keys were not taken over, by the keys' names."""

    def __init__(self) -> None:
        self.problems: dict[bytes, str] = {}
        self._entries: dict[bytes, Entry] = {}
        self._of_keys: Holders = defaultdict(set)
        self._of_models: Holders = defaultdict(set)
        self._reader, self._models = Reader(), ModelReader()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> Iterable[bytes]:
        """The Redis keys of which something is known."""
        return self._entries.keys() | self.problems.keys()

    def origins_held(self) -> set[str]:
        """The origins of values that are bad and of which no good one is known: what the catalog has of them stays."""
        return {origin_of(name) for name in self.problems if name not in self._entries}

    def key(self, digest: str) -> tuple[Entry, PublishedKey] | None:
        """The client key of that digest; of several the one whose Redis key comes last by name."""
        holder = max(self._of_keys.get(digest, ()), default=None)
        if holder is None:
            return None
        entry = self._entries[holder]
        return entry, next(key for key in entry.keys if key.digest == digest)

    def model(self, name: str) -> tuple[Entry, PublishedModel] | None:
        """The model of that id; of several the one whose Redis key comes last by name."""
        holder = max(self._of_models.get(name, ()), default=None)
        return None if holder is None else (self._entries[holder], self._entries[holder].models[name])

    def all(self) -> Touched:
        """Everything that is published."""
        found = Touched()
        for entry in self._entries.values():
            found.add(entry)
        return found

    def shared(self) -> Pairs:
        """The names that keys of a certain beginning may send besides their own."""
        return self._entries[Kind.SHARED.encode()].names if Kind.SHARED.encode() in self._entries else ()

    def drop(self, names: Iterable[bytes]) -> Touched:
        """The Redis keys are gone."""
        touched = Touched()
        for name in names:
            self.problems.pop(name, None)
            self._put(name, None, touched)
        return touched

    def take(self, found: Iterable[Found]) -> Touched:
        """Takes over the values. A bad one leaves what was known, and adds to `problems`."""
        touched = Touched()
        for one in found:
            self._take(one, touched)
        return touched

    @sensitive_variables()
    def _take(self, found: Found, touched: Touched) -> None:
        old = self._entries.get(found.name)
        seen = blake2b(found.raw or b"", digest_size=16).digest()
        if old is not None and old.seen == seen and found.raw is not None:
            self.problems.pop(found.name, None)
            if not same_time(old.expires_at, found.expires_at):
                self._put(found.name, replace(old, expires_at=found.expires_at), touched)
            return
        try:
            entry = self._read(found, seen)
        except BadValue as error:
            self.problems[found.name] = str(error)
        else:
            self.problems.pop(found.name, None)
            self._put(found.name, entry, touched)

    @sensitive_variables()
    def _read(self, found: Found, seen: bytes) -> Entry:
        kind = kind_of(found.name)
        if found.raw is None or kind is None:
            raise BadValue("is not a text (a string of Redis)")
        value = self._reader.read(found.name, found.raw, kind)
        models = {name: self._models.read(name, table) for name, table in (value.models or {}).items()}
        return Entry(origin_of(found.name), seen, found.expires_at, value.keys, models, value.names)

    def _put(self, name: bytes, entry: Entry | None, touched: Touched) -> None:
        old = self._entries.pop(name, None)
        if old is not None:
            touched.add(old)
            for holders, held in self._held(old):
                holders[held].discard(name)
                if not holders[held]:
                    del holders[held]
        if entry is not None:
            touched.add(entry)
            self._entries[name] = entry
            for holders, held in self._held(entry):
                holders[held].add(name)

    def _held(self, entry: Entry) -> Iterator[tuple[Holders, str]]:
        yield from ((self._of_keys, key.digest) for key in entry.keys)
        yield from ((self._of_models, name) for name in entry.models)


def same_time(one: datetime | None, other: datetime | None) -> bool:
    """Whether two readings mean one expiry."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < SAME_TIME
