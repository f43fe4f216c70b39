"""When was each model last asked for? The last hour of the roll-ups that has it, of those of a week."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from models_catalog.last_used import tell_last_used
from openai_api.models import UsageRollUp

LOOKED_AT = timedelta(days=7)


def last_hours(models: Collection[str], tenants: Collection[str] | None) -> Mapping[str, datetime]:
    """By the names of the models; see `LastUsed`."""
    hours = UsageRollUp.objects.filter(
        span=UsageRollUp.Span.HOUR,
        dimension=UsageRollUp.Dimension.MODEL,
        at__gte=timezone.now() - LOOKED_AT,
        name__in=models,
    )
    if tenants is not None:
        hours = hours.filter(tenant__in=tenants)
    return dict(hours.order_by().values_list("name").annotate(last=Max("at")))


tell_last_used(last_hours)
