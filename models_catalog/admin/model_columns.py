"""What does the list of models say of a model besides its routes? Its fallback models, its price, and when it was last used."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from models_catalog.admin import html
from models_catalog.admin.tenancy import reach_of
from models_catalog.last_used import last_used
from models_catalog.models import ModelDefinition
from models_catalog.snapshot import STAR
from models_catalog.tariffs import OVER

HOUR = timedelta(hours=1)


def fallbacks(row: ModelDefinition) -> SafeString | str:
    names = [fallback.fallback.name for fallback in row.fallbacks.all()]
    return format_html('<span class="sb-muted sb-then">then {}</span>', ", ".join(names)) if names else ""


def price(row: ModelDefinition) -> SafeString:
    """What the model's own columns say, else what its price list says now for all routes."""
    rates = {"input": row.input_price, "output": row.output_price}
    if not any(value is not None for value in rates.values()):
        rates = _listed(row)
    if not rates:
        return html.muted("unknown")
    if rates.keys() & {"input", "output"}:
        both = [_usd(rates.get(name)) for name in ("input", "output")]
        title = "US dollars for a million tokens: input, output"
        return format_html('<span class="sb-line" title="{}">{}</span>', title, " / ".join(both))
    (unit, value), *_ = rates.items()
    return format_html('<span class="sb-line">{} a {}</span>', _usd(value), unit.replace("_", " "))


def _listed(row: ModelDefinition) -> dict[str, Decimal | None]:
    now = timezone.now()
    rows = [
        one
        for one in row.price_list.all()
        if not one.route_id and not one.service_tier and (one.effective_from is None or one.effective_from <= now)
    ]
    if not rows:
        return {}
    held = max(rows, key=lambda one: (one.effective_from is not None, one.effective_from or now))
    return {name: Decimal(str(value)) for name, value in held.rates.items() if name != OVER}


def _usd(value: Decimal | None) -> str:
    return "?" if value is None else f"{value.normalize():f}"


def used(request: HttpRequest, shown: Callable[[], Collection[ModelDefinition]]) -> Callable[[Model], SafeString]:
    """The column of when models were last used, for the rows of a list, which are asked for once."""

    @cache
    def found() -> Mapping[str, datetime] | None:
        reach = reach_of(request)
        return last_used([row.name for row in shown()], None if reach is None else reach.names)

    @admin.display(description="Last used")
    def last(row: ModelDefinition) -> SafeString:
        known = found()
        at = known.get(row.name) if known else None
        if not known or row.name.endswith(STAR):
            return html.muted("")
        if at is None:
            return html.muted("not of late")
        return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{at:%Y-%m-%d %H}:00 UTC", _ago(at))

    return last  # type: ignore[return-value]


def _ago(at: datetime) -> str:
    hours = (timezone.now() - at) // HOUR
    if hours < 1:
        return "this hour"
    return f"{hours} h ago" if hours < 48 else f"{hours // 24} days ago"
