"""What would an import change? The differences between two states of the catalog, one readable line each, without secrets."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TypeVar

from django.db.models import Model

from models_catalog.changes.state import (
    CatalogState,
    CredentialState,
    HookState,
    KeyState,
    ModelState,
    ProviderState,
    RouteState,
    key_names,
    lookup_of,
)
from models_catalog.models import Hook, ModelDefinition, Provider, Route
from models_catalog.models.columns import columns_of
from models_catalog.models.frozen import Settings, thaw

State = TypeVar("State")
ADDED, CHANGED, REMOVED = "+", "~", "-"


@dataclass(frozen=True, slots=True)
class Item:
    """A value of a row. A new row is not told to have what is `absent`, nor what is empty; of `masked` values only names are."""

    value: Hashable
    absent: Hashable = None
    masked: bool = False


Items = Mapping[str, Item]


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is added (+), changed (~) or removed (-). `details` are the columns that change, ready to be shown."""

    sign: str
    kind: str
    name: str
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        head = f"{self.sign} {self.kind} {shown(self.name)}"
        return f"{head}: {', '.join(self.details)}" if self.details else head


def changes(before: CatalogState, after: CatalogState) -> list[Change]:
    """Every difference, in the order of the catalog's layers."""
    return [
        *_rows("credential", before.credentials, after.credentials, _credential),
        *_rows("provider", before.providers, after.providers, _provider),
        *_models(before.models, after.models),
        *_keys(before.keys, after.keys),
        *_rows("hook", before.hooks, after.hooks, partial(_hook, key_names({**before.keys, **after.keys}))),
    ]


def shown(text: str) -> str:
    """A name as it can be printed in a line."""
    return text if text and text.isprintable() and text == text.strip() else repr(text)


def _rows(
    kind: str, before: Mapping[str, State], after: Mapping[str, State], items: Callable[[str, State], Items]
) -> Iterator[Change]:
    for name in _names(before, after):
        if name not in after:
            yield Change(REMOVED, kind, name)
        elif name not in before:
            yield Change(ADDED, kind, name, tuple(_given(items(name, after[name]))))
        elif details := tuple(_different(items(name, before[name]), items(name, after[name]))):
            yield Change(CHANGED, kind, name, details)


def _names(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Names that stay or come in their new order, then those that go."""
    new = list(after)
    return new + [name for name in before if name not in set(new)]


def _given(items: Items) -> Iterator[str]:
    """What a new row holds besides the defaults."""
    for name, item in items.items():
        if item.value not in (None, "", "{}", ()) and item.value != item.absent:
            yield f"{name} {_text(item)}"


def _different(old: Items, new: Items) -> Iterator[str]:
    for name, item in new.items():
        if item.value != old[name].value:
            yield f"{name} {_text(old[name])} → {_text(item)}"


def _text(item: Item) -> str:
    """A value as it is shown: never a secret, never the value of a header."""
    value = item.value
    if value is None or value in ("", ()):
        return "(none)"
    if item.masked:
        return "{" + ", ".join(f"{header}: ***" for header in thaw(str(value))) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(shown(str(each)) for each in value) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return re.sub(r"//[^/@]*@", "//***@", shown(str(value)))


def _items(model: type[Model], settings: Settings) -> dict[str, Item]:
    """The columns of a row that files can say."""
    columns = [column for column in columns_of(model) if column.name in settings]
    return {
        column.name: Item(settings[column.name], None if column.always else column.absent, column.kind.masked)
        for column in columns
    }


def _credential(name: str, row: CredentialState) -> Items:
    location = "stored" if row.source == "stored" else str(lookup_of(name, row))
    return {"location": Item(location), "secret": Item(row.secret)}


def _provider(name: str, row: ProviderState) -> Items:
    items = _items(Provider, row.content.settings)
    first = {column: items.pop(column) for column in ("type", "api_base")}
    parts = zip(row.more, row.content.more, strict=False)
    more = tuple(f"{name} (weight {share.weight:g}{'' if share.enabled else ', off'})" for name, share in parts)
    keys = {"credential": Item(row.credential), "more_credentials": Item(more)}
    return {**first, **keys, **items, "enabled": Item(row.enabled, True)}


def _hook(keys: Mapping[str, str], name: str, row: HookState) -> Items:
    """With the names that files have for the columns."""
    items = _items(Hook, row.settings)
    chosen = "all" if row.keys is None else tuple(sorted(keys[digest] for digest in row.keys if digest in keys))
    return {**{column.file: items[column.name] for column in columns_of(Hook)}, "client_keys": Item(chosen, "all")}


def _models(before: Mapping[str, ModelState], after: Mapping[str, ModelState]) -> Iterator[Change]:
    for name in _names(before, after):
        yield from _rows("model", _only(name, before), _only(name, after), _model)
        if name in after:
            old = before[name].routes if name in before else ()
            label = f"{shown(name)} / "
            yield from _rows("route", _by_name(label, old), _by_name(label, after[name].routes), _route)


def _only(name: str, states: Mapping[str, State]) -> dict[str, State]:
    return {name: states[name]} if name in states else {}


def _by_name(label: str, routes: Iterable[RouteState]) -> dict[str, RouteState]:
    return {label + shown(route.name): route for route in routes}


def _model(name: str, row: ModelState) -> Items:
    routing = tuple(route.name for route in row.routes)
    items = _items(ModelDefinition, row.settings)
    prices = tuple(map(str, row.prices))
    return {**items, "fallback_models": Item(row.fallbacks), "routing": Item(routing), "prices": Item(prices)}


def _route(name: str, row: RouteState) -> Items:
    """With the names that files have for the columns."""
    items = _items(Route, row.settings)
    return {"provider": Item(row.provider), **{column.file: items[column.name] for column in columns_of(Route)}}


def _keys(before: Mapping[str, KeyState], after: Mapping[str, KeyState]) -> Iterator[Change]:
    """Keys by name instead of by hash."""
    for digest in _names(before, after):
        known = after.get(digest) or before[digest]
        for change in _rows("client key", _only(digest, before), _only(digest, after), _key):
            yield Change(change.sign, change.kind, known.name, change.details)


def _key(name: str, row: KeyState) -> Items:
    return {"models": Item("all" if row.models is None else tuple(sorted(row.models)))}
