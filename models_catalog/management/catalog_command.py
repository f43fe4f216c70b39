"""What do the commands on the catalog have in common? What must be repaired first is told in a line, not in a traceback."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from models_catalog.secrets.encryption import EncryptionError


class CatalogCommand(BaseCommand):
    """A command whose database may not be migrated, and whose encryption key may be missing."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except EncryptionError as error:
            raise CommandError(str(error)) from error
        except DatabaseError as error:
            reason = str(error).partition("\n")[0]
            raise CommandError(f"the database cannot be used: {reason} (has manage.py migrate been run?)") from error
