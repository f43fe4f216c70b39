"""How is traffic drawn? As data for Chart.js, in attributes of a canvas, with the same numbers as a table."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models_catalog.bounds import NANO
from openai_api.admin.figures_of_traffic import NOTHING, count, milliseconds, money
from openai_api.database.histograms import quantile
from openai_api.database.roll_up_rows import Amounts
from openai_api.database.traffic import DAY, HOUR, Range

INK = "#7f8b92"
"""Of words beside axes: readable on light and on dark ground."""
ACCENT, BAD, SECOND = "var(--sb-accent)", "var(--sb-bad)", "var(--sb-warn)"


@dataclass(frozen=True, slots=True)
class Chart:
    """`data` and `options` are JSON, `at` the seconds of the columns as JSON, `head` and `rows` the same as a table."""

    title: str
    kind: str
    data: str
    options: str
    at: str
    told: str
    head: tuple[str, ...]
    rows: list[tuple[datetime, list[str]]]


def charts(chosen: Range, buckets: Sequence[int], found: Mapping[int, Amounts]) -> list[Chart]:
    parts = [found.get(at, Amounts()) for at in buckets]
    latency = [(quantile(part.total_ms, 0.5), quantile(part.total_ms, 0.95)) for part in parts]
    return [
        _chart(
            chosen,
            buckets,
            "Requests",
            "bar",
            (
                ("Answered", [part.requests - part.errors for part in parts], ACCENT),
                ("Failed", [part.errors for part in parts], BAD),
            ),
            count,
        ),
        _chart(chosen, buckets, "Spend (USD)", "bar", (("Spend", [part.nano / NANO for part in parts], ACCENT),), money),
        _chart(
            chosen,
            buckets,
            "Latency (ms)",
            "line",
            (
                ("Median", [_rounded(median) for median, _ in latency], ACCENT),
                ("95th percentile", [_rounded(high) for _, high in latency], SECOND),
            ),
            milliseconds,
        ),
    ]


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 1)


def _chart(chosen: Range, buckets: Sequence[int], title: str, kind: str, lines: Any, written: Any) -> Chart:
    labels = [label(at, chosen) for at in buckets]
    data = {"labels": labels, "datasets": [_dataset(kind, name, values, colour) for name, values, colour in lines]}
    rows = [
        (
            datetime.fromtimestamp(at, UTC),
            [NOTHING if values[place] is None else written(values[place]) for _, values, _ in lines],
        )
        for place, at in enumerate(buckets)
    ]
    local = "" if chosen.bucket >= DAY else json.dumps(list(buckets))
    told = f"{title}, last {chosen.label}, in {len(buckets)} columns; the same numbers stand in the table below."
    shape, head = json.dumps(_options(kind, len(lines))), tuple(name for name, *_ in lines)
    return Chart(title, kind, json.dumps(data), shape, local, told, head, rows)


def label(at: int, chosen: Range) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if chosen.bucket >= DAY:
        return f"{moment:%b} {moment.day}"
    return f"{moment:%a %H:%M}" if chosen.bucket > HOUR else f"{moment:%H:%M}"


def _dataset(kind: str, name: str, values: Sequence[float | None], colour: str) -> dict[str, Any]:
    line = {"borderWidth": 2, "pointRadius": 0, "pointHitRadius": 12, "tension": 0.25, "spanGaps": True}
    bar = {"borderRadius": 2, "maxBarThickness": 28, "categoryPercentage": 0.9, "barPercentage": 0.9}
    return {
        "label": name,
        "data": list(values),
        "borderColor": colour,
        "backgroundColor": colour,
        **(line if kind == "line" else bar),
    }


def _options(kind: str, lines: int) -> dict[str, Any]:
    ticks = {"color": INK, "maxRotation": 0, "autoSkip": True, "autoSkipPadding": 16}
    stacked = kind == "bar"
    return {
        "animation": False,
        "responsive": True,
        "maintainAspectRatio": False,
        "interaction": {"mode": "index", "intersect": False},
        "plugins": {
            "legend": {
                "display": lines > 1,
                "align": "end",
                "labels": {"color": INK, "boxWidth": 8, "boxHeight": 8, "usePointStyle": True, "pointStyle": "circle"},
            }
        },
        "scales": {
            "x": {"stacked": stacked, "grid": {"display": False}, "border": {"display": False}, "ticks": ticks},
            "y": {
                "stacked": stacked,
                "beginAtZero": True,
                "grid": {"tickWidth": 0},
                "border": {"display": False},
                "ticks": {"color": INK, "maxTicksLimit": 5},
            },
        },
    }
