"""Brings every stored secret under the active encryption key."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from models_catalog.secrets import encryption
from models_catalog.secrets.rotation import Rotation, rotate


class Command(BaseCommand):
    help = (
        "Re-encrypts every stored secret that is not under the active key. It may be stopped at any time and run again. "
        "With GATEWAY_ENCRYPTION_KEYS: first put the new key at the front and restart all processes, then run this, then "
        "remove the old key. With a key file: run it with --new-key."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=500, help="rows in one transaction (500)")
        parser.add_argument("--new-key", action="store_true", help="first put a fresh active key into the key file")

    def handle(self, *, batch: int, new_key: bool, **options: Any) -> None:
        if batch < 1:
            raise CommandError("--batch must be at least 1")
        try:
            if new_key:
                self._add_key()
            self._report(rotate(batch), encryption.key_ring())
        except encryption.EncryptionError as err:
            raise CommandError(str(err)) from err

    def _add_key(self) -> None:
        if not encryption.from_file():
            raise CommandError("--new-key is for a key file, but GATEWAY_ENCRYPTION_KEYS is set: put the new key first there")
        key_id = encryption.add_key()
        self.stdout.write(f"The new active key {key_id} is in {encryption.key_file()}.")

    def _report(self, result: Rotation, ring: encryption.KeyRing) -> None:
        self.stdout.write(f"{result.moved.total()} secrets were re-encrypted under the key {ring.active}.")
        for key_id, count in sorted(result.moved.items()):
            self.stdout.write(f"  {count} from the key {key_id}")
        for place, reason in result.failed.items():
            self.stderr.write(f"{place}: {reason}")
        if result.failed or result.locked:
            raise CommandError(
                f"{len(result.failed)} secrets do not decrypt and were left as they are; "
                f"{result.locked} are in rows that another process holds locked: run the command again."
            )
        retired = ", ".join(ring.ids[1:])
        if retired:
            self.stdout.write(f"No stored secret needs {retired} any more. Backups made until now do.")
