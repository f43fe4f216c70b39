"""What does `gateway` (or `manage.py`) run? Django's command line with this project's settings."""

from __future__ import annotations

import contextlib
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError, InterfaceError

from gateway_project.logs import scrub
from models_catalog.audit.actor import acting, of_command

TRACEBACK = "--traceback"
"""Django's own option: shows where an error came from."""
WITHOUT_DATA = ("proxy", "replay")
"""Commands that keep nothing, and need no data directory."""
SERVERS = ("serve", "runserver")
"""Commands that go on as the gateway: what changes while they run is not their doing."""
INTERRUPTED = 130
"""The exit status of a program that SIGINT ended, as shells have it."""


def main() -> None:
    """Runs the command in `sys.argv`. Faults of the machine or the settings end it with one sentence."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_project.settings")
    os.umask(0o077)  # the database and every export hold what only their owner may read
    try:
        if sys.argv[1:2] and sys.argv[1] not in WITHOUT_DATA:
            with contextlib.suppress(OSError):  # a command that needs the directory says so itself
                settings.GATEWAY_DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        with acting(of_command(sys.argv[1])) if sys.argv[1:2] and sys.argv[1] not in SERVERS else contextlib.nullcontext():
            execute_from_command_line(sys.argv)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except (ImproperlyConfigured, DatabaseError, InterfaceError, OSError) as error:
        if TRACEBACK in sys.argv:
            raise
        sys.exit(sentence(error))


def sentence(error: Exception) -> str:
    """What an operator is told of an error that is no defect of the program, without secrets."""
    if isinstance(error, ImproperlyConfigured):
        return f"A setting is wrong: {error}."
    if isinstance(error, (DatabaseError, InterfaceError)):
        return _of_database(error)
    assert isinstance(error, OSError)  # noqa: S101 - `main` catches no other kind
    path = f"{error.filename}: " if error.filename else ""
    return f"{path}{error.strerror or error}."


def _of_database(error: Exception) -> str:
    reason = scrub(" ".join(str(error).split())).rstrip(".?")
    database = settings.DATABASES["default"]
    name = database["NAME"]
    if database["ENGINE"].endswith("sqlite3"):
        return f"The database {name} cannot be used: {reason}."
    where = database.get("HOST") or database.get("OPTIONS", {}).get("host") or "the local socket"
    return f"The database {name} at {where} cannot be used: {reason}."
