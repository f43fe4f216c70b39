"""Which values may a member have, in the words of JSON Schema? Made from the validators of the catalog's columns.

What is told here is what the rules of the catalog refuse: nothing is checked here but the members that have no column.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.core.validators import MaxLengthValidator, MaxValueValidator, MinValueValidator
from django.db import models

from models_catalog import rule_validation, validation
from models_catalog.models import Budget, ClientKey, Hook, ManagementToken, ModelDefinition, Price, Project
from models_catalog.tariffs import OVER, RATES
from openai_api.database.token_scopes import known_scopes
from providers.capabilities import Capability

Bounds = Mapping[str, Any]
NAME = r"^\S(.*\S)?$"
"""What `validation.check_name` takes, but for control characters and reserved names."""
AMOUNT = r"^-?[0-9]{1,20}([.][0-9]{1,20})?$"
"""An amount as a text."""
TEXT: Bounds = MappingProxyType({"type": "string"})
ALIASES = {
    "additionalProperties": {"type": "string", "pattern": NAME},
    "maxProperties": rule_validation.MOST_ALIASES,
}
RATE = {"type": "number", "minimum": 0, "maximum": rule_validation.MOST_DOLLARS}
OF_RATES: Mapping[str, Any] = MappingProxyType({"properties": dict.fromkeys(RATES, RATE), "additionalProperties": False})
OF_LONG_REQUESTS = {
    "type": "object",
    "patternProperties": {"^(0|[1-9][0-9]{0,8})$": {"type": "object", **OF_RATES}},
    "additionalProperties": False,
    "minProperties": 1,
    "maxProperties": rule_validation.MOST_OVER,
}
PERCENT = {"type": "integer", "minimum": 1, "maximum": rule_validation.MOST_PERCENT}
OF_JSON: Mapping[tuple[type[models.Model], str], Bounds] = MappingProxyType(
    {
        (ModelDefinition, "capabilities"): {
            "items": {"type": "string", "enum": [each.value for each in Capability]},
            "minItems": 1,
            "uniqueItems": True,
        },
        (ClientKey, "aliases"): ALIASES,
        (ClientKey, "allowed_networks"): {"maxItems": rule_validation.MOST_NETWORKS},
        (Project, "aliases"): ALIASES,
        (Budget, "alerts"): {"items": PERCENT, "maxItems": rule_validation.MOST_ALERTS},
        (Price, "rates"): {"properties": {**OF_RATES["properties"], OVER: OF_LONG_REQUESTS}, "additionalProperties": False},
        (Hook, "model_names"): {"maxItems": validation.MOST_NAMES},
        (ManagementToken, "scopes"): {"items": {"type": "string", "enum": list(known_scopes())}, "minItems": 1},
    }
)
"""Columns of JSON, which no validator of Django's bounds."""


def bounds_of(model: type[models.Model], column: Any) -> Bounds:
    """What the validators of a column say."""
    if isinstance(column, models.JSONField):
        return OF_JSON.get((model, column.name), {})
    if column.choices:
        values = [value for value, _ in column.flatchoices]
        return {"enum": [*values, *([""] if column.blank and "" not in values else [])]}
    found: dict[str, Any] = {}
    for rule in column.validators:
        for of, keyword in KEYWORDS.items():
            if isinstance(rule, of):
                found[keyword] = _tightest(keyword, found.get(keyword), _number(rule.limit_value))
    if isinstance(column, models.DecimalField):
        found["exclusiveMaximum"] = 10 ** (column.max_digits - column.decimal_places)
    if validation.check_name in column.validators:
        found["pattern"] = f"{NAME}|^$" if column.blank else NAME
    elif isinstance(column, (models.CharField, models.TextField)) and not column.blank:
        found["minLength"] = 1
    return found


KEYWORDS: Mapping[type[Any], str] = MappingProxyType(
    {MinValueValidator: "minimum", MaxValueValidator: "maximum", MaxLengthValidator: "maxLength"}
)


def _number(value: Any) -> Any:
    """A limit as a number of JSON."""
    return value if isinstance(value, int) else float(value)


def _tightest(keyword: str, old: Any, new: Any) -> Any:
    if old is None:
        return new
    return max(old, new) if keyword == "minimum" else min(old, new)


def faults(value: Any, bounds: Bounds) -> list[str]:
    """What is wrong with the value of a member that has no column."""
    found = []
    if "enum" in bounds and value not in bounds["enum"]:
        found.append(f"Enter one of {', '.join(map(str, bounds['enum']))}.")
    if "minimum" in bounds and not bounds["minimum"] <= value <= bounds["maximum"]:
        found.append(f"Enter a number from {bounds['minimum']} to {bounds['maximum']}.")
    if "maxLength" in bounds and len(value) > bounds["maxLength"]:
        found.append(f"At most {bounds['maxLength']} characters.")
    if len(value) < bounds.get("minLength", 0) if isinstance(value, str) else False:
        found.append("It must not be empty.")
    if "maxItems" in bounds and len(value) > bounds["maxItems"]:
        found.append(f"At most {bounds['maxItems']} of them.")
    if "items" in bounds:
        found += [f"{one!r:.60}: {text}" for one in value for text in faults(one, bounds["items"])][:20]
    return found
