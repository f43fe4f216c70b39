"""Does `GET /v1/me/usage` tell a key its own figures, and those of no other?"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.fakes.chaos.process import eventually
from tests.live import LiveGateway, body, error_of


@pytest.fixture(scope="module", autouse=True)
def models(shared_gateway: LiveGateway) -> None:
    shared_gateway.define("ok", capabilities=["chat"])


def with_key(gateway: LiveGateway, key: str, method: str, path: str, **sent: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {key}"}
    return httpx.request(method, f"{gateway.base_url}{path}", headers=headers, trust_env=False, timeout=30, **sent)


@pytest.fixture
def owned(gateway: LiveGateway) -> str:
    """A fresh key of a project and a person, with a limit and a budget."""
    operator = gateway.operator
    made = operator.command("create_api_key", "figures")
    key = next(line.partition("=")[2] for line in made.splitlines() if "OPENAI_API_KEY=" in line)
    name = key[6:14]
    tenant = operator.rows("models_catalog.Tenant", {"pk": operator_row(gateway, "Tenant", name=f"tenant {name}")})[0]["id"]
    project = operator_row(gateway, "Project", tenant_id=tenant, name=f"project {name}")
    (row,) = operator.rows("models_catalog.ClientKey", {"public_id": name})
    operator.update("models_catalog.ClientKey", {"pk": row["id"]}, {"project_id": project})
    operator_row(gateway, "Limit", client_key_id=row["id"], amount=60, counted="requests")
    operator_row(gateway, "Budget", project_id=project, amount="12.5", unknown_price="allow")
    return key


def operator_row(gateway: LiveGateway, model: str, **values: Any) -> Any:
    before = {row["id"] for row in gateway.operator.rows(f"models_catalog.{model}", {})}
    gateway.operator.create(f"models_catalog.{model}", **values)
    (made,) = {row["id"] for row in gateway.operator.rows(f"models_catalog.{model}", {})} - before
    return made


def test_figures_when_requests_were_made_then_counts_those_of_the_key_alone(gateway: LiveGateway, owned: str) -> None:
    name = owned[6:14]
    assert eventually(lambda: owner(gateway, owned) == f"project {name}", 5, 0.1)
    assert with_key(gateway, gateway.key, "POST", "/v1/chat/completions", json=body("chaos/ok")).status_code == 200
    assert with_key(gateway, owned, "POST", "/v1/chat/completions", json=body("chaos/ok")).status_code == 200
    assert eventually(lambda: figures(gateway, owned)["periods"]["today"]["requests"] == 1, 15, 0.2)
    found = figures(gateway, owned)
    assert (found["object"], found["key"]["name"], found["key"]["expires_at"]) == ("usage", "figures", None)
    assert found["owner"] == {"tenant": f"tenant {name}", "project": f"project {name}", "person": None}
    assert list(found["periods"]) == ["today", "7_days", "30_days"]
    for period in found["periods"].values():
        assert (period["requests"], period["failed"], period["unpriced"]) == (1, 0, 1)
        assert period["output_tokens"] > 0
    assert {line["model"] for line in found["models"]} == {"chaos/ok"}
    limit = {"scope": "key", "counted": "requests", "limit": 60, "per_s": 60}
    assert [limit] == [{name: one[name] for name in limit} for one in found["limits"]]
    assert found["limits"][0]["remaining"] == 59
    assert 0 < found["limits"][0]["reset_s"] <= 61
    assert figures(gateway, owned)["limits"][0]["remaining"] == 59
    budget = {"scope": "project", "unit": "usd", "amount": 12.5, "period": "month", "stops": True}
    assert [budget] == [{name: one[name] for name in budget} for one in found["budgets"]]


def owner(gateway: LiveGateway, key: str) -> Any:
    """The project of a key, as soon as both are known."""
    return with_key(gateway, key, "GET", "/v1/me/usage").json().get("owner", {}).get("project")


def figures(gateway: LiveGateway, key: str) -> dict[str, Any]:
    answer = with_key(gateway, key, "GET", "/v1/me/usage")
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.parametrize("path", ["/me/usage", "/v1/me/usage/"])
def test_figures_when_the_path_is_spelled_otherwise_then_the_same(gateway: LiveGateway, path: str) -> None:
    assert gateway.http.get(path).json()["object"] == "usage"


def test_figures_when_the_key_is_unknown_then_401(gateway: LiveGateway) -> None:
    assert error_of(with_key(gateway, "sk-unknown", "GET", "/v1/me/usage"))["code"] == "invalid_api_key"


@pytest.mark.parametrize("path", ["/me", "/me/", "/me/keys/new/", "/me/nothing"])
def test_page_when_it_is_beside_the_figures_then_djangos(gateway: LiveGateway, path: str) -> None:
    answer = httpx.get(f"{gateway.base_url}{path}", trust_env=False)
    assert answer.status_code in (301, 302, 404)
    assert "json" not in answer.headers.get("content-type", "")
