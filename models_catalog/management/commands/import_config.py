"""Brings models, routes, providers and client keys of a configuration file into the catalog."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from models_catalog.compiler import compile_snapshot
from models_catalog.config.choice import Choice
from models_catalog.config.detect import READERS
from models_catalog.config.findings import Findings, InvalidConfiguration
from models_catalog.config.importing import Outcome, import_text
from models_catalog.management.catalog_command import CatalogCommand


class Command(CatalogCommand):
    help = (
        "Imports a configuration file: the gateway's own TOML, TensorZero's TOML or LiteLLM's YAML. Everything in the file "
        "is added or updated, in one transaction; models of the file get exactly the routes and fallbacks of the file. "
        "Of TensorZero's and LiteLLM's files, what cannot be served is left out and named."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the file; - reads standard input")
        parser.add_argument("--format", choices=["auto", *READERS], default="auto", help="default: by extension and content")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")
        parser.add_argument(
            "--strict",
            action="store_true",
            help="refuse a file that cannot be imported completely",
        )
        parser.add_argument(
            "--prune",
            action="store_true",
            help="also remove models that the file does not have, providers and credentials that are left without use by "
            "that, and, if the file has [api_keys], all other client keys",
        )

        chosen = "a name, or KIND:NAME with credential, provider, model, client-key or hook; may be repeated"
        parser.add_argument(
            "--only",
            action="append",
            metavar="NAME",
            help=f"apply only the changes of this entry, and the new ones that it needs: {chosen}",
        )
        parser.add_argument("--skip", action="append", default=[], metavar="NAME", help=f"leave the entry as it is: {chosen}")

    def handle(self, *, file: str, dry_run: bool, prune: bool, strict: bool, **options: Any) -> None:
        text, name = read(file), "" if file == "-" else file
        choice = Choice(options["only"], options["skip"])
        try:
            outcome = import_text(
                text, name=name, form=options["format"], prune=prune, dry_run=dry_run, strict=strict, choice=choice
            )
        except InvalidConfiguration as error:
            raise CommandError(complaint(file, error.findings)) from None
        self.report(outcome, dry_run)
        if not dry_run:
            self.report_problems()
        self.stderr.write(summary(outcome))

    def report(self, outcome: Outcome, dry_run: bool) -> None:
        for entry in outcome.left_out:
            self.stderr.write(f"left out: {entry}")
        for warning in outcome.warnings:
            self.stderr.write(f"warning: {warning}")
        for followed, needed_by in outcome.followed:
            self.stderr.write(f"also: {followed.id}, which {needed_by} needs")
        for change in outcome.changes:
            self.stdout.write(str(change))
        count = len(outcome.changes)
        counted = number_of(count, "change")
        if not count:
            self.stdout.write("nothing to change")
        elif dry_run:
            self.stdout.write(f"{counted} to make; nothing was written (--dry-run)")
        else:
            self.stdout.write(f"{counted} made")

    def report_problems(self) -> None:
        """What the gateway cannot serve although the file is sound, such as a key that is not set."""
        for problem in compile_snapshot().problems:
            self.stderr.write(f"warning: {problem.where}: {problem.message}")


def summary(outcome: Outcome) -> str:
    """What became of the file: "27 models, 3 left out, 5 settings ignored"."""
    models, settings = number_of(outcome.models, "model"), number_of(outcome.ignored, "setting")
    return f"{models}, {len(outcome.left_out)} left out, {settings} ignored"


def number_of(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def read(file: str) -> str:
    """The text of the file. Raises `CommandError`."""
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig")
    except OSError as error:
        raise CommandError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise CommandError(f"{file} is not UTF-8 text: invalid byte at position {error.start}") from None


def complaint(file: str, findings: Findings) -> str:
    """All errors of the file, one a line."""
    count = number_of(len(findings.errors), "error")
    head = f"{'standard input' if file == '-' else file}: {count}, nothing was imported"
    return "\n".join([head, *(f"  {error}" for error in findings.errors)])
