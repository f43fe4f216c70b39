"""Which keys does a file hold? Every row parsed, decrypted and checked by itself, without a look at the catalog."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.views.decorators.debug import sensitive_variables

from models_catalog.key_import.decryption import UNREADABLE, decrypt_key, looks_encrypted
from models_catalog.key_import.formats.csv_rows import csv_rows
from models_catalog.key_import.formats.env_rows import env_rows
from models_catalog.key_import.formats.json_rows import json_rows
from models_catalog.key_import.private_key import configured_private_key
from models_catalog.key_import.progress import progress
from models_catalog.key_import.rows import PLACEHOLDER, Encryption, Item, KeyImportError, KeyRow, RowProblem, SkippedRow
from models_catalog.key_import.shapes import PATTERNS_OF_TYPES, fault_of_key
from models_catalog.key_import.source import Format, detect, text_lines
from models_catalog.placeholders import is_placeholder
from providers.types import Secret

MAX_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Options:
    """How to read a file. `encrypted` is what holds for rows that do not say it themselves; `private_key` is a path."""

    format: Format = Format.AUTO
    encrypted: bool = False
    private_key: str | None = None
    allow_pkcs1v15: bool = False
    max_rows: int = MAX_ROWS
    progress: bool = False


@dataclass(slots=True)
class Contents:
    """What a file holds, by the fate of its rows."""

    keys: list[KeyRow] = field(default_factory=list)
    skipped: list[SkippedRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Vendors:
    """What reading must know of provider types: whose a variable is, and which vendor is behind a row ("" if unknown)."""

    types_of_variable: Mapping[str, tuple[str, ...]]
    type_of_row: Callable[[KeyRow], str]


@sensitive_variables()
def read_keys(stream: BinaryIO, name: str, options: Options, vendors: Vendors) -> Contents:
    """The rows of the file called `name`, their values decrypted. Raises `KeyImportError` if it cannot be read at all."""
    contents = Contents()
    try:
        _read(stream, name, options, vendors, contents)
    except KeyImportError as error:
        fault = error.with_traceback(None)  # the frames of the parsers hold the text, and reports show frames
    else:
        return contents
    raise fault


def _read(stream: BinaryIO, name: str, options: Options, vendors: Vendors, contents: Contents) -> None:
    opener = _Opener(options, vendors)
    rows = _limited(_parsed(stream, name, options.format, vendors), options.max_rows)
    for row in progress(rows, "Reading", forced=options.progress):
        item = opener.opened(row) if isinstance(row, KeyRow) else row
        match item:
            case KeyRow():
                contents.keys.append(item)
            case SkippedRow():
                contents.skipped.append(item)
            case RowProblem():
                contents.problems.append(item)
    if not contents.keys and not contents.problems and not any(row.ours for row in contents.skipped):
        raise KeyImportError("the file holds no provider key")


def _parsed(stream: BinaryIO, name: str, said: Format, vendors: Vendors) -> Iterator[Item]:
    found, lines = detect(name, text_lines(stream)) if said is Format.AUTO else (said, text_lines(stream))
    match found:
        case Format.JSON:
            return json_rows(lines)
        case Format.ENV:
            return env_rows(lines, vendors.types_of_variable)
        case _:
            return csv_rows(lines)


def _limited(items: Iterator[Item], most: int) -> Iterator[Item]:
    for count, item in enumerate(items, start=1):
        if count > most:
            raise KeyImportError(f"the file has more than {most} rows: split it, or raise --max-rows")
        yield item


class _Opener:
    """Turns rows as written into rows with plain, sound values. The private key is loaded when the first row needs it."""

    def __init__(self, options: Options, vendors: Vendors) -> None:
        self._options = options
        self._vendors = vendors
        self._private_key: RSAPrivateKey | None = None

    @sensitive_variables()
    def opened(self, row: KeyRow) -> Item:
        encrypted = self._options.encrypted if row.encryption is None else row.encryption is Encryption.RSA
        value = self._decrypted(row) if encrypted else row.value
        if value is None:
            return RowProblem(row.number, UNREADABLE)
        if is_placeholder(value.reveal()):
            return SkippedRow(row.number, PLACEHOLDER, ours=True)
        fault = fault_of_key(value.reveal())
        if not fault and row.encryption is None and not encrypted and looks_encrypted(value.reveal()):
            fault = "the value looks RSA-encrypted: use --encrypted, or say it in the field encryption (rsa or plain)"
        return RowProblem(row.number, fault) if fault else replace(row, value=value, encryption=Encryption.PLAIN)

    def _decrypted(self, row: KeyRow) -> Secret | None:
        self._private_key = self._private_key or configured_private_key(self._options.private_key)
        pkcs1v15 = self._options.allow_pkcs1v15
        return decrypt_key(self._private_key, row.value, pkcs1v15=pkcs1v15, pattern=self._pattern(row) if pkcs1v15 else None)

    def _pattern(self, row: KeyRow) -> re.Pattern[str] | None:
        return None if row.api_base else PATTERNS_OF_TYPES.get(self._vendors.type_of_row(row))
