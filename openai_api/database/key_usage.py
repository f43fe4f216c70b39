"""What have keys used, by the rows of their requests? In two statements that end in time, whatever there is to read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic, time
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Q, QuerySet, Sum

from models_catalog.bounds import BudgetRule, counter_of
from models_catalog.models import ClientKey
from models_catalog.snapshot import Client
from openai_api.database.budget_figures import named, shown
from openai_api.database.threads import ANSWER_S, DatabaseThreads
from openai_api.errors import ApiError, StoreUnavailable
from openai_api.limits.figures import PERIODS, Left, Line, Spent, Usage, Used
from openai_api.models import BudgetCounter, UsageRecord
from openai_api.spending.periods import span_of

MOST_KEYS = 1000
MOST_MODELS = 100
FRESH_S = 2.0
"""How long figures are told again without being asked for."""
MOST_KEPT = 1000


class DatabaseUsage:
    """For the requests of a process, in threads of its own: what takes long here delays nothing else."""

    def __init__(self, threads: DatabaseThreads) -> None:
        self._threads = threads
        self._kept: dict[str, tuple[float, Usage]] = {}

    async def of_client(self, client: Client) -> Usage:
        kept = self._kept.get(client.id)
        if kept is not None and monotonic() - kept[0] < FRESH_S:
            return kept[1]
        usage = await self._threads.run(lambda: usage_of(keys_of(client.id, client.lineage), ANSWER_S))
        if len(self._kept) >= MOST_KEPT:
            self._kept.clear()
        self._kept[client.id] = monotonic(), usage
        return usage


class DatabaseFigures:
    """What is spent and held of budgets, by the sums of their ledger. `left` knows what is left of limits."""

    def __init__(self, threads: DatabaseThreads, left: Callable[[Client], Awaitable[Mapping[str, Left]]]) -> None:
        self._threads = threads
        self._left = left

    async def limits(self, client: Client) -> Mapping[str, Left]:
        try:
            return await self._left(client)
        except ApiError:  # the counters cannot be read
            return {}

    async def budgets(self, client: Client) -> Mapping[str, Spent]:
        rules = client.bounds.budgets
        if not rules:
            return {}
        try:
            return await self._threads.run(lambda: _spent(client, rules))
        except StoreUnavailable:
            return {}

    async def gauges(self) -> Sequence[tuple[str, tuple[str, ...], float]]:
        try:
            return await self._threads.run(lambda: shown(time()))
        except StoreUnavailable:
            return ()


def _spent(client: Client, rules: Sequence[BudgetRule]) -> dict[str, Spent]:
    counters = {rule.id: named(counter_of(rule, client.lineage, client.owner.person_id), rule.unit) for rule in rules}
    rows = BudgetCounter.objects.filter(budget__in=counters, counter__in=counters.values())
    known = {(row.counter, row.period, row.unit): row for row in rows.order_by("-period")[:MOST_KEYS]}
    found = {}
    for rule in rules:
        span = span_of(rule.period, time())
        row = known.get((counters[rule.id], span.name, rule.unit.value))
        found[rule.id] = Spent(0, 0, span.end) if row is None else Spent(row.spent, row.held, span.end)
    return found


def keys_of(client_id: str, lineage: str) -> list[str]:
    """The ids of a key and of those that it has replaced."""
    try:
        first = UUID(lineage)
    except ValueError:  # not of the catalog
        return [client_id]
    rows = ClientKey.objects.filter(Q(pk=first) | Q(lineage=first)).order_by().values_list("pk", flat=True)
    return [*{client_id, *map(str, rows[:MOST_KEYS])}]


def usage_of(keys: Collection[str], within_s: float, now: datetime | None = None) -> Usage:
    """What these keys have used. Raises `DatabaseError` if PostgreSQL needs longer than `within_s` seconds."""
    midnight = (now or datetime.now(UTC)).replace(hour=0, minute=0, second=0, microsecond=0)
    since = {name: midnight - timedelta(days=days - 1) for name, days in PERIODS.items()}
    rows = UsageRecord.objects.filter(client_id__in=keys, started_at__gte=min(since.values()), model__isnull=False).order_by()
    with _within(within_s):
        by_key = _lines(rows.values("client_id"), since)[:MOST_KEYS]
        by_model = _lines(rows.values("client_id", "model"), since).order_by("-requests_30_days", "client_id", "model")
        return Usage(
            {name: moment.timestamp() for name, moment in since.items()},
            [Line(row["client_id"], "", _used(row)) for row in by_key],
            [Line(row["client_id"], row["model"], _used(row)) for row in by_model[:MOST_MODELS]],
        )


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Statements that take no longer. SQLite has no such bound, and a transaction would keep its writers waiting."""
    if connection.vendor != "postgresql":
        yield
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(int(seconds * 1000))])
        yield


SUMS = ("input_tokens", "cached_tokens", "output_tokens", "cost_usd")


def _lines(rows: QuerySet[Any, Any], since: Mapping[str, datetime]) -> QuerySet[Any, Any]:
    asked: dict[str, Any] = {}
    for period, moment in since.items():
        within = Q(started_at__gte=moment)
        asked[f"requests_{period}"] = Count("pk", filter=within)
        asked[f"failed_{period}"] = Count("pk", filter=within & Q(status__gte=400))
        asked[f"unpriced_{period}"] = Count("pk", filter=within & Q(cost_usd=None, status__lt=400))
        asked |= {f"{name}_{period}": Sum(name, filter=within) for name in SUMS}
    found: QuerySet[Any, Any] = rows.annotate(**asked)
    return found


def _used(row: Mapping[str, Any]) -> dict[str, Used]:
    return {
        period: Used(**{name: _number(name, row[f"{name}_{period}"]) for name in Used.__struct_fields__}) for period in PERIODS
    }


def _number(name: str, value: Any) -> Any:
    if name == "cost_usd":
        return (value or Decimal(0)).normalize() + 0
    return value or 0


def usage_of_person(keys: Iterable[ClientKey], within_s: float) -> Usage:
    """What all these keys have used."""
    return usage_of([str(key.pk) for key in keys], within_s)
