"""What have providers served in the last hour? Told to their pages from the sums of minutes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.db import DatabaseError
from django.db.models import Sum
from django.utils import timezone

from models_catalog.route_state import Traffic, tell_traffic
from openai_api.models import UsageRollUp

log = structlog.stdlib.get_logger("gateway.pages")
WITHIN = timedelta(hours=1)


def last_hour() -> Mapping[str, Traffic]:
    """By the names of providers; nothing where the database does not tell."""
    rows = UsageRollUp.objects.filter(
        span=UsageRollUp.Span.MINUTE, dimension=UsageRollUp.Dimension.PROVIDER, at__gt=timezone.now() - WITHIN
    )
    try:
        sums = list(rows.order_by().values_list("name").annotate(Sum("requests"), Sum("errors")))
    except DatabaseError as error:
        log.warning("what providers served is not shown", error=type(error).__name__)
        return {}
    return {name: Traffic(requests, errors) for name, requests, errors in sums}


tell_traffic("roll-ups", last_hour)
