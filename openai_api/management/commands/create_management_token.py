"""Makes a token of the management API and shows it, this one time."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from models_catalog.config.table import nearest
from models_catalog.management.commands.create_api_key import parse_expiry
from models_catalog.models import ManagementToken, Tenant
from openai_api.database.management_tokens import create_token


class Command(BaseCommand):
    help = "Creates a token of the management API. It is shown once; only its hash is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="which program has it")
        parser.add_argument(
            "--scopes",
            action="append",
            metavar="A,B",
            help="what it may do, like models:read,keys:write; default: *",
        )
        parser.add_argument("--tenant", metavar="NAME", help="the tenant that it is bound to; default: none, it sees all")
        parser.add_argument("--expires", metavar="WHEN", help="30d, 12h, 2027-01-01 or 2027-01-01T12:00:00+01:00; default: never")
        parser.add_argument("--json", action="store_true", help="print a JSON object")

    def handle(self, *, name: str, scopes: list[str] | None, tenant: str | None, expires: str | None, **options: Any) -> None:
        chosen = ["*"] if scopes is None else [part.strip() for text in scopes for part in text.split(",") if part.strip()]
        expires_at = parse_expiry(expires, timezone.now()) if expires is not None else None
        try:
            row, token = create_token(name, chosen, tenant=find_tenant(tenant), expires_at=expires_at)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from None
        if options["json"]:
            self.stdout.write(json.dumps(described(row, token)))
        else:
            until = f", valid until {row.expires_at:%Y-%m-%d %H:%M:%S %Z}" if row.expires_at else ""
            self.stdout.write(f"Management token {row.name!r} created{until}. It is shown only once:\n\n{token}")


def described(row: ManagementToken, token: str) -> dict[str, object]:
    """The JSON object of a new token."""
    return {
        "id": str(row.pk),
        "public_id": row.public_id,
        "name": row.name,
        "token": token,
        "scopes": row.scopes,
        "tenant": row.tenant.name if row.tenant else None,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }


def find_tenant(name: str | None) -> Tenant | None:
    """The tenant of that name. Raises `CommandError`."""
    if name is None:
        return None
    row = Tenant.objects.filter(name=name).first()
    if row is None:
        raise CommandError(f"unknown tenant {name!r}{nearest(name, Tenant.objects.values_list('name', flat=True))}")
    return row
