"""What does the management API say of bad requests? In one form, naming the field; never with a 500."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from models_catalog.models import ManagementToken, Tenant
from openai_api.database.management_tokens import create_token, revoke_token
from openai_api.database.token_scopes import every_scope, rights_for, spelled_out
from tests.integration.manage.program import Api
from tests.integration.manage.rich import make_rich_catalog

BODIES: list[tuple[Any, str]] = [
    ({"num_retris": 1}, "num_retris"),
    ({"num_retries": "2"}, "num_retries"),
    ({"num_retries": True}, "num_retries"),
    ({"num_retries": 10**30}, "num_retries"),
    ({"num_retries": 1.5}, "num_retries"),
    ({"max_retry_delay_s": 10**400}, "max_retry_delay_s"),
    ({"enabled": 1}, "enabled"),
    ({"capabilities": ["chat", "chat"]}, "capabilities"),
    ({"capabilities": {"chat": 1}}, "capabilities"),
    ({"capabilities": ["chatt"]}, "capabilities"),
    ({"metadata": []}, "metadata"),
    ({"input_price": "a lot"}, "input_price"),
    ({"input_price": -1}, "input_price"),
    ({"input_price": 1e30}, "input_price"),
    ({"strategy": "best"}, "strategy"),
    ({"name": "other"}, "name"),
    ({"description": "x" * 1001}, "description"),
    ({"routes": "p"}, "routes"),
    ({"routes": [{"provider": "onee"}]}, "routes.0.provider"),
    ({"routes": [{"provider": "one"}, {"provider": "one"}]}, "routes"),
    ({"routes": [{"provider": "one", "weight": -1}]}, "routes.0.weight"),
    ({"routes": [{"provider": "one", "wait": 1}]}, "routes.0.wait"),
    ({"routes": []}, "routes"),
    ({"fallback_models": ["plain"]}, "fallback_models"),
    ({"fallback_models": ["vendor/name:7b*"]}, "fallback_models"),
    ({"fallback_models": [7]}, "fallback_models"),
    ({"prices": [{"rates": {"inputs": 1}}]}, "prices.0.rates"),
    ({"prices": [{"rates": {"input": 1}, "route": "nope"}]}, "prices.0.route"),
    ({"prices": [{"rates": {"input": 1}, "effective_from": "0001-01-01T00:00:00+23:00"}]}, "prices.0.effective_from"),
    ([], "(whole)"),
    (None, "(whole)"),
]


UNSOUND = [
    b"{",
    b'{"name": NaN}',
    b'{"a": 1, "a": 2}',
    b'{"name": "\\u0000"}',
    b'{"name": "\\ud800"}',
    b"[" * 9999,
    b"\xff",
    b"1" * 5000,
]
QUERIES = [
    ("models?serach=x", "serach"),
    ("models?limit=0", "limit"),
    ("models?limit=" + "9" * 30, "limit"),
    ("models?limit=1&limit=2", "limit"),
    ("models?cursor=x", "cursor"),
    ("keys?cursor=IngI", "cursor"),
    ("models?search=%00", "search"),
    ("models?enabled=yes", "enabled"),
    ("keys?status=gone", "status"),
    ("limits?client_key=" + "9" * 30, "client_key"),
    ("models/plain?x=1", "x"),
]


def test_model_when_a_value_is_wrong_then_the_error_names_its_field(api: Api) -> None:
    make_rich_catalog(api)
    before = api("GET", "models/plain").json()
    for body, field in BODIES:
        error = api.error("PATCH", "models/plain", body if body is not None else b"null")
        assert (error["code"], error["field"]) == ("invalid", field), body
        assert error["fields"][field][0]
    assert api("GET", "models/plain").json() == before


def test_body_when_it_is_no_sound_json_then_it_is_refused(api: Api) -> None:
    for body in ([], [None, None], "x", 7):
        for path in ("keys", "models", "limits", "changes", "explain"):
            assert api.error("POST", path, body)["field"] == "(whole)"
    for unsound in UNSOUND:
        for method, path in (("POST", "keys"), ("PUT", "models/x"), ("PATCH", "models/x")):
            assert api.error(method, path, unsound)["code"] == "invalid_json"


def test_query_when_a_parameter_is_wrong_then_the_error_names_it(api: Api) -> None:
    for path, field in QUERIES:
        assert api.error("GET", path)["field"] == field


def test_path_when_there_is_nothing_then_404(api: Api) -> None:
    for path in ("models/%00", "models/nope", "keys/" + "9" * 30, "keys/nope", "nope", "", "keys/a/b/c", "../x"):
        assert api.error("GET", path, status=404)["code"] == "not_found"


def test_method_when_a_path_has_it_not_then_405_and_those_that_it_has(api: Api) -> None:
    answer = api("DELETE", "models", status=405)
    assert set(answer["Allow"].split(", ")) == {"GET", "HEAD", "POST"}
    assert answer.json()["error"]["code"] == "method_not_allowed"


def test_caller_when_without_a_token_in_force_then_401_and_a_challenge(api: Api) -> None:
    staff = Client()
    staff.force_login(User.objects.create_superuser("operator"))
    expired, gone = (create_token(name, ["*"]) for name in ("expired", "gone"))
    ManagementToken.objects.filter(pk=expired[0].pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    revoke_token(gone[0])
    tried = [
        "",
        "Bearer",
        "Basic eA==",
        f"Bearer {api.token[:-1]}x",
        f"Bearer {expired[1]}",
        f"Bearer {gone[1]}",
        "Bearer \xff" * 9,
    ]
    for header in tried:
        answer = staff.get("/manage/v1/models", headers={"authorization": header})
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "unauthorized")
        assert answer["WWW-Authenticate"].startswith("Bearer")
    assert staff.get("/manage/v1/nope").status_code == 401


@pytest.mark.parametrize("kind", ["models", "providers", "credentials", "keys", "limits"])
def test_token_when_its_scopes_are_of_one_resource_then_it_does_nothing_else(kind: str) -> None:
    reader, writer = Api(f"{kind}:read"), Api(f"{kind}:write")
    for other in ("models", "providers", "credentials", "keys", "limits"):
        assert reader("GET", other).status_code == (200 if other == kind else 403)
        assert writer("GET", other).status_code == 403
        assert writer("POST", other, {}).status_code == (400 if other == kind else 403)
        assert reader.error("POST", other, {}, 403)["scope"] == f"{other}:write"


def test_scopes_when_with_stars_then_they_stand_for_all() -> None:
    assert spelled_out(["*"]) == set(every_scope())
    assert spelled_out(["*:read"]) == {scope for scope in every_scope() if scope.endswith(":read")}
    assert rights_for(["keys:read"]) == {"models_catalog.view_clientkey"}
    assert rights_for(["*"]) >= rights_for(["*:write"]) >= {"models_catalog.delete_provider"}
    with pytest.raises(ValidationError, match="did you mean 'models:read'"):
        create_token("x", ["model:read"])


def test_token_when_bound_to_a_tenant_then_it_sees_and_makes_only_what_is_of_it(api: Api) -> None:
    make_rich_catalog(api)
    api("PUT", "tenants/other", {}, 201)
    api("POST", "projects", {"tenant": "other", "name": "web"}, 201)
    bound = Api("*", tenant=Tenant.objects.get(name="other"))
    assert [row["name"] for row in bound("GET", "tenants", status=200).json()["data"]] == ["other"]
    assert bound("GET", "keys").json()["data"] == bound("GET", "limits").json()["data"] == []
    assert len(bound("GET", "models", status=200).json()["data"]) == 4
    for path in ("providers", "credentials", "access-groups"):
        assert "bound to the tenant" in bound.error("GET", path, status=403)["message"]
    bound.error("PUT", "models/x", {}, 403)
    bound.error("PUT", "tenants/mine", {}, 403)
    assert bound.error("POST", "keys", {"name": "x"})["field"] == "project"
    assert bound.error("POST", "keys", {"name": "x", "project": "acme/web"})["field"] == "project"
    assert bound.error("POST", "projects", {"name": "x", "tenant": "acme"})["field"] == "tenant"
    bound.error("POST", "limits", {"model": "plain", "amount": 1})
    own = bound("POST", "keys", {"name": "x", "project": "other/web"}, 201).json()
    bound("PATCH", f"keys/{own['id']}", {"name": "y"}, 200)
    bound.error("PATCH", f"keys/{own['id']}", {"project": None})
    foreign = api("GET", "keys?name=some").json()["data"][0]["id"]
    bound.error("GET", f"keys/{foreign}", status=404)
    bound.error("DELETE", f"keys/{foreign}", status=404)


def test_last_use_when_a_token_is_used_twice_then_it_is_written_once(api: Api) -> None:
    api("GET", "models")
    used = ManagementToken.objects.get(pk=api.row.pk).last_used_at
    api("GET", "models")
    assert used is not None
    assert ManagementToken.objects.get(pk=api.row.pk).last_used_at == used
