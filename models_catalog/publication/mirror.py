"""What does the publication say as a whole? Which Redis key holds which client keys and models, and the last good models.

What is said of a client key goes into the database and is not kept: there may be very many. Where it is needed again, the Redis
key is read again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

from django.views.decorators.debug import sensitive_variables

from models_catalog.publication.models import ModelReader, PublishedModel
from models_catalog.publication.names import Kind, kind_of, origin_of
from models_catalog.publication.values import BadValue, Pairs, PublishedKey, Reader, Value

SAME_TIME_S = 1.0
"""What two readings of one expiry may differ by."""
UNSEEN = b""
NO_TEXT = "is neither a text (a string of Redis) nor a hash of JSON texts"


class Found(NamedTuple):
    """A Redis key as it was read. `raw` is None where it holds nothing that can be read; `expires_at` None where it stays."""

    name: bytes
    raw: bytes | None
    expires_at: datetime | None = None


class Told(NamedTuple):
    """What is published of a client key, by which Redis key."""

    origin: str
    expires_at: datetime | None
    key: PublishedKey


class Held(NamedTuple):
    """What is known of a Redis key with client keys: the digest of the bytes that were looked at last, its expiry in seconds, and
    the digests of its client keys."""

    seen: bytes
    expires_at: float | None
    digests: tuple[bytes, ...]


class Tables(NamedTuple):
    """The last good models of a Redis key."""

    origin: str
    seen: bytes
    models: Mapping[str, PublishedModel]


@dataclass(slots=True)
class Touched:
    """What of the catalog may have changed: client keys as they are published now, those that are no longer, origins whose rows
    nobody knows, ids of models; and Redis keys that are to be read again."""

    keys: dict[bytes, Told] = field(default_factory=dict)
    gone: set[bytes] = field(default_factory=set)
    origins: set[str] = field(default_factory=set)
    models: set[str] = field(default_factory=set)
    again: set[bytes] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self.keys) + len(self.gone) + len(self.origins)


class Mirror:
    """Belongs to one thread. `problems` are why the newest values of Redis keys were not taken over, by the keys' names."""

    def __init__(self) -> None:
        self.problems: dict[bytes, str] = {}
        self._keys: dict[bytes, Held] = {}
        self._holder: dict[bytes, bytes] = {}
        self._holders: dict[bytes, set[bytes]] = {}
        self._tables: dict[bytes, Tables] = {}
        self._of_models: defaultdict[str, set[bytes]] = defaultdict(set)
        self._shared: Pairs | None = None
        self._reader, self._models = Reader(), ModelReader()

    def __len__(self) -> int:
        return len(self._keys) + len(self._tables) + (self._shared is not None)

    def names(self) -> set[bytes]:
        """The Redis keys of which something is known."""
        shared = set() if self._shared is None else {Kind.SHARED.encode()}
        return self._keys.keys() | self._tables.keys() | self.problems.keys() | shared

    def origins_held(self) -> set[str]:
        """The origins of values that are bad and of which no good one is known: what the catalog has of them stays."""
        return {origin_of(name) for name in self.problems if name not in self._keys and name not in self._tables}

    def is_held(self, digest: bytes) -> bool:
        """Whether a client key is published."""
        return digest in self._holder

    def model(self, name: str) -> tuple[str, PublishedModel] | None:
        """The origin and the model of that id; of several the one whose Redis key comes last by name."""
        holder = max(self._of_models.get(name, ()), default=None)
        return None if holder is None else (self._tables[holder].origin, self._tables[holder].models[name])

    def models(self) -> set[str]:
        """The ids of all models that are published."""
        return {name for table in self._tables.values() for name in table.models}

    def shared(self) -> Pairs:
        """The names that keys of a certain beginning may send besides their own."""
        return self._shared or ()

    def forget_seen(self) -> None:
        """Client keys are taken over again when they are read next, though nothing has changed: the database may be another."""
        self._keys = {name: held._replace(seen=UNSEEN) for name, held in self._keys.items()}

    def drop(self, names: Iterable[bytes]) -> Touched:
        """The Redis keys are gone."""
        touched = Touched()
        for name in names:
            was_bad = self.problems.pop(name, None) is not None
            kind = kind_of(name)
            if kind is Kind.SHARED:
                self._shared = None
            elif kind is Kind.MODELS:
                self._put_table(name, None, touched)
            elif name in self._keys:
                self._put_keys(name, None, (), touched)
            if was_bad:
                touched.origins.add(origin_of(name))
        return touched

    def take(self, found: Iterable[Found], touched: Touched) -> None:
        """Takes over the values. A bad one leaves what was known, and adds to `problems`."""
        for one in found:
            self._take(one, touched)

    @sensitive_variables()
    def _take(self, found: Found, touched: Touched) -> None:
        name, raw, expires_at = found
        seen = UNSEEN if raw is None else blake2b(raw, digest_size=16).digest()
        old = self._keys.get(name) or self._tables.get(name)
        if old is not None and raw is not None and old.seen == seen and (isinstance(old, Tables) or _same(old, expires_at)):
            self.problems.pop(name, None)
            return
        try:
            if raw is None:
                raise BadValue(NO_TEXT)
            self._put(found, seen, touched)
        except BadValue as error:
            self.problems[name] = str(error)
            return
        if self.problems.pop(name, None) is not None and old is None:
            touched.origins.add(origin_of(name))

    @sensitive_variables()
    def _put(self, found: Found, seen: bytes, touched: Touched) -> None:
        kind = kind_of(found.name)
        value = Value() if kind is None or found.raw is None else self._reader.read(found.name, found.raw, kind)
        if kind is Kind.SHARED:
            self._shared = value.names
        elif kind is Kind.MODELS:
            models = {name: self._models.read(name, table) for name, table in (value.models or {}).items()}
            self._put_table(found.name, Tables(origin_of(found.name), seen, models), touched)
        elif kind is Kind.KEYS:
            expires_at = found.expires_at.timestamp() if found.expires_at else None
            held = Held(seen, expires_at, tuple(bytes.fromhex(key.digest) for key in value.keys))
            told = [Told(origin_of(found.name), found.expires_at, key) for key in value.keys]
            self._put_keys(found.name, held, told, touched)

    def _put_table(self, name: bytes, tables: Tables | None, touched: Touched) -> None:
        old = self._tables.pop(name, None)
        for model in old.models if old else ():
            touched.models.add(model)
            self._of_models[model].discard(name)
            if not self._of_models[model]:
                del self._of_models[model]
        if tables is not None:
            self._tables[name] = tables
            for model in tables.models:
                touched.models.add(model)
                self._of_models[model].add(name)

    def _put_keys(self, name: bytes, held: Held | None, told: Iterable[Told], touched: Touched) -> None:
        old = self._keys.pop(name, None)
        now = held.digests if held else ()
        for digest in old.digests if old else ():
            if digest not in now:
                self._release(digest, name, touched)
        if held is not None:
            self._keys[name] = held
            for digest, one in zip(held.digests, told, strict=True):
                if self._hold(digest, name):
                    touched.keys[digest] = one
                    touched.gone.discard(digest)

    def _hold(self, digest: bytes, name: bytes) -> bool:
        """Whether this Redis key says what the client key is: of several that have it, the last by name does."""
        holder = self._holder.setdefault(digest, name)
        if holder == name:
            return True
        self._holders.setdefault(digest, {holder}).add(name)
        self._holder[digest] = max(holder, name)
        return self._holder[digest] == name

    def _release(self, digest: bytes, name: bytes, touched: Touched) -> None:
        others = self._holders.get(digest, {name}) - {name}
        told = touched.keys.get(digest)
        if told is not None and told.origin == origin_of(name):
            del touched.keys[digest]
        if len(others) > 1:
            self._holders[digest] = others
        else:
            self._holders.pop(digest, None)
        if not others:
            del self._holder[digest]
            touched.gone.add(digest)
        elif self._holder[digest] == name:
            heir = self._holder[digest] = max(others)
            self._keys[heir] = self._keys[heir]._replace(seen=UNSEEN)
            touched.again.add(heir)


def same_time(one: datetime | None, other: datetime | None) -> bool:
    """Whether two readings mean one expiry."""
    if one is None or other is None:
        return one is other
    return abs((one - other).total_seconds()) < SAME_TIME_S


def _same(held: Held, expires_at: datetime | None) -> bool:
    known, now = held.expires_at, expires_at.timestamp() if expires_at else None
    return known is now if known is None or now is None else abs(known - now) < SAME_TIME_S
