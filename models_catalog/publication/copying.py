"""How do very many new client keys get into the database? By COPY where it is PostgreSQL, else by plain rows without objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import JSONField
from django.utils import timezone
from psycopg import sql

from models_catalog.audit.chain import NAMED, many, tell
from models_catalog.models import ClientKey
from models_catalog.models.revised import REVISION
from models_catalog.publish import Part, current_version, mark_changed

WORTHWHILE = 200
LINES = 500
"""Rows that are handed to the database together."""
ESCAPED = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
T = TypeVar("T")
Columns = Mapping[str, Any]
"""The columns of a row that are not as in every new one, by their names."""


def copy(rows: Sequence[Columns]) -> None:
    """Adds new rows inside the caller's transaction, with the version that it has raised. All have the same columns."""
    mark_changed(DEFAULT_DB_ALIAS, Part.CLIENT_KEYS)
    same = {"created_at": timezone.now(), REVISION: current_version()}
    fields = [field for field in ClientKey._meta.concrete_fields if not field.null or field.name in rows[0]]
    table, names = ClientKey._meta.db_table, [str(field.column) for field in fields]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            named = sql.SQL(", ").join([sql.Identifier(name) for name in names])
            with cursor.copy(sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), named)) as stream:
                for lines in batches(_lines(fields, rows, same), LINES):
                    stream.write("".join(lines))
        else:
            quoted = [connection.ops.quote_name(name) for name in (table, *names)]
            marks = ", ".join(["%s"] * len(names))
            statement = f"INSERT INTO {quoted[0]} ({', '.join(quoted[1:])}) VALUES ({marks})"  # noqa: S608 - names of ours
            for values in batches(_values(fields, rows, same), LINES):
                cursor.executemany(statement, values)
    label = ClientKey._meta.label_lower
    tell(many("added", label, len(rows), [str(row["name"]) for row in rows[:NAMED]]), DEFAULT_DB_ALIAS)


def refresh_statistics() -> None:
    """Without them PostgreSQL reads a whole table where it should look into an index."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(ClientKey._meta.db_table)))


def _lines(fields: Sequence[Any], rows: Sequence[Columns], same: Columns) -> Iterator[str]:
    """Each row as COPY reads it."""
    own = [field for field in fields if field.name in rows[0]]
    row_text = "\t".join(["%s" if field in own else _text(field, _default(field, same)).replace("%", "%%") for field in fields])
    for row in rows:
        yield f"{row_text}\n" % tuple([_text(field, row[field.name]) for field in own])


def _text(field: Any, value: Any) -> str:
    if value is None:
        return "\\N"
    if type(value) is str:
        return value.translate(ESCAPED)
    if isinstance(field, JSONField):
        return msgspec.json.encode(value).decode().replace("\\", "\\\\")
    return str(value)


def _values(fields: Sequence[Any], rows: Sequence[Columns], same: Columns) -> Iterator[list[Any]]:
    """Each row as a statement takes it."""
    written = [field.get_db_prep_save(_default(field, same), connection) for field in fields]
    own = [(place, field.name, field) for place, field in enumerate(fields) if field.name in rows[0]]
    for row in rows:
        values = written.copy()
        for place, name, field in own:
            values[place] = field.get_db_prep_save(row[name], connection)
        yield values


def _default(field: Any, same: Columns) -> Any:
    return same.get(field.name, field.get_default())


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """The items in lists of at most that many."""
    remaining = iter(items)
    while batch := list(islice(remaining, size)):
        yield batch
