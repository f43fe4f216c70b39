"""Lists the client keys, without anything secret."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from models_catalog.keys import PREFIX
from models_catalog.models import ClientKey

AT_ONCE = 1000


class Command(BaseCommand):
    help = "Lists the client keys with their state and whom they belong to. No key is among what it shows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--all", action="store_true", help="also those that are disabled, expired or revoked")
        parser.add_argument("--json", action="store_true", help="print one JSON object a line")

    def handle(self, **options: Any) -> None:
        now = timezone.now()
        shown = (row for row in rows(now) if options["all"] or row["state"] == "active")
        for row in shown:
            self.stdout.write(json.dumps(row) if options["json"] else _line(row))


def rows(now: datetime) -> Iterator[dict[str, Any]]:
    """The keys by name, as plain JSON."""
    found = ClientKey.objects.select_related("project__tenant", "person__tenant").prefetch_related(
        "allowed_models", "access_groups"
    )
    for row in found.order_by("name", "created_at").iterator(chunk_size=AT_ONCE):
        tenant = row.project.tenant if row.project else row.person.tenant if row.person else None
        yield {
            "id": str(row.pk),
            "key": f"{PREFIX if row.public_id else ''}{row.public_id}…{row.last_four}",
            "name": row.name,
            "state": _state(row, now),
            "tenant": tenant.name if tenant else None,
            "project": row.project.name if row.project else None,
            "person": row.person.name if row.person else None,
            "models": None if row.all_models else sorted(model.name for model in row.allowed_models.all()),
            "access_groups": sorted(group.name for group in row.access_groups.all()),
            "aliases": row.aliases,
            "networks": row.allowed_networks,
            "max_wait_s": row.max_wait_s,
            "ends_streams": row.ends_streams,
            "record_bodies": row.record_bodies,
            "replaces": str(row.lineage) if row.lineage else None,
            "origin": row.origin or None,
            "created_at": row.created_at.isoformat(),
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
            "last_used_at": row.last_used_at.isoformat() if row.last_used_at else None,
        }


def _state(row: ClientKey, now: datetime) -> str:
    if row.revoked_at is not None:
        return "revoked"
    if row.expires_at is not None and row.expires_at <= now:
        return "expired"
    return "active" if row.enabled else "disabled"


def _line(row: dict[str, Any]) -> str:
    owner = "/".join(part for part in (row["tenant"], row["project"], row["person"]) if part) or "-"
    models = "all models" if row["models"] is None else ", ".join((*row["models"], *row["access_groups"])) or "no models"
    used = row["last_used_at"] or "never"
    return f"{row['key']:24} {row['state']:9} {row['name']:30} {owner:30} {models}; last used: {used}"
