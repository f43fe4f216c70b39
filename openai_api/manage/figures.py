"""What are the figures of the overview and of budgets? The same as the admin shows, from roll-ups and the sums of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time
from typing import Any

from rest_framework.response import Response

from models_catalog.bounds import NANO
from models_catalog.models import Budget
from openai_api.database import traffic
from openai_api.database.budget_figures import figures_of
from openai_api.database.histograms import quantile
from openai_api.database.roll_up_rows import COUNTS, Amounts
from openai_api.manage.fields import Amount, Count, Moment, Number, Text, body, moment
from openai_api.manage.lists import parameters_of
from openai_api.manage.problems import invalid, not_found
from openai_api.manage.resources.references import as_uuid
from openai_api.manage.views import View

Data = dict[str, Any]
BUDGET_FIGURE = body(
    "BudgetFigure",
    {
        "counter": Text(help_text="For whom it counts apart; empty: for all together."),
        "period": Text(),
        "unit": Text(),
        "spent": Number(),
        "held": Number(help_text="By requests in flight."),
        "amount": Number(),
        "ends_at": Moment(allow_null=True, help_text="Of the present period; null: of a past one, or never."),
    },
)
BUDGET_FIGURES = body("BudgetFigureList", {"data": BUDGET_FIGURE(many=True)})


class BudgetFigures(View):
    """What is spent and held of a budget, the latest periods first"""

    scope = "budgets"
    http_method_names = ["get", "head"]

    def get(self, request: Any, address: str) -> Response:
        parameters_of(request.query_params, ())
        pk = as_uuid(address)
        row = self.caller.visible(Budget.objects.all()).filter(pk=pk).first() if pk else None
        if row is None:
            raise not_found("budget", address)
        return Response({"data": [_figure(one) for one in figures_of(row)]})


def _figure(one: Any) -> Data:
    unit = NANO if one.unit == Budget.Unit.USD else 1
    amounts = {name: getattr(one, name) / unit for name in ("spent", "held", "amount")}
    return {"counter": one.counter, "period": one.period, "unit": one.unit, **amounts, "ends_at": moment(one.end)}


TOTALS = {**{name: Count() for name in COUNTS}, "cost_usd": Amount()}
TIMES = ("total_ms", "first_byte_ms", "gateway_ms")
QUANTILES = {f"{name}_{part}": Number(allow_null=True) for name in TIMES for part in ("p50", "p95")}
SUMS = body("TrafficSums", {**TOTALS, **QUANTILES})
BUCKET = body("TrafficBucket", {"at": Moment(), **TOTALS, **QUANTILES})
TOP = body(
    "TopName", {"name": Text(), "id": Text(), "requests": Count(), "errors": Count(), "tokens": Count(), "cost_usd": Number()}
)
HOUR = body("ProviderHour", {"at": Moment(), "requests": Count(), "errors": Count()})
HEALTH = body("ProviderHealth", {"name": Text(), "hours": HOUR(many=True)})
DIMENSIONS = ("model", "key", "person", "project", "app")
OVERVIEW = body(
    "Overview",
    {
        "since": Moment(),
        "until": Moment(),
        "now": SUMS(help_text="Of the period."),
        "before": SUMS(help_text="Of the period of the same length before it."),
        "buckets": BUCKET(many=True),
        "top": body("TopNames", {name: TOP(many=True) for name in DIMENSIONS})(),
        "providers": HEALTH(many=True),
    },
)
RANGE = {"range": "the period until now; 24h if not given"}


class Overview(View):
    """The figures of the admin's overview"""

    scope = "overview"
    http_method_names = ["get", "head"]

    def get(self, request: Any) -> Response:
        given = parameters_of(request.query_params, RANGE)
        chosen = traffic.RANGES.get(given.get("range", "24h"))
        if chosen is None:
            raise invalid({"range": [f"Enter one of {', '.join(traffic.RANGES)}."]})
        now, tenants = time(), self.caller.tenants
        start, end = chosen.ends(now)
        found = traffic.series(tenants, start, end, chosen.bucket)
        before = traffic.series(tenants, *chosen.ends_before(now), chosen.bucket)
        health = traffic.health(tenants, now)
        return Response(
            {
                "since": _at(start),
                "until": _at(end),
                "now": _sums(traffic.summed(found.values())),
                "before": _sums(traffic.summed(before.values())),
                "buckets": [{"at": _at(at), **_sums(found.get(at, Amounts()))} for at in chosen.buckets(now)],
                "top": {name: [_line(line) for line in traffic.top(name, tenants, start, end)] for name in DIMENSIONS},
                "providers": [
                    {"name": name, "hours": [{**one._asdict(), "at": _at(one.at)} for one in hours]}
                    for name, hours in health.items()
                ],
            }
        )


def _at(seconds: int) -> str | None:
    return moment(datetime.fromtimestamp(seconds, UTC))


def _sums(part: Amounts) -> Data:
    counts = {name: getattr(part, name) for name in COUNTS}
    times = {
        f"{name}_{word}": quantile(getattr(part, name), share) for name in TIMES for word, share in (("p50", 0.5), ("p95", 0.95))
    }
    return {**counts, "cost_usd": part.nano / NANO, **times}


def _line(line: traffic.Line) -> Data:
    names = ("name", "id", "requests", "errors", "tokens")
    return {**{name: getattr(line, name) for name in names}, "cost_usd": float(line.cost)}
