"""What do requests amount to by minute, hour and day? Sums that are written in the transaction of the rows that they count.

A row counts once for ever, in the roll-ups of its minute, hour and day (UTC), for each name that it has: those of `Dimension`.
`total` counts all requests, `all` those of each tenant, the other dimensions those of each name in each tenant and in none. Keys,
people, projects and apps are many: they have no minutes, and no histograms. Names that clients choose freely
are bounded: what is above `MOST_NAMES` an hour is counted under "". The name of a key is its id, a space, and what it is called.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import QuerySet

from models_catalog.bounds import NANO
from openai_api.database.histograms import Histogram, bucket_of
from openai_api.database.roll_up_rows import Amounts, Key, lock, store
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
        hour = minute - minute % Span.HOUR
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
    groups: dict[Group, Amounts] = {}
    for row in rows:
        group = group_of(row, known)
        amounts = groups.get(group)
        if amounts is None:
            amounts = groups[group] = Amounts()
        count(amounts, row)
    minutes: dict[Key, Amounts] = {}
    hours: dict[Key, Amounts] = {}
    for group, amounts in groups.items():
        hour = group.minute - group.minute % Span.HOUR
        for dimension, name in _fine(group):
            _add(minutes, Key(Span.MINUTE, dimension, group.minute, _of(dimension, group), name), amounts)
        plain = amounts.without_times()
        for dimension, name in _coarse(group):
            _add(hours, Key(Span.HOUR, dimension, hour, group.tenant, name), plain)
    hours |= _coarser(minutes, Span.HOUR)
    return minutes | hours | _coarser(hours, Span.DAY)


def group_of(row: UsageRow, known: KnownNames) -> Group:
    """A model is one that served, or that the catalog has: names of models that do not exist count as ""."""
    minute = int(row.started_at) // Span.MINUTE * Span.MINUTE
    model = row.served_model or (row.model if row.tries or row.status != 404 else None) or ""
    return Group(
        minute,
        row.tenant or "",
        known.bounded(Dimension.MODEL, minute, model),
        f"{row.client_id} {row.client_name or ''}" if row.client_id else None,
        row.person,
        row.project,
        known.bounded(Dimension.APP, minute, row.app) if row.app else None,
        row.provider,
    )


def count(amounts: Amounts, row: UsageRow) -> None:
    failed = (row.status >= 400 and row.status != CLIENT_CLOSED) or bool(row.error)
    amounts.requests += 1
    amounts.errors += failed
    amounts.cache_hits += row.cache is not None
    amounts.input_tokens += row.input_tokens or 0
    amounts.output_tokens += row.output_tokens or 0
    amounts.cached_tokens += row.cached_tokens or 0
    if row.cost_usd is None:
        amounts.uncosted += not failed
    else:
        amounts.nano += round(row.cost_usd * NANO)
    _note(amounts.total_ms, row.total_ms)
    _note(amounts.first_byte_ms, row.first_byte_ms)
    _note(amounts.gateway_ms, row.gateway_ms)


def _note(histogram: Histogram, ms: float | None) -> None:
    if ms is not None:
        place = bucket_of(ms)
        histogram[place] = histogram.get(place, 0) + 1


def _fine(group: Group) -> Iterator[tuple[str, str]]:
    """Dimension and name of each roll-up with minutes that the group counts in."""
    yield Dimension.TOTAL.value, ""
    if group.tenant:
        yield Dimension.ALL.value, ""
    yield Dimension.MODEL.value, _name(group.model)
    if group.provider is not None:
        yield Dimension.PROVIDER.value, _name(group.provider)


def _of(dimension: str, group: Group) -> str:
    return "" if dimension == Dimension.TOTAL else group.tenant


COARSE = tuple(one.value for one in (Dimension.KEY, Dimension.PERSON, Dimension.PROJECT, Dimension.APP))


def _coarse(group: Group) -> Iterator[tuple[str, str]]:
    for dimension in COARSE:
        name = getattr(group, dimension)
        if name is not None:
            yield dimension, _name(name)


def _name(text: str) -> str:
    return text.replace("\0", "")[:LONGEST_NAME]


def _coarser(rows: Mapping[Key, Amounts], span: int) -> dict[Key, Amounts]:
    found: dict[Key, Amounts] = {}
    for key, amounts in rows.items():
        _add(found, key._replace(span=int(span), at=key.at - key.at % span), amounts)
    return found


def _add(rows: dict[Key, Amounts], key: Key, amounts: Amounts) -> None:
    known = rows.get(key)
    if known is None:
        known = rows[key] = Amounts()
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
