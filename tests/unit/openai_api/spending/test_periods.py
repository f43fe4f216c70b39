"""When does a period of a budget begin and end, and what does a clock do that steps?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models_catalog.bounds import Period
from openai_api.spending.periods import Calendar, Span, span_of

MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(datetime.timestamp)  # noqa: DTZ001
ENDING = (Period.DAY, Period.WEEK, Period.MONTH)


def at(text: str) -> float:
    return datetime.fromisoformat(f"{text}+00:00").timestamp()


@pytest.mark.parametrize(
    ("period", "moment", "name", "end"),
    [
        (Period.DAY, "2026-11-30T00:00:00", "2026-11-30", "2026-12-01T00:00:00"),
        (Period.DAY, "2026-11-30T23:59:59.999", "2026-11-30", "2026-12-01T00:00:00"),
        (Period.DAY, "2028-02-28T12:00:00", "2028-02-28", "2028-02-29T00:00:00"),
        (Period.DAY, "2026-03-29T01:30:00", "2026-03-29", "2026-03-30T00:00:00"),  # Europe's clocks step; these do not
        (Period.WEEK, "2026-11-29T23:59:59", "2026-W48", "2026-11-30T00:00:00"),
        (Period.WEEK, "2026-11-30T00:00:00", "2026-W49", "2026-12-07T00:00:00"),
        (Period.WEEK, "2027-01-03T12:00:00", "2026-W53", "2027-01-04T00:00:00"),
        (Period.MONTH, "2026-12-31T23:59:59", "2026-12", "2027-01-01T00:00:00"),
        (Period.MONTH, "2028-02-01T00:00:00", "2028-02", "2028-03-01T00:00:00"),
        (Period.MONTH, "2027-01-31T12:00:00", "2027-01", "2027-02-01T00:00:00"),
    ],
)
def test_span_when_a_moment_lies_in_it_has_the_name_and_end_of_the_calendar_in_utc(
    period: Period, moment: str, name: str, end: str
) -> None:
    assert span_of(period, at(moment)) == Span(name, at(end))


@given(MOMENTS)
def test_spans_when_one_ends_the_next_begins_with_a_later_name(moment: float) -> None:
    for period in ENDING:
        span = span_of(period, moment)
        assert span.end is not None
        assert span.end > moment
        following = span_of(period, span.end)
        assert following.name > span.name
        assert span_of(period, span.end - 0.001).name == span.name
        assert datetime.fromtimestamp(span.end, UTC).time().isoformat() == "00:00:00"
    assert span_of(Period.TOTAL, moment) == Span("total", None)


@given(st.lists(MOMENTS, max_size=8), st.integers(-200_000, 200_000))
def test_calendar_when_the_clock_steps_follows_it_either_way(moments: list[float], step: int) -> None:
    calendar = Calendar()
    for moment in moments:
        for now in (moment, moment + step, moment):
            assert calendar.spans(now) == {period: span_of(period, now) for period in Period}


def test_calendar_when_the_clock_goes_back_over_midnight_is_in_the_day_before_again() -> None:
    calendar, midnight = Calendar(), at("2026-12-01T00:00:00")
    names = [calendar.spans(midnight + seconds)[Period.MONTH].name for seconds in (-1, 0, -timedelta(hours=1).total_seconds(), 1)]
    assert names == ["2026-11", "2026-12", "2026-11", "2026-12"]
