"""Where does a provider's key come from? The spellings of `api_key_location`, read and written.

"env::NAME"  "path::FILE"  "path_from_env::NAME"  "dynamic::NAME"  "stored::NAME"  "none"
{ env = "NAME" }  { path = "FILE" }  …
"""

from __future__ import annotations

from models_catalog.config.document import NOTHING, Lookup
from models_catalog.config.table import Table, nearest

SOURCES = ("env", "path", "path_from_env", "dynamic", "stored")
EXPECTED = 'expected "env::NAME", "path::FILE", "path_from_env::NAME", "dynamic::NAME", "stored::NAME" or "none"'


def read_location(table: Table, name: str) -> Lookup | None:
    """The location under that name; None when absent or after an error."""
    value = table.raw(name)
    if value is None:
        return None
    if isinstance(value, str):
        return _from_text(table, name, value)
    if isinstance(value, dict) and len(value) == 1:
        [(source, location)] = value.items()
        if source == "none":
            return NOTHING
        if isinstance(location, str):
            return _lookup(table, name, str(source), location)
    table.error(name, f"{EXPECTED}, or a table with one of these names")
    return None


def write_location(lookup: Lookup) -> str:
    """The text form of a location."""
    return "none" if lookup.source == "none" else f"{lookup.source}::{lookup.location}"


def _from_text(table: Table, name: str, text: str) -> Lookup | None:
    source, separator, location = text.partition("::")
    if text == "none":
        return NOTHING
    if not separator:  # very likely a key in the wrong place: it must not be repeated
        table.error(name, f"{EXPECTED}; a key itself does not belong here")
        return None
    return _lookup(table, name, source, location)


def _lookup(table: Table, name: str, source: str, location: str) -> Lookup | None:
    if source not in SOURCES:
        table.error(name, f"unknown kind of location{nearest(source, SOURCES)}; {EXPECTED}")
    elif not location.strip():
        table.error(name, f"{source} needs a name")
    elif "\0" in location:
        table.error(name, "holds the character U+0000")
    else:
        return Lookup(source, location)
    return None
