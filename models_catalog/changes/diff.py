"""What would an import change? The differences between two states of the catalog, one readable line each, without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, TypeVar

from models_catalog.changes.state import CatalogState, CredentialState, KeyState, ModelState, ProviderState, RouteState, lookup_of
from models_catalog.changes.values import ModelSettings, thaw

State = TypeVar("State")
ADDED, CHANGED, REMOVED = "+", "~", "-"
DEFAULTS = ModelSettings()


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
    ]


def shown(text: str) -> str:
    """A name as it can be printed in a line."""
    return text if text and text.isprintable() and text == text.strip() else repr(text)


def _rows(kind: str, before: Mapping[str, State], after: Mapping[str, State], columns: Any) -> Iterator[Change]:
    for name in _names(before, after):
        if name not in after:
            yield Change(REMOVED, kind, name)
        elif name not in before:
            yield Change(ADDED, kind, name, tuple(_given(columns(name, after[name]))))
        elif details := tuple(_different(columns(name, before[name]), columns(name, after[name]))):
            yield Change(CHANGED, kind, name, details)


def _names(before: Iterable[str], after: Iterable[str]) -> list[str]:
    """Names that stay or come in their new order, then those that go."""
    new = list(after)
    return new + [name for name in before if name not in set(new)]


def _given(columns: Mapping[str, object]) -> Iterator[str]:
    """What a new row holds besides the defaults."""
    plain = {"enabled": True, "num_retries": DEFAULTS.num_retries, "max_retry_delay_s": DEFAULTS.max_retry_delay_s}
    for name, value in columns.items():
        if value not in (None, "", "{}", ()) and (name not in plain or value != plain[name]):
            yield f"{name} {_value(name, value)}"


def _different(old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[str]:
    for name, value in new.items():
        if value != old[name]:
            yield f"{name} {_value(name, old[name])} → {_value(name, value)}"


def _value(name: str, value: object) -> str:
    """A value as it is shown: never a secret, never the value of a header."""
    if value is None or value in ("", ()):
        return "(none)"
    if name == "extra_headers":
        return "{" + ", ".join(f"{header}: ***" for header in thaw(str(value))) + "}"
    if isinstance(value, tuple):
        return "[" + ", ".join(shown(str(item)) for item in value) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return re.sub(r"//[^/@]*@", "//***@", shown(str(value)))


def _credential(name: str, row: CredentialState) -> dict[str, object]:
    return {"location": "stored" if row.source == "stored" else str(lookup_of(name, row)), "secret": row.secret}


def _provider(name: str, row: ProviderState) -> dict[str, object]:
    return {
        "type": row.content.type,
        "api_base": row.content.api_base,
        "credential": row.credential,
        "extra_headers": row.content.extra_headers,
        "extra_body": row.content.extra_body,
        "options": row.content.options,
        "enabled": row.enabled,
    }


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


def _model(name: str, row: ModelState) -> dict[str, object]:
    values: dict[str, object] = {entry.name: getattr(row.settings, entry.name) for entry in fields(ModelSettings)}
    return {**values, "fallback_models": row.fallbacks, "routing": tuple(route.name for route in row.routes)}


def _route(name: str, row: RouteState) -> dict[str, object]:
    return {"provider": row.provider, "model_name": row.upstream_model, "enabled": row.enabled}


def _keys(before: Mapping[str, KeyState], after: Mapping[str, KeyState]) -> Iterator[Change]:
    """Keys by name instead of by hash."""
    for digest in _names(before, after):
        known = after.get(digest) or before[digest]
        for change in _rows("client key", _only(digest, before), _only(digest, after), _key):
            yield Change(change.sign, change.kind, known.name, change.details)


def _key(name: str, row: KeyState) -> dict[str, object]:
    return {"models": "all" if row.models is None else tuple(sorted(row.models))}
