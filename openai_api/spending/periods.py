"""When does a budget begin anew? At midnight UTC: of each day, of Monday, of the first of a month, or never."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from models_catalog.bounds import Period

DAY = timedelta(days=1)


class Span(NamedTuple):
    """A period of the calendar: its name, which sorts by time, and its end in seconds since the epoch, None if there is none."""

    name: str
    end: float | None


FOR_GOOD = Span("total", None)


def span_of(period: Period, now: float) -> Span:
    """The one that a moment lies in."""
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    if period is Period.DAY:
        return Span(today.strftime("%Y-%m-%d"), (today + DAY).timestamp())
    if period is Period.WEEK:
        year, week, weekday = today.isocalendar()
        return Span(f"{year:04}-W{week:02}", (today + (8 - weekday) * DAY).timestamp())
    if period is Period.MONTH:
        following = (today.replace(day=1) + 32 * DAY).replace(day=1)
        return Span(today.strftime("%Y-%m"), following.timestamp())
    return FOR_GOOD


class Calendar:
    """The spans of the present, computed once a day. A clock that steps, back too, is followed."""

    def __init__(self) -> None:
        self._since = self._until = 0.0
        self._spans: Mapping[Period, Span] = MappingProxyType({})

    def spans(self, now: float) -> Mapping[Period, Span]:
        if not self._since <= now < self._until:
            self._spans = MappingProxyType({period: span_of(period, now) for period in Period})
            end = self._spans[Period.DAY].end
            assert end is not None, "a day ends"  # noqa: S101
            self._until, self._since = end, end - DAY.total_seconds()
        return self._spans
