"""How is it shown what is used of limits and budgets? As bars: in lists the fullest of each row, on pages that of each rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from django.contrib import admin
from django.db.models import Model, Q
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from models_catalog.admin import html
from models_catalog.admin.problems import CatalogAdmin, rows_shown
from models_catalog.models import AuditEntry, Budget, ClientKey, Limit, Person, Project, Tenant
from models_catalog.models.rules import Each
from models_catalog.rule_use import Asked, Counted, Use, asked_for, use_of

RULES: tuple[type[Limit | Budget], ...] = (Budget, Limit)
MOST = 500
"""Rules of a kind that a list asks for: the fullest ones are looked for among them."""
OLD_NAMES = 20
COLUMNS = ("Last", "Requests", "Failed", "Tokens in", "Tokens out", "USD")


def bar(use: Use) -> SafeString:
    """How much is used, as a bar with its words."""
    percent = round(100 * use.share)
    kind = "bad" if percent >= 100 else "warn" if percent >= 80 else ""
    text = '<span class="sb-use {}" title="{}"><progress max="100" value="{}" aria-label="{}"></progress> {} %</span>'
    return format_html(text, f"sb-use-{kind}" if kind else "", use.words, min(100, percent), use.words, percent)


def told(use: Use | None) -> SafeString:
    """A bar, and its words beneath it."""
    if use is None:
        return html.muted("not counted yet")
    return format_html('{}<span class="sb-muted">{}</span>', bar(use), use.words)


Named = Callable[[Any], Sequence[tuple[str, Any, str]]]
"""Of a row: the columns and values by which rules are its own, each with what its counter has at the end."""


def _of_key(row: ClientKey) -> Sequence[tuple[str, Any, str]]:
    """The key's own rules, or those of the key that it has replaced; and those that count each key of whose it is."""
    lineage = row.lineage or row.pk
    owners = [("project", row.project_id), ("person", row.person_id)]
    owner = row.project or row.person
    owners.append(("tenant", owner.tenant_id if owner else None))
    return [("client_key", lineage, ""), *((name, pk, f":{lineage}") for name, pk in owners if pk)]


def _of_person(row: Person) -> Sequence[tuple[str, Any, str]]:
    return [("person", row.pk, ""), ("tenant", row.tenant_id, f":{row.pk}")]


NAMED: Mapping[type[Model], Named] = {
    ClientKey: _of_key,
    Person: _of_person,
    Project: lambda row: [("project", row.pk, "")],
    Tenant: lambda row: [("tenant", row.pk, "")],
}
EACH: Mapping[type[Model], str] = {ClientKey: Each.KEY, Person: Each.PERSON}


def counters_of(model: type[Model], rows: Sequence[Any], kinds: Sequence[type[Limit | Budget]]) -> dict[Any, list[Counted]]:
    """By the keys of the rows: the counters of the rules in force that each is held to by itself. One query for each kind."""
    named = {row.pk: NAMED[model](row) for row in rows}
    wanted: dict[tuple[str, str], set[Any]] = defaultdict(set)
    for columns in named.values():
        for column, value, ending in columns:
            wanted[column, EACH[model] if ending else Each.ALL].add(value)
    found: dict[tuple[str, str, Any], list[Limit | Budget]] = defaultdict(list)
    asked = Q(*(Q(**{f"{column}__in": values, "each": each}) for (column, each), values in wanted.items()), _connector=Q.OR)
    for kind in kinds if rows else ():
        for rule in kind._default_manager.filter(asked, enabled=True).order_by("pk")[:MOST]:
            column, _ = rule.scope
            found[column, rule.each, getattr(rule, f"{column}_id")].append(rule)
    return {
        pk: [
            Counted(rule, f"{rule.pk}{ending}")
            for column, value, ending in columns
            for rule in found[column, EACH[model] if ending else Each.ALL, value]
        ]
        for pk, columns in named.items()
    }


def may_see(request: HttpRequest) -> list[type[Limit | Budget]]:
    return [kind for kind in RULES if request.user.has_perm(f"models_catalog.view_{kind._meta.model_name}")]


def used_column(request: HttpRequest, model: type[Model], shown: Callable[[], Sequence[Any]]) -> Callable[[Model], SafeString]:
    """The column of what is used of budgets and limits: of each kind the one that is fullest, for the rows of a list."""

    @cache
    def found() -> Mapping[Any, list[tuple[Counted, Use]]]:
        counters = counters_of(model, shown(), may_see(request))
        uses = use_of([one for of in counters.values() for one in of])
        return {pk: [(one, uses[one.counter]) for one in of if one.counter in uses] for pk, of in counters.items()}

    @admin.display(description="Used")
    def used(row: Model) -> SafeString:
        known = found().get(row.pk, [])
        fullest = [
            max((use for one, use in known if isinstance(one.rule, kind)), key=lambda use: use.share, default=None)
            for kind in RULES
        ]
        bars = [bar(use) for use in fullest if use is not None]
        return format_html_join("", "{}", ((one,) for one in bars)) if bars else html.muted("")

    return used


class UsedAdmin(CatalogAdmin):
    """A page of whoever has rules: its list shows what is used of them where `list_display` says `used`, its form what was asked
    for as `traffic`."""

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        shown = super().get_list_display(request)
        return [used_column(request, self.model, partial(rows_shown, request)) if name == "used" else name for name in shown]

    @admin.display(description="Used")
    def used(self, row: Model) -> SafeString:
        """In the place of the column, which is made for each request."""
        return html.muted("")

    @admin.display(description="Requests")
    def traffic(self, row: Any) -> SafeString:
        return traffic_of(row)


# What somebody has asked for


def names_of(row: ClientKey) -> list[str]:
    """How sums of requests may name a key: by its id, and what it was called at that time."""
    entries = AuditEntry.objects.filter(kind=row._meta.label_lower, object_id=str(row.pk), changes__contains='"name"')
    old = [values[0] for entry in entries[:OLD_NAMES] if isinstance(values := entry.changed.get("name"), list) and values]
    return [f"{row.pk} {name}" for name in dict.fromkeys([row.name, *(name for name in old if isinstance(name, str))])]


def traffic_of(row: ClientKey | Person | Project | Tenant) -> SafeString:
    """A table of what was asked for, by periods."""
    if isinstance(row, ClientKey):
        owner = row.project or row.person
        lines = asked_for("key", names_of(row), owner.tenant.name if owner else "")
    elif isinstance(row, Tenant):
        lines = asked_for("tenant", [""], row.name)
    else:
        lines = asked_for(str(row._meta.model_name), [row.name], row.tenant.name)
    if not lines:
        return html.muted("not known")
    head = format_html_join("", '<th scope="col">{}</th>', ((title,) for title in COLUMNS))
    rows = format_html_join("", '<tr><th scope="row">{}</th>' + "<td>{}</td>" * 5 + "</tr>", map(_line, lines))
    table = '<div class="sb-wide"><table class="sb-table sb-numbers"><thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>'
    return format_html(table, head, rows)


def _line(one: Asked) -> tuple[Any, ...]:
    cost = f"{one.cost:,.6f}".rstrip("0").rstrip(".")
    unpriced = format_html(' <span class="sb-muted">{} without a price</span>', f"{one.unpriced:,}") if one.unpriced else ""
    numbers = (one.requests, one.errors, one.input_tokens, one.output_tokens)
    return one.period, *(f"{number:,}" for number in numbers), format_html("{}{}", cost, unpriced)
