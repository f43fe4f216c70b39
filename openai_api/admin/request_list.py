"""What does the list of requests show? The form of its filters, what they find, what it amounts to, and the pages beside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from openai_api.database.request_groups import GROUPS, grouped
from openai_api.database.request_search import (
    COUNTED,
    LONGEST,
    OUTCOMES,
    TESTS,
    BadSearch,
    Page,
    Totals,
    found,
    page_of,
    totals,
)
from openai_api.models import UsageRecord

Choices = tuple[tuple[str, str], ...]
CURSORS = ("before", "after")
MEANINGS = ("request_id", "session", "model", "client_name", "provider", "error", "tenant", "project", "person", "app")
"""What a word in the search box may be, each with an index."""


@dataclass(frozen=True, slots=True)
class Field:
    """An input of the form. `hints` are offered where one types, `choices` where one chooses."""

    name: str
    label: str
    hint: str = ""
    hints: Choices = ()
    choices: Choices = ()
    value: str = ""
    fault: str = ""


AGES: Choices = (("1h", "last hour"), ("24h", "last day"), ("7d", "last week"), ("30d", "last 30 days"))
STATUSES: Choices = (("2xx", "good"), ("4xx", "refused"), ("5xx", "failed"), ("429", "too many"), ("499", "left"))
FIELDS = (
    Field("since", "Since (UTC)", "24h or 2026-11-30T14:00", hints=AGES),
    Field("until", "Until (UTC)", "1h or 2026-11-30T14:00"),
    Field("model", "Model asked for"),
    Field("served", "Model that served"),
    Field("provider", "Provider"),
    Field("key", "Key", "name or id"),
    Field("person", "Person"),
    Field("project", "Project"),
    Field("tenant", "Tenant"),
    Field("app", "App"),
    Field("session", "Session"),
    Field("agent", "Agent"),
    Field("outcome", "Outcome", choices=(("", "Any"), *((name, text) for name, (text, _) in OUTCOMES.items()))),
    Field("status", "Status", "429 or 5xx", hints=STATUSES),
    Field("error", "Error", "upstream_timeout"),
    Field("min_ms", "Took at least (ms)", "10000"),
    Field("min_cost", "Cost at least (USD)", "0.05"),
    Field("request_id", "Request id"),
    Field("tag", "Tag", "name:value"),
    Field("user_agent", "User agent", "how it begins"),
    Field("test", "Test traffic", choices=tuple((name, text) for name, (text, _) in TESTS.items())),
)


def given(request: HttpRequest) -> dict[str, str]:
    """The filters in the address that say something."""
    asked = ((field.name, request.GET.get(field.name, "").strip()) for field in FIELDS)
    return {name: text for name, text in asked if text and (name, text) != ("test", "hidden")}


def searched(request: HttpRequest, rows: QuerySet[UsageRecord]) -> QuerySet[UsageRecord]:
    """Those of the rows that the address asks for. Raises `BadSearch`."""
    word = request.GET.get("q", "").strip()
    wanted = found(given(request), rows)
    if not word:
        return wanted
    if "\0" in word or len(word) > LONGEST:
        raise BadSearch({"q": f"Write at most {LONGEST} characters, none of them U+0000."})
    known = (Q(**{name: word}) for name in MEANINGS)
    meant = next((meaning for meaning in known if rows.filter(meaning).exists()), None)
    return wanted.none() if meant is None else wanted.filter(meant)


def context(request: HttpRequest, rows: QuerySet[UsageRecord]) -> dict[str, Any]:
    """What the list is made from."""
    faults: Mapping[str, str] = {}
    page, added = Page([]), Totals()
    by, groups = request.GET.get("by", ""), []
    by = by if by in GROUPS else ""
    try:
        wanted = searched(request, rows)
        cursors = {name: request.GET.get(name, "") for name in CURSORS}
        page = page_of(wanted, **cursors)  # type: ignore[arg-type]
        added = totals(wanted)
        groups = grouped(wanted, by) if by else []
    except BadSearch as bad:
        faults = bad.faults
    chosen = given(request)
    word = request.GET.get("q", "").strip()[:LONGEST]
    kept = {**chosen, "q": word, "by": by}
    return {
        "fields": list(fields(chosen, faults)),
        "faults": [fault for name, fault in faults.items() if name in ("q", *CURSORS)],
        "bad": bool(faults),
        "rows": page.rows,
        "older": link({**kept, "before": page.older}) if page.older else "",
        "newer": link({**kept, "after": page.newer}) if page.newer else "",
        "first": link(kept),
        "chips": list(chips(chosen, word, by)),
        "word": word,
        "numbers": numbers(added),
        "by": by,
        "groups": [(one, link({**kept, by: one.value}) if one.value else "") for one in groups],
        "ways": [(name, link({**kept, "by": "" if name == by else name})) for name in GROUPS],
        "counted": COUNTED if added.more else 0,
        "without_tests": "test" not in chosen,
        "with_tests": link({**kept, "test": "shown"}),
        "no_tests": link({**kept, "test": ""}),
        "csv_url": f"{reverse('admin:openai_api_usagerecord_csv')}{link({**chosen, 'q': word})}",
        "running_url": reverse("admin:openai_api_usagerecord_running"),
    }


def fields(chosen: Mapping[str, str], faults: Mapping[str, str]) -> Iterator[Field]:
    """The inputs with what was written, as far as it can be shown, and what is wrong with it."""
    for one in FIELDS:
        value = chosen.get(one.name, "")[:LONGEST].replace("\0", "")
        yield Field(one.name, one.label, one.hint, one.hints, one.choices, value, faults.get(one.name, ""))


def chips(chosen: Mapping[str, str], word: str, by: str) -> Iterator[tuple[str, str, str]]:
    """The filters in force: what each is called, its value, and the address without it."""
    labels = {field.name: field.label for field in FIELDS}
    everything = {**chosen, **({"q": word} if word else {})}
    for name, value in everything.items():
        rest = {other: text for other, text in everything.items() if other != name}
        yield labels.get(name, "Search"), value[:80], link({**rest, "by": by})


def link(parameters: Mapping[str, str]) -> str:
    return f"?{urlencode({name: text for name, text in parameters.items() if text})}"


def cost(added: Totals) -> str:
    """With a plus where some have no price, or where there are more."""
    if added.requests and added.uncosted == added.requests:
        return "not known"
    return f"{round(added.cost_usd, 6).normalize():f}{'+' if added.more or added.uncosted else ''}"


def numbers(added: Totals) -> list[tuple[str, str, bool]]:
    """The totals as they are read: label, number, whether it is bad."""
    more = "+" if added.more else ""
    return [
        ("Requests", f"{added.requests:,}{more}", False),
        ("Failed", f"{added.errors:,}{more}", added.errors > 0),
        ("Tokens in", f"{added.input_tokens:,}{more}", False),
        ("Tokens out", f"{added.output_tokens:,}{more}", False),
        ("Cost (USD)", cost(added), False),
    ]
