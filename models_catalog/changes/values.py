"""Which plain values does the catalog consist of, apart from rows? Each is equal and hashable by what it holds.

Values that are JSON in the catalog are kept as canonical JSON texts (`freeze`), so that they can be compared.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
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

    def __str__(self) -> str:
        """The text form of a location, without a secret."""
        return "none" if self.source == "none" else f"{self.source}::{self.location}"


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
