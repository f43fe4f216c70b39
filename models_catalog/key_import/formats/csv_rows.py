"""How is a CSV file read? RFC 4180 with commas and a header row; a record is known by the line on which it begins."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from models_catalog.key_import.formats.fields import fault_of_names, row_of_fields
from models_catalog.key_import.rows import Item, KeyImportError, RowProblem


def csv_rows(lines: Iterable[str]) -> Iterator[Item]:
    """The rows after the header. Raises `KeyImportError` if the header or the quoting is wrong."""
    records = _records(lines)
    header = next(records, None)
    if header is None:
        return
    names = [name.strip().lower() for name in header[1]]
    fault = fault_of_names(names)
    if fault:
        raise KeyImportError(f"the first row must name the columns, separated by commas: {fault}")
    for number, cells in records:
        if len(cells) == len(names):
            yield row_of_fields(number, zip(names, cells, strict=True))
        else:
            yield RowProblem(number, f"has {len(cells)} fields, but the header has {len(names)}")


def _records(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    """Line and cells of each record; empty lines are none."""
    reader = csv.reader(lines, strict=True)
    number = 1
    try:
        for cells in reader:
            if cells:
                yield number, cells
            number = reader.line_num + 1
    except csv.Error:
        raise KeyImportError(f"row {number} is not CSV: its quoting is wrong, or it is too long") from None
