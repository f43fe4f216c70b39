"""What does a published value say? Bytes in, keys, models or names out; a value that is wrong in any part is wrong as a whole.

api_key:<anything>              {"<client key>": {"<model>": {"endpoint_id", "model_id", "project_id"}, …}, …}
api_key:<SHA-256 of "bud-" + client key>
                                {"<model>": {…}, "__metadata__": {"api_key_id", "user_id", "api_key_project_id"}}
model_table:<id>                {"<id>": {model as in [models."<id>"] of a configuration file}, …}
published_model_info            {"<model>": {"endpoint_id", …}, …}
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
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
WRONG_ID = f"an id must be a text of at most {LONGEST_ID} printable characters"
MOST_KEPT = 20_000
"""Entries of models, and sets of names, that are remembered."""
Pairs = tuple[tuple[str, str], ...]


class BadValue(Exception):
    """The value is not taken over; the text says why and quotes nothing of it."""


class PublishedKey(NamedTuple):
    """A client key. `digest` is the SHA-256 of `prefix` and the key, in hex; `aliases` are the names that it may send and the
    models that they mean; `labels` what is told of it. `last_four` is "" where the key itself is not known."""

    digest: str
    prefix: str
    last_four: str
    aliases: Pairs
    labels: Pairs


class Value(NamedTuple):
    """What one Redis key says. `models` are the tables of models by their ids, not yet looked at."""

    keys: tuple[PublishedKey, ...] = ()
    models: Mapping[str, Mapping[str, Any]] | None = None
    names: Pairs = ()


class _Told(msgspec.Struct):
    """The ids that stand at a model, or in the metadata. Other members are not looked at."""

    endpoint_id: str | int | None = None
    model_id: str | int | None = None
    project_id: str | int | None = None
    api_key_id: str | int | None = None
    user_id: str | int | None = None
    api_key_project_id: str | int | None = None


Ids = tuple[str, str, str]
"""Of an entry, as `ENTRY_FIELDS`; "" where one is not told."""
Members = Mapping[str, bytes]
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_told = msgspec.json.Decoder(_Told)


class Reader:
    """Reads values. Equal names of different keys become one object, and what is said of a model alike is looked at once: there
    may be very many keys."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, bytes], Ids] = {}
        self._aliases: dict[Pairs, Pairs] = {}

    @sensitive_variables()
    def read(self, name: bytes, raw: bytes, kind: Kind) -> Value:
        """Raises `BadValue`."""
        if len(raw) > LONGEST_VALUE:
            raise BadValue(f"is longer than {LONGEST_VALUE // 1024 // 1024} MiB")
        document = _object(raw, "the value")
        if kind is Kind.MODELS:
            return Value(models={model: _table(table, "a model") for model, table in document.items()})
        if kind is Kind.SHARED:
            return Value(names=self._names(self._of_models(document, required=False)))
        rest = name[len(Kind.KEYS) :].decode(errors="replace")
        if SHA256.fullmatch(rest) and (METADATA in document or _is_flat(document)):
            return Value(keys=(self._hashed(rest, document),))
        return Value(keys=tuple(self._plain(key, models) for key, models in document.items()))

    def _hashed(self, digest: str, document: Members) -> PublishedKey:
        told = document.get(METADATA, b"null")
        ids = _Told() if told == b"null" else _ids(told, "the metadata")
        entries = self._of_models(document, required=False)
        labels = {field: text for field in METADATA_FIELDS if (text := _id(getattr(ids, field)))}
        return PublishedKey(digest, HASHED_WITH, "", self._names(entries), _labels(entries, labels))

    def _plain(self, key: str, models: bytes) -> PublishedKey:
        if not CLIENT_KEY.fullmatch(key):
            raise BadValue("a client key must have 1 to 512 visible ASCII characters")
        entries = self._of_models(_object(models, "the models of a client key"), required=True)
        digest = hashlib.sha256(key.encode()).hexdigest()
        last_four = key[-4:] if len(key) >= 12 else ""
        return PublishedKey(digest, "", last_four, self._names(entries), _labels(entries, {}))

    def _of_models(self, document: Members, *, required: bool) -> dict[str, Ids]:
        """The ids of each model that is no prompt."""
        if len(document) > MOST_ALIASES + (METADATA in document):
            raise BadValue(f"a key may have at most {MOST_ALIASES} models")
        found = {}
        for name, raw in document.items():
            if name == METADATA and not required:
                continue
            ids = self._entries.get((name, raw)) or self._entry(name, raw)
            if required and not all(ids):
                raise BadValue(f"the entry of a model needs {', '.join(ENTRY_FIELDS)}")
            if not name.startswith(PROMPT):
                found[name] = ids
        return found

    def _entry(self, name: str, raw: bytes) -> Ids:
        told = _ids(raw, "the entry of a model")
        ids = _id(told.endpoint_id), _id(told.model_id), _id(told.project_id)
        if not name.startswith(PROMPT):
            _check_name(name)
            _check_name(ids[0] or name)
        if len(self._entries) >= MOST_KEPT:
            self._entries.clear()
        self._entries[name, raw] = ids
        return ids

    def _names(self, entries: Mapping[str, Ids]) -> Pairs:
        pairs = tuple(sorted((name, ids[0] or name) for name, ids in entries.items()))
        if len(self._aliases) >= MOST_KEPT:
            self._aliases.clear()
        return self._aliases.setdefault(pairs, pairs)


def _labels(entries: Mapping[str, Ids], told: dict[str, str]) -> Pairs:
    """Besides what is told of the key, the ids that all of its models have in common."""
    for field, ids in zip(ENTRY_FIELDS, zip(*entries.values(), strict=True), strict=False):
        if ids[0] and ids.count(ids[0]) == len(ids):
            told[field] = ids[0]
    return tuple(sorted(told.items()))


def _object(raw: bytes, what: str) -> Members:
    """The members of a JSON object, unread. The parser's own error may hold the text: it must not be the context of ours."""
    message = "is not JSON"
    try:
        return {name: bytes(value) for name, value in _members.decode(raw).items()}
    except msgspec.ValidationError:
        message = f"{what} must be a JSON object"
    except (ValueError, RecursionError):
        pass
    raise BadValue(message)


def _table(raw: bytes, what: str) -> dict[str, Any]:
    _object(raw, what)
    value: dict[str, Any] = msgspec.json.decode(raw)
    return value


def _ids(raw: bytes, what: str) -> _Told:
    wrong = ""
    try:
        return _told.decode(raw)
    except (ValueError, RecursionError):
        wrong = what
    _object(raw, wrong)
    raise BadValue(WRONG_ID)


def _is_flat(document: Members) -> bool:
    """Whether the members are models rather than client keys with models of their own."""
    inner = (_members.decode(raw).values() for raw in document.values() if raw.startswith(b"{"))
    return not any(bytes(value).startswith(b"{") for values in inner for value in values)


@lru_cache(4096)
def _check_name(name: str) -> None:
    try:
        validation.check_name(name)
        if len(name) > validation.LONGEST_NAME:
            raise BadValue(f"the name of a model has more than {validation.LONGEST_NAME} characters")
    except ValidationError as error:
        raise BadValue(f"the name of a model: {' '.join(error.messages)}") from None


def _id(value: str | int | None) -> str:
    text = "" if value is None else str(value)
    if len(text) > LONGEST_ID or not text.isprintable():
        raise BadValue(WRONG_ID)
    return text
