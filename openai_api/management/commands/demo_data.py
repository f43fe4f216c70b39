"""What do the pages look like with traffic? Fills in two made-up weeks, and takes them out again."""

from __future__ import annotations

import time
from itertools import islice
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from openai_api.database import roll_ups
from openai_api.database.demo_traffic import MARK, PREFIX, demo_rows
from openai_api.database.roll_up_again import row_of_values
from openai_api.database.usage_rows import insert
from openai_api.models import UsageRecord

ROWS = 2000
"""In one transaction."""
MOST = 1_000_000


class Command(BaseCommand):
    help = "Fills in two weeks of made-up requests, to look at the admin with; --remove takes them out again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--rows", type=int, default=50_000, help="how many requests (50000)")
        parser.add_argument("--force", action="store_true", help="although there are requests of others")
        parser.add_argument("--remove", action="store_true", help="delete what this command has filled in")

    def handle(self, *, rows: int, force: bool, remove: bool, **options: Any) -> None:
        made = UsageRecord.objects.filter(request_id__startswith=PREFIX, user_agent=MARK)
        if remove:
            self.stdout.write(f"Removed {_remove(made)} made-up requests.")
            return
        if not 1 <= rows <= MOST:
            raise CommandError(f"--rows must be between 1 and {MOST}, not {rows}.")
        if made.exists():
            raise CommandError("There are made-up requests already: delete them with --remove first.")
        if not force and UsageRecord.objects.exists():
            raise CommandError(
                "This database has requests, and made-up ones would be counted among them. Use another database, or --force:"
                " --remove deletes the made-up ones again."
            )
        told = demo_rows(rows, time.time())
        while some := list(islice(told, ROWS)):
            insert(some)
        self.stdout.write(f"Filled in {rows} made-up requests of the last two weeks. --remove deletes them.")


def _remove(made: Any) -> int:
    """Deletes rows, and takes back what they counted."""
    removed = 0
    while True:
        with transaction.atomic():
            some = list(made.order_by("pk").values()[:ROWS])
            if not some:
                return removed
            roll_ups.take_back([row_of_values(values) for values in some])
            made.filter(pk__in=[values["id"] for values in some]).delete()
        removed += len(some)
