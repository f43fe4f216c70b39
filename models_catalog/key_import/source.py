"""What is in the file? Bytes in, lines of strict UTF-8 out, and the format they are in."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from enum import StrEnum
from itertools import chain, count
from pathlib import PurePath
from typing import BinaryIO

from models_catalog.key_import.formats.env_rows import is_assignment
from models_catalog.key_import.rows import KeyImportError

MAX_BYTES = 256 * 1024 * 1024


class Format(StrEnum):
    AUTO = "auto"
    CSV = "csv"
    JSON = "json"
    ENV = "env"


def text_lines(stream: BinaryIO) -> Iterator[str]:
    """The lines with their ends, without a byte order mark. Raises `KeyImportError` for bad UTF-8 and beyond 256 MiB."""
    left = MAX_BYTES
    for number in count(1):
        data = _line(stream, left + 1)
        if not data:
            return
        left -= len(data)
        if left < 0:
            raise KeyImportError(f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB: split it")
        yield _decoded(data.removeprefix(codecs.BOM_UTF8) if number == 1 else data, number)


def _line(stream: BinaryIO, most: int) -> bytes:
    try:
        return stream.readline(most)
    except OSError as error:
        raise KeyImportError(f"the file cannot be read to its end: {error.strerror}") from None


def _decoded(data: bytes, number: int) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass  # its text and its attributes hold the bytes, so it must not even be the context of the error below
    raise KeyImportError(f"line {number} is not UTF-8: save the file as UTF-8")


def detect(name: str, lines: Iterator[str]) -> tuple[Format, Iterator[str]]:
    """The format by the file's name, else by its first line that says something; and all lines, from the first on."""
    named = _format_of_name(name)
    if named is not None:
        return named, lines
    seen: list[str] = []
    for line in lines:
        seen.append(line)
        if line.strip() and not line.lstrip().startswith("#"):
            return _format_of_line(line), chain(seen, lines)
    return Format.ENV, iter(seen)


def _format_of_name(name: str) -> Format | None:
    path = PurePath(name)
    if path.name == ".env" or path.name.startswith(".env.") or path.suffix.lower() == ".env":
        return Format.ENV
    return {".csv": Format.CSV, ".json": Format.JSON}.get(path.suffix.lower())


def _format_of_line(line: str) -> Format:
    if line.lstrip().startswith(("{", "[")):
        return Format.JSON
    return Format.ENV if is_assignment(line) else Format.CSV
