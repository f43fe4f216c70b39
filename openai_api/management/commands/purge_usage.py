"""How are old rows of requests, and sums of them, deleted at once, rather than by the server in passing?"""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from openai_api.database import roll_ups
from openai_api.database.usage_purge import drop, expired, purge


def day_count(text: str) -> int:
    """A whole number of days, at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("must be a whole number, at least 1")
    return int(text)


class Command(BaseCommand):
    help = (
        "Deletes the rows of requests that are older than GATEWAY_USAGE_DAYS, or than --days, and sums that are older than"
        " GATEWAY_ROLL_UP_DAYS, or than --roll-up-days."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--days", type=day_count, help="keep so many days (GATEWAY_USAGE_DAYS)")
        parser.add_argument("--roll-up-days", type=day_count, help="keep sums so many days (GATEWAY_ROLL_UP_DAYS)")
        parser.add_argument("--dry-run", action="store_true", help="only say how many there are")

    def handle(self, *, days: int | None, roll_up_days: int | None, dry_run: bool, **options: Any) -> None:
        sums_asked = roll_up_days is not None
        days, roll_up_days = days or settings.GATEWAY_USAGE_DAYS, roll_up_days or settings.GATEWAY_ROLL_UP_DAYS
        if not days and not sums_asked:
            raise CommandError("GATEWAY_USAGE_DAYS is 0, which keeps all requests: say how many days to keep with --days.")
        if dry_run:
            found = f"{expired(days).count()} requests are older than {days} days" if days else "No requests expire"
            self.stdout.write(f"{found}; {roll_ups.expired(roll_up_days)} sums are.")
            return
        deleted = _all(days) if days else 0
        sums = sum(iter(lambda: roll_ups.purge(roll_up_days), 0))
        self.stdout.write(f"Deleted {deleted} requests older than {days} days, and {sums} sums.")


def _all(days: int) -> int:
    return drop(days) + sum(iter(lambda: purge(days), 0))
