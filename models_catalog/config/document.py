"""What does a configuration file say? The common form of all formats, each entry with its place in the file.

Nothing here is checked against the database.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field

from models_catalog.changes.prices import PriceState
from models_catalog.changes.values import ProviderContent
from models_catalog.models.frozen import Settings
from providers.types import Secret


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
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSpec:
    """A model with its routes and fallback models, both in order; the latter may stand elsewhere in the file."""

    name: str
    place: str
    settings: Settings
    routes: tuple[RouteSpec, ...]
    fallbacks: tuple[str, ...] = ()
    fallbacks_place: str
    prices: tuple[PriceState, ...] | None = None
    """None leaves those there as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpec:
    """A client key in plain text; `models` None allows every model. The place does not show the key."""

    place: str
    key: Secret
    models: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSpec:
    """A hook; `keys` are the names of client keys, None for all."""

    name: str
    place: str
    settings: Settings
    keys: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole file. `lists_keys` says that `client_keys` are all there should be: the file has a section of keys;
    `lists_hooks` says it of hooks.

    `names` says what the fields of the catalog's rows are called in this format, for the places of errors. `unread` are the
    names of models that the file has and that are not in `models`, because none of their entries can be served.
    """

    models: tuple[ModelSpec, ...] = ()
    providers: tuple[ProviderSpec, ...] = ()
    client_keys: tuple[KeySpec, ...] = ()
    lists_keys: bool = False
    hooks: tuple[HookSpec, ...] = ()
    lists_hooks: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    def place(self, place: str, column: str) -> str:
        """The place of a row's field, for the row at `place`; a row's name is the place itself."""
        return place if column == "name" else f"{place}.{self.names.get(column, column)}"


def free_name(wish: str, taken: Container[str]) -> str:
    """`wish`, or the first of `wish-2`, `wish-3` … that is free."""
    name, number = wish, 1
    while name in taken:
        number += 1
        name = f"{wish}-{number}"
    return name
