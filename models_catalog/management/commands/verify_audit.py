"""Says whether the audit log is as it was written."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from models_catalog.audit.verify import BadHead, parsed_head, verify
from models_catalog.management.catalog_command import CatalogCommand


class Command(CatalogCommand):
    help = (
        "Verifies the audit log: whether an entry was changed, deleted or added by anything but the gateway. Ends with 1 and "
        "names the first broken entry. Prints the head, to be kept elsewhere: who cuts off the end together with the head in the "
        "database can be found out only with a head that was kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--head", metavar="NUMBER:HASH", help="a head that was printed before: its entry must be there still")

    def handle(self, *, head: str | None, **options: Any) -> None:
        try:
            verdict = verify(parsed_head(head) if head else None)
        except BadHead as error:
            raise CommandError(str(error)) from None
        if verdict.fault:
            raise CommandError(f"the audit log is broken: {verdict.fault}")
        self.stdout.write(f"{verdict.number} {'entry' if verdict.number == 1 else 'entries'}, the chain is whole")
        self.stdout.write(f"head: {verdict.head}")
