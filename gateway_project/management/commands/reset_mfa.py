"""Takes the second factor from an account whose owner has lost it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import CommandError

from gateway_project.sso_settings import EXTRA
from models_catalog.audit.actor import of_command
from models_catalog.management.catalog_command import CatalogCommand


class Command(CatalogCommand):
    help = "Removes the app and the recovery codes of an account, which may then set up others."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("user", help="the name of the account")

    def handle(self, *, user: str, **options: Any) -> None:
        if not settings.GATEWAY_SSO:
            raise CommandError(f"there are no second factors: they need GATEWAY_MFA and the extra ({EXTRA})")
        from gateway_project.sso import factors

        row = User.objects.filter(username=user).first()
        if row is None:
            raise CommandError("there is no account of this name")
        if not factors.remove(row):
            self.stdout.write(f"The account {row.username} has no second factor.")
            return
        factors.tell(row, "reset", actor=of_command("reset_mfa"))
        again = "; the next sign-in sets up another" if settings.GATEWAY_MFA == "required" else ""
        self.stdout.write(f"The second factor of {row.username} is removed{again}.")
