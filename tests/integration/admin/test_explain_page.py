"""Do the pages that explain and try requests show what an account may see, and take any input?"""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from models_catalog.models import ClientKey, Project, Tenant
from openai_api.models import UsageRecord
from tests.integration.admin.answering import answering
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages

PLACES = ("/admin/explain/", "/admin/playground/")
MODELS, KEYS, MAKE = "view_modeldefinition", "view_clientkey", "add_clientkey"


def staff(client: Client, *rights: str, tenant: Tenant | None = None) -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    if tenant is not None:
        tenant.operators.add(user)
    client.force_login(user)
    return client


def test_pages_when_an_account_has_no_right_then_403_and_no_line(client: Client) -> None:
    staff(client)
    for place in PLACES:
        assert client.get(place).status_code == 403
        assert place not in client.get("/admin/").content.decode()
    assert client.post("/admin/playground/key/").status_code == 403
    assert client.get("/admin/playground/request/?id=x").status_code == 403
    client.logout()
    assert all(client.get(place).status_code == 302 for place in PLACES)


def test_explain_when_a_model_is_named_then_its_routes_are_shown(pages: Pages, catalog: Catalog) -> None:
    catalog.model("demo", catalog.provider("good"), catalog.provider("off", enabled=False))
    with answering():
        text = pages.open("/admin/explain/?model=demo").content.decode()
    assert "Would be sent" in text
    assert "The provider off is switched off." in text
    assert "/admin/explain/" in pages.open("/admin/").content.decode()


def test_explain_when_nobody_answers_then_the_page_says_so(pages: Pages, catalog: Catalog) -> None:
    assert "No worker of this process" in pages.open("/admin/explain/?model=demo").content.decode()


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"model": "demo", "body": "[1]"}, "must be a JSON object"),
        ({"model": "demo", "body": "{"}, "This is not JSON"),
        ({"model": "demo", "body": "[" * 100_000}, "This is not JSON"),
        ({"model": "demo", "body": '{"x": "' + "x" * 1024 * 1024 + '"}'}, "larger than 1 MiB"),
        ({"model": "demo", "key": "9" * 30}, "There is no client key"),
        ({"model": "demo", "key": "<b>"}, "There is no client key"),
        ({"model": "demo", "path": "/nothing"}, "Select a valid choice"),
        ({"model": "demo", "address": "x"}, "Enter a valid"),
        ({"model": "", "key": ""}, "This field is required"),
        ({"model": "%" * 290}, "unknown_model"),
        ({"model": "demo", "body": '{"messages": [{"role": 1e999}]}'}, "Steps"),
    ],
)
def test_explain_when_the_input_is_odd_then_it_is_told_at_the_field(
    pages: Pages, catalog: Catalog, told: dict[str, str], said: str
) -> None:
    catalog.model("demo", catalog.provider())
    with answering():
        response = pages.client.post("/admin/explain/", told)
    assert response.status_code == 200
    assert said in response.content.decode()


def test_explain_when_a_recorded_request_is_named_then_its_attempts_stand_beside(pages: Pages, catalog: Catalog) -> None:
    catalog.model("demo", catalog.provider())
    tried = [{"target": "1", "provider": "then", "upstream_model": "m", "outcome": "upstream_error", "upstream_s": 0.25}]
    row = UsageRecord.objects.create(
        request_id="req-1", started_at=timezone.now(), method="POST", path="/v1/chat/completions", status=502, model="demo",
        attempts=json.dumps(tried), total_ms=1.0, upstream_ms=0.5, gateway_ms=0.5, client_id="gone",
    )  # fmt: skip
    place = f"/admin/openai_api/usagerecord/{row.pk}/change/"
    assert f'href="/admin/explain/?request={row.pk}"' in pages.open(place).content.decode()
    with answering():
        assert f'href="{place}"' in pages.open(f"/admin/explain/?request={row.pk}").content.decode()
        for asked in ("req-1", str(row.pk)):
            text = pages.open(f"/admin/explain/?request={asked}").content.decode()
            assert "then / m" in text
            assert "There is no client key" in text
        for asked in ("nothing", "9" * 30, "%00", "x" * 1000):
            assert "There is no recorded request" in pages.open(f"/admin/explain/?request={asked}").content.decode()


def test_explain_when_an_operator_has_a_tenant_then_keys_of_others_are_not_there(client: Client, catalog: Catalog) -> None:
    catalog.model("demo", catalog.provider())
    own, other = (Tenant.objects.create(name=name) for name in ("own", "other"))
    projects = [Project.objects.create(name="p", tenant=tenant) for tenant in (own, other)]
    rows = [
        ClientKey.objects.create(name=f"key of {project.tenant}", key_hash=str(project.pk), project=project)
        for project in projects
    ]
    staff(client, MODELS, KEYS, tenant=own)
    with answering():
        text = client.post("/admin/explain/", {"model": "demo", "key": str(rows[1].pk)}).content.decode()
        assert "There is no client key" in text
        assert "key of other" not in text
        assert (
            "There is no client key"
            not in client.post("/admin/explain/", {"model": "demo", "key": "key of own"}).content.decode()
        )


def test_key_when_it_is_made_then_it_is_told_once_and_ends_within_the_hour(pages: Pages) -> None:
    assert pages.client.get("/admin/playground/key/").status_code == 405
    response = pages.client.post("/admin/playground/key/")
    assert response.status_code == 201
    assert "no-store" in response["Cache-Control"]
    row = ClientKey.objects.get()
    assert (row.name, response.json()["name"]) == ("playground operator",) * 2
    assert row.expires_at is not None
    assert 3500 < (row.expires_at - timezone.now()).total_seconds() <= 3600
    assert response.json()["key"] not in pages.open("/admin/playground/").content.decode()
    for project in ("9" * 30, "x", "\0"):
        assert pages.client.post("/admin/playground/key/", {"project": project}).status_code == 400


def test_key_when_an_operator_has_a_tenant_then_it_belongs_to_a_project_of_it(client: Client) -> None:
    own, other = (Tenant.objects.create(name=name) for name in ("own", "other"))
    mine, theirs = (Project.objects.create(name="p", tenant=tenant) for tenant in (own, other))
    staff(client, MODELS, MAKE, tenant=own)
    assert client.post("/admin/playground/key/").status_code == 400
    assert client.post("/admin/playground/key/", {"project": theirs.pk}).status_code == 400
    assert client.post("/admin/playground/key/", {"project": mine.pk}).status_code == 201
    assert ClientKey.objects.get().project == mine


def test_request_when_it_was_recorded_then_its_cost_and_attempts_are_told(pages: Pages) -> None:
    assert pages.open("/admin/playground/request/?id=req-9").json() == {"found": False}
    UsageRecord.objects.create(
        request_id="req-9", started_at=timezone.now(), method="POST", path="/v1/chat/completions", status=200, model="demo",
        attempts="[]", total_ms=1.0, upstream_ms=0.5, gateway_ms=0.5, cost_usd="0.25",
    )  # fmt: skip
    told = pages.open("/admin/playground/request/?id=req-9").json()
    assert (told["found"], told["cost_usd"], told["attempts"]) == (True, "0.25", [])
