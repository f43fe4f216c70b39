"""How are old rows of requests deleted at once, rather than by the server in passing?"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from openai_api.database.usage_purge import expired, purge


def day_count(text: str) -> int:
    """A whole number of days, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


class Command(BaseCommand):
    help = "Deletes the rows of requests that are older than GATEWAY_USAGE_DAYS, or than --days."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=day_count, help="keep so many days (GATEWAY_USAGE_DAYS)")
        parser.add_argument("--dry-run", action="store_true", help="only say how many rows there are")

    def handle(self, *, days: int | None, dry_run: bool, **options: Any) -> None:
        days = days or settings.GATEWAY_USAGE_DAYS
        if not days:
            raise CommandError("GATEWAY_USAGE_DAYS is 0, which keeps all requests: say how many days to keep with --days.")
        if dry_run:
            self.stdout.write(f"{expired(days).count()} requests are older than {days} days.")
            return
        deleted = 0
        while found := purge(days):
            deleted += found
        self.stdout.write(f"Deleted {deleted} requests older than {days} days.")
