"""Do programs find what was served? Sums, requests by the filters of the admin's page, and nothing of other tenants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from models_catalog.models import ClientKey, ModelDefinition, Project, Provider, Route, Tenant
from openai_api.models import UsageRecord, UsageRollUp
from tests.integration.admin.answering import answering
from tests.integration.manage.program import Api

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
"""One that has passed, so that nothing in it lies in the future."""


def roll_up(dimension: str, name: str, tenant: str, requests: int, hours_ago: int = 0, span: int = 3600) -> None:
    at = HOUR - timedelta(hours=hours_ago)
    UsageRollUp.objects.create(
        span=span, at=at, dimension=dimension, name=name, tenant=tenant, requests=requests, cost_usd=f"{requests}.5"
    )


@pytest.fixture
def traffic(db: None) -> None:
    for tenant, requests in (("acme", 2), ("other", 3)):
        roll_up("all", "", tenant, requests)
        roll_up("model", "gpt", tenant, requests)
        roll_up("key", f"{'a' * 36} ci", tenant, requests)
    roll_up("total", "", "", 5)
    roll_up("total", "", "", 7, hours_ago=3)
    roll_up("model", "mini", "acme", 1, hours_ago=1)
    for number, tenant in enumerate(("acme", "other", "acme")):
        UsageRecord.objects.create(
            started_at=HOUR + timedelta(minutes=number), request_id=f"r{number}", method="POST", path="/v1/chat/completions",
            status=200, tenant=tenant, model="gpt", upstream_ms=1.0, total_ms=2.0, cost_usd="0.000000123",
        )  # fmt: skip


def test_usage_when_asked_by_group_and_time_then_it_adds_up(api: Api, traffic: None) -> None:
    def asked(query: str, told: Api = api) -> Any:
        return told("GET", f"usage?{query}", status=200).json()["data"]

    assert [one["requests"] for one in asked("")] == [12]
    assert [(one["name"], one["requests"], one["cost_usd"]) for one in asked("group=model")] == [("gpt", 5, 6), ("mini", 1, 1.5)]
    assert [(one["id"], one["name"], one["requests"]) for one in asked("group=key")] == [("a" * 36, "ci", 5)]
    assert [one["requests"] for one in asked("group=hour&since=12h")] == [7, 5]
    assert [(one["name"], one["requests"]) for one in asked("group=model&tenant=acme&by=hour&limit=1")] == [("mini", 1)]
    assert [one["requests"] for one in asked(f"group=key&name={'a' * 36}&tenant=other")] == [3]
    bound = Api("usage:read", "requests:read", tenant=Tenant.objects.create(name="acme"))
    assert [one["requests"] for one in asked("", bound)] == [2]
    assert [one["requests"] for one in asked("group=key", bound)] == [2]
    bound.error("GET", "usage?tenant=other", status=403)
    for query, field in (("group=modell", "group"), ("since=soon", "since"), ("name=x", "name"), ("groop=key", "groop")):
        assert api.error("GET", f"usage?{query}")["field"] == field


def test_requests_when_searched_then_found_page_by_page_and_only_ones_own(api: Api, traffic: None) -> None:
    first = api("GET", "requests?limit=2&model=gpt&since=1d", status=200).json()
    rest = api("GET", f"requests?limit=2&model=gpt&since=1d&cursor={first['next']}", status=200).json()
    assert [row["request_id"] for row in first["data"] + rest["data"]] == ["r2", "r1", "r0"]
    assert (rest["next"], first["data"][0]["cost_usd"], first["data"][0]["attempts"]) == (None, 1.23e-07, [])
    one = first["data"][1]
    assert api("GET", f"requests/{one['id']}", status=200).json() == one
    bound = Api("requests:read", tenant=Tenant.objects.create(name="acme"))
    assert [row["request_id"] for row in bound("GET", "requests").json()["data"]] == ["r2", "r0"]
    bound.error("GET", f"requests/{one['id']}", status=404)
    for query, field in (("status=teapot", "status"), ("cursor=x", "cursor"), ("modle=x", "modle"), ("limit=999999", "limit")):
        assert api.error("GET", f"requests?{query}")["field"] == field


def test_explain_when_no_gateway_runs_here_or_the_key_is_unknown_then_it_says_so(api: Api) -> None:
    assert api.error("POST", "explain", {"model": "x"}, 503)["code"] == "unavailable"
    assert api.error("POST", "explain", {"key": "nope"})["field"] == "key"
    assert api.error("POST", "explain", {"modell": "x"})["field"] == "modell"
    Api("explain:read")("POST", "explain", {}, 503)
    Api("models:read").error("POST", "explain", {}, 403)


def test_explain_when_a_route_is_no_target_then_it_is_listed_with_the_reason(api: Api) -> None:
    provider = Provider.objects.create(name="off", type="dummy", enabled=False)
    good = Provider.objects.create(name="good", type="dummy")
    model = ModelDefinition.objects.create(name="two-routes")
    for position, one in enumerate((good, provider)):
        Route.objects.create(model=model, provider=one, position=position)
    with answering():
        told = api("POST", "explain", {"model": "two-routes"}, 200).json()
    seen = {route["provider"]: [reason["code"] for reason in route["reasons"]] for route in told["legs"][0]["routes"]}
    assert seen == {"good": [], "off": ["provider_disabled"]}


def test_explain_when_a_token_is_bound_to_a_tenant_then_keys_of_others_are_unknown(api: Api) -> None:
    own, other = (Tenant.objects.create(name=name) for name in ("own", "other"))
    for tenant in (own, other):
        project = Project.objects.create(name="p", tenant=tenant)
        ClientKey.objects.create(name=f"key of {tenant}", key_hash=str(project.pk), project=project)
    bound = Api(tenant=own)
    with answering():
        assert api("POST", "explain", {"key": "key of other", "model": "m"}, 200).json()["key"] == "key of other"
        refused = bound("POST", "explain", {"key": "key of other", "model": "m"})
    assert refused.status_code in {400, 403}
    assert "steps" not in refused.json()
