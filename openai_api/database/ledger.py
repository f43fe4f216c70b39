"""How does the ledger get into the database? Entries and the sums of them in one transaction, each entry once.

All that writes goes through `write`. Who writes the same entry again, after a crash or at the same time, changes nothing: only
what was not there is added to the counters. So a counter is the sum of its entries at every moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction

from openai_api.database.budget_alerts import raise_alerts
from openai_api.limits.journal import Entry, Hold, Key, Kind, Standing, sums
from openai_api.models import BudgetCounter, LedgerEntry, OpenHold

CHUNK = 200
"""Rows in one statement."""
SWEPT = 500
"""Holds that are released at once."""
COLUMNS = ("id", "at", "kind", "budget", "counter", "period", "unit", "request_id", "amount", "reason")
COUNTED = ("budget", "counter", "period", "unit", "spent", "held", "version", "changed_at")


def write(entries: Sequence[Entry]) -> list[Standing]:
    """Writes entries, and says how all counters stand that they are of. Raises database errors."""
    if not entries:
        return []
    with transaction.atomic():
        fresh = _inserted(entries)
        _keep_holds(fresh)
        standings = _counted(fresh)
        raise_alerts(standings, {entry.key: entry.budget for entry in fresh})
    changed = {(standing.counter, standing.period) for standing in standings}
    return standings + read({entry.key for entry in entries} - changed)


def read(keys: Iterable[Key]) -> list[Standing]:
    """How counters stand; those of which nothing was ever written are not there. Raises database errors."""
    wanted = set(keys)
    if not wanted:
        return []
    rows = BudgetCounter.objects.filter(counter__in={counter for counter, _ in wanted})
    rows = rows.filter(period__in={period for _, period in wanted})
    found = rows.values_list("counter", "period", "spent", "held", "version")
    return [Standing(*row) for row in found if (row[0], row[1]) in wanted]


def changed_since(moment: float) -> list[Standing]:
    """The counters that were changed since then, in seconds since the epoch. Raises database errors."""
    rows = BudgetCounter.objects.filter(changed_at__gte=datetime.fromtimestamp(moment, UTC))
    return [Standing(*row) for row in rows.values_list("counter", "period", "spent", "held", "version")]


def adjusted_since(moment: float) -> dict[str, Key]:
    """The counters that were adjusted since then, by the ids of the adjustments. Raises database errors."""
    rows = LedgerEntry.objects.filter(kind=Kind.ADJUST, at__gte=datetime.fromtimestamp(moment, UTC))
    return {row[0]: (row[1], row[2]) for row in rows.values_list("id", "counter", "period")}


def overdue(now: float) -> list[Hold]:
    """Holds whose deadline has passed: the workers of their requests are gone. Raises database errors."""
    rows = OpenHold.objects.filter(deadline__lt=datetime.fromtimestamp(now, UTC)).order_by("deadline")[:SWEPT]
    return [
        Hold(row.pk, row.budget, row.counter, row.period, row.unit, row.request_id, row.amount, row.deadline.timestamp())
        for row in rows
    ]


def release_overdue(now: float) -> int:
    """Releases them, and says how many there were. Raises database errors."""
    found = overdue(now)
    write([entry for hold in found for entry in hold.ended(0, now)])
    return len(found)


def _inserted(entries: Sequence[Entry]) -> list[Entry]:
    """Those of the entries that were not there."""
    known: set[str] = set()
    rows = [_row(entry) for entry in {entry.id: entry for entry in entries}.values()]
    for start in range(0, len(rows), CHUNK):
        said = _insert(LedgerEntry, COLUMNS, rows[start : start + CHUNK], "ON CONFLICT (id) DO NOTHING RETURNING id")
        known.update(row[0] for row in said)
    fresh = []
    for entry in entries:
        if entry.id in known:
            known.discard(entry.id)
            fresh.append(entry)
    return fresh


def _keep_holds(fresh: Sequence[Entry]) -> None:
    """Remembers which holds are open. One whose release was written before it is not."""
    ended = {hold_of(entry) for entry in fresh if entry.kind is Kind.RELEASE}
    begun = [entry for entry in fresh if entry.kind is Kind.HOLD and hold_of(entry) not in ended]
    if begun:
        released = [f"{hold_of(entry)}.r" for entry in begun]
        late = set(LedgerEntry.objects.filter(pk__in=released).values_list("pk", flat=True))
        OpenHold.objects.bulk_create(
            (_open(entry) for entry in begun if f"{hold_of(entry)}.r" not in late), CHUNK, ignore_conflicts=True
        )
    if ended:
        OpenHold.objects.filter(pk__in=ended).delete()


def _counted(fresh: Sequence[Entry]) -> list[Standing]:
    """Adds entries to their counters, in the order of their names: two that write at once must not wait for each other."""
    budgets = {entry.key: (entry.budget, entry.unit) for entry in fresh}
    now = _moment(datetime.now(UTC).timestamp())
    rows = []
    for key, (spent, held) in sorted(sums(fresh).items()):
        budget, unit = budgets[key]
        rows.append((budget, *key, unit, spent, held, 1, now))
    standings: list[Standing] = []
    for start in range(0, len(rows), CHUNK):
        standings += map(Standing._make, _insert(BudgetCounter, COUNTED, rows[start : start + CHUNK], _added()))
    return standings


def _added() -> str:
    quote = connection.ops.quote_name
    table = quote(BudgetCounter._meta.db_table)
    grown = ", ".join(f"{quote(name)} = {table}.{quote(name)} + excluded.{quote(name)}" for name in ("spent", "held", "version"))
    told = ", ".join(f"{table}.{quote(name)}" for name in ("counter", "period", "spent", "held", "version"))
    return f"ON CONFLICT (counter, period) DO UPDATE SET {grown}, changed_at = excluded.changed_at RETURNING {told}"


def _insert(table: type[models.Model], columns: Sequence[str], rows: Sequence[Sequence[Any]], rest: str) -> list[tuple[Any, ...]]:
    """Inserts rows in one statement; what that returns."""
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, columns))
    marks = ", ".join([f"({', '.join(['%s'] * len(columns))})"] * len(rows))
    with connection.cursor() as cursor:
        statement = f"INSERT INTO {quote(table._meta.db_table)} ({names}) VALUES {marks} {rest}"  # noqa: S608 - names only
        cursor.execute(statement, [value for row in rows for value in row])
        return list(cursor.fetchall())


def _row(entry: Entry) -> tuple[Any, ...]:
    told = entry.budget, entry.counter, entry.period, entry.unit, entry.request_id[:128], entry.amount, entry.reason[:200]
    return (entry.id, _moment(entry.at), str(entry.kind), *told)


def _open(entry: Entry) -> OpenHold:
    return OpenHold(
        id=hold_of(entry),
        budget=entry.budget,
        counter=entry.counter,
        period=entry.period,
        unit=entry.unit,
        request_id=entry.request_id[:128],
        amount=entry.amount,
        deadline=datetime.fromtimestamp(entry.deadline, UTC),
    )


def hold_of(entry: Entry) -> str:
    """The id of the hold that an entry is of."""
    return entry.id.rpartition(".")[0]


def _moment(seconds: float) -> Any:
    return connection.ops.adapt_datetimefield_value(datetime.fromtimestamp(seconds, UTC))
