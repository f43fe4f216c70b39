"""Is each type, choice and limit that the document tells of one that is kept? A value beyond it is 400, naming its member."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.integration.manage.documented import bounded, document, wrong_values
from tests.integration.manage.program import Api
from tests.integration.manage.rich import make_rich_catalog

RICH = {
    "Model": "models/%C3%BCn%C3%AF%20%3F%23%252F",
    "Provider": "providers/one",
    "Credential": "credentials/env",
    "AccessGroup": "access-groups/small",
    "Hook": "hooks/notify",
    "Tenant": "tenants/acme",
    "Key": "keys",
    "Limit": "limits",
    "Budget": "budgets",
    "Project": "projects",
    "Person": "people",
}
"""An object with something in every member."""


def put(whole: Any, place: str, value: Any) -> None:
    *outer, name = place.split(".")
    for step in outer:
        whole = whole[int(step)] if isinstance(whole, list) else whole[step]
    whole[name] = value


def paths_of(api: Api) -> dict[str, str]:
    """Where an object of each component is."""
    made = make_rich_catalog(api)
    return {name: next(path for path in reversed(made) if path.startswith(start)) for name, start in RICH.items()}


def test_document_when_it_bounds_a_member_then_values_beyond_are_refused_by_its_name(api: Api) -> None:
    tried = 0
    for component, path in paths_of(api).items():
        whole = api("GET", path, status=200).json()
        for place, schema in bounded(component):
            for wrong in wrong_values(schema):
                body = deepcopy(whole)
                put(body, place, wrong)
                answer = api("PUT", path, body)
                assert answer.status_code == 400, (component, place, wrong, answer.content)
                assert any(name.startswith(place.split(".")[0]) for name in answer.json()["error"]["fields"]), (place, wrong)
                tried += 1
        assert api("GET", path).json() == whole
    assert tried > 300


def test_body_of_an_action_when_a_value_is_beyond_its_bounds_then_it_is_refused_by_its_name(api: Api) -> None:
    make_rich_catalog(api)
    key = api("GET", "keys?name=all").json()["data"][0]["id"]
    for hours in (-1, 10**9, "1", True, None):
        assert api.error("POST", f"keys/{key}/rotate", {"grace_h": hours})["field"] == "grace_h"


@pytest.mark.parametrize("component", sorted(RICH))
def test_document_when_a_column_has_choices_or_limits_then_it_tells_them(component: str) -> None:
    told = {name for name, schema in document()["components"]["schemas"][component]["properties"].items() if bounds(schema)}
    assert told >= EXPECTED.get(component, {"name"}), component


def bounds(schema: Any) -> bool:
    words = {"enum", "minimum", "maximum", "maxLength", "pattern", "maxItems", "maxProperties", "minItems", "format"}
    return bool(words & {*schema, *schema.get("items", {})})


EXPECTED = {
    "Model": {
        "name",
        "capabilities",
        "num_retries",
        "strategy",
        "cache",
        "input_price",
        "context_length",
        "description",
        "routes",
    },
    "Provider": {"name", "type", "api_base", "credential_weight"},
    "Credential": {"name", "source", "location"},
    "Key": {"id", "name", "max_wait_s", "expires_at", "allowed_networks", "aliases"},
    "Limit": {"counted", "per", "algorithm", "amount", "burst", "each"},
    "Budget": {"unit", "period", "amount", "alerts", "unknown_price", "alert_url", "alert_email"},
}
