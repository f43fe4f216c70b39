"""What does the page of a request show? How it went, try by try on one scale of time, and all that is kept of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from models_catalog.admin.tenancy import may_see
from models_catalog.models import ClientKey, ModelDefinition, Provider
from openai_api.admin import figures
from openai_api.database.erasure import tags_of
from openai_api.models import SessionRow, UsageRecord
from openai_api.recording.rows import CLIENT_CLOSED


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the waterfall. `left` and `width` are percent of the whole time, `took` and `began` texts; `kind` is "ok",
    "bad", "gone", or "own" for what is no try."""

    name: str
    what: str
    kind: str
    left: str
    width: str
    began: str
    took: str
    message: str = ""


def context(request: HttpRequest, row: UsageRecord) -> dict[str, Any]:
    """What the page is made from."""
    list_url = reverse("admin:openai_api_usagerecord_changelist")
    return {
        "row": row,
        "result": result(row),
        "bars": list(bars(row)),
        "numbers": numbers(row),
        "tags": sorted(tags_of(row.tags).items()),
        "links": list(links(request, row, list_url)),
        "facts": facts(row),
        "total": figures.duration(row.total_ms),
        "list_url": list_url,
    }


def result(row: UsageRecord) -> tuple[str, str]:
    """How it ended, in a word, and what kind of end that is."""
    if row.status == CLIENT_CLOSED:
        return "Left by the client", "warn"
    if row.status >= 500:
        return "Failed", "bad"
    if row.status >= 400:
        return "Refused", "warn"
    if row.error:
        return "Broke off", "bad"
    return ("From the cache", "good") if row.cache else ("Served", "good")


def bars(row: UsageRecord) -> Iterator[Bar]:
    """The tries, in order, and what followed the last one: the answer on its way."""
    whole = max(row.total_ms, 0.001)
    ended = 0.0
    last = ""
    for number, tried in enumerate(attempts(row), 1):
        began, took = float(tried.get("started_ms") or 0.0), float(tried.get("upstream_s") or 0.0) * 1000
        outcome = str(tried.get("outcome") or "")
        kind = {"ok": "ok", "cancelled": "gone"}.get(outcome, "bad")
        name = f"{number}. {tried.get('provider', '')} / {tried.get('upstream_model', '')}"
        what = {"ok": "answered", "cancelled": "given up"}.get(outcome, outcome)
        yield bar(name, what, kind, began, took, whole, str(tried.get("message") or ""))
        ended, last = max(ended, began + took), outcome
    if last == "ok" and whole - ended > whole / 1000:
        what = "broke off" if row.error else "left by the client" if row.client_aborted else "sent to the client"
        yield bar("Rest of the answer", what, "bad" if row.error else "own", ended, whole - ended, whole)


def bar(name: str, what: str, kind: str, began: float, took: float, whole: float, message: str = "") -> Bar:
    left = min(max(began / whole, 0.0), 0.995) * 100
    width = min(max(took / whole * 100, 0.5), 100 - left)
    return Bar(name, what, kind, f"{left:.2f}", f"{width:.2f}", figures.duration(began), figures.duration(took), message)


def attempts(row: UsageRecord) -> list[dict[str, Any]]:
    try:
        told = json.loads(row.attempts)
    except ValueError:
        return []
    return [tried for tried in told if isinstance(tried, dict)] if isinstance(told, list) else []


def numbers(row: UsageRecord) -> list[tuple[str, str]]:
    cost = "not known" if row.cost_usd is None else f"{round(row.cost_usd, 6).normalize():f}"
    return [
        ("Tokens in", figures.number(row.input_tokens)),
        ("Tokens out", figures.number(row.output_tokens)),
        ("Cost (USD)", cost),
        ("First byte", _duration(row.first_byte_ms)),
        ("Whole time", figures.duration(row.total_ms)),
        ("Gateway added", _ms(row.gateway_ms)),
    ]


def links(request: HttpRequest, row: UsageRecord, list_url: str) -> Iterator[tuple[str, str, str, str]]:
    """What it belongs to: what that is, its name, its page or "", and the list of its requests."""
    pages = {
        "Key": (row.client_name, _page(request, ClientKey, pk=row.client_id) if len(row.client_id or "") == 36 else "", "key"),
        "Model": (row.model, _page(request, ModelDefinition, name=row.model), "model"),
        "Served by": (row.served_model if row.served_model != row.model else None, "", "served"),
        "Provider": (row.provider, _page(request, Provider, name=row.provider), "provider"),
        "Session": (row.session, session_url(request, row), "session"),
        "Tenant": (row.tenant, "", "tenant"),
        "Project": (row.project, "", "project"),
        "Person": (row.person, "", "person"),
        "App": (row.app, "", "app"),
        "Agent": (row.agent, "", "agent"),
        "Error": (row.error, "", "error"),
    }
    for label, (name, page, parameter) in pages.items():
        if name:
            wanted = row.client_id or name if parameter == "key" and len(row.client_id or "") == 36 else name
            tests = {"test": "shown"} if row.test else {}
            yield label, name, page, f"{list_url}?{urlencode({parameter: wanted, **tests})}"


def facts(row: UsageRecord) -> list[tuple[str, str]]:
    """The rest of what is kept, as far as it says something."""
    told = [
        ("Request id", row.request_id),
        ("Path", f"{row.method} {row.path}"),
        ("Upstream model", row.upstream_model),
        ("Catalog revision", None if row.revision is None else str(row.revision)),
        ("Stream", "yes" if row.stream else "no"),
        ("Tokens from the provider's cache", _count(row.cached_tokens)),
        ("Tokens written to it", _count(row.cache_write_tokens)),
        ("Tokens of thought", _count(row.reasoning_tokens)),
        ("Tokens of sound", _count(row.audio_tokens)),
        ("Tokens of pictures", _count(row.image_tokens)),
        ("Billed by other units", row.units),
        ("Tokens are a guess", "yes: the provider did not tell them" if row.estimated else None),
        ("Paid twice, perhaps", "yes: a try that was given up may have been served" if row.possible_duplicate else None),
        ("Waiting for providers", _ms(row.upstream_ms)),
        ("Service tier", row.service_tier),
        ("Gateway's cache", row.cache),
        ("User agent", row.user_agent),
    ]
    return [(name, value) for name, value in told if value]


def session_url(request: HttpRequest, row: UsageRecord) -> str:
    """The page of its session; "" where nothing is known of it, or the account may not see it."""
    return _page(request, SessionRow, session_id=row.session, client_id=row.client_id or "") if row.session else ""


def _page(request: HttpRequest, model: type[Model], **which: Any) -> str:
    if not request.user.has_perm(f"{model._meta.app_label}.view_{model._meta.model_name}"):
        return ""
    found = model._default_manager.filter(**which).first()
    if found is None or not may_see(request, found):
        return ""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[found.pk])


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} ms"


def _duration(value: float | None) -> str:
    return "-" if value is None else figures.duration(value)


def _count(value: int | None) -> str | None:
    return f"{value:,}" if value else None
