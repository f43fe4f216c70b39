"""Which fields may a row have? The same names for the columns of CSV and the fields of JSON objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType

from models_catalog.key_import.rows import Encryption, Item, KeyRow, RowProblem
from providers.types import Secret

ATTRIBUTES = MappingProxyType(
    {
        "provider": "provider",
        "name": "provider",
        "api_key": "value",
        "key": "value",
        "type": "type",
        "api_base": "api_base",
        "credential": "credential",
        "encryption": "encryption",
    }
)
"""Name in the file → attribute of the row."""

KNOWN_NAMES = "provider (or name), api_key (or key), type, api_base, credential, encryption"


def fault_of_names(names: Sequence[str]) -> str:
    """What is wrong with these field names, "" if nothing. Does not quote them: a file without header starts with a key."""
    for position, name in enumerate(names, start=1):
        if name not in ATTRIBUTES:
            return f"unknown name of field {position}; known names: {KNOWN_NAMES}"
    attributes = [ATTRIBUTES[name] for name in names]
    for attribute, said in (("provider", "provider (or name)"), ("value", "api_key (or key)")):
        if attribute not in attributes:
            return f"missing field {said}"
    if len(set(attributes)) < len(attributes):
        return "duplicate field (provider and name are one field, api_key and key too)"
    return ""


def row_of_fields(number: int, fields: Iterable[tuple[str, str]]) -> Item:
    """The row of fields whose names `fault_of_names` accepts. Everything but the key is stripped of white space."""
    found = {ATTRIBUTES[name]: text for name, text in fields}
    value = found.pop("value")
    found = {attribute: text.strip() for attribute, text in found.items()}
    encryption = found.pop("encryption", "").lower()
    if encryption not in ("", *Encryption):
        return RowProblem(number, "encryption must be plain or rsa")
    return KeyRow(number, value=Secret(value), encryption=Encryption(encryption) if encryption else None, **found)
