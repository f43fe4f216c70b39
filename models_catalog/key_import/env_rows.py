"""How is a `.env` file read? `NAME=value` lines as shells and dotenv libraries agree on them, one line a key.

`export`, comments, single and double quotes are understood. What the libraries disagree on is refused rather than
guessed: values over several lines, and references to other variables.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from models_catalog.key_import.rows import Item, KeyRow, RowProblem, SkippedRow
from providers.types import Secret

ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=[ \t]*(.*?)\s*", re.DOTALL)
SINGLE_QUOTED = re.compile(r"'([^']*)'\s*(?:#.*)?")
DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(?:#.*)?')
UNQUOTED = re.compile(r"""(?!['"])(.*?)(?:(?:^|\s+)#.*)?""")
ESCAPE = re.compile(r'\\(["\\$`])')
REFERENCE = re.compile(r"(?<!\\)\$[A-Za-z_{(]|`")


def is_assignment(line: str) -> bool:
    """Whether the line has the form `NAME=…`."""
    return ASSIGNMENT.fullmatch(line) is not None


def env_rows(lines: Iterable[str], types_of_variable: Mapping[str, tuple[str, ...]]) -> Iterator[Item]:
    """A row for each variable that belongs to a provider type; the others are skipped."""
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
    value, fault = _value(assignment[2])
    return RowProblem(number, fault) if fault else KeyRow(number, types[0], Secret(value), type=types[0])


def _value(text: str) -> tuple[str, str]:
    """The value and what is wrong with it, one of them empty."""
    single = SINGLE_QUOTED.fullmatch(text)
    if single:
        return single[1], ""
    double = DOUBLE_QUOTED.fullmatch(text)
    value = double or UNQUOTED.fullmatch(text)
    if value is None:
        return "", "the quotes are not closed on this line, or something follows them"
    if REFERENCE.search(value[1]):
        return "", "the value refers to another variable or a command: write the key itself, or put it in single quotes"
    return (ESCAPE.sub(r"\1", value[1]) if double else value[1]), ""
