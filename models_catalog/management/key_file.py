"""How does a command import a file of keys? All rows or none, with a report."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import BinaryIO, NamedTuple

from django.core.management.base import BaseCommand, CommandError
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.report import problem_lines
from models_catalog.key_import.rows import BadRows, KeyImportError
from models_catalog.management.input_file import opened


class Imported(NamedTuple):
    """What a command tells of an import: a line for each row, and one for all."""

    lines: Iterable[str]
    summary: str


@sensitive_variables()
def import_file(command: BaseCommand, path: str, work: Callable[[BinaryIO], Imported], *, dry_run: bool) -> None:
    """Has the file at `path` imported ("-" is standard input). Raises `CommandError`, which tells of every bad row."""
    try:
        with opened(path) as stream:
            told = work(stream)
    except BadRows as bad:
        raise CommandError("\n".join([str(bad), *problem_lines(bad.problems)])) from None
    except KeyImportError as error:
        raise CommandError(f"Nothing was imported: {error}") from None
    for line in told.lines:
        command.stdout.write(line)
    command.stdout.write(f"{told.summary}{' (dry run: nothing was written)' if dry_run else ''}")
