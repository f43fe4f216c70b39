"""Revokes a client key, for good."""

from __future__ import annotations

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from models_catalog.keys import revoke_client_key
from models_catalog.management.catalog_command import CatalogCommand
from models_catalog.models import ClientKey


class Command(CatalogCommand):
    help = "Refuses a client key from now on. Revoking it again changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("id", help="the key's id (a UUID), or the 8 characters that follow sk-gw- in the key")

    def handle(self, *, id: str, **options: Any) -> None:  # noqa: A002 - the argument's name
        with transaction.atomic():
            row = find(id)
            again = row.revoked_at is not None
            revoke_client_key(row)
        self.stdout.write(f"Client key {row.name!r} {'was revoked already' if again else 'is revoked'}.")


def find(text: str) -> ClientKey:
    """The key of that id. Raises `CommandError`, which does not repeat the text: it may be a whole key."""
    try:
        rows = list(ClientKey.objects.filter(pk=uuid.UUID(text)))
    except ValueError:
        rows = list(ClientKey.objects.filter(public_id=text)[:2]) if text else []
    if not rows:
        raise CommandError("there is no client key with this id")
    if len(rows) > 1:
        raise CommandError("more than one client key has this public id; give the id (UUID) that the admin shows")
    return rows[0]
