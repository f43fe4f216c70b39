"""Are tokens made by those who may, and shown once? Is the document there, with pages that ask no other host?"""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from models_catalog.models import ManagementToken, Tenant
from openai_api.database.management_tokens import find_token
from openai_api.database.token_scopes import every_scope
from openai_api.routes import ROUTES
from tests.architecture.sources import ROOT
from tests.integration.manage.documented import operations

ADD = "/admin/models_catalog/managementtoken/add/"
NO_DATE = {"expires_at_0": "", "expires_at_1": ""}


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("operator"))
    return client


def staff(*rights: str) -> tuple[User, Client]:
    user, client = User.objects.create_user("staff", is_staff=True), Client()
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return user, client


def shown_token(answer: Any) -> str:
    found = re.search(rb"sk-mgmt-\w+", answer.content)
    assert found is not None, answer.content[-3000:]
    return found[0].decode()


def test_token_when_made_on_its_page_then_it_works_is_shown_once_and_can_be_revoked(operator: Client) -> None:
    assert operator.get(ADD).status_code == 200
    answer = operator.post(ADD, {"name": "ci", "scopes": ["models:read"], "tenant": "", **NO_DATE})
    token = shown_token(answer)
    row = find_token(token)
    assert row is not None
    assert ("no-store" in answer["Cache-Control"], row.created_by) == (True, User.objects.get())
    pages = ("/admin/models_catalog/managementtoken/", f"/admin/models_catalog/managementtoken/{row.pk}/change/")
    assert all(operator.get(page).status_code == 200 and token.encode() not in operator.get(page).content for page in pages)
    operator.post(pages[0], {"action": "revoke", "_selected_action": [str(row.pk)]})
    assert find_token(token) is None


def test_token_when_its_maker_lacks_a_right_then_it_is_not_made() -> None:
    user, client = staff("add_managementtoken", "view_managementtoken", "view_modeldefinition", "view_price", "view_tenant")
    for scopes in (["*"], ["keys:write"], ["models:read", "models:write"]):
        assert b"rights that your account does not have" in client.post(ADD, {"name": "x", "scopes": scopes, **NO_DATE}).content
    assert b"Select a valid choice" in client.post(ADD, {"name": "x", "scopes": ["nope:read"], **NO_DATE}).content
    assert not ManagementToken.objects.exists()
    tenant = Tenant.objects.create(name="acme")
    tenant.operators.add(user)
    assert b"Choose the tenant" in client.post(ADD, {"name": "x", "scopes": ["models:read"], **NO_DATE}).content
    shown_token(client.post(ADD, {"name": "x", "scopes": ["models:read"], "tenant": str(tenant.pk), **NO_DATE}))
    Tenant.objects.create(name="other").operators.add(user)
    tenant.operators.remove(user)
    assert client.get(f"/admin/models_catalog/managementtoken/{ManagementToken.objects.get().pk}/change/").status_code == 404


def test_document_when_asked_then_it_has_both_apis_and_needs_no_token(client: Client, db: None) -> None:
    document = client.get("/manage/v1/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    public = {re.sub(r":path\}", "}", route.path) for route in ROUTES}
    managed = {
        "models",
        "providers",
        "credentials",
        "keys",
        "limits",
        "budgets",
        "tenants",
        "projects",
        "people",
        "usage",
        "requests",
    }
    assert public | {f"/manage/v1/{name}" for name in managed} | {"/manage/v1/explain"} <= set(document["paths"])
    operations = [one for item in document["paths"].values() for one in item.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)
    assert all(one["summary"] and one["responses"] for one in operations)
    assert document["components"]["schemas"]["Model"]["properties"]["routes"]["items"]["$ref"].endswith("/Route")
    assert "secret" in document["components"]["schemas"]["Credential"]["properties"]


@pytest.mark.parametrize("page", ["/docs", "/docs/", "/docs/redoc"])
def test_page_of_the_document_when_opened_then_all_that_it_asks_is_here(client: Client, db: None, page: str) -> None:
    answer = client.get(page)
    places = re.findall(r'(?:src|href)="([^"]+)"', answer.content.decode())
    assert len(places) > 1
    assert all(place.startswith("/static/") for place in places)
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    assert "unsafe-eval" not in answer["Content-Security-Policy"]


def test_page_of_the_api_when_an_operation_or_a_filter_is_looked_for_then_it_is_there() -> None:
    page = (ROOT / "docs" / "management-api.md").read_text()
    words = {word for _, path in operations() for word in path.split("/")[3:] if "{" not in word}
    asked = {
        one["name"] for operation in operations().values() for one in operation.get("parameters", ()) if one["in"] == "query"
    }
    scopes = {scope.partition(":")[0] for scope in every_scope()}
    assert {word for word in words if word not in page} == set()
    assert {name for name in (asked | scopes) if not re.search(rf"`[^`]*\b{name}\b[^`]*`", page)} == set()
