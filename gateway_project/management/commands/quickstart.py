"""How does one get from nothing to a first answer? One command prepares everything and prints what to paste."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from gateway_project import private_files, quickstart
from gateway_project.addresses import base_url
from models_catalog.secrets import encryption
from providers.types import Secret


class Command(BaseCommand):
    help = "Prepares the data directory: database, key files, admin account, demo catalog, providers and a client key."
    requires_system_checks = ()  # they look at tables that this command makes
    secrets_file: Path | None = None
    file: TextIO | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        text = "write the admin's password and the client key to this file (mode 0600) instead of printing them"
        parser.add_argument("--secrets-file", type=Path, metavar="FILE", help=text)

    def handle(self, *, secrets_file: Path | None, **options: Any) -> None:
        self.secrets_file = secrets_file
        with private_files.appending(secrets_file) if secrets_file else nullcontext(None) as self.file:
            self.prepare()

    def prepare(self) -> None:
        made = [*self.prepare_files(), *self.prepare_catalog()]
        password = self.admin()
        key = quickstart.make_client_key()
        if not made and not password and not key:
            self.stdout.write("Everything is prepared already; nothing was changed.")
        self.tell_admin(password)
        self.tell_client(key)

    def prepare_files(self) -> list[str]:
        """Key files and database; returns what was made, as lines that were printed."""
        made = []
        if newer := quickstart.unknown_migrations():
            raise CommandError(quickstart.newer_database(newer))
        if private_files.keep_secret_key():
            made.append(f"made     {settings.SECRET_KEY_PATH}")
        if encryption.from_file() and encryption.ensure_key_file():
            made.append(f"made     {encryption.key_file()}: keep a copy, stored provider keys cannot be read without it")
        if applied := quickstart.migrate():
            made.append(f"migrated the database ({applied} steps)")
        return self.said(made)

    def prepare_catalog(self) -> list[str]:
        """Demo models and the providers of the environment; returns what was made, as lines that were printed."""
        made = [f"added    model {name}, served offline" for name in quickstart.make_demo()]
        for found in quickstart.import_providers():
            if found.problem:
                self.stderr.write(f"{found.variable} is set, but {found.provider} was not added: {found.problem}")
            else:
                made.append(f"added    provider {found.provider}, its key read from {found.variable}")
        return self.said(made)

    def admin(self) -> Secret | None:
        try:
            return quickstart.make_admin()
        except ValidationError as err:
            raise CommandError(f"GATEWAY_ADMIN_PASSWORD was refused: {' '.join(err.messages)}") from None

    def said(self, lines: list[str]) -> list[str]:
        for line in lines:
            self.stdout.write(line)
        return lines

    def tell_admin(self, password: Secret | None) -> None:
        self.stdout.write(f"\nAdmin: {base_url(settings.HOST, settings.PORT)}/admin/")
        if password and password.reveal() == quickstart.given_password():
            self.stdout.write(f"  user {quickstart.ADMIN}, password from GATEWAY_ADMIN_PASSWORD")
        elif password and self.file:
            self.file.write(f"Admin: user {quickstart.ADMIN}, password {password.reveal()}\n")
            self.stdout.write(f"  user {quickstart.ADMIN}, password in {self.secrets_file}")
        elif password:
            self.stdout.write(f"  user {quickstart.ADMIN}, password {password.reveal()} (shown only this once)")

    def tell_client(self, key: Secret | None) -> None:
        url = f"{base_url(settings.HOST, settings.PORT)}/v1"
        models = quickstart.served_models()
        self.stdout.write(f"Models: {', '.join(models) or 'none yet, add one in the admin'}\n\nOPENAI_BASE_URL={url}")
        if not key:
            self.stdout.write("OPENAI_API_KEY: one of your client keys; `manage.py create_api_key NAME` makes another.\n")
            return
        if self.file:
            self.file.write(f"OPENAI_API_KEY={key.reveal()}\n")
            self.stdout.write(
                f"OPENAI_API_KEY: in {self.secrets_file}, which only its owner can read. Try it when the gateway serves:\n"
            )
        else:
            text = "The key is shown only this once. Try it when the gateway serves:"
            self.stdout.write(f"OPENAI_API_KEY={key.reveal()}\n\n{text}\n")
        if models:
            shown = "$OPENAI_API_KEY" if self.file else key.reveal()
            self.stdout.write(curl(url, shown, models[0]) + "\n")


def curl(url: str, key: str, model: str) -> str:
    """A first request, to be pasted into a shell; `key` may be a variable of the shell."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    lines = (
        f"curl {url}/chat/completions",
        f'-H "Authorization: Bearer {key}"' if key.startswith("$") else f"-H 'Authorization: Bearer {key}'",
        "-H 'Content-Type: application/json'",
        "-d '" + body.replace("'", "'\\''") + "'",
    )
    return " \\\n  ".join(lines)
