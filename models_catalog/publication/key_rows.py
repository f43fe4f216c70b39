"""How do published client keys get into the catalog? Only those that differ are written; an operator's own key goes before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import msgspec
from django.db.models import Count, Max, TextField
from django.db.models.functions import Cast

from models_catalog.models import ClientKey
from models_catalog.publication.copying import WORTHWHILE, batches, copy
from models_catalog.publication.mirror import Mirror, Told, Touched, same_time
from models_catalog.publication.names import ORIGIN
from models_catalog.publication.values import SHA256, Pairs

NAMESPACE = UUID("6f0a6a1f-6a1e-5f4e-9f0b-7c1f2f6f0c40")
"""A key that is published again has the id that it had before."""
ASKED_AT_ONCE = 2000
WRITTEN_AT_ONCE = 1000
PORTION = 10_000
"""Client keys that are written in one transaction: each makes all workers look at the database."""
FIELDS = ["name", "last_four", "hash_prefix", "all_models", "aliases", "labels", "origin", "expires_at"]
CLASH = "an operator's own client key is the same: it stays as it is"


class Row(NamedTuple):
    """What is read of a row."""

    key_hash: str
    pk: UUID
    hash_prefix: str
    aliases: dict[str, str]
    labels: dict[str, str]
    origin: str
    expires_at: datetime | None


Short = tuple[int, datetime | None]
"""A hash of what a row says, and when it expires."""
Known = dict[bytes, Short | None]


class Mark(NamedTuple):
    """By which it is seen whether published rows have changed: how many there are, and the version of the newest."""

    rows: int = 0
    newest: int = 0


class Changes(NamedTuple):
    """What is to be added, changed and deleted, and the origins of keys that clash with an operator's."""

    added: list[Told]
    written: list[tuple[UUID, Told]]
    deleted: list[UUID]
    clashing: list[str]

    @property
    def changed(self) -> int:
        """How many rows differ."""
        return len(self.added) + len(self.written) + len(self.deleted)


def mark() -> Mark:
    """Of the rows as they are."""
    found = ClientKey.objects.filter(origin__startswith=ORIGIN).order_by().aggregate(rows=Count("pk"), newest=Max("revision"))
    return Mark(found["rows"], found["newest"] or 0)


def known() -> Known:
    """Of all client keys that the catalog has, by their digests: what a published one is, in short; None for an operator's."""
    texts = (Cast("aliases", TextField()), Cast("labels", TextField()))
    rows = ClientKey.objects.order_by().values_list("key_hash", "expires_at", "origin", "hash_prefix", *texts)
    found: Known = {}
    for key_hash, expires_at, origin, prefix, aliases, labels in rows.iterator(chunk_size=ASKED_AT_ONCE):
        if SHA256.fullmatch(key_hash):
            digest = bytes.fromhex(key_hash)
            found[digest] = (hash((origin, prefix, _many(aliases), _pairs(labels))), expires_at) if origin else None
    return found


def changes_of(mirror: Mirror, touched: Touched, known: Known | None = None) -> Changes:
    """The differences of these keys. `known` are the only ones of which there may be rows, if that is known."""
    changes = Changes([], [], [], [])
    asked = [*touched.keys, *touched.gone]
    if known is not None:
        asked = [digest for digest in asked if digest in known]
        same = {digest for digest in asked if _is_known(known[digest], touched.keys.get(digest))}
        asked = [digest for digest in asked if digest not in same]
        for digest in same:
            del touched.keys[digest]
    for batch in batches((digest.hex() for digest in asked), ASKED_AT_ONCE):
        for row in _rows(key_hash__in=batch):
            _compare(row, touched.keys.pop(bytes.fromhex(row.key_hash), None), changes)
    changes.added.extend(touched.keys.values())
    if touched.origins:
        changes.deleted.extend(_unpublished(mirror, origin__in=touched.origins))
    return changes


def unpublished(mirror: Mirror) -> Iterator[Changes]:
    """The rows of what is published no longer, in portions."""
    pks = list(_unpublished(mirror, origin__startswith=ORIGIN))
    for batch in batches(pks, PORTION):
        yield Changes([], [], batch, [])


def write(changes: Changes) -> None:
    """Inside the caller's transaction."""
    for pks in batches(changes.deleted, WRITTEN_AT_ONCE):
        ClientKey.objects.filter(pk__in=pks).delete()
    added = [_columns(uuid5(NAMESPACE, told.key.digest), told) for told in changes.added]
    if len(added) >= WORTHWHILE:
        copy(added)
    elif added:
        ClientKey.objects.bulk_create(ClientKey(**columns) for columns in added)
    written = [ClientKey(**_columns(pk, told)) for pk, told in changes.written]
    if written:
        ClientKey.objects.bulk_create(written, WRITTEN_AT_ONCE, update_conflicts=True, unique_fields=["id"], update_fields=FIELDS)


def _is_known(known: Short | None, told: Told | None) -> bool:
    """Whether a row says what is published."""
    if known is None or told is None:
        return False
    key = told.key
    return known[0] == hash((told.origin, key.prefix, key.aliases, key.labels)) and same_time(known[1], told.expires_at)


def _pairs(text: str) -> Pairs:
    return tuple(sorted(msgspec.json.decode(text).items()))


_many = lru_cache(2000)(_pairs)
"""For what many keys have alike."""


def _rows(**chosen: object) -> Iterator[Row]:
    found = ClientKey.objects.filter(**chosen).order_by().values_list(*Row._fields)
    return (Row(*values) for values in found.iterator(chunk_size=ASKED_AT_ONCE))


def _unpublished(mirror: Mirror, **chosen: object) -> Iterator[UUID]:
    held = mirror.origins_held()
    rows = ClientKey.objects.filter(**chosen).order_by().values_list("pk", "key_hash", "origin")
    for pk, key_hash, origin in rows.iterator(chunk_size=ASKED_AT_ONCE):
        if origin not in held and not mirror.is_held(bytes.fromhex(key_hash)):
            yield pk


def _compare(row: Row, told: Told | None, changes: Changes) -> None:
    if told is None:
        if row.origin.startswith(ORIGIN):
            changes.deleted.append(row.pk)
    elif not row.origin:
        changes.clashing.append(told.origin)
    elif not _is_same(row, told):
        changes.written.append((row.pk, told))


def _is_same(row: Row, told: Told) -> bool:
    key = told.key
    return (
        row.origin == told.origin
        and row.hash_prefix == key.prefix
        and row.aliases == dict(key.aliases)
        and row.labels == dict(key.labels)
        and same_time(row.expires_at, told.expires_at)
    )


def _columns(pk: UUID, told: Told) -> Mapping[str, Any]:
    key = told.key
    labels = dict(key.labels)
    return {
        "id": pk,
        "name": labels.get("api_key_id") or f"published {key.digest[:12]}",
        "key_hash": key.digest,
        "hash_prefix": key.prefix,
        "last_four": key.last_four,
        "all_models": False,
        "aliases": dict(key.aliases),
        "labels": labels,
        "origin": told.origin,
        "expires_at": told.expires_at,
    }
