"""Command: imports provider keys from a CSV, JSON or .env file, all of them or none."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, ArgumentTypeError
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.importing import Report, import_keys
from models_catalog.key_import.reading import MAX_ROWS, Options
from models_catalog.key_import.report import problem_lines, report_lines, summary
from models_catalog.key_import.rows import BadRows, KeyImportError
from models_catalog.key_import.source import Format

STDIN = "-"


class Command(BaseCommand):
    help = (
        "Imports provider keys from a CSV, JSON or .env file and stores them encrypted. Every row is checked first: "
        "if one is wrong, nothing is written. No key is ever printed."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add = parser.add_argument
        add("file", metavar="FILE", help="the file with the keys; - reads standard input")
        add("--format", choices=[*Format], default=Format.AUTO, help="auto goes by the name, then by the first line")
        add("--encrypted", action="store_true", help="the values are RSA-encrypted, unless their row says encryption=plain")
        add("--private-key", metavar="FILE", help="PEM file of the RSA key, instead of GATEWAY_RSA_PRIVATE_KEY or _PATH")
        add("--allow-pkcs1v15", action="store_true", help="also accept the old RSA padding, for values that are not OAEP")
        add("--max-rows", type=_positive, default=MAX_ROWS, metavar="N", help="refuse files with more rows (%(default)s)")
        add("--dry-run", action="store_true", help="check everything and report, but write nothing")
        add("--progress", action="store_true", help="show progress even if standard error is not a terminal")

    @sensitive_variables()
    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Options(
            format=Format(options["format"]),
            encrypted=options["encrypted"],
            private_key=options["private_key"],
            allow_pkcs1v15=options["allow_pkcs1v15"],
            max_rows=options["max_rows"],
            progress=options["progress"],
        )
        with _opened(options["file"]) as stream:
            report = _imported(stream, options["file"], wanted, dry_run=options["dry_run"])
        for line in report_lines(report):
            self.stdout.write(line)
        self.stdout.write(f"{summary(report)}{' (dry run: nothing was written)' if options['dry_run'] else ''}")


def _imported(stream: BinaryIO, name: str, options: Options, *, dry_run: bool) -> Report:
    try:
        return import_keys(stream, name, options, dry_run=dry_run)
    except BadRows as bad:
        told = "\n".join([str(bad), *problem_lines(bad.problems)])
    except KeyImportError as error:
        told = f"Nothing was imported: {error}"
    raise CommandError(told)


def _opened(name: str) -> AbstractContextManager[BinaryIO]:
    if name == STDIN:
        return nullcontext(sys.stdin.buffer)
    try:
        return Path(name).open("rb")
    except OSError as error:
        raise CommandError(f"{name} cannot be read: {error.strerror}") from None


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError("must be a whole number of at least 1")
    return int(text)
