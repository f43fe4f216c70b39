"""What do requests amount to by minute, hour and day? Sums that are written in the transaction of the rows that they count.

A row counts once for ever, in the roll-ups of its minute, hour and day (UTC), for each name that it has: those of `Dimension`.
`total` counts all requests, `all` those of each tenant, the other dimensions those of each name in each tenant and in none. Keys,
people, projects and apps are many: they have no minutes, and no histograms. Names that clients choose freely
are bounded: what is above `MOST_NAMES` an hour is counted under "". The name of a key is its id, a space, and what it is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from models_catalog.bounds import NANO
from openai_api.database.histograms import bucket_of
from openai_api.database.roll_up_rows import TAKE_LOCK, TIMES, Amounts, Key, lock, merge_times, reading, store, write
from openai_api.models import UsageRollUp
from openai_api.recording.rows import CLIENT_CLOSED, UsageRow

Dimension, Span = UsageRollUp.Dimension, UsageRollUp.Span
MOST_NAMES = 500
"""Different names of a dimension that one recorder counts apart in an hour, of those that clients choose."""
MINUTES_KEPT = timedelta(hours=49)
"""How long minutes are kept: the period before the last 24 hours is looked at by the minute, too."""
HOURS_KEPT = timedelta(days=100)
"""How long hours are kept: a month and the one before it are looked at by parts of days, and an API asks for more."""
PURGED = 1000
"""Rows that are deleted in one transaction."""
LONGEST_NAME = 300


MINUTE_S, HOUR_S = int(Span.MINUTE), int(Span.HOUR)
TOTAL, ALL, MODEL, APP, PROVIDER = (
    one.value for one in (Dimension.TOTAL, Dimension.ALL, Dimension.MODEL, Dimension.APP, Dimension.PROVIDER)
)
PlainKey = tuple[int, str, int, str, str]
"""A `Key` as it is made for each row: a plain tuple takes a third of the time."""
Counted = tuple[tuple[int, ...], tuple[int | None, ...]]
"""What one request adds: the numbers of `Amounts` in their order, and the places of its times in histograms."""


class Group(NamedTuple):
    """What rows have in common that are counted in the same roll-ups."""

    minute: int
    tenant: str
    model: str
    key: str | None
    person: str | None
    project: str | None
    app: str | None
    provider: str | None


class KnownNames:
    """Bounds the names that clients choose: at most `most` of a dimension in an hour."""

    def __init__(self, most: int = MOST_NAMES) -> None:
        self._most = most
        self._seen: dict[tuple[str, int], set[str]] = {}

    def bounded(self, dimension: str, minute: int, name: str) -> str:
        """The name, or "" where there are too many already."""
        hour = minute - minute % HOUR_S
        seen = self._seen.get((dimension, hour))
        if seen is None:
            if len(self._seen) >= 100:
                self._seen.clear()
            seen = self._seen[dimension, hour] = set()
        if name not in seen:
            if len(seen) >= self._most:
                return ""
            seen.add(name)
        return name


KNOWN = KnownNames()
"""Of this process. Names that other processes write are not counted: the bound is one of size, not a rule."""


def add(rows: Sequence[UsageRow]) -> None:
    """Counts rows that were just inserted; must be called in their transaction. Raises database errors."""
    if not rows:
        return
    told = fold(rows, KNOWN)
    with connection.cursor() as cursor:
        lock(cursor)
        store(cursor, told)


def insert_and_add(cursor: Any, insertion: str, parameters: Sequence[Any], rows: Sequence[UsageRow]) -> set[UUID]:
    """Inserts rows by a statement that returns the ids of the new ones, and counts them if all are new; those ids. On PostgreSQL,
    whose statements of one query each see what was there when they began: the lock is held before histograms are read. Raises
    database errors."""
    told = fold(rows, KNOWN)
    reading_them, asked = reading(told)
    cursor.execute("; ".join([insertion, TAKE_LOCK, *([reading_them] if asked else [])]), [*parameters, *asked])
    new = {found for (found,) in cursor.fetchall()}
    if len(new) == len(rows):
        cursor.nextset()
        if cursor.nextset():
            merge_times(told, cursor.fetchall())
        write(cursor, told)
    return new


def take_back(rows: Sequence[UsageRow]) -> None:
    """Counts rows no more; must be called in the transaction that deletes them. Raises database errors."""
    told = {key: amounts.negative() for key, amounts in fold(rows, KnownNames()).items()}
    with connection.cursor() as cursor:
        lock(cursor)
        store(cursor, told)
    spans = {key.span for key in told}
    UsageRollUp.objects.filter(span__in=spans, dimension__in=list(Dimension), requests__lte=0).delete()


def fold(rows: Iterable[UsageRow], known: KnownNames) -> dict[Key, Amounts]:
    """What rows add to which roll-ups."""
    fine: dict[PlainKey, list[Counted]] = {}
    coarse: dict[PlainKey, list[Counted]] = {}
    for row in rows:
        counted = count(row)
        group = group_of(row, known)
        for key in _fine(group):
            fine.setdefault(key, []).append(counted)
        for key in _coarse(group):
            coarse.setdefault(key, []).append(counted)
    minutes = {Key(*key): _with_times(several) for key, several in fine.items()}
    hours = {Key(*key): _summed(several) for key, several in coarse.items()} | _coarser(minutes, Span.HOUR)
    return minutes | hours | _coarser(hours, Span.DAY)


def _summed(several: Sequence[Counted]) -> Amounts:
    return Amounts.of(map(sum, zip(*(numbers for numbers, _ in several), strict=True)))


def _with_times(several: Sequence[Counted]) -> Amounts:
    amounts = _summed(several)
    for histogram, places in zip(TIMES(amounts), zip(*(places for _, places in several), strict=True), strict=True):
        histogram.update(Counter(places))
        histogram.pop(None, None)
    return amounts


def group_of(row: UsageRow, known: KnownNames) -> Group:
    """A model is one that served, or that the catalog has: names of models that do not exist count as ""."""
    minute = int(row.started_at) // MINUTE_S * MINUTE_S
    model = row.served_model or (row.model if row.tries or row.status != 404 else None) or ""
    return Group(
        minute,
        row.tenant or "",
        known.bounded(MODEL, minute, model),
        f"{row.client_id} {row.client_name or ''}" if row.client_id else None,
        row.person,
        row.project,
        known.bounded(APP, minute, row.app) if row.app else None,
        row.provider,
    )


def count(row: UsageRow) -> Counted:
    """What one request adds."""
    failed = (row.status >= 400 and row.status != CLIENT_CLOSED) or bool(row.error)
    cost = row.cost_usd
    numbers = (
        1,
        int(failed),
        int(row.cache is not None),
        row.input_tokens or 0,
        row.output_tokens or 0,
        row.cached_tokens or 0,
        int(cost is None and not failed),
        0 if cost is None else round(cost * NANO),
    )
    return numbers, (_place(row.total_ms), _place(row.first_byte_ms), _place(row.gateway_ms))


def _place(ms: float | None) -> int | None:
    return None if ms is None else bucket_of(ms)


def _fine(group: Group) -> Iterator[PlainKey]:
    """The roll-ups with minutes that the group counts in."""
    minute, tenant = group.minute, group.tenant
    yield MINUTE_S, TOTAL, minute, "", ""
    if tenant:
        yield MINUTE_S, ALL, minute, tenant, ""
    yield MINUTE_S, MODEL, minute, tenant, _name(group.model)
    if group.provider is not None:
        yield MINUTE_S, PROVIDER, minute, tenant, _name(group.provider)


COARSE = tuple(one.value for one in (Dimension.KEY, Dimension.PERSON, Dimension.PROJECT, Dimension.APP))


def _coarse(group: Group) -> Iterator[PlainKey]:
    hour = group.minute - group.minute % HOUR_S
    for dimension, name in zip(COARSE, group[3:7], strict=True):
        if name is not None:
            yield HOUR_S, dimension, hour, group.tenant, _name(name)


def _name(text: str) -> str:
    return text if len(text) <= LONGEST_NAME and "\0" not in text else text.replace("\0", "")[:LONGEST_NAME]


def _coarser(rows: Mapping[Key, Amounts], span: int) -> dict[Key, Amounts]:
    found: dict[Key, Amounts] = {}
    span = int(span)
    for (_, dimension, at, tenant, name), amounts in rows.items():
        _add(found, Key(span, dimension, at - at % span, tenant, name), amounts)
    return found


def _add(rows: dict[Key, Amounts], key: Key, amounts: Amounts) -> None:
    known = rows.get(key)
    if known is None:
        rows[key] = amounts.copy()
    else:
        known.add(amounts)


def key_of(name: str) -> tuple[str, str]:
    """The id of a key and what it is called, of the name in a roll-up."""
    public_id, _, called = name.partition(" ")
    return public_id, called


def purge(days: float) -> int:
    """Deletes sums that have expired, the oldest, at most `PURGED` of each span; says how many. Raises database errors."""
    return sum(_purge_before(moment, span) for span, moment in _kept_since(days).items())


def expired(days: float) -> int:
    """How many sums have expired."""
    return sum(_before(moment, span).count() for span, moment in _kept_since(days).items())


def _kept_since(days: float) -> dict[int, datetime]:
    """Minutes are kept for two days, hours for `HOURS_KEPT` and days for `days` days (0: for ever), which bounds all of them."""
    most = timedelta(days=days + 1) if days else None
    kept = {Span.MINUTE: MINUTES_KEPT, Span.HOUR: HOURS_KEPT, Span.DAY: most}
    ages = {span: min(filter(None, (age, most)), default=None) for span, age in kept.items()}
    now = datetime.now(UTC)
    return {span: now - age for span, age in ages.items() if age is not None}


def _before(moment: datetime, span: int) -> QuerySet[UsageRollUp]:
    return UsageRollUp.objects.filter(span=span, dimension__in=list(Dimension), at__lt=moment)


def _purge_before(moment: datetime, span: int) -> int:
    chosen = list(_before(moment, span).order_by().values_list("pk", flat=True)[:PURGED])
    if not chosen:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        lock(cursor)
        return UsageRollUp.objects.filter(pk__in=chosen).delete()[0]
