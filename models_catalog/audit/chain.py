"""How is an entry added to the chain? Under the lock of the head, in the transaction of what it tells of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, transaction
from django.utils import timezone

from models_catalog.audit.actor import Actor, current_actor
from models_catalog.publish import VERSION_ROW

HEAD = 1
START = "0" * 64
"""What stands for the hash before the first entry."""
HASHED = (
    "number",
    "actor",
    "user_id",
    "source",
    "address",
    "action",
    "kind",
    "object_id",
    "name",
    "parent_kind",
    "parent_id",
    "changes",
    "revision",
)
MOST_ENTRIES = 1000
"""Changes that are collected get an entry each up to this number, and one for each kind of row beyond it."""
NAMED = 20
BULK = "bulk"


@dataclass(frozen=True, slots=True)
class Told:
    """What an entry tells. `changes` is `{column: [before, after]}`, JSON values without secrets."""

    action: str
    kind: str = ""
    object_id: str = ""
    name: str = ""
    parent_kind: str = ""
    parent_id: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)


_collected: ContextVar[list[Told] | None] = ContextVar("audit_collected", default=None)


def canonical(value: object) -> str:
    """The one JSON text of a value: sorted names, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=str)


def digest_of(previous: str, entry: Any) -> str:
    """The hash of an entry that follows one of the hash `previous`."""
    content = {name: getattr(entry, name) for name in HASHED}
    content["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    return hashlib.sha256((previous + canonical(content)).encode()).hexdigest()


def tell(told: Told, using: str = DEFAULT_DB_ALIAS) -> None:
    """Adds an entry; inside `collected` it waits for the others."""
    waiting = _collected.get()
    if waiting is None:
        append([told], using=using)
    else:
        waiting.append(told)


@contextmanager
def collected(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Entries of the inside are added together at its end, within the caller's transaction: those of very many rows as one
    for each kind. After an error none is added."""
    if _collected.get() is not None:
        yield
        return
    waiting: list[Told] = []
    token = _collected.set(waiting)
    try:
        yield
    finally:
        _collected.reset(token)
    if waiting:
        told = list(merged(waiting))
        append(told if len(told) <= MOST_ENTRIES else list(summaries(told)), using=using)


def merged(told: Iterable[Told]) -> Iterator[Told]:
    """With one entry for what several queries did to many rows of a kind."""
    bulks: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        if one.action == BULK:
            bulks.setdefault((one.kind, _said(one, "did", "")), []).append(one)
        else:
            yield one
    for (kind, did), ones in bulks.items():
        names = [name for one in ones for name in _said(one, "among them", [])]
        columns = {name for one in ones for name in _said(one, "columns", [])}
        yield many(did, kind, sum(_said(one, "rows", 0) for one in ones), names, columns)


def _said(told: Told, what: str, default: Any) -> Any:
    return told.changes.get(what, [None, default])[1]


def summaries(told: Iterable[Told]) -> Iterator[Told]:
    """One entry for each action and kind of row."""
    groups: dict[tuple[str, str], list[Told]] = {}
    for one in told:
        if one.action == BULK:
            yield one
            continue
        groups.setdefault((one.action, one.kind), []).append(one)
    for (action, kind), ones in groups.items():
        yield many(action, kind, len(ones), [one.name for one in ones[:NAMED]], {name for one in ones for name in one.changes})


def many(action: str, kind: str, count: int, names: Iterable[str] = (), columns: Iterable[str] = ()) -> Told:
    """What is told of many rows of a kind: how many there are, the names of some, and the columns that were written."""
    said: dict[str, Any] = {"did": action, "rows": count, "among them": list(names)[:NAMED], "columns": sorted(columns)}
    label = apps.get_model(kind)._meta.verbose_name_plural if kind else "rows"
    return Told(BULK, kind, name=f"{count} {label}", changes={name: [None, value] for name, value in said.items() if value})


def append(told: Iterable[Told], *, actor: Actor | None = None, using: str = DEFAULT_DB_ALIAS, alone: bool = False) -> None:
    """Adds entries to the chain. `alone` says that the transaction writes nothing else, as with a sign-in.

    The row of the catalog's version is locked before that of the head, as by whoever writes the catalog: so nobody waits in a
    circle.
    """
    who = actor or current_actor()
    entries, heads = apps.get_model("models_catalog", "AuditEntry"), apps.get_model("models_catalog", "AuditHead")
    versions = apps.get_model("models_catalog", "CatalogVersion")._default_manager.using(using).filter(pk=VERSION_ROW)
    with transaction.atomic(using=using):
        revision = (versions if alone else versions.select_for_update()).values_list("version", flat=True).first()
        head = _locked_head(heads._default_manager.using(using))
        rows = []
        for one in told:
            head.number += 1
            row = entries(number=head.number, at=timezone.now(), revision=revision or 0, **_of_actor(who), **_columns(one))
            row.digest = head.digest = digest_of(head.digest or START, row)
            rows.append(row)
        entries._default_manager.using(using).bulk_create(rows, 500)
        head.save(using=using)


def _locked_head(heads: Any) -> Any:
    found = heads.select_for_update().filter(pk=HEAD).first()
    if found is None:
        heads.bulk_create([heads.model(pk=HEAD)], ignore_conflicts=True)
        found = heads.select_for_update().get(pk=HEAD)
    return found


def _of_actor(who: Actor) -> dict[str, str]:
    return {
        "actor": _text(who.name, 200),
        "user_id": _text(who.user_id, 64),
        "source": str(who.source),
        "address": _text(who.address, 64),
    }


def _columns(told: Told) -> dict[str, str]:
    return {
        "action": told.action,
        "kind": told.kind,
        "object_id": _text(told.object_id, 64),
        "name": _text(told.name, 300),
        "parent_kind": told.parent_kind,
        "parent_id": told.parent_id,
        "changes": canonical(told.changes),
    }


def _text(text: str, most: int) -> str:
    """What every database can keep."""
    return text.replace("\0", "�").encode("utf-8", "replace").decode()[:most]
