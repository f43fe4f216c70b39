"""Replaces a client key by a new one, and lets the old one work for a while."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction

from models_catalog.keys import rotate_client_key
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.management.commands.create_api_key import UNITS, described
from models_catalog.management.commands.revoke_api_key import find

LONGEST = timedelta(days=366)


class Command(CatalogCommand):
    help = "Makes a key with the settings of another one, which is accepted until the grace is over; both are counted as one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="the old key's id (a UUID), or the 8 characters that follow sk-gw- in it")
        parser.add_argument("--grace", default="24h", metavar="TIME", help="30m, 24h, 7d; 0: none; default: 24h")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, id: str, grace: str, **options: Any) -> None:  # noqa: A002 - the argument's name
        lasting = parse_grace(grace)
        try:
            with transaction.atomic():
                old = find(id)
                made, key = rotate_client_key(old, lasting)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if options["json"]:
            until = old.expires_at.isoformat() if old.expires_at and old.revoked_at is None else None
            self.stdout.write(json.dumps({**described(made, key), "replaces": str(old.pk), "old_until": until}))
            return
        until = f"is accepted until {old.expires_at:%Y-%m-%d %H:%M:%S %Z}" if old.revoked_at is None else "is revoked"
        self.stdout.write(f"Client key {made.name!r} is replaced; the old one {until}. The new one is shown only once:\n\n")
        self.stdout.write(f"export OPENAI_API_KEY={key}\n\n")


def parse_grace(text: str) -> timedelta:
    """Raises `CommandError`."""
    match = re.fullmatch(r"(\d{1,6})([mhdw])", text)
    lasting = timedelta(**{UNITS[match[2]]: int(match[1])}) if match else timedelta()
    if (match is None and text != "0") or lasting > LONGEST:
        raise CommandError(f"--grace {text!r} is not 30m, 24h, 7d or 0, or longer than a year")
    return lasting
