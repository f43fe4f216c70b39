"""How do published client keys get into the catalog? Only those that differ are written; an operator's own key goes before."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import NamedTuple, TypeVar
from uuid import UUID, uuid5

from models_catalog.models import ClientKey
from models_catalog.publication.copying import can_copy, copy
from models_catalog.publication.mirror import Entry, Mirror, same_time
from models_catalog.publication.names import ORIGIN
from models_catalog.publication.values import PublishedKey

NAMESPACE = UUID("6f0a6a1f-6a1e-5f4e-9f0b-7c1f2f6f0c40")
"""A key that is published again has the id that it had before."""
ASKED_AT_ONCE = 5000
WRITTEN_AT_ONCE = 1000
FIELDS = ["name", "last_four", "hash_prefix", "all_models", "aliases", "labels", "origin", "expires_at"]
CLASH = "an operator's own client key is the same: it stays as it is"
T = TypeVar("T")


class Row(NamedTuple):
    """What is read of a row."""

    key_hash: str
    pk: UUID
    last_four: str
    hash_prefix: str
    aliases: dict[str, str]
    labels: dict[str, str]
    origin: str
    expires_at: datetime | None


class Changes(NamedTuple):
    """What is to be added, changed and deleted, and the origins of keys that clash with an operator's."""

    added: list[ClientKey]
    written: list[ClientKey]
    deleted: list[UUID]
    clashing: list[str]

    @property
    def changed(self) -> int:
        """How many rows differ."""
        return len(self.added) + len(self.written) + len(self.deleted)


def changes_of(mirror: Mirror, digests: Iterable[str]) -> Iterator[Changes]:
    """The differences of these keys, in portions."""
    for batch in batches(digests, ASKED_AT_ONCE):
        yield _changes(mirror, batch, _rows(key_hash__in=batch).get)


def all_changes(mirror: Mirror) -> Iterator[Changes]:
    """The differences of all keys that are published, here or there."""
    published = _rows(origin__startswith=ORIGIN)
    touched = mirror.all().keys
    for batch in batches(touched - published.keys(), ASKED_AT_ONCE):  # new here, or an operator's own
        yield _changes(mirror, batch, _rows(key_hash__in=batch).get)
    for batch in batches(published, ASKED_AT_ONCE):
        yield _changes(mirror, batch, published.get)


def write(changes: Changes) -> None:
    """Inside the caller's transaction."""
    for pks in batches(changes.deleted, WRITTEN_AT_ONCE):
        ClientKey.objects.filter(pk__in=pks).delete()
    if can_copy(changes.added):
        copy(changes.added)
    elif changes.added:
        ClientKey.objects.bulk_create(changes.added, WRITTEN_AT_ONCE)
    if changes.written:
        ClientKey.objects.bulk_create(
            changes.written, WRITTEN_AT_ONCE, update_conflicts=True, unique_fields=["id"], update_fields=FIELDS
        )


def _rows(**chosen: object) -> dict[str, Row]:
    found = ClientKey.objects.filter(**chosen).order_by().values_list(*Row._fields)
    return {row.key_hash: row for row in (Row(*values) for values in found)}


def _changes(mirror: Mirror, digests: Sequence[str], row_of: Callable[[str], Row | None]) -> Changes:
    changes = Changes([], [], [], [])
    held = mirror.origins_held()
    for digest in digests:
        row, published = row_of(digest), mirror.key(digest)
        if published is None:
            if row is not None and row.origin.startswith(ORIGIN) and row.origin not in held:
                changes.deleted.append(row.pk)
        elif row is not None and not row.origin:
            changes.clashing.append(published[0].origin)
        elif row is None:
            changes.added.append(_filled(None, *published))
        elif not _is_same(row, *published):
            changes.written.append(_filled(row, *published))
    return changes


def _is_same(row: Row, entry: Entry, key: PublishedKey) -> bool:
    return (
        row.origin == entry.origin
        and row.hash_prefix == key.prefix
        and row.aliases == dict(key.aliases)
        and row.labels == dict(key.labels)
        and same_time(row.expires_at, entry.expires_at)
    )


def _filled(row: Row | None, entry: Entry, key: PublishedKey) -> ClientKey:
    labels = dict(key.labels)
    return ClientKey(
        id=row.pk if row else uuid5(NAMESPACE, key.digest),
        name=labels.get("api_key_id") or f"published {key.digest[:12]}",
        key_hash=key.digest,
        hash_prefix=key.prefix,
        last_four=key.last_four,
        all_models=False,
        aliases=dict(key.aliases),
        labels=labels,
        origin=entry.origin,
        expires_at=entry.expires_at,
    )


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
