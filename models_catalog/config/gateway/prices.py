"""How is a model's price list written in the gateway's own format? As an array of tables, `[[models."x".prices]]`.

Each has the further rates of `docs/prices.md` in US dollars, beside the route, the tier and the moment from which it holds.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError

from models_catalog.changes.prices import PriceState, moment_of, moment_text
from models_catalog.config.table import Table, nearest
from models_catalog.models.frozen import freeze, thaw
from models_catalog.rule_validation import clean_rates
from models_catalog.tariffs import OVER, RATES

TEXTS = ("route", "effective_from", "service_tier", "source")


def read_prices(table: Table, routes: Container[str]) -> tuple[PriceState, ...] | None:
    """The prices of a model's table; None where it does not mention them."""
    if "prices" not in table:
        return None
    value = table.raw("prices")
    if not isinstance(value, list):
        table.error("prices", "must be an array of tables")
        return None
    found: dict[tuple[str, str, str], PriceState] = {}
    for index, item in enumerate(value):
        entry = table.as_table(item, f"{table.at('prices')}[{index}]")
        if entry is None or (price := _price(entry, routes)) is None:
            continue
        if price.key in found:
            entry.findings.fatal(entry.place, "there is another price for the same route, tier and moment")
        found[price.key] = price
    return tuple(found.values())


def _price(entry: Table, routes: Container[str]) -> PriceState | None:
    route, tier, source = entry.text("route"), entry.text("service_tier"), entry.text("source")
    if entry.text("currency", "USD") != "USD":
        entry.findings.fatal(entry.at("currency"), 'only "USD" is supported')
    if route and route not in routes:
        entry.findings.fatal(entry.at("route"), f"{route!r} is not one of the model's routes")
        return None
    since = _moment(entry)
    rates: dict[str, Any] = {name: rate for name in RATES if (rate := entry.number(name)) is not None}
    if (over := entry.raw(OVER)) is not None:
        rates[OVER] = over
        try:
            clean_rates(rates)
        except ValidationError as error:
            entry.findings.fatal(entry.at(OVER), " ".join(error.messages))
            return None
    for name in entry.rest():
        entry.findings.fatal(entry.at(name), f"unknown rate{nearest(name, (*RATES, *TEXTS))}")
    entry.skip(*entry)
    entry.close()
    return PriceState(route, since, tier, freeze(rates), source)


def _moment(entry: Table) -> str:
    """In UTC, "" for ever. TOML has dates and times of its own."""
    value = entry.raw("effective_from")
    try:
        if value is None:
            return ""
        if isinstance(value, datetime):
            value = value.isoformat()
        return moment_text(moment_of(str(value)))
    except ValueError:
        entry.findings.fatal(entry.at("effective_from"), "must be a date or a time, like 2026-11-01T00:00:00Z")
        return ""


def write_price(price: PriceState) -> dict[str, Any]:
    """The table of a price."""
    said = {name: value for name in TEXTS if (value := getattr(price, name))}
    return said | dict(thaw(price.rates))
