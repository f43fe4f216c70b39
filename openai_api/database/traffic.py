"""What was the traffic of a period? Read from roll-ups alone, with as few of their rows as cover it: never from requests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet, Sum

from models_catalog.bounds import NANO
from openai_api.database.histograms import from_json
from openai_api.database.roll_up_rows import COUNTS, HISTOGRAMS, Amounts
from openai_api.database.roll_ups import COARSE, Dimension, Span, key_of
from openai_api.models import UsageRollUp

MINUTE, HOUR, DAY = int(Span.MINUTE), int(Span.HOUR), int(Span.DAY)
TOP = 8
"""Names of a list."""
HEALTH_HOURS = 24


class Piece(NamedTuple):
    """Roll-ups of one span that begin in a period: seconds since the epoch, its end excluded."""

    span: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Range:
    """A period that ends now: `count` buckets of `bucket` seconds, the last under way. It ends within `grain` seconds."""

    name: str
    label: str
    bucket: int
    count: int
    grain: int

    def ends(self, now: float) -> tuple[int, int]:
        start = int(now) // self.bucket * self.bucket - (self.count - 1) * self.bucket
        return start, int(now) // self.grain * self.grain + self.grain

    def ends_before(self, now: float) -> tuple[int, int]:
        """The period of the same length before it, up to the same moment."""
        start, end = self.ends(now)
        length = self.bucket * self.count
        return start - length, end - length

    def buckets(self, now: float) -> list[int]:
        start, _ = self.ends(now)
        return [start + place * self.bucket for place in range(self.count)]


RANGES = {
    one.name: one
    for one in (
        Range("1h", "1 h", MINUTE, 60, MINUTE),
        Range("24h", "24 h", HOUR, 24, MINUTE),
        Range("7d", "7 d", 6 * HOUR, 28, HOUR),
        Range("30d", "30 d", DAY, 30, HOUR),
    )
}


class Line(NamedTuple):
    """One name of a list. `id` is that of a key."""

    name: str
    id: str
    requests: int
    errors: int
    tokens: int
    cost: Decimal


class Hour(NamedTuple):
    """What a provider did in an hour."""

    at: int
    requests: int
    errors: int


def pieces(start: int, end: int, coarsest: int) -> list[Piece]:
    """The fewest roll-ups, of spans up to `coarsest`, that cover a period."""
    for span in (DAY, HOUR, MINUTE):
        first, last = -(-start // span) * span, end // span * span
        if span <= coarsest and first < last:
            return [*pieces(start, first, span), Piece(span, first, last), *pieces(last, end, span)]
    return []


def series(tenants: Collection[str] | None, start: int, end: int, bucket: int) -> dict[int, Amounts]:
    """What all requests of a period amount to, by the beginning of each bucket; those of the tenants, None for everybody."""
    coarsest = max(span for span in (DAY, HOUR, MINUTE) if span <= bucket)
    rows = _within(_totals(tenants), pieces(start, end, coarsest))
    found: dict[int, Amounts] = {}
    for at, cost, *values in rows.values_list("at", "cost_usd", *COUNTS, *HISTOGRAMS):
        *counts, total, first_byte, gateway = values
        times = from_json(total), from_json(first_byte), from_json(gateway)
        amounts = Amounts(**dict(zip(COUNTS, counts, strict=True)), nano=round(cost * NANO))
        amounts.total_ms, amounts.first_byte_ms, amounts.gateway_ms = times
        place = start + (int(at.timestamp()) - start) // bucket * bucket
        found.setdefault(place, Amounts()).add(amounts)
    return found


def summed(parts: Collection[Amounts]) -> Amounts:
    whole = Amounts()
    for part in parts:
        whole.add(part)
    return whole


def _totals(tenants: Collection[str] | None) -> QuerySet[UsageRollUp]:
    if tenants is None:
        return UsageRollUp.objects.filter(dimension=Dimension.TOTAL)
    return UsageRollUp.objects.filter(dimension=Dimension.ALL, tenant__in=tenants)


def _within(rows: QuerySet[UsageRollUp], wanted: Sequence[Piece]) -> QuerySet[UsageRollUp]:
    found = Q(pk__in=[])
    for piece in wanted:
        found |= Q(span=piece.span, at__gte=_moment(piece.start), at__lt=_moment(piece.end))
    return rows.filter(found)


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def top(dimension: str, tenants: Collection[str] | None, start: int, end: int) -> list[Line]:
    """The names with most requests in a period. Keys, people, projects and apps are counted by whole hours."""
    if dimension in COARSE:
        start, end = start // HOUR * HOUR, -(-end // HOUR) * HOUR
    rows = UsageRollUp.objects.filter(dimension=dimension).exclude(name="")
    if tenants is not None:
        rows = rows.filter(tenant__in=tenants)
    names = ("requests", "errors", "input_tokens", "output_tokens", "cost_usd")
    asked = {f"{name}_": Sum(name) for name in names}
    sums: QuerySet[Any, Any] = _within(rows, pieces(start, end, DAY)).order_by().values("name").annotate(**asked)
    return [_line(dimension, row) for row in sums.order_by("-requests_", "name")[:TOP]]


def _line(dimension: str, row: dict[str, Any]) -> Line:
    public_id, name = key_of(row["name"]) if dimension == Dimension.KEY else ("", row["name"])
    tokens = row["input_tokens_"] + row["output_tokens_"]
    return Line(name or public_id[:8], public_id, row["requests_"], row["errors_"], tokens, Decimal(row["cost_usd_"]))


def health(tenants: Collection[str] | None, now: float) -> dict[str, list[Hour]]:
    """What each provider did in each of the last `HEALTH_HOURS` hours, the last one under way."""
    first = int(now) // HOUR * HOUR - (HEALTH_HOURS - 1) * HOUR
    rows = UsageRollUp.objects.filter(span=HOUR, dimension=Dimension.PROVIDER, at__gte=_moment(first))
    if tenants is not None:
        rows = rows.filter(tenant__in=tenants)
    sums = rows.order_by().values_list("name", "at").annotate(Sum("requests"), Sum("errors"))
    found: dict[str, dict[int, Hour]] = {}
    for name, at, requests, errors in sums:
        place = int(at.timestamp())
        found.setdefault(name, {})[place] = Hour(place, requests, errors)
    hours = [first + place * HOUR for place in range(HEALTH_HOURS)]
    return {name: list(_all(hours, of)) for name, of in sorted(found.items())}


def _all(hours: Sequence[int], known: dict[int, Hour]) -> Iterator[Hour]:
    return (known.get(at, Hour(at, 0, 0)) for at in hours)
