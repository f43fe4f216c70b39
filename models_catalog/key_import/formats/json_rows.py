"""How is a JSON file read? A list of objects with the fields of `fields`, or one object: provider name → key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from models_catalog.key_import.formats.fields import fault_of_names, row_of_fields
from models_catalog.key_import.rows import Item, KeyImportError, KeyRow, RowProblem
from providers.types import Secret


class Pairs(tuple[tuple[str, Any], ...]):
    """A JSON object as written: nothing is lost when a name is there twice."""

    __slots__ = ()


def json_rows(lines: Iterable[str]) -> Iterator[Item]:
    """The entries. Raises `KeyImportError` if the text is not JSON or neither of the two forms."""
    text = "".join(lines)
    if not text.strip():
        return
    document, fault = _parsed(text)
    if fault:
        raise KeyImportError(fault)
    if isinstance(document, Pairs):
        for number, (name, value) in enumerate(document, start=1):
            yield _row_of_pair(number, name, value)
    elif isinstance(document, list):
        for number, entry in enumerate(document, start=1):
            yield _row_of_entry(number, entry)
    else:
        raise KeyImportError("the JSON text must be a list of objects, or an object with a key for each provider name")


def _parsed(text: str) -> tuple[Any, str]:
    """The document and "", or None and what is wrong: the parser's own error holds the whole text."""
    try:
        return json.loads(text, object_pairs_hook=Pairs), ""
    except json.JSONDecodeError as error:
        return None, f"the text is not JSON: see line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        return None, "the JSON cannot be read: a number is too long, or it is nested too deeply"


def _row_of_pair(number: int, name: str, value: Any) -> Item:
    if not isinstance(value, str):
        return RowProblem(number, "the key must be a string")
    return KeyRow(number, name.strip(), Secret(value))


def _row_of_entry(number: int, entry: Any) -> Item:
    if not isinstance(entry, Pairs):
        return RowProblem(number, "must be an object")
    fault = fault_of_names([name for name, _ in entry])
    if fault:
        return RowProblem(number, fault)
    fields = [(name, "" if value is None else value) for name, value in entry]
    for name, value in fields:
        if not isinstance(value, str):
            return RowProblem(number, f"{name} must be a string")
    return row_of_fields(number, fields)
