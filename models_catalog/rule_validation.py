"""Which values may tenants, limits, budgets and prices hold? As `validation`, of which this is the second part."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Mapping
from decimal import Decimal

from django.core.exceptions import ValidationError

from models_catalog import validation
from models_catalog.tariffs import OVER, RATES

MOST_ALIASES = 1000
MOST_NETWORKS = 200
MOST_ALERTS = 20
MOST_PERCENT = 1000
MOST_OVER = 8
MOST_DOLLARS = 10**6
"""The highest rate: a price above it is a mistake, such as one for a million tokens that was meant for one."""


def clean_aliases(aliases: object) -> None:
    """Names that clients send, each with the model that it means."""
    errors = []
    if not isinstance(aliases, Mapping) or not all(isinstance(name, str) for pair in aliases.items() for name in pair):
        errors = ['Enter a JSON object of texts, like {"gpt-4": "my-model"}.']
    elif len(aliases) > MOST_ALIASES:
        errors = [f"There can be at most {MOST_ALIASES} aliases."]
    else:
        for name in (name for pair in aliases.items() for name in pair):
            try:
                validation.check_name(name)
            except ValidationError as error:
                errors += [f"{name!r}: {message}" for message in error.messages]
    if errors:
        raise ValidationError({"aliases": errors})


def networks_of(networks: object) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """The networks of a list of addresses and CIDR ranges. Raises `ValueError`."""
    if not isinstance(networks, list) or len(networks) > MOST_NETWORKS or not all(isinstance(one, str) for one in networks):
        raise ValueError(f"Enter a JSON list of at most {MOST_NETWORKS} addresses or ranges, like 10.0.0.0/8.")
    return tuple(ipaddress.ip_network(one) for one in networks)


def clean_networks(networks: object) -> None:
    """Addresses and ranges, such as a key may be used from."""
    try:
        networks_of(networks)
    except ValueError as error:
        raise ValidationError({"allowed_networks": [str(error)]}) from None


def clean_scope(subjects: Mapping[str, object], each: str) -> None:
    """A rule has one subject, and what it counts apart must be within that."""
    given = [name for name, found in subjects.items() if found is not None]
    if len(given) != 1:
        raise ValidationError("Choose exactly one of key, person, project, tenant and model.", code="scope")
    if each and (given[0] == "client_key" or (given[0] == "person" and each == "person")):
        raise ValidationError({"each": [f"A {given[0].replace('_', ' ')} has no further {each}s in it."]})


def clean_budget(unit: str, amount: Decimal | None, alerts: object) -> None:
    """An amount of its unit, and percents at which to tell of it."""
    errors: dict[str, list[str]] = {}
    if unit == "tokens" and amount is not None and amount != int(amount):
        errors["amount"] = ["Enter a whole number of tokens."]
    if not isinstance(alerts, list) or len(alerts) > MOST_ALERTS or not all(map(_is_percent, alerts)):
        errors["alerts"] = [f"Enter a JSON list of at most {MOST_ALERTS} percents from 1 to {MOST_PERCENT}, like [50, 80, 100]."]
    if errors:
        raise ValidationError(errors)


def clean_rates(rates: object) -> None:
    """US dollars by unit, and those of requests over a number of tokens."""
    if isinstance(rates, Mapping) and OVER in rates:
        _clean_over(rates[OVER])
        rates = {name: rate for name, rate in rates.items() if name != OVER}
    if not isinstance(rates, Mapping) or (unknown := sorted(str(name) for name in rates if name not in RATES)):
        told = "" if not isinstance(rates, Mapping) else f" Unknown: {', '.join(unknown)}."
        raise ValidationError({"rates": [f"Enter a JSON object with some of {', '.join(RATES)}.{told}"]})
    wrong = [name for name, rate in rates.items() if not _is_rate(rate)]
    if wrong:
        raise ValidationError({"rates": [f"{', '.join(wrong)}: enter a number of US dollars, from 0 to {MOST_DOLLARS:,}."]})


def _clean_over(over: object) -> None:
    if not isinstance(over, Mapping) or not 0 < len(over) <= MOST_OVER or not all(map(_is_threshold, over)):
        example = '{"over": {"200000": {"input": 6}}}'
        raise ValidationError(
            {"rates": [f"over: enter numbers of tokens, at most {MOST_OVER}, with their rates, like {example}."]}
        )
    for rates in over.values():
        if isinstance(rates, Mapping) and OVER in rates:
            raise ValidationError({"rates": ["over: the rates of long requests have no others in them."]})
        clean_rates(rates)


def _is_threshold(tokens: object) -> bool:
    return isinstance(tokens, str) and tokens.isdecimal() and tokens.isascii() and len(tokens) < 10 and str(int(tokens)) == tokens


def _is_percent(number: object) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and 0 < number <= MOST_PERCENT


def _is_rate(rate: object) -> bool:
    return isinstance(rate, int | float) and not isinstance(rate, bool) and math.isfinite(rate) and 0 <= rate <= MOST_DOLLARS
