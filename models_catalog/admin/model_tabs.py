"""Which tab of a model's page has what? Fields by the table of columns, inlines by what they are, and snippets to copy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from django.contrib.admin.utils import flatten
from django.http import HttpRequest

from models_catalog.admin.pages.prices import PriceInline
from models_catalog.admin.pages.routing import FallbackInline, RouteInline
from models_catalog.admin.rule_inlines import INLINES as RULES
from models_catalog.models import ModelDefinition
from models_catalog.models.columns import columns_of
from models_catalog.models.model import CACHE, METADATA, PRICES, RETRIES, SHARING
from models_catalog.snapshot import STAR
from models_catalog.snippets import snippets

IDENTITY, CAPABILITIES, ROUTING, MONEY, SNIPPETS = "identity", "capabilities", "routing", "limits-and-prices", "snippets"
TITLES = {
    IDENTITY: "Identity",
    CAPABILITIES: "Capabilities",
    ROUTING: "Routing",
    MONEY: "Limits and prices",
    SNIPPETS: "Snippets",
}
"""In their order."""
PARTS: Sequence[tuple[str, str | None, str]] = (
    (ROUTING, SHARING, SHARING),
    (ROUTING, RETRIES, RETRIES),
    (MONEY, PRICES, PRICES),
    (MONEY, CACHE, CACHE),
)
"""Tab, heading and the columns' own word, of what has a heading."""
INLINES: dict[type, str] = {
    RouteInline: ROUTING,
    FallbackInline: ROUTING,
    PriceInline: MONEY,
    **dict.fromkeys(RULES["model"], MONEY),
}
MARK = "sb-in-"


@dataclass(slots=True)
class Tab:
    """One tab: fieldsets and formsets of the page; `errors` says how many of its inputs are refused."""

    id: str
    title: str
    fieldsets: list[Any] = field(default_factory=list)
    inlines: list[Any] = field(default_factory=list)
    errors: int = 0


def fieldsets() -> list[Any]:
    named = {column.name for column in columns_of(ModelDefinition) if not column.tab} - {"capabilities"}
    about = [name for name in fields_of("") if name in named]
    return [
        (None, {"classes": [MARK + IDENTITY], "fields": ("name", *about, *fields_of(METADATA))}),
        (None, {"classes": [MARK + CAPABILITIES], "fields": ("capabilities",)}),
        *((title, {"classes": [MARK + tab], "fields": fields_of(part)}) for tab, title, part in PARTS),
    ]


def fields_of(tab: str) -> list[str | tuple[str, ...]]:
    """The fields of a tab in the order of the row's class, narrow ones side by side in twos."""
    found: list[str | tuple[str, ...]] = []
    columns = [column for column in columns_of(ModelDefinition) if column.tab == tab]
    for narrow, group in groupby(columns, lambda column: column.kind.narrow):
        names = [column.name for column in group]
        found += [in_a_row(names[start : start + 2]) for start in range(0, len(names), 2)] if narrow else names
    return found


def in_a_row(names: list[str]) -> str | tuple[str, ...]:
    return tuple(names) if len(names) > 1 else names[0]


def tabs_of(adminform: Any, formsets: Iterable[Any], *, saved: bool) -> list[Tab]:
    """The tabs of a page. A model that is not saved yet has no snippets."""
    tabs = {name: Tab(name, title) for name, title in TITLES.items() if saved or name != SNIPPETS}
    refused = adminform.form.errors
    for fieldset in adminform:
        tab = tabs[fieldset.classes.split(MARK)[-1].split()[0]]
        tab.fieldsets.append(fieldset)
        tab.errors += len(refused.keys() & set(flatten(fieldset.fields)))
    for one in formsets:
        tab = tabs[INLINES.get(type(one.opts), ROUTING)]
        tab.inlines.append(one)
        tab.errors += one.formset.total_error_count() if one.formset.is_bound else 0
    return list(tabs.values())


def context(request: HttpRequest, shown: dict[str, Any], row: ModelDefinition | None) -> dict[str, Any]:
    """What the page of a model shows besides its form."""
    tabs = tabs_of(shown["adminform"], shown["inline_admin_formsets"], saved=row is not None)
    if row is None:
        return {"model_tabs": tabs}
    name = f"{row.name[:-1]}MODEL" if row.name.endswith(STAR) else row.name
    root = request.build_absolute_uri("/").rstrip("/")
    return {"model_tabs": tabs, "snippets": snippets(name, row.capabilities, root), "enabled": row.enabled}
