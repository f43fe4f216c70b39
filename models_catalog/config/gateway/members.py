"""Where in a row's table does each setting stand? Read from there and written to it, as the row's columns say."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.db.models import Model

from models_catalog.config.table import MILLION, Table
from models_catalog.models.columns import columns_of, put
from models_catalog.models.frozen import Settings


def _prepare_prices(prices: Table) -> None:
    if prices.text("currency", "USD") != "USD":
        prices.error("currency", 'only "USD" is supported')
    prices.per = prices.count("per_tokens", MILLION, least=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A table that several settings share. TensorZero and its forks have `other_name` for it, which a file may have beside it if
    that is then `ignored`. `required` must be in it. It is written with `constants`, and whole if any of it is."""

    other_name: str = ""
    ignored: bool = False
    required: str = ""
    prepare: Callable[[Table], None] = lambda table: None
    constants: Mapping[str, object] = field(default_factory=dict)
    whole: bool = False


GROUPS: Mapping[str, Group] = MappingProxyType(
    {
        "retry_config": Group(other_name="retries", required="num_retries", whole=True),
        "pricing": Group(
            other_name="inference_cost",
            ignored=True,
            required="per_tokens",
            prepare=_prepare_prices,
            constants={"currency": "USD", "per_tokens": MILLION},
        ),
    }
)
PLAIN = Group()


class Members:
    """Reads the settings of a row from its table, and opens each table inside of it once."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._groups: dict[str, Table] = {}

    def group(self, name: str) -> Table:
        """The table of that name, an empty one if there is none."""
        if name not in self._groups:
            self._groups[name] = _opened(self._table, name)
        return self._groups[name]

    def read(self, model: type[Model]) -> dict[str, Hashable]:
        """The settings of that kind of row but for those that need code of their own."""
        found: dict[str, Hashable] = {}
        for column in columns_of(model):
            if column.file and not column.special:
                outer, _, name = column.file.rpartition(".")
                table = self.group(outer) if outer else self._table
                found[column.name] = column.kind.read(table, name, column)
        return found

    def close(self) -> None:
        """Makes every unknown member of the inner tables an error."""
        for group in self._groups.values():
            group.close()


def _opened(table: Table, name: str) -> Table:
    group = GROUPS.get(name, PLAIN)
    if group.ignored and name in table:
        table.ignore((group.other_name,), f"is not imported: {name} is")
    inner = table.table(name) or (table.table(group.other_name) if group.other_name else None)
    if inner is None:
        return Table({}, table.at(name), table.findings)
    if group.required and group.required not in inner:
        inner.findings.error(inner.place, f"{group.required} is missing")
    group.prepare(inner)
    return inner


def written(model: type[Model], settings: Settings) -> dict[str, Any]:
    """The members of a row's table but for those that need code of their own; what goes without saying is left out."""
    columns = [column for column in columns_of(model) if column.file and not column.special]
    said = {column.file for column in columns if column.always or settings[column.name] != column.absent}
    groups = {path.partition(".")[0] for path in said if "." in path}
    table: dict[str, Any] = {}
    for column in columns:
        outer = column.file.partition(".")[0]
        if column.file in said or (outer in groups and GROUPS.get(outer, PLAIN).whole):
            put(table, column.file, column.kind.as_json(column.kind.thaw(settings[column.name])))
    for outer in groups:
        table[outer].update(GROUPS.get(outer, PLAIN).constants)
    return table
