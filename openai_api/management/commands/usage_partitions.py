"""Which partitions have the requests on PostgreSQL? Makes those of the next days, and lists all of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from openai_api.database.partitions import make_ahead, partitioned, partitions


class Command(BaseCommand):
    help = (
        "Makes the partitions of requests for the next days, and lists all there are (PostgreSQL). The server does so by itself."
    )

    def handle(self, **options: Any) -> None:
        if not partitioned():
            raise CommandError("SQLite has no partitions: requests are in one table.")
        try:
            made = make_ahead(settings.GATEWAY_USAGE_DAYS)
        except DatabaseError as error:
            raise CommandError(f"The partitions cannot be made now: {str(error).strip()}") from error
        for one in partitions():
            new = "  made" if one.name in made else ""
            self.stdout.write(f"{one.name}  {_day(one.start)}  {_day(one.end)}  {one.size / 2**20:.1f} MiB{new}")


def _day(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "-"
