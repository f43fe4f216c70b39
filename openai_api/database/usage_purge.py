"""How long is a request remembered? Rows older than the retention are deleted, some at a time, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet

from openai_api.models import UsageRecord

ROWS = 1000
"""Rows in one transaction: a writer that waits for it must not notice."""


def expired(days: float) -> QuerySet[UsageRecord]:
    """The rows of requests that began more than `days` days ago."""
    return UsageRecord.objects.filter(started_at__lt=datetime.now(UTC) - timedelta(days=days))


def purge(days: float) -> int:
    """Deletes the oldest expired rows, at most `ROWS`, and says how many there were. Raises database errors."""
    old = list(expired(days).order_by("started_at").values_list("pk", flat=True)[:ROWS])
    if old:
        UsageRecord.objects.filter(pk__in=old).delete()
    return len(old)
