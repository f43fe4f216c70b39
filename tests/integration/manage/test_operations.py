"""Does the API do what the admin's pages and the commands do beside objects? And does it answer every operation as documented?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from django.contrib.auth.models import Permission, User

from models_catalog.models import AuditEntry, ClientKey, KeyRequest, ModelDefinition, Person, Tenant
from openai_api.database.management_tokens import find_token
from openai_api.database.running_requests import Running
from openai_api.models import (
    BudgetCounter,
    JobRow,
    RunningAsk,
    RunningTold,
    SessionEventRow,
    SessionRow,
    StoredResponseRow,
    UsageRecord,
    UsageRollUp,
)
from tests.integration.manage.documented import operations
from tests.integration.manage.program import Api
from tests.integration.manage.rich import CANARY, make_rich_catalog

NOW = datetime.now(UTC).replace(microsecond=0)
ELSEWHERE = frozenset(
    f"/manage/v1/{path}" for path in ("explain", "changes/{address}/schedule", "offers", "offers/fill", "tests")
)
"""Operations for which other tests run a gateway, or wait."""
ONE_MORE = '[models.imported]\nrouting = ["one"]\n[models.imported.providers.one]\nprovider = "one"\n'
DRAFT = ONE_MORE.replace("imported", "drafted")


def happened() -> None:
    """Rows of each kind of record, of the tenant acme."""
    session = SessionRow.objects.create(
        session_id="s1", tenant="acme", agent="bot", tags='{"a": "b"}', trace="0" * 32, started_at=NOW, last_at=NOW
    )
    SessionRow.objects.create(session_id="s2", tenant="other", trace="1" * 32, started_at=NOW, last_at=NOW - timedelta(hours=1))
    for number, bodies in ((1, False), (2, True)):
        SessionEventRow.objects.create(
            session=session, number=number, at=NOW, name="llm.call.start", level="INFO", attributes=f'{{"said": "{CANARY}"}}'
            if bodies else '{"n": 1}', bodies=bodies,
        )  # fmt: skip
    key = str(ClientKey.objects.get(name="some").pk)
    times = {"created_at": NOW, "expires_at": NOW + timedelta(days=1)}
    StoredResponseRow.objects.create(id="resp_1", owner=key, model="plain", items=b"", body=b"", **times)
    JobRow.objects.create(id="resp_2", kind="response", owner=key, state="queued", **times)
    KeyRequest.objects.create(person=Person.objects.get(name="ann"), wanted="requests", amount=100)
    UsageRecord.objects.create(
        started_at=NOW, request_id="r1", method="POST", path="/v1/chat/completions", status=200, tenant="acme", model="plain",
        upstream_ms=1.0, total_ms=2.0, attempts='[{"target": "t", "provider": "one", "outcome": "ok", "upstream_s": 0.5}]',
    )  # fmt: skip
    for dimension, name in (("total", ""), ("all", ""), ("model", "plain"), ("provider", "one")):
        tenant = "" if dimension == "total" else "acme"
        for span in (60, 3600):
            at = NOW - timedelta(seconds=NOW.timestamp() % span)
            UsageRollUp.objects.create(
                span=span, at=at, dimension=dimension, name=name, tenant=tenant, requests=3, cost_usd="1.5"
            )


def in_flight(tenant: str = "acme") -> Running:
    one = Running("req-1", 1234567890.25, "/v1/chat/completions", tenant=tenant, client_id="x", client_name="some")
    RunningTold.objects.create(worker="w", at=datetime.now(UTC), requests=msgspec.json.encode([one]).decode())
    return one


def test_document_when_every_operation_is_asked_then_each_answers_as_it_says(api: Api) -> None:
    paths = make_rich_catalog(api)
    happened()
    by_kind = {path.partition("/")[0]: path for path in paths}
    by_kind["keys"] = next(path for path in paths if path.startswith("keys/"))
    token = api("POST", "tokens", {"name": "t", "scopes": ["models:read"]}, 201).json()
    by_kind["tokens"] = f"tokens/{token['id']}"
    for name, body in POSTED.items():
        made = api("POST", name, body, 201).json()
        if name in ("projects", "people"):
            by_kind[name] = f"{name}/{made['id']}"
    for path in by_kind.values():
        read = api("GET", path, status=200).json()
        api("PUT", path, read, 200)
        api("PATCH", path, {}, 200)
        api("GET", path.partition("/")[0], status=200)
    for place in READ:
        api("GET", place, status=200)
    for record in ("audit", "sessions", "responses", "jobs", "key-requests", "requests"):
        one = api("GET", record, status=200).json()["data"][0]
        api("GET", f"{record}/{one.get('id', one.get('number'))}", status=200)
    api("GET", f"budgets/{by_kind['budgets'].partition('/')[2]}/figures", status=200)
    api("GET", f"sessions/{SessionRow.objects.get(session_id='s1').pk}/events", status=200)
    running = in_flight()
    api("POST", "running/stop", {"request_id": running.request_id, "started": running.started}, 202)
    for place, body in DONE.items():
        assert api("POST", place, body).status_code in (200, 409 if place == "prices/sync" else 200), place
    number = api("GET", "versions?kind=models&name=plain").json()["data"][0]["number"]
    restored = {"kind": "models", "name": "plain", "number": number}
    api("POST", "versions/restore", restored, 200)
    change_sets(api)
    api("POST", f"{by_kind['keys']}/rotate", {}, 201)
    api("POST", f"{by_kind['keys']}/revoke", {}, 200)
    api("DELETE", f"sessions/{SessionRow.objects.get(session_id='s1').pk}", status=204)
    api("DELETE", "responses/resp_1", status=204)
    deleted = ("tokens", "budgets", "limits", "keys", "hooks", "people", "projects", "access-groups")
    for path in [by_kind[kind] for kind in deleted]:
        api("DELETE", path, status=204)
    for path in ("models/posted", "providers/posted", "credentials/posted", "tenants/posted"):
        api("DELETE", path, status=204)
    missing = {(method, path) for method, path in operations() if path not in ELSEWHERE} - api.served
    assert missing <= {("POST", "/manage/v1/prices/sync")}, missing


POSTED: dict[str, Any] = {
    "tenants": {"name": "posted"},
    "projects": {"name": "posted", "tenant": "acme"},
    "providers": {"name": "posted", "type": "openai"},
    "people": {"name": "posted", "tenant": "acme"},
    "credentials": {"name": "posted", "source": "none"},
    "models": {"name": "posted", "enabled": False},
    "hooks": {"name": "posted", "type": "printer"},
    "access-groups": {"name": "posted"},
}
READ = (
    "running",
    "config",
    "audit/verify",
    "versions?kind=models&name=plain",
    "overview?range=1h",
    "usage?group=model",
    "changes",
)
DONE: dict[str, Any] = {
    "cache/purge": {"models": ["plain"], "tenants": ["acme"]},
    "prices/sync": {"dry_run": True},
    "imports/config": {"text": ONE_MORE, "only": ["imported"]},
    "imports/keys": {"text": "name,key\nfrom file,sk-foreign-0123456789abcdef\n", "name": "keys.csv"},
    "imports/provider-keys": {"text": "provider,api_key\ntwo,sk-proj-Kx93Lq71vTzWm5RbAAAA\n", "name": "keys.csv"},
}


def change_sets(api: Api) -> None:
    made = api("POST", "changes", {"title": "x", "text": DRAFT}, 201).json()["id"]
    api("GET", f"changes/{made}", status=200)
    for name, body in (("edit", {"text": ""}), ("rebase", {}), ("apply", {}), ("roll-back", {})):
        api("POST", f"changes/{made}/{name}", body, 200)
    api("POST", f"changes/{api('POST', 'changes', {'title': 'y'}, 201).json()['id']}/discard", {}, 200)


def test_records_when_a_token_is_bound_to_a_tenant_then_only_those_of_it(api: Api) -> None:
    make_rich_catalog(api)
    happened()
    in_flight("other")
    bound = Api("*", tenant=Tenant.objects.get(name="acme"))
    assert [one["session_id"] for one in bound("GET", "sessions", status=200).json()["data"]] == ["s1"]
    assert [one["session_id"] for one in api("GET", "sessions?limit=1").json()["data"]] == ["s1"]
    rest = api("GET", f"sessions?limit=1&cursor={api('GET', 'sessions?limit=1').json()['next']}").json()
    assert ([one["session_id"] for one in rest["data"]], rest["next"]) == (["s2"], None)
    other = SessionRow.objects.get(session_id="s2").pk
    for method, path in (("GET", f"sessions/{other}"), ("DELETE", f"sessions/{other}"), ("GET", f"sessions/{other}/events")):
        bound.error(method, path, status=404)
    assert bound("GET", "running").json()["data"] == []
    assert bound.error("POST", "running/stop", {"request_id": "req-1", "started": 1234567890.25}, 404)["code"] == "not_found"
    assert bound("GET", "overview", status=200).json()["now"]["requests"] == 3
    kinds = {one["kind"] for one in bound("GET", "audit?limit=500", status=200).json()["data"]}
    assert "models_catalog.project" in kinds
    assert "models_catalog.modeldefinition" not in kinds
    bound.error("GET", "audit/verify", status=403)
    for path in ("config", "hooks", "versions?kind=models&name=plain"):
        bound.error("GET", path, status=403)
    elsewhere = Api("*", tenant=Tenant.objects.create(name="other"))
    for path in ("responses", "jobs", "key-requests", "tokens?name=none"):
        assert elsewhere("GET", path, status=200).json()["data"] == []
    events = api("GET", f"sessions/{SessionRow.objects.get(session_id='s1').pk}/events?limit=1", status=200)
    assert (events.json()["data"][0]["attributes"], events.json()["next"]) == ({"n": 1}, 1)
    more = api("GET", f"sessions/{SessionRow.objects.get(session_id='s1').pk}/events?after=1")
    assert CANARY not in more.content.decode()


def test_request_in_flight_when_stopped_then_its_worker_is_asked_and_the_log_tells(api: Api) -> None:
    running = in_flight()
    assert api("GET", "running", status=200).json()["data"][0]["request_id"] == "req-1"
    Api("running:read").error("POST", "running/stop", {"request_id": "req-1", "started": running.started}, 403)
    api("POST", "running/stop", {"request_id": "req-1", "started": running.started}, 202)
    assert RunningAsk.objects.filter(request_id="req-1", started=running.started).exists()
    assert AuditEntry.objects.latest("number").changed["stopped"] == [False, True]


def test_files_when_a_row_is_wrong_then_it_is_named_and_nothing_changes(api: Api) -> None:
    make_rich_catalog(api)
    keys, before = ClientKey.objects.count(), set(ModelDefinition.objects.values_list("name", flat=True))
    lines = "name,key,rpm\ngood,sk-foreign-0123456789abcdef,5\nbad,sk-foreign-fedcba9876543210,0\n"
    error = api.error("POST", "imports/keys", {"text": lines, "name": "keys.csv"})
    assert error["field"] == "row 3"
    assert api.error("POST", "imports/provider-keys", {"text": "provider,api_key\n,x\n", "name": "k.csv"})["code"] == "invalid"
    wrong = {"text": ONE_MORE + "[models.wrong]\nroutin = 1\n"}
    assert api.error("POST", "imports/config", wrong)["field"].startswith("models.wrong")
    assert api.error("POST", "imports/config", {"text": ONE_MORE, "format": "xml"})["field"] == "format"
    assert api.error("POST", "imports/config", {"text": ONE_MORE, "only": ["importd"]})["code"] == "invalid"
    dry = api("POST", "imports/config", {"text": ONE_MORE, "dry_run": True}, 200).json()
    assert ([one["id"] for one in dry["entries"] if one["chosen"]], dry["written"]) == (["model:imported"], False)
    assert (ClientKey.objects.count(), set(ModelDefinition.objects.values_list("name", flat=True))) == (keys, before)
    good = {"text": lines.replace(",0", ",9"), "name": "keys.csv", "without": [2]}
    assert [one["name"] for one in api("POST", "imports/keys", good, 200).json()["data"]] == ["bad"]
    assert CANARY not in api("GET", "config", status=200).content.decode()


def test_version_when_restored_then_the_object_is_what_it_was(api: Api) -> None:
    make_rich_catalog(api)
    api("PATCH", "models/plain", {"description": "one"}, 200)
    number = api("GET", "versions?kind=models&name=plain", status=200).json()["data"][0]["number"]
    api("PATCH", "models/plain", {"description": "two"}, 200)
    api("POST", "versions/restore", {"kind": "models", "name": "plain", "number": number}, 200)
    assert api("GET", "models/plain").json()["description"] == "one"
    assert api.error("POST", "versions/restore", {"kind": "models", "name": "plain", "number": 1}, 409)["code"] == "refused"
    assert api.error("POST", "versions/restore", {"kind": "keys", "name": "x", "number": 1})["field"] == "kind"


def test_budget_when_something_is_spent_then_its_figures_tell(api: Api) -> None:
    make_rich_catalog(api)
    budget = api("GET", "budgets?tenant=acme").json()["data"][0]["id"]
    BudgetCounter.objects.create(
        budget=budget, counter="", period="2026-11", unit="usd", spent=2_500_000_000, held=500_000_000, changed_at=NOW
    )
    figure = api("GET", f"budgets/{budget}/figures", status=200).json()["data"][0]
    assert (figure["spent"], figure["held"], figure["amount"]) == (2.5, 0.5, 12.5)
    api.error("GET", "budgets/nope/figures", status=404)


def test_token_when_made_by_a_program_then_it_can_do_no_more_than_the_one_that_made_it(api: Api) -> None:
    maker = Api("tokens:write", "tokens:read", "models:read")
    made = maker("POST", "tokens", {"name": "child", "scopes": ["models:read"]}, 201).json()
    row = find_token(made["token"])
    assert row is not None
    assert made["token"] not in maker("GET", f"tokens/{made['id']}", status=200).content.decode()
    for scopes in (["*"], ["models:write"], ["*:read"]):
        assert maker.error("POST", "tokens", {"name": "x", "scopes": scopes})["field"] == "scopes"
        assert maker.error("PATCH", f"tokens/{made['id']}", {"scopes": scopes})["field"] == "scopes"
    for body, field in (({"scopes": []}, "scopes"), ({"scopes": ["models:read"], "tenant": "none"}, "tenant")):
        assert maker.error("POST", "tokens", {"name": "x", **body})["field"] == field
    maker.error("PATCH", f"tokens/{api.row.pk}", {"name": "mine"}, 403)
    maker.row.expires_at = NOW + timedelta(hours=1)
    maker.row.save()
    late = {"name": "x", "scopes": ["models:read"], "expires_at": "2099-01-01T00:00:00Z"}
    assert maker.error("POST", "tokens", late)["field"] == "expires_at"
    maker("DELETE", f"tokens/{made['id']}", status=204)
    assert find_token(made["token"]) is None


def test_token_when_its_maker_loses_rights_then_it_loses_them_too(api: Api) -> None:
    user = User.objects.create_user("maker", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_modeldefinition", "view_price"]))
    token = Api("models:read", "tokens:write", "usage:read")
    token.row.created_by = user
    token.row.save()
    token("GET", "models", status=200)
    token.error("GET", "usage", status=403)
    token.error("POST", "tokens", {"name": "x", "scopes": ["models:read"]}, 403)
    user.user_permissions.clear()
    token.error("GET", "models", status=403)
    user.is_superuser = True
    user.save()
    token("GET", "usage", status=200)
    user.is_active = False
    user.save()
    token.error("GET", "models", status=401)
    user.is_active = True
    user.save()
    token("GET", "models", status=200)
    user.delete()
    token.error("GET", "models", status=401)


def test_token_when_its_maker_operates_some_tenants_then_it_sees_no_others(api: Api) -> None:
    make_rich_catalog(api)
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.all())
    token = Api("*")
    token.row.created_by = user
    token.row.save()
    assert len(token("GET", "keys", status=200).json()["data"]) == 2
    Tenant.objects.create(name="own").operators.add(user)
    assert token("GET", "keys", status=200).json()["data"] == []
    assert [one["name"] for one in token("GET", "tenants").json()["data"]] == ["own"]
    token.error("GET", "providers", status=403)
    token.row.tenant = Tenant.objects.get(name="acme")
    token.row.save()
    assert token("GET", "keys", status=200).json()["data"] == []
