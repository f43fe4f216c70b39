"""Where does a provider's key come from? The spellings of `api_key_location`, read and written.

"env::NAME"  "path::FILE"  "path_from_env::NAME"  "dynamic::NAME"  "stored::NAME"  "none"
{ env = "NAME" }  { path = "FILE" }  …
{ default = LOCATION, fallback = LOCATION }, of which the catalog can hold one
"sdk", where a provider of TensorZero's may have it: what the libraries of AWS or Google find on the machine
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace

from django.core.exceptions import ValidationError

from models_catalog import validation
from models_catalog.changes.values import NOTHING, Lookup
from models_catalog.config.table import Table, nearest

SOURCES = ("env", "path", "path_from_env", "dynamic", "stored")
PAIR = {"default", "fallback"}
EXPECTED = 'expected "env::NAME", "path::FILE", "path_from_env::NAME", "dynamic::NAME", "stored::NAME" or "none"'


SDK = Lookup("none", "sdk")


def read_location(table: Table, name: str, *, sdk: bool = False) -> Lookup | None:
    """The location under that name; None when absent or after an error. With `sdk` it may be `SDK`."""
    value = table.raw(name)
    if value is None:
        return None
    if sdk and value == SDK.location:
        return SDK
    if isinstance(value, str):
        return _from_text(table, name, value)
    if isinstance(value, dict) and len(value) == 1:
        [(source, location)] = value.items()
        if source == "none":
            return NOTHING
        if isinstance(location, str):
            return _lookup(table, name, str(source), location)
    if isinstance(value, dict) and value.keys() == PAIR:
        return _one_of(table, name, value, sdk=sdk)
    table.error(name, f"{EXPECTED}, or a table with one of these names")
    return None


def _one_of(table: Table, name: str, pair: Mapping[str, object], *, sdk: bool) -> Lookup | None:
    """Of a location and its fallback the one to import: a place of the gateway's own rather than a key that requests bring, and
    a variable that is set rather than one that is not."""
    places = Table(pair, table.at(name), table.findings)
    first, second = read_location(places, "default", sdk=sdk), read_location(places, "fallback", sdk=sdk)
    if first is None or second is None:
        return first or second
    weak = first.source == "dynamic" or (first.source == "env" and first.location not in os.environ)
    strong = second.source != "dynamic" and (second.source != "env" or second.location in os.environ)
    chosen = second if weak and (strong or first.source == "dynamic") else first
    table.findings.warn(table.at(name), f"a provider has one key: {chosen} is imported")
    return chosen


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
        table.error(name, "contains the character U+0000")
    elif not table.findings.foreign:
        return Lookup(source, location)
    elif not source.endswith("env") or _is_variable(location):
        return replace(Lookup(source, location), to_enter=source == "stored")
    else:
        table.error(name, "not a valid name of an environment variable")
    return None


def _is_variable(name: str) -> bool:
    try:
        validation.check_variable(name)
    except ValidationError:
        return False
    return True
