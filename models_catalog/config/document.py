"""What does a configuration file say? The common form of all formats, each entry with its place in the file.

Nothing here is checked against the database. Values that are JSON in the catalog are kept as canonical JSON texts
(`freeze`), so that entries can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from providers.types import Secret


def freeze(value: object) -> str:
    """A JSON value as a text that is equal for equal values, whatever a database made of them; 1.0 is 1, true is not."""
    return json.dumps(_plain(value), sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def thaw(text: str) -> Any:
    """The value of a frozen text."""
    return json.loads(text)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return _number(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def _number(value: int | float) -> int | float:
    """Small whole numbers as integers, large ones as floats where that is the same text: PostgreSQL gives 1e22 back as an
    integer, SQLite as it was."""
    if abs(value) < 2**53:
        return int(value) if value == int(value) else value
    if isinstance(value, float):
        return value
    try:
        same = float(value)
    except OverflowError:
        return value
    return same if Decimal(repr(same)) == value else value


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where a credential is: `source` is one of `models_catalog.models.Credential.Source`.

    For `stored`, `location` is the name of the credential in the catalog, or `secret` is the value itself.
    """

    source: str
    location: str = ""
    secret: Secret | None = None


NOTHING = Lookup("none")
MOST_RETRIES = 2**15 - 1
"""What the column of every database can hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderContent:
    """What a provider row holds besides its name. The last three are frozen JSON objects; headers are secrets."""

    type: str
    api_base: str = ""
    credential: Lookup = NOTHING
    extra_headers: str = field(default="{}", repr=False)
    extra_body: str = "{}"
    options: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSpec:
    """A provider that the file names for itself; `content` is None when it could not be read."""

    name: str
    place: str
    content: ProviderContent | None
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """One place where a model is served: at a provider described right here, or at the provider of that name."""

    name: str
    place: str
    provider: ProviderContent | str
    upstream_model: str
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """The settings of a model as they are stored; the names are those of `ModelDefinition`'s fields."""

    enabled: bool = True
    capabilities: tuple[str, ...] = ("chat",)
    num_retries: int = 0
    max_retry_delay_s: float = 10.0
    connect_timeout_s: float | None = None
    first_byte_timeout_s: float | None = None
    idle_timeout_s: float | None = None
    total_timeout_s: float | None = None
    input_price: Decimal | None = None
    output_price: Decimal | None = None
    context_length: int | None = None
    metadata: str = "{}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model with its routes and fallback models, both in order; the latter may stand elsewhere in the file."""

    name: str
    place: str
    settings: ModelSettings
    routes: tuple[RouteSpec, ...]
    fallbacks: tuple[str, ...] = ()
    fallbacks_place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """A client key in plain text; `models` None allows every model. The place does not show the key."""

    place: str
    key: Secret
    models: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole file. `lists_keys` says that `client_keys` are all there should be: the file has a section of keys.

    `names` says what the fields of the catalog's rows are called in this format, for the places of errors.
    """

    models: tuple[ModelSpec, ...] = ()
    providers: tuple[ProviderSpec, ...] = ()
    client_keys: tuple[KeySpec, ...] = ()
    lists_keys: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def place(self, place: str, column: str) -> str:
        """The place of a row's field, for the row at `place`; a row's name is the place itself."""
        return place if column == "name" else f"{place}.{self.names.get(column, column)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to say about one place of a file."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(slots=True)
class Findings:
    """Collects what is wrong with a file and what of it is not imported."""

    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)

    def error(self, place: str, message: str) -> None:
        self.errors.append(Finding(place, message))

    def warn(self, place: str, message: str) -> None:
        self.warnings.append(Finding(place, message))


class InvalidConfiguration(Exception):
    """The file cannot be imported; `findings.errors` say why, and where."""

    def __init__(self, findings: Findings) -> None:
        super().__init__("\n".join(map(str, findings.errors)))
        self.findings = findings


def free_name(wish: str, taken: Container[str]) -> str:
    """`wish`, or the first of `wish-2`, `wish-3` … that is free."""
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}-{number}"
    return name
