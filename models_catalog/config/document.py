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

    For `stored`, `location` is the name of the credential in the catalog, or `secret` is the value itself. With `to_enter` the
    credential is made empty if there is none of that name, so that somebody enters the secret.
    """

    source: str
    location: str = ""
    secret: Secret | None = None
    to_enter: bool = field(default=False, compare=False)


NOTHING = Lookup("none")


def to_enter(name: str) -> Lookup:
    """The place of a key that the file does not hold, although it should: somebody has to enter it."""
    return Lookup("stored", f"{name} (to enter)", to_enter=True)


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

    `names` says what the fields of the catalog's rows are called in this format, for the places of errors. `unread` are the
    names of models that the file has and that are not in `models`, because none of their entries can be served.
    """

    models: tuple[ModelSpec, ...] = ()
    providers: tuple[ProviderSpec, ...] = ()
    client_keys: tuple[KeySpec, ...] = ()
    lists_keys: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

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
    """Collects what is wrong with a file and what of it is not imported.

    A mistake in the gateway's own format is an error. In a `foreign` one, which people wrote for another program, it costs
    what it is in and no more: a value is ignored, an entry left out, and the rest is imported. `ignored` counts the settings
    that are not imported; `warnings` name them, and whatever else is to be known.
    """

    foreign: bool = False
    errors: list[Finding] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)
    left_out: list[Finding] = field(default_factory=list)
    ignored: int = 0

    def fatal(self, place: str, message: str) -> None:
        """The file cannot be read."""
        self.errors.append(Finding(place, message))

    def error(self, place: str, message: str) -> None:
        """A value is wrong, and read as if it were absent."""
        if self.foreign:
            self.ignore(place, message)
        else:
            self.fatal(place, message)

    def fail(self, place: str, message: str) -> None:
        """As `error`, for a value that its entry cannot do without. Raises `Unservable` in a foreign file."""
        if self.foreign:
            raise Unservable(place, message)
        self.fatal(place, message)

    def leave_out(self, place: str, name: str, reason: str) -> None:
        """An entry that cannot be served; `name` is what the file calls it, "" if it has no name."""
        if self.foreign:
            self.left_out.append(Finding(place, f"{name}: {reason}" if name else reason))
        else:
            self.fatal(place, reason)

    def ignore(self, place: str, message: str, count: int = 1) -> None:
        """Settings that are not imported, named once: what is said of all models is found again with each."""
        if Finding(place, message) not in self.warnings:
            self.ignored += count
            self.warn(place, message)

    def warn(self, place: str, message: str) -> None:
        self.warnings.append(Finding(place, message))


class Unservable(Exception):
    """An entry of a foreign file lacks what it cannot do without."""

    def __init__(self, place: str, message: str) -> None:
        super().__init__(message)
        self.finding = Finding(place, message)


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
