"""How is a `.env` file read? `NAME=value` lines as shells and dotenv libraries agree on them, one line a key.

`export`, comments, single and double quotes are understood. What they do not agree on is refused rather than guessed:
values over several lines, references to other variables, quotes and backslashes in the middle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from models_catalog.key_import.rows import PLACEHOLDER, Item, KeyRow, RowProblem, SkippedRow
from models_catalog.placeholders import is_placeholder, shell_variable
from providers.types import Secret

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(.*?)\s*", re.DOTALL)
SINGLE_QUOTED = re.compile(r"'([^']*)'\s*(?:#.*)?")
DOUBLE_QUOTED = re.compile(r"""\"((?:[^"\\$`]|\\["\\$`])*)\"\s*(?:#.*)?""")
UNQUOTED = re.compile(r"""([^'"\\$`]*?)(?:(?:^|\s+)#.*)?""")
ESCAPE = re.compile(r"\\(.)")
EMPTY = "the variable is empty"
UNCLEAR = "the value must be on one line; use single quotes for a value with quotes, $, ` or \\"


def is_assignment(line: str) -> bool:
    """Whether the line has the form `NAME=…`."""
    return ASSIGNMENT.fullmatch(line) is not None


def env_rows(lines: Iterable[str], types_of_variable: Mapping[str, tuple[str, ...]]) -> Iterator[Item]:
    """A row for each variable that belongs to a provider type and holds a key; the others are skipped."""
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield _row(number, line, types_of_variable)


def _row(number: int, line: str, types_of_variable: Mapping[str, tuple[str, ...]]) -> Item:
    assignment = ASSIGNMENT.fullmatch(line)
    if assignment is None:
        return RowProblem(number, "is not of the form NAME=value")
    types = types_of_variable.get(assignment[1], ())
    if not types:
        return SkippedRow(number, "no provider type uses this variable")
    if len(types) > 1:
        return RowProblem(number, f"the variable belongs to several provider types ({', '.join(types)}): use CSV or JSON")
    if is_placeholder(assignment[2]) and not shell_variable(assignment[2]):
        return SkippedRow(number, PLACEHOLDER, ours=True)
    value = _value(assignment[2])
    if value is None:
        return RowProblem(number, UNCLEAR)
    if not value.strip():
        return SkippedRow(number, EMPTY, ours=True)
    return KeyRow(number, types[0], Secret(value), type=types[0])


def _value(text: str) -> str | None:
    """The value without quotes and comment, None if readers of such files would not agree on it."""
    double = DOUBLE_QUOTED.fullmatch(text)
    if double:
        return ESCAPE.sub(r"\1", double[1])
    other = SINGLE_QUOTED.fullmatch(text) or UNQUOTED.fullmatch(text)
    return other[1] if other else None
