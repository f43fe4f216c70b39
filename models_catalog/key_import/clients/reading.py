"""Which client keys does a file hold? CSV, JSON (also LiteLLM's list of keys), JSON lines, or a key on each line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import PurePath
from typing import Any, BinaryIO

from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.clients.rows import ATTRIBUTES, ClientKeyRow, fault_of_names, row_of
from models_catalog.key_import.clients.values import BadField
from models_catalog.key_import.progress import progress
from models_catalog.key_import.rows import KeyImportError, RowProblem
from models_catalog.key_import.source import text_lines

MAX_ROWS = 1_000_000
LISTS = ("keys", "data")
"""Where an object has its list of keys: LiteLLM's answer to `/key/list`, and what others call it."""


class Form(StrEnum):
    AUTO = "auto"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"
    LINES = "lines"


class Keys(StrEnum):
    """Whether a file has keys or their hashes. `auto`: 64 hexadecimal digits are a SHA-256."""

    AUTO = "auto"
    PLAIN = "plain"
    HASHED = "hashed"


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file. `tenant` is that of projects and people whose row names none."""

    form: Form = Form.AUTO
    keys: Keys = Keys.AUTO
    tenant: str = ""
    max_rows: int = MAX_ROWS
    progress: bool = False


Entry = tuple[int, Any]
"""The number of a row, and its object."""


@sensitive_variables()
def read_rows(stream: BinaryIO, name: str, options: Options) -> tuple[list[ClientKeyRow], list[RowProblem]]:
    """The rows of the file called `name`, and what is wrong with others. Raises `KeyImportError` if it cannot be read at all."""
    rows: list[ClientKeyRow] = []
    problems: list[RowProblem] = []
    fault: KeyImportError | None = None
    try:
        entries = _limited(_entries(stream, name, options.form), options.max_rows)
        for number, entry in progress(entries, "Reading", forced=options.progress):
            try:
                rows.append(row_of(number, _fields(entry)))
            except BadField as error:
                problems.append(RowProblem(number, str(error)))
    except KeyImportError as error:
        fault = error.with_traceback(None)  # the frames of the parsers hold the text, and reports show frames
    if fault is not None:
        raise fault
    if not rows and not problems:
        raise KeyImportError("the file holds no client key")
    return rows, problems


def _fields(entry: Any) -> Mapping[str, Any]:
    """A text in a list of keys is a key without anything else."""
    if isinstance(entry, str):
        return {"key": entry}
    if not isinstance(entry, Mapping):
        raise BadField("must be an object")
    return {str(name).strip().lower(): value for name, value in entry.items()}


def _limited(entries: Iterator[Entry], most: int) -> Iterator[Entry]:
    for count, entry in enumerate(entries, start=1):
        if count > most:
            raise KeyImportError(f"the file has more than {most} rows: split it, or raise --max-rows")
        yield entry


def _entries(stream: BinaryIO, name: str, form: Form) -> Iterator[Entry]:
    lines = text_lines(stream)
    if form is Form.AUTO:
        form, lines = _detected(name, lines)
    return READERS[form](lines)


def _detected(name: str, lines: Iterator[str]) -> tuple[Form, Iterator[str]]:
    """By the name of the file, else by its first lines."""
    by_name = {".csv": Form.CSV, ".json": Form.JSON, ".jsonl": Form.JSONL, ".ndjson": Form.JSONL, ".txt": Form.LINES}
    named = by_name.get(PurePath(name).suffix.lower())
    if named is not None:
        return named, lines
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if line.strip():
            break
    first = seen[-1].strip() if seen else ""
    if first.startswith(("{", "[")):
        form = Form.JSONL if first.startswith("{") and _is_object(first) else Form.JSON
    else:
        form = Form.CSV if {part.strip().lower() for part in first.split(",")} & ATTRIBUTES.keys() else Form.LINES
    return form, chain(seen, lines)


def _is_object(line: str) -> bool:
    """Whether the line is a whole object that is a key itself."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and not any(isinstance(found.get(name), list) for name in LISTS)


def _csv(lines: Iterable[str]) -> Iterator[Entry]:
    names: list[str] = []
    for number, cells in _records(lines):
        if not names:
            names = [name.strip().lower() for name in cells]
            if fault := fault_of_names(names):
                raise KeyImportError(f"the first row must name the columns, separated by commas: {fault}")
        elif len(cells) == len(names):
            yield number, dict(zip(names, cells, strict=True))
        else:
            yield number, None


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(lines, strict=True)
    number = 1
    try:
        for cells in reader:
            if cells:
                yield number, cells
            number = reader.line_num + 1
    except csv.Error:
        raise KeyImportError(f"row {number} is not CSV: its quoting is wrong, or it is too long") from None


def _json(lines: Iterable[str]) -> Iterator[Entry]:
    document, fault = _parsed("".join(lines))
    if fault:
        raise KeyImportError(fault)
    if isinstance(document, dict):
        document = next((document[name] for name in LISTS if isinstance(document.get(name), list)), [document])
    if not isinstance(document, list):
        raise KeyImportError("the JSON text must be a list of objects, or an object with such a list as its keys")
    yield from enumerate(document, start=1)


def _jsonl(lines: Iterable[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            document, fault = _parsed(line)
            yield number, None if fault else document


def _lines(lines: Iterable[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            yield number, line.strip()


def _parsed(text: str) -> tuple[Any, str]:
    """The document and "", or None and what is wrong: the parser's own error holds the whole text."""
    try:
        return json.loads(text), ""
    except json.JSONDecodeError as error:
        return None, f"the text is not JSON: see line {error.lineno}, column {error.colno}"
    except (ValueError, RecursionError):
        return None, "the JSON cannot be read: a number is too long, or it is nested too deeply"


READERS = {Form.CSV: _csv, Form.JSON: _json, Form.JSONL: _jsonl, Form.LINES: _lines}
