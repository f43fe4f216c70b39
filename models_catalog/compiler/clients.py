"""What is made of client keys? The callers by the digest of their key, each when it is first asked for.

There may be very many keys. A snapshot shares their rows with the one before it; what is decided for many keys together, whose
they are and what they may use, is made anew when one of that changes, whatever number of keys there is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from models_catalog.compiler.bounds import BoundsOf
from models_catalog.compiler.key_tables import KeyRow, KeyRows
from models_catalog.compiler.layers import Layers, in_slices
from models_catalog.compiler.owners import Owners, granted
from models_catalog.compiler.problems import Problems
from models_catalog.compiler.tables import Key
from models_catalog.models import ClientKey
from models_catalog.rule_validation import networks_of
from models_catalog.snapshot import NOTHING, STAR, Client, ClientsById

CLIENT_KEY = "client key "
"""How the places of its problems begin."""
OF_KEYS = (CLIENT_KEY, "limit ", "budget ", "publication ")
"""How the places of problems begin that go with the client keys."""
MOST_BUILT = 20_000
MOST_TOLD = 100
"""Keys of which a problem is told one by one."""
DAMAGED = "Skipped: its stored hash is not a SHA-256."
NO_MODELS = "It may use no model: none that it was given, or that its project allows, is there. Its requests are refused."
ALL_OFF = "It may use only models that are switched off: {}. Its requests are refused."
MOST_NAMED = 5
_ID, _NAME, _CHOSEN, _PROJECT, _ALIASES, _PUBLISHED = (
    KeyRow._fields.index(name) for name in ("id", "name", "chosen", "project", "aliases", "published")
)


class Clients(ClientsById):
    """The clients in force. Those whose tenant, project or person is switched off are not among them."""

    def __init__(self, rows: KeyRows, before: Clients | None = None) -> None:
        self.rows = rows
        self.held: Layers[Key, tuple[Any, ...]] = rows.keys.rows
        self.owners: Owners = _owners(rows, before)
        self.bounds: BoundsOf = _bounds(rows, before)
        alike = before if before is not None and self.owners is before.owners else None
        self.digests, self.troubles = self._ids(before), self._wrong(before)
        self.built: dict[bytes, Client] = {}
        if alike is not None and self.bounds is alike.bounds and rows.keys.keys is not None:
            self.built = {**alike.built}
            for key in rows.keys.keys:
                if isinstance(key, bytes):
                    self.built.pop(key, None)

    # What requests ask

    def __getitem__(self, digest: bytes) -> Client:
        client = self.built.get(digest) or self._client(digest)
        if client is None:
            raise KeyError(digest)
        return client

    def __contains__(self, digest: object) -> bool:
        return isinstance(digest, bytes) and self.get(digest) is not None

    def __iter__(self) -> Iterator[bytes]:
        return (digest for digest in self.held if isinstance(digest, bytes) and self._client(digest, keep=False) is not None)

    def __len__(self) -> int:
        return len(self.held)

    def of_id(self, client_id: str) -> Client | None:
        digest = self.digests.get(client_id)
        return None if digest is None else self.get(digest)

    def _client(self, digest: bytes, *, keep: bool = True) -> Client | None:
        row = self.held.get(digest)
        client = None if row is None else self._made(KeyRow(*row))
        if client is not None and keep:
            if len(self.built) >= MOST_BUILT:
                self.built.clear()
            self.built[digest] = client
        return client

    def _made(self, row: KeyRow) -> Client | None:
        owner = self.owners.owner(row.project, row.person)
        if owner is None:
            return None
        allowed = self.owners.models(row.project, row.chosen)
        lineage = row.lineage or row.id
        subjects = (("key", lineage), ("person", owner.person_id), ("project", owner.project_id), ("tenant", owner.tenant_id))
        return Client(
            id=row.id,
            name=row.name,
            models=allowed,
            expires_at=row.expires_at,
            prefixes=tuple(name[:-1] for name in allowed or () if name.endswith(STAR)),
            record_bodies=row.record_bodies,
            owner=owner,
            bounds=self.bounds.of(*subjects),
            lineage=lineage,
            aliases=self.owners.aliases(row.project, row.aliases),
            networks=networks_of(list(row.networks)) if row.networks else None,
            max_wait_s=row.max_wait_s,
            ends_streams=row.ends_streams,
            labels=dict(row.labels) if row.labels else NOTHING,
            hashed_with=row.hash_prefix.encode(),
            published=row.published,
        )

    # What the operator is told

    def report(self, problems: Problems) -> None:
        """Tells of keys that nothing can be done with, up to a number, and of rules that are left out."""
        self.bounds.report(problems)
        for key in list(self.troubles)[:MOST_TOLD]:
            row, (message, harmless) = self.held[key], self.troubles[key]
            problems.report(CLIENT_KEY + row[_NAME], message, ClientKey(pk=row[_ID]), harmless=harmless)
        if len(self.troubles) > MOST_TOLD:
            text = f"{len(self.troubles) - MOST_TOLD} more have problems like these."
            problems.report(CLIENT_KEY + "…", text, ClientKey(), harmless=True)

    def _ids(self, before: Clients | None) -> Layers[str, bytes]:
        """The digests of keys by their ids."""
        changed = self.rows.keys.keys
        if before is None or changed is None:
            return Layers({row[_ID]: key for key, row in in_slices(self.held.items()) if isinstance(key, bytes)})
        changes: dict[str, bytes | None] = {}
        for key in changed:
            old, row = before.held.get(key), self.held.get(key)
            if old is not None and before.digests.get(old[_ID]) == key:
                changes.setdefault(old[_ID], None)
            if row is not None and isinstance(key, bytes):
                changes[row[_ID]] = key
        return before.digests.changed(changes)

    def _wrong(self, before: Clients | None) -> dict[Key, tuple[str, bool]]:
        """What is wrong with which key."""
        changed = self.rows.keys.keys
        same = before is not None and self.owners is before.owners and self.rows.on == before.rows.on
        known = same and changed is not None
        troubles = dict(before.troubles) if before is not None and known else {}
        for key in changed if known and changed is not None else in_slices(self.held):
            row = self.held.get(key)
            troubles.pop(key, None)
            if row is not None and (trouble := trouble_of(key, row, self.owners, self.rows.on)):
                troubles[key] = trouble
        return troubles


def trouble_of(key: Key, row: tuple[Any, ...], owners: Owners, on: frozenset[str]) -> tuple[str, bool] | None:
    """What is wrong with a key, and whether it is served nevertheless; None if nothing is. `on` are the names of models that are
    switched on."""
    if not isinstance(key, bytes):
        return DAMAGED, False
    if row[_CHOSEN] is None and not row[_PROJECT] and not row[_ALIASES]:
        return None
    allowed = owners.models(row[_PROJECT], row[_CHOSEN])
    if allowed is not None and not allowed:
        return NO_MODELS, True
    if allowed is not None and not row[_PUBLISHED] and not _usable(allowed, on):
        names = sorted(allowed)
        return ALL_OFF.format(", ".join([*names[:MOST_NAMED], *(["…"] if len(names) > MOST_NAMED else [])])), True
    lost = [] if allowed is None else [name for name, meant in row[_ALIASES] if not granted(meant, allowed)]
    return (f"It may not use the models that these aliases mean: {', '.join(lost)}.", True) if lost else None


def _usable(allowed: frozenset[str], on: frozenset[str]) -> bool:
    prefixes = tuple(name[:-1] for name in allowed if name.endswith(STAR))
    return not allowed.isdisjoint(on) or (bool(prefixes) and any(name.startswith(prefixes) for name in on))


def _owners(rows: KeyRows, before: Clients | None) -> Owners:
    changed = (rows.tenants.keys, rows.projects.keys, rows.people.keys, rows.groups.keys)
    if before is not None and rows.names == before.rows.names and not _any(changed):
        return before.owners
    return Owners(rows.names, rows.tenants.rows, rows.projects.rows, rows.people.rows, rows.groups.rows)


def _bounds(rows: KeyRows, before: Clients | None) -> BoundsOf:
    if before is not None and not _any((rows.limits.keys, rows.budgets.keys)):
        return before.bounds
    return BoundsOf(rows.limits, rows.budgets, before.bounds if before else None)


def _any(changes: Iterable[object]) -> bool:
    """Whether anything has changed in one of the tables."""
    return any(keys is None or keys for keys in changes)
