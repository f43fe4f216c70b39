"""How do requests that were recorded before there were roll-ups get into them? Day by day, as often as one likes."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from openai_api.database.roll_up_again import again, days


class Command(BaseCommand):
    help = "Counts the requests that are stored into the sums that the overview shows, in the place of what is there."

    def handle(self, **options: Any) -> None:
        counted = kept = 0
        for day in days():
            found = again(day)
            counted += found or 0
            kept += found is None
        self.stdout.write(f"Counted {counted} requests.")
        if kept:
            self.stdout.write(f"{kept} days were left as they are: they count requests that are deleted since.")
