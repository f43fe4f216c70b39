"""Makes a client key and shows it, this one time."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from models_catalog.config.table import nearest
from models_catalog.keys import create_client_key
from models_catalog.management.budget_arguments import add_budget, make_budget
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.management.limit_arguments import add_limits, make_limits
from models_catalog.management.owner_arguments import add_owner, check_aliases, groups_of, owner_columns
from models_catalog.models import ClientKey, ModelDefinition

UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
EVERYWHERE = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 - an address that is replaced


class Command(CatalogCommand):
    help = "Creates a client key. It is shown once; only its hash is stored."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="what the key is for")
        parser.add_argument("--models", action="append", metavar="A,B", help="the models that it may use; default: all")
        parser.add_argument("--expires", metavar="WHEN", help="30d, 12h, 2027-01-01 or 2027-01-01T12:00:00+01:00; default: never")
        parser.add_argument("--record-bodies", action="store_true", help="allow what is said to be recorded, for session pages")
        add_owner(parser)
        add_limits(parser)
        add_budget(parser)
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, name: str, models: list[str] | None, expires: str | None, **options: Any) -> None:
        chosen = None if models is None else find_models([part.strip() for text in models for part in text.split(",")])
        expires_at = parse_expiry(expires, timezone.now()) if expires is not None else None
        groups = groups_of(options["access_group"])
        if groups and chosen is None:
            chosen = []
        columns = {**owner_columns(options), "expires_at": expires_at, "record_bodies": options["record_bodies"]}
        try:
            with transaction.atomic():
                row, key = create_client_key(name, models=chosen, groups=groups, **columns)
                check_aliases(row)
                make_limits(row, options)
                make_budget(row, options)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if options["json"]:
            self.stdout.write(json.dumps(described(row, key)))
        else:
            self.tell(row, key)

    def tell(self, row: ClientKey, key: str) -> None:
        until = f", valid until {row.expires_at:%Y-%m-%d %H:%M:%S %Z}" if row.expires_at else ""
        self.stdout.write(f"Client key {row.name!r} created{until}. It is shown only once:\n\n")
        self.stdout.write(f"export OPENAI_BASE_URL={base_url()}")
        self.stdout.write(f"export OPENAI_API_KEY={key}\n\n")
        self.stdout.write(f"To revoke it: manage.py revoke_api_key {row.public_id}")


def described(row: ClientKey, key: str) -> dict[str, object]:
    """The JSON object of a new key."""
    models = None if row.all_models else sorted(model.name for model in row.allowed_models.all())
    expires_at = row.expires_at.isoformat() if row.expires_at else None
    return {
        "id": str(row.pk),
        "public_id": row.public_id,
        "name": row.name,
        "key": key,
        "models": models,
        "expires_at": expires_at,
        "record_bodies": row.record_bodies,
        **owners_of(row),
    }


def owners_of(row: ClientKey) -> dict[str, str | None]:
    """The names of whom a key belongs to; None for nobody."""
    owned = row.project or row.person
    return {
        "tenant": owned.tenant.name if owned else None,
        "project": row.project.name if row.project else None,
        "person": row.person.name if row.person else None,
    }


def base_url() -> str:
    """Where clients on this machine reach the gateway."""
    host = EVERYWHERE.get(settings.HOST) or (f"[{settings.HOST}]" if ":" in settings.HOST else settings.HOST)
    return f"http://{host}:{settings.PORT}/v1"


def find_models(names: list[str]) -> list[ModelDefinition]:
    """The models of these names. Raises `CommandError` for unknown ones."""
    known = {row.name: row for row in ModelDefinition.objects.all()}
    for name in names:
        if name not in known:
            raise CommandError(f"unknown model {name!r}{nearest(name, known)}")
    return [known[name] for name in dict.fromkeys(names)]


def parse_expiry(text: str, now: datetime) -> datetime:
    """The moment that `30d`, a date (its first moment) or an ISO time means. Raises `CommandError`."""
    try:
        if match := re.fullmatch(r"(\d+)([mhdw])", text):
            moment = now + timedelta(**{UNITS[match[2]]: int(match[1])})
        else:
            moment = datetime.fromisoformat(text)
        if timezone.is_naive(moment):
            moment = timezone.make_aware(moment)
    except (ValueError, OverflowError):
        raise CommandError(f"--expires {text!r} is not 30d, 12h, 2027-01-01 or an ISO time") from None
    if moment <= now:
        raise CommandError(f"--expires {text!r} is not in the future")
    return moment
