"""What is kept of a table from one compilation to the next? Its rows in force; only those that were written since are read.

A table of client keys may have very many rows. What is made of a row is a plain tuple where it can be one: the garbage
collector does not look at those again. Long work gives the interpreter away now and then, for the event loop of the worker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from django.db import connections
from django.db.models import Count, IntegerField, Max, Q, QuerySet, Value

from models_catalog.compiler.layers import AT_ONCE, Layers, in_slices
from models_catalog.models.revised import RevisedModel

MANY = 2000
"""Rows that are read together where nobody waits for the interpreter."""

Kept = TypeVar("Kept")
Links = Mapping[str, tuple[int, ...]]
Key = bytes | str


class Status(NamedTuple):
    """How many rows of a table are in force, and the version of the newest row."""

    in_force: int = 0
    newest: int = 0


class Change(NamedTuple, Generic[Kept]):
    """The rows of a table, and the keys of those that are other than before; None: any may be."""

    rows: Layers[Key, Kept]
    keys: Collection[Key] | None = ()


class Table(Generic[Kept]):
    """How a table is read. `make` gets the values of `columns` and, by the names of `links`, the ids of what a row is linked
    to; it gives None for a row that is not in force. `key` is the column by whose value rows are kept, as `key_of` puts it;
    `deleted` gives the values of that column of rows that were deleted since a version, as far as they are known."""

    def __init__(
        self,
        model: type[RevisedModel],
        columns: Sequence[str],
        make: Callable[[Sequence[Any], Links], Kept | None],
        *,
        key: str = "pk",
        key_of: Callable[[Any], Key] = str,
        in_force: Q | None = None,
        links: Sequence[str] = (),
        deleted: Callable[[str, int], Iterable[Any]] | None = None,
    ) -> None:
        self.model = model
        self._columns = (key, *(("pk",) if links else ()), *columns)
        self._own = len(self._columns) - len(columns)
        self._make = make
        self._key = key
        self._key_of = key_of
        self._in_force = Q() if in_force is None else in_force
        self._deleted = deleted
        self._links = [model._meta.get_field(name) for name in links]

    def refreshed(self, using: str, before: Layers[Key, Kept] | None, since: int, status: Status) -> Change[Kept]:
        """The rows as they are now, by those that were there at the version `since`; None: there were none."""
        if before is None:
            everything = self._read(using, pauses=False, in_force=True)  # nobody is served by this process yet
            return Change(Layers({key: made for key, made in everything if made is not None}), None)
        if status.newest <= since and status.in_force == len(before):
            return Change(before)
        changes = dict(self._read(using, revision__gt=since)) if status.newest > since else {}
        rows = before.changed(changes)
        if len(rows) != status.in_force and self._deleted is not None:
            gone = (self._key_of(value) for value in self._deleted(using, since))
            changes.update((key, None) for key in gone if key not in changes)
            rows = before.changed(changes)
        if len(rows) != status.in_force:
            changes.update(self._matched(using, rows))
            rows = before.changed(changes)
        return Change(rows, changes.keys())

    def some(self, using: str, pks: Collection[object]) -> Mapping[Key, Kept]:
        """Those of the rows with these primary keys that are in force."""
        read = self._read(using, in_force=True, pk__in=list(pks)) if pks else ()
        return {key: made for key, made in read if made is not None}

    def status(self, number: int) -> QuerySet[Any, Any]:
        """One row with the number and the status; none of an empty table."""
        rows = self.model._default_manager.order_by().annotate(table=Value(number, IntegerField())).values("table")
        return rows.annotate(count=Count("pk", filter=self._in_force or None), newest=Max("revision")).values_list(
            "table", "count", "newest"
        )

    def _matched(self, using: str, rows: Mapping[Key, Kept]) -> dict[Key, Kept | None]:
        """What has been deleted, and what has come unseen."""
        values = self.model._default_manager.using(using).filter(self._in_force).order_by().values_list(self._key, flat=True)
        there = {self._key_of(value): value for value in in_slices(values.iterator(chunk_size=AT_ONCE))}
        changes: dict[Key, Kept | None] = {key: None for key in in_slices(rows) if key not in there}
        missing = [value for key, value in there.items() if key not in rows]
        for number in range(0, len(missing), AT_ONCE):
            chosen: dict[str, Any] = {f"{self._key}__in": missing[number : number + AT_ONCE]}
            changes.update(self._read(using, in_force=True, **chosen))
        return changes

    def _read(
        self, using: str, *, pauses: bool = True, in_force: bool = False, **chosen: object
    ) -> Iterator[tuple[Key, Kept | None]]:
        links = [self._linked(using, field, chosen) for field in self._links]
        found = self.model._default_manager.using(using).filter(self._in_force if in_force else Q(), **chosen)
        own = self._own
        none: tuple[int, ...] = ()
        rows = found.order_by().values_list(*self._columns).iterator(chunk_size=AT_ONCE if pauses else MANY)
        for row in in_slices(rows) if pauses else rows:
            linked = {field.name: tuple(sorted(pairs.get(row[1], none))) for field, pairs in zip(self._links, links, strict=True)}
            yield self._key_of(row[0]), self._make(row[own:], linked)

    def _linked(self, using: str, field: Any, chosen: Mapping[str, object]) -> Mapping[Any, list[int]]:
        """The ids that chosen rows are linked to by the field, by the ids of the rows."""
        owner, other = field.m2m_field_name(), field.m2m_reverse_field_name()
        through = field.remote_field.through._default_manager.using(using)
        pairs = through.filter(**{f"{owner}__{name}": value for name, value in chosen.items()})
        found: dict[Any, list[int]] = {}
        for pk, linked in in_slices(pairs.values_list(f"{owner}_id", f"{other}_id").iterator(chunk_size=AT_ONCE)):
            found.setdefault(pk, []).append(linked)
        return found


class Tables:
    """Several tables, whose status is asked in one query."""

    def __init__(self, *tables: Table[Any]) -> None:
        self._tables = tables
        self._queries: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def statuses(self, using: str) -> Sequence[Status]:
        """One for each table."""
        if using not in self._queries:
            parts = [table.status(number).using(using) for number, table in enumerate(self._tables)]
            self._queries[using] = parts[0].union(*parts[1:], all=True).query.sql_with_params()
        with connections[using].cursor() as cursor:
            cursor.execute(*self._queries[using])
            found = {number: Status(count, newest or 0) for number, count, newest in cursor.fetchall()}
        return [found.get(number, Status()) for number in range(len(self._tables))]
