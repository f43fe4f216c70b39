"""What is remembered of a test? The last outcome of each capability of each route; the catalog's version stays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from models_catalog.models import Route, RouteCheck
from models_catalog.route_checks.run import TOO_LATE, Result

REPLACED = ("upstream", "outcome", "latency_ms", "code", "message", "tested_at")


def store(results: Iterable[Result], tested_at: datetime) -> None:
    """Replaces what was known. Calls that were not reached, and routes that are gone by now, are left out."""
    reached = [result for result in results if result.code != TOO_LATE]
    wanted = {result.planned.route.pk for result in reached}
    with transaction.atomic():
        there = set(Route.objects.select_for_update().filter(pk__in=wanted).values_list("pk", flat=True))
        rows = [_row(result, tested_at) for result in reached if result.planned.route.pk in there]
        RouteCheck.objects.bulk_create(rows, update_conflicts=True, unique_fields=("route", "capability"), update_fields=REPLACED)


def _row(result: Result, tested_at: datetime) -> RouteCheck:
    planned = result.planned
    return RouteCheck(
        route=planned.route,
        capability=planned.capability.value,
        upstream=planned.route.upstream,
        outcome=result.outcome,
        latency_ms=result.latency_ms,
        code=result.code[:100],
        message=result.message,
        tested_at=tested_at,
    )
