"""What does a published value say? Bytes in, keys, models or names out; a value that is wrong in any part is wrong as a whole.

api_key:<anything>              {"<client key>": {"<model>": {"endpoint_id", "model_id", "project_id"}, …}, …}
api_key:<SHA-256 of "bud-" + client key>
                                {"<model>": {…}, "__metadata__": {"api_key_id", "user_id", "api_key_project_id"}}
model_table:<id>                {"<id>": {model as in [models."<id>"] of a configuration file}, …}
published_model_info            {"<model>": {"endpoint_id", …}, …}
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.views.decorators.debug import sensitive_variables

from models_catalog import validation
from models_catalog.publication.names import HASHED_WITH, Kind
from models_catalog.rule_validation import MOST_ALIASES

METADATA = "__metadata__"
METADATA_FIELDS = ("api_key_id", "user_id", "api_key_project_id")
ENTRY_FIELDS = ("endpoint_id", "model_id", "project_id")
PROMPT = "prompt:"
"""How the names of prompts begin, which are no models."""
SHA256 = re.compile("[0-9a-f]{64}")
CLIENT_KEY = re.compile(r"[\x21-\x7e]{1,512}")
LONGEST_VALUE = 16 * 1024 * 1024
LONGEST_ID = 200
Pairs = tuple[tuple[str, str], ...]


class BadValue(Exception):
    """The value is not taken over; the text says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A client key. `digest` is the SHA-256 of `prefix` and the key, in hex; `aliases` are the names that it may send and the
    models that they mean; `labels` what is told of it. `last_four` is "" where the key itself is not known."""

    digest: str
    prefix: str
    last_four: str
    aliases: Pairs
    labels: Pairs


@dataclass(frozen=True, slots=True)
class Value:
    """What one Redis key says. `models` are the tables of models by their ids, not yet looked at."""

    keys: tuple[PublishedKey, ...] = ()
    models: Mapping[str, Mapping[str, Any]] | None = None
    names: Pairs = ()


class Reader:
    """Reads values. Equal names and labels of different keys become one object: there may be very many."""

    def __init__(self) -> None:
        self._same: dict[Pairs, Pairs] = {}

    @sensitive_variables()
    def read(self, name: bytes, raw: bytes, kind: Kind) -> Value:
        """Raises `BadValue`."""
        document = _object(_parsed(raw), "the value")
        if kind is Kind.MODELS:
            return Value(models={model: _object(table, "a model") for model, table in document.items()})
        if kind is Kind.SHARED:
            return Value(names=self._aliases(_entries(document, required=False)))
        rest = name[len(Kind.KEYS) :].decode(errors="replace")
        if SHA256.fullmatch(rest) and _is_flat(document):
            return Value(keys=(self._hashed(rest, document),))
        return Value(keys=tuple(self._plain(key, models) for key, models in document.items()))

    def _hashed(self, digest: str, document: Mapping[str, Any]) -> PublishedKey:
        told = _object(document.get(METADATA) or {}, "the metadata")
        entries = _entries({name: entry for name, entry in document.items() if name != METADATA}, required=False)
        labels = {field: text for field in METADATA_FIELDS if (text := _id(told.get(field)))}
        return PublishedKey(digest, HASHED_WITH, "", self._aliases(entries), self._labels(entries, labels))

    def _plain(self, key: str, models: Any) -> PublishedKey:
        if not CLIENT_KEY.fullmatch(key):
            raise BadValue("a client key must have 1 to 512 visible ASCII characters")
        entries = _entries(_object(models, "the models of a client key"), required=True)
        digest = hashlib.sha256(key.encode()).hexdigest()
        last_four = key[-4:] if len(key) >= 12 else ""
        return PublishedKey(digest, "", last_four, self._aliases(entries), self._labels(entries, {}))

    def _aliases(self, entries: Mapping[str, Mapping[str, str]]) -> Pairs:
        return self._kept(tuple(sorted((name, entry["endpoint_id"] or name) for name, entry in entries.items())))

    def _labels(self, entries: Mapping[str, Mapping[str, str]], told: Mapping[str, str]) -> Pairs:
        """Besides what is told of the key, the ids that all of its models have in common."""
        found = dict(told)
        for field in ENTRY_FIELDS:
            ids = {entry[field] for entry in entries.values()}
            if len(ids) == 1 and (common := ids.pop()):
                found[field] = common
        return self._kept(tuple(sorted(found.items())))

    def _kept(self, pairs: Pairs) -> Pairs:
        return self._same.setdefault(pairs, pairs)


def _parsed(raw: bytes) -> Any:
    """The JSON value. The parser's own error holds the text, so that it must not be the context of ours."""
    if len(raw) > LONGEST_VALUE:
        raise BadValue(f"is longer than {LONGEST_VALUE // 1024 // 1024} MiB")
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        pass
    raise BadValue("is not JSON")


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadValue(f"{what} must be a JSON object")
    return value


def _is_flat(document: Mapping[str, Any]) -> bool:
    """Whether the members are models rather than client keys with models of their own."""
    if METADATA in document:
        return True
    return not any(isinstance(inner, dict) for entry in document.values() if isinstance(entry, dict) for inner in entry.values())


def _entries(document: Mapping[str, Any], *, required: bool) -> dict[str, dict[str, str]]:
    """The ids of each model that is no prompt."""
    if len(document) > MOST_ALIASES:
        raise BadValue(f"a key may have at most {MOST_ALIASES} models")
    found = {}
    for name, entry in document.items():
        table = _object(entry, "the entry of a model")
        ids = {field: _id(table.get(field)) for field in ENTRY_FIELDS}
        if required and not all(ids.values()):
            raise BadValue(f"the entry of a model needs {', '.join(ENTRY_FIELDS)}")
        if name.startswith(PROMPT):
            continue
        _check_name(name)
        _check_name(ids["endpoint_id"] or name)
        found[name] = ids
    return found


@lru_cache(4096)
def _check_name(name: str) -> None:
    try:
        validation.check_name(name)
        if len(name) > validation.LONGEST_NAME:
            raise BadValue(f"the name of a model has more than {validation.LONGEST_NAME} characters")
    except ValidationError as error:
        raise BadValue(f"the name of a model: {' '.join(error.messages)}") from None


def _id(value: Any) -> str:
    if value is None:
        return ""
    if (
        isinstance(value, bool)
        or not isinstance(value, str | int)
        or len(text := str(value)) > LONGEST_ID
        or not text.isprintable()
    ):
        raise BadValue(f"an id must be a text of at most {LONGEST_ID} printable characters")
    return text
