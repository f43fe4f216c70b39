"""How is traffic told in words? As cards, each beside the period before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from models_catalog.bounds import NANO
from openai_api.admin.figures import duration
from openai_api.database.histograms import Histogram, quantile
from openai_api.database.roll_up_rows import Amounts

NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Card:
    """One figure. `before` is that of the period before, `change` what became of it; `tone` is "good", "bad" or ""."""

    label: str
    icon: str
    value: str
    note: str
    before: str
    change: str
    tone: str


@dataclass(frozen=True, slots=True)
class Measure:
    """How a figure is read off amounts. `less` says that less of it is better, None that nobody can say."""

    label: str
    icon: str
    number: Callable[[Amounts], float | None]
    written: Callable[[float], str]
    note: Callable[[Amounts], str]
    less: bool | None = None


def cards(now: Amounts, before: Amounts) -> list[Card]:
    return [_card(measure, now, before) for measure in MEASURES]


def _card(measure: Measure, now: Amounts, before: Amounts) -> Card:
    present, past = measure.number(now), measure.number(before)
    change, tone = _change(present, past, measure.less)
    return Card(measure.label, measure.icon, _told(measure, present), measure.note(now), _told(measure, past), change, tone)


def _told(measure: Measure, number: float | None) -> str:
    return NOTHING if number is None else measure.written(number)


def _change(present: float | None, past: float | None, less: bool | None) -> tuple[str, str]:
    """In percent of the period before; a change of less than 1 % is none."""
    if present is None or not past:
        return "", ""
    percent = round((present - past) / past * 100)
    if not percent:
        return "±0 %", ""
    tone = "" if less is None or abs(percent) < 10 else "good" if (percent < 0) == less else "bad"
    return f"{percent:+,} %", tone


def count(number: float) -> str:
    """`12,345`, `1.23 M`, `4.5 G`."""
    for size, word in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.2f} {word}"
    return f"{number:,.0f}"


def money(dollars: float) -> str:
    """US dollars; cents, and less where it is little."""
    if dollars >= 1000:
        return f"${dollars:,.0f}"
    return f"${dollars:.2f}" if dollars >= 1 or not dollars else f"${dollars:.4f}"


def percent(part: float) -> str:
    return f"{part * 100:.2f} %" if part < 0.1 else f"{part * 100:.1f} %"


def milliseconds(ms: float) -> str:
    """A part of a millisecond is worth telling below 10 of them."""
    return f"{ms:.2g} ms" if ms < 10 else duration(ms)


def share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def quantiles(histogram: Histogram) -> str:
    found = quantile(histogram, 0.95)
    return f"95th percentile {NOTHING if found is None else milliseconds(found)}"


MEASURES = (
    Measure("Requests", "swap_horiz", lambda one: one.requests, count, lambda one: f"{count(one.errors)} failed"),
    Measure(
        "Spend",
        "payments",
        lambda one: one.nano / NANO,
        money,
        lambda one: f"{count(one.uncosted)} without a price" if one.uncosted else "USD, all priced",
    ),
    Measure(
        "Latency (median)",
        "timer",
        lambda one: quantile(one.total_ms, 0.5),
        milliseconds,
        lambda one: quantiles(one.total_ms),
        less=True,
    ),
    Measure(
        "First byte (median)",
        "bolt",
        lambda one: quantile(one.first_byte_ms, 0.5),
        milliseconds,
        lambda one: quantiles(one.first_byte_ms),
        less=True,
    ),
    Measure(
        "Error rate",
        "error",
        lambda one: share(one.errors, one.requests),
        percent,
        lambda one: f"{count(one.errors)} of {count(one.requests)}",
        less=True,
    ),
    Measure(
        "Added by the gateway",
        "route",
        lambda one: quantile(one.gateway_ms, 0.5),
        milliseconds,
        lambda one: quantiles(one.gateway_ms),
        less=True,
    ),
    Measure(
        "Tokens",
        "token",
        lambda one: one.input_tokens + one.output_tokens,
        count,
        lambda one: f"{count(one.input_tokens)} in, {count(one.output_tokens)} out",
    ),
    Measure(
        "Cache hits",
        "cached",
        lambda one: share(one.cache_hits, one.requests),
        percent,
        lambda one: f"{count(one.cache_hits)} requests; {count(one.cached_tokens)} tokens cached upstream",
        less=False,
    ),
)
