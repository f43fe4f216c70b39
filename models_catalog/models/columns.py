"""What is known of a column besides its Django field: how do files spell it, and where is it shown?

A row's class is the table of its fields: type, limits, default, label and help are those of Django's field, and `column` adds the
rest. Readers of files, exporter, change sets, listing, the cards of `/v1/models` and the admin's pages are made from it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import cache
from math import inf
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog.models.frozen import Settings, freeze, thaw
from models_catalog.secrets.fields import EncryptedHeadersField
from providers.capabilities import Capability

F = TypeVar("F")


class FileTable(Protocol):
    """A table of a file, which gives the default for what is absent, and keeps an error for what is wrong."""

    def text(self, name: str, default: str) -> str: ...
    def flag(self, name: str, default: bool) -> bool: ...
    def count(self, name: str, default: int, least: int, most: int) -> int: ...
    def number(self, name: str, *, positive: bool) -> float | None: ...
    def price(self, name: str) -> Hashable: ...
    def texts(self, name: str) -> tuple[str, ...] | None: ...
    def json(self, name: str) -> dict[str, Any]: ...
    def __contains__(self, name: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of values: how it is read from a file, frozen and thawed, and written as JSON. The admin shows `narrow` ones side
    by side; of `masked` ones only the names are shown."""

    read: Callable[[FileTable, str, Column], Hashable]
    freeze: Callable[[Any], Hashable] = lambda value: value
    thaw: Callable[[Any], object] = lambda value: value
    as_json: Callable[[Any], object] = lambda value: value
    narrow: bool = False
    masked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a row. Each place is a path of names, `pricing.input_cost`, and "" where it does not appear."""

    name: str
    kind: Kind
    absent: Hashable
    """What a file means that does not mention it, frozen."""
    least: float
    most: float
    file: str
    """In the row's table of the gateway's own format."""
    special: bool
    """Read from that place and written to it by code of its own."""
    always: bool
    """Written and shown also where it is what absence means."""
    listed: str
    """In the model's object of `show_catalog --json`."""
    card: str
    """In the model's object of `/v1/models`, where it is set."""
    tab: str
    """Of the admin's page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    absent: Any
    kind: Kind | None
    places: Mapping[str, Any] = field(repr=False)


_SAID = "said_of_column"
_DEFAULT = object()


def column(
    told: F,
    *,
    file: str | None = None,
    absent: object = _DEFAULT,
    kind: Kind | None = None,
    special: bool = False,
    always: bool = False,
    listed: str | None = None,
    card: str = "",
    tab: str = "",
) -> F:
    """A Django field that is part of files and change sets. `file` and `listed` are the column's name if not given, `absent` is
    the field's default, and `kind` goes by the field's class."""
    places = {"file": file, "special": special, "always": always, "listed": listed, "card": card, "tab": tab}
    vars(told)[_SAID] = _Said(absent=absent, kind=kind, places=places)
    return told


@cache
def columns_of(model: type[models.Model]) -> tuple[Column, ...]:
    """The columns of a row, in the order of its class."""
    return tuple(_column(found) for found in model._meta.concrete_fields if _SAID in vars(found))


def _column(told: models.Field[Any, Any]) -> Column:
    said: _Said = vars(told)[_SAID]
    kind = said.kind or KINDS[type(told)]
    absent = told.get_default() if said.absent is _DEFAULT else said.absent
    places = {**said.places, **{name: told.name for name in ("file", "listed") if said.places[name] is None}}
    least, most = _limits(told)
    return Column(name=told.name, kind=kind, absent=kind.freeze(absent), least=least, most=most, **places)


def _limits(told: models.Field[Any, Any]) -> tuple[float, float]:
    """What the field's validators allow, from and to; endless where they allow anything."""
    least = [rule.limit_value for rule in told.validators if isinstance(rule, MinValueValidator)]
    most = [rule.limit_value for rule in told.validators if isinstance(rule, MaxValueValidator)]
    return max(least, default=-inf), min(most, default=inf)


# Settings and rows


def settings_of(row: models.Model, **known: Hashable) -> Settings:
    """What the row holds; `known` are values that cannot be taken from their columns as they are."""
    columns = [one for one in columns_of(type(row)) if one.name not in known]
    return Settings({**{one.name: one.kind.freeze(getattr(row, one.name)) for one in columns}, **known})


def settings_for(model: type[models.Model], **values: Hashable) -> Settings:
    """What a file means that says these values and nothing else."""
    return Settings({one.name: values.get(one.name, one.absent) for one in columns_of(model)})


def fill(row: models.Model, settings: Settings) -> None:
    """Puts the settings into the columns of a row."""
    for one in columns_of(type(row)):
        if one.name in settings:
            setattr(row, one.name, one.kind.thaw(settings[one.name]))


def put(table: dict[str, Any], path: str, value: object) -> None:
    """Sets a member of a nested table, whose outer tables are made as needed."""
    *outer, name = path.split(".")
    for step in outer:
        table = table.setdefault(step, {})
    table[name] = value


# The kinds


def in_order(capabilities: list[str]) -> tuple[str, ...]:
    """Capabilities in the order of the enum, unknown ones last."""
    known = [capability.value for capability in Capability]
    return tuple(sorted(capabilities, key=lambda name: (known.index(name) if name in known else len(known), name)))


def _read_count(table: FileTable, name: str, one: Column) -> Hashable:
    found = table.count(name, -1, int(max(one.least, 0)), int(one.most))
    return one.absent if found < 0 else found


def _read_seconds(table: FileTable, name: str, one: Column) -> Hashable:
    found = table.number(name, positive=one.least > 0)
    return one.absent if found is None else found


def _or_absent(found: Hashable, one: Column) -> Hashable:
    return one.absent if found is None else found


FAULTS: Mapping[str, bool] = MappingProxyType({"open": True, "closed": False})
"""What a hook's row says of faults, as files say it."""


def _read_fail_open(table: FileTable, name: str, one: Column) -> Hashable:
    if name not in table:
        return one.absent
    return "open" if table.flag(name, False) else "closed"


TEXT = Kind(lambda table, name, one: table.text(name, str(one.absent)))
FLAG = Kind(lambda table, name, one: table.flag(name, bool(one.absent)))
COUNT = Kind(_read_count, narrow=True)
SECONDS = Kind(_read_seconds, narrow=True)
PRICE = Kind(
    lambda table, name, one: _or_absent(table.price(name), one),
    as_json=lambda price: None if price is None else float(price),
    narrow=True,
)
OBJECT = Kind(lambda table, name, one: freeze(table.json(name)), freeze=freeze, thaw=thaw)
HEADERS = Kind(OBJECT.read, freeze=freeze, thaw=thaw, masked=True)
CAPABILITIES = Kind(lambda table, name, one: _or_absent(table.texts(name), one), freeze=in_order, thaw=list)
NAMES = Kind(lambda table, name, one: _or_absent(table.texts(name), one), freeze=tuple, thaw=list)
FAIL_OPEN = Kind(_read_fail_open, as_json=lambda said: FAULTS.get(str(said)))
KINDS: Mapping[type[models.Field[Any, Any]], Kind] = MappingProxyType(
    {
        models.BooleanField: FLAG,
        models.CharField: TEXT,
        models.TextField: TEXT,
        models.PositiveIntegerField: COUNT,
        models.PositiveSmallIntegerField: COUNT,
        models.FloatField: SECONDS,
        models.DecimalField: PRICE,
        models.JSONField: OBJECT,
        EncryptedHeadersField: HEADERS,
    }
)
