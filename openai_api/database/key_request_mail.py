"""Who is told of a request for more, and what? The operators whom the person's tenant names, else the superusers."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime, timedelta

from django.contrib.auth.models import User

from models_catalog.models import KeyRequest, Person
from openai_api.jobs.job import State
from openai_api.jobs.key_requests import KIND, Letter
from openai_api.models import JobRow

KEPT = timedelta(days=7)
MOST = 50
"""Addresses of one mail."""


def tell(row: KeyRequest) -> None:
    """Has operators told, in the transaction of the caller. Raises database errors."""
    now = datetime.now(UTC)
    JobRow.objects.create(
        id=f"{KIND}_{row.pk}",
        kind=KIND,
        owner="",
        payload=zlib.compress(str(row.pk).encode(), 1),
        state=State.QUEUED,
        created_at=now,
        expires_at=now + KEPT,
    )


def letter(request: str) -> Letter | None:
    """The mail about a request that is not decided yet. Raises database errors."""
    row = (
        KeyRequest.objects.select_related("person__tenant", "client_key").filter(pk=request, state=KeyRequest.State.OPEN).first()
    )
    if row is None:
        return None
    whose = f"the key {row.client_key}" if row.client_key else "all keys together"
    said = f"{row.person.name} ({row.person.tenant.name}) asks for {row.wish}, for {whose}."
    reason = f"\n\n{row.reason}" if row.reason else ""
    text = f"{said}{reason}\n\nDecide it in the admin, under Requests for more.\n"
    return Letter(_addresses(row.person), " ".join(f"Request for more of {row.person.name}".split()), text)


def _addresses(person: Person) -> list[str]:
    staff = User.objects.filter(is_active=True, is_staff=True).exclude(email="").order_by("pk")
    named = staff.filter(pk__in=person.tenant.operators.values("pk")) if person.tenant.operators.exists() else None
    chosen = staff.filter(is_superuser=True) if named is None else named
    return list(chosen.values_list("email", flat=True)[:MOST])
