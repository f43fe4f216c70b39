"""How does an operator erase what is known of a session, a key, a tenant, a tag or an agent?"""

from __future__ import annotations

import logging
import sys
import uuid
from argparse import ArgumentTypeError
from datetime import UTC, datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.dateparse import parse_date, parse_datetime

from models_catalog.models import ClientKey
from openai_api.database.erasure import Erased, Selection, count, counted, erase
from openai_api.database.stored_responses import delete_responses_of
from openai_api.models import StoredResponseRow

log = logging.getLogger("gateway.erasure")


def tag(text: str) -> tuple[str, str]:
    """`name:value`, cut at the first colon, as in the header; a name alone has the value "true"."""
    name, colon, value = text.partition(":")
    if not name.strip():
        raise ArgumentTypeError("must be name:value")
    return name.strip(), value.strip() if colon else "true"


def moment(text: str) -> datetime:
    """A date, whose first moment it is, or a time; UTC where no zone is said."""
    try:
        day, found = parse_date(text), parse_datetime(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error
    found = datetime.combine(day, time()) if day else found
    if found is None:
        raise ArgumentTypeError("must be a date or a time, like 2026-01-31 or 2026-01-31T12:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def key(text: str) -> str:
    """The id of the key with this id, public id or name. A key that is deleted is known by its id only."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        pass
    found = ClientKey.objects.filter(public_id=text)[:2] or ClientKey.objects.filter(name=text)[:2]
    if not found:
        raise CommandError("there is no client key with this name or id")
    if len(found) > 1:
        raise CommandError("more than one client key has this name; give the id (UUID) that the admin shows")
    return str(found[0].pk)


class Command(BaseCommand):
    help = "Erases sessions, their events and what requests say of them. Costs stay. At least one option must say which sessions."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--session", metavar="ID", help="the session of this id, whoever's it is")
        parser.add_argument("--key", metavar="KEY", help="sessions of this client key: its name, id or the 8 characters of it")
        parser.add_argument("--tenant", "--user", metavar="TENANT", help="sessions of this tenant")
        parser.add_argument("--tag", type=tag, metavar="NAME:VALUE", help="sessions with this tag")
        parser.add_argument("--agent", metavar="AGENT", help="sessions of this agent")
        parser.add_argument("--before", type=moment, metavar="DATE", help="sessions whose last event was before this day or time")
        parser.add_argument("--responses", action="store_true", help="with --key: also the stored responses of the key")
        parser.add_argument("--dry-run", action="store_true", help="only say how much would be erased")
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(self, *, dry_run: bool, responses: bool, yes: bool, **options: Any) -> None:
        selection = selected(options)
        if responses and selection.client_id is None:
            raise CommandError("--responses needs --key: stored responses belong to keys, not to sessions")
        owner = selection.client_id if responses else None
        found, kept = count(selection), stored(owner)
        if dry_run:
            self.stdout.write(f"Would erase {said(found, kept, responses)}.")
            return
        if not yes and not self.agreed(said(found, kept, responses)):
            raise CommandError("nothing was erased")
        total = Erased()
        for erased in erase(selection):
            total += erased
        deleted = delete_responses_of(owner) if owner else 0
        log.info("sessions erased: %s", said(total, deleted, responses))
        self.stdout.write(f"Erased {said(total, deleted, responses)}.")

    def agreed(self, what: str) -> bool:
        """Asks; without anybody to ask, no."""
        self.stdout.write(f"Erase {what}? This cannot be undone. [yes/no] ", ending="")
        self.stdout.flush()
        answer = sys.stdin.readline()
        if not answer:
            raise CommandError("there is nobody to ask: say --yes, or --dry-run first")
        return answer.strip().lower() in ("y", "yes")


def selected(options: dict[str, Any]) -> Selection:
    """What the options say. Raises `CommandError` where they say nothing, or something that no row can hold."""
    names = ("session", "tenant", "agent", "tag", "before")
    chosen = {name: options[name] for name in names if options[name] is not None}
    if options["key"] is not None:
        chosen["client_id"] = key(options["key"])
    if not chosen:
        raise CommandError("say which sessions: --session, --key, --tenant, --tag, --agent or --before")
    for name, value in chosen.items():
        if value == "" or (isinstance(value, str) and "\0" in value):
            raise CommandError(f"--{name} is empty, or has a character that no row can hold")
    return Selection(**chosen)


def said(found: Erased, kept: int, responses: bool) -> str:
    return f"{found}, {counted(kept, 'stored response')}" if responses else str(found)


def stored(owner: str | None) -> int:
    return StoredResponseRow.objects.filter(owner=owner).count() if owner else 0
