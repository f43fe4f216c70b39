"""By which words inside a column are requests found? Tags have rows of their own; programs are known by how they begin.

What few requests have is read off its index. What many have is met soon enough on the way through the times, between the first
and the last of them: an index of it would give far more rows than a page shows, and they would have to be sorted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection
from django.db.models import Max, Min, Q, QuerySet
from django.db.models.functions import Left
from django.db.models.lookups import Exact

from openai_api.database.erasure import as_json, tags_of
from openai_api.models import UsageRecord, UsageTag
from openai_api.recording.rows import UsageRow

LONGEST = 200
"""Characters of a name or a value that are looked for by index."""
FEW = 5000
PROGRAMS = 100
"""User agents that begin the same and are told apart."""
LAST = chr(0x10FFFF)
TABLE = UsageRecord._meta.db_table
INSERT = f"INSERT INTO {UsageTag._meta.db_table} (request, at, name, value) "
POSTGRES = f"""{INSERT} SELECT (told->>0)::uuid, to_timestamp((told->>1)::double precision), told->>2, told->>3
    FROM json_array_elements(%s::json) AS told"""  # noqa: S608
SQLITE = f"""{INSERT} SELECT json_extract(told.value, '$[0]'), json_extract(told.value, '$[1]'), json_extract(told.value, '$[2]'),
    json_extract(told.value, '$[3]') FROM json_each(%s) AS told"""  # noqa: S608
DISTINCT = """
    WITH RECURSIVE seen(word) AS (
        SELECT * FROM (SELECT user_agent FROM {table} WHERE {begins} ORDER BY user_agent{order} LIMIT 1) AS one
        UNION ALL
        SELECT (SELECT user_agent FROM {table} WHERE {begins} AND user_agent {above} seen.word ORDER BY user_agent{order} LIMIT 1)
        FROM seen WHERE seen.word IS NOT NULL
    )
    SELECT word FROM seen WHERE word IS NOT NULL LIMIT %s
"""
"""From one to the next by the index, however many rows each has. PostgreSQL's has the order of bytes."""
PROGRAMS_OF = {
    "postgresql": DISTINCT.format(table=TABLE, begins="user_agent LIKE %s", order=" USING ~<~", above="~>~"),
    "sqlite": DISTINCT.format(table=TABLE, begins="user_agent >= %s AND user_agent < %s", order="", above=">"),
}


def write_tags(cursor: Any, rows: Iterable[UsageRow]) -> None:
    """Writes the tags of rows that were just inserted, in their transaction. Raises database errors."""
    postgres = connection.vendor == "postgresql"
    told = [
        [row.id, row.started_at if postgres else _at(row.started_at), name[:LONGEST], value[:LONGEST]]
        for row in rows
        if row.tags
        for name, value in tags_of(row.tags.replace("\\u0000", "")).items()
    ]
    if told:
        cursor.execute(POSTGRES if postgres else SQLITE, [msgspec.json.encode(told).decode()])


def _at(seconds: float) -> str:
    """As SQLite stores a time."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(" ")


def tagged(name: str, value: str | None) -> Q:
    """The requests with a tag; of any value where that is None."""
    said = Q(tags__contains=f"{as_json(name)}:{'' if value is None else as_json(value)}")
    tags = UsageTag.objects.filter(name=name[:LONGEST])
    if value is not None:
        tags = tags.filter(value=value[:LONGEST])
    if _are_few(tags):
        return said & Q(pk__in=tags.values("request"))
    return said if value is None else said & _between([tags], "at")


def used_by(begins: str) -> Q:
    """The requests of programs whose user agent begins so."""
    programs = _programs(begins)
    if len(programs) <= 1:
        return Q(user_agent=programs[0]) if programs else Q(pk__in=[])
    of_each = [UsageRecord.objects.filter(user_agent=program) for program in programs]
    said = _begins(begins)
    if len(programs) >= PROGRAMS:
        return said
    if _are_few(UsageRecord.objects.filter(user_agent__in=programs)):
        return Q(user_agent__in=programs)
    return said & _between(of_each, "started_at")


def _begins(text: str) -> Q:
    """PostgreSQL guesses well how many rows begin so, and chooses; SQLite is kept from the index, which it would always take."""
    if connection.vendor == "postgresql":
        return Q(user_agent__startswith=text)
    return Q(Exact(Left("user_agent", len(text)), text))


def _programs(begins: str) -> Sequence[str]:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            pattern = f"{connection.ops.prep_for_like_query(begins)}%"
            cursor.execute(PROGRAMS_OF["postgresql"], [pattern, pattern, PROGRAMS])
        else:
            end = f"{begins}{LAST}"
            cursor.execute(PROGRAMS_OF["sqlite"], [begins, end, begins, end, PROGRAMS])
        return [word for (word,) in cursor.fetchall()]


def _are_few(rows: QuerySet[Any]) -> bool:
    return len(rows.order_by().values_list("pk")[:FEW]) < FEW


def _between(of_each: Sequence[QuerySet[Any]], column: str) -> Q:
    ends = [rows.order_by().aggregate(first=Min(column), last=Max(column)) for rows in of_each]
    times = [end[name] for end in ends for name in ("first", "last") if end[name] is not None]
    return Q(started_at__range=(min(times), max(times))) if times else Q(pk__in=[])
