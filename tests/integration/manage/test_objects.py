"""Are objects read and written as they are? What is read can be written back; what changed meanwhile is not overwritten."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import call_command

from models_catalog.changes.state import load
from models_catalog.models import AuditEntry, CatalogVersion, ClientKey, Credential, Provider
from tests.integration.manage.program import Api
from tests.integration.manage.rich import CANARY, make_rich_catalog

KINDS = (
    "models",
    "providers",
    "credentials",
    "keys",
    "limits",
    "budgets",
    "tenants",
    "projects",
    "people",
    "access-groups",
    "hooks",
)


def test_objects_when_written_back_as_they_were_read_then_nothing_changes(api: Api) -> None:
    paths = make_rich_catalog(api)
    before = load(with_secrets=True)
    for path in paths:
        read = api("GET", path, status=200)
        for body in (read.json(), {name: value for name, value in read.json().items() if name != "created_at"}):
            written = api("PUT", path, body, 200, if_match=read["ETag"])
            assert (written.json(), written["ETag"]) == (read.json(), read["ETag"])
        assert api("PATCH", path, {}, 200).json() == read.json()
    assert load(with_secrets=True) == before
    assert len(paths) > 15
    secret = before.credentials["stored key"].secret
    assert secret is not None
    assert secret.reveal() == CANARY


def test_catalog_objects_when_written_back_then_the_version_stays(api: Api) -> None:
    paths = [path for path in make_rich_catalog(api) if path.startswith(("models", "providers", "credentials"))]
    version = CatalogVersion.objects.get().version
    for path in paths:
        api("PUT", path, api("GET", path).json(), 200)
    assert CatalogVersion.objects.get().version == version


@pytest.mark.parametrize("kind", KINDS)
def test_objects_when_their_list_is_read_in_pages_then_it_has_each_once(api: Api, kind: str) -> None:
    paths = [path for path in make_rich_catalog(api) if path.startswith(f"{kind}/")]
    seen: list[Any] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = api("GET", f"{kind}?limit=1" + (f"&cursor={cursor}" if cursor else ""), status=200).json()
        seen += answer["data"]
        cursor = answer["next"]
    assert sorted(map(json.dumps, seen)) == sorted(json.dumps(api("GET", path).json()) for path in paths)


def test_secrets_when_objects_are_read_then_none_is_shown(api: Api) -> None:
    paths = make_rich_catalog(api)
    answers = [api("GET", path).content for path in [*paths, *KINDS]]
    assert not any(CANARY.encode() in answer for answer in answers)


def test_provider_when_patched_then_headers_that_are_not_named_stay(api: Api) -> None:
    make_rich_catalog(api)
    patched = api("PATCH", "providers/one", {"extra_headers": {"x-other": "1"}, "options": None}, 200).json()
    assert patched["extra_headers"] == {"x-canary": None, "x-other": None}
    assert patched["options"] == {}
    kept = {name: value.reveal() for name, value in Provider.objects.get(name="one").headers().items()}
    assert kept == {"x-canary": CANARY, "x-other": "1"}
    assert list(api("PATCH", "providers/one", {"extra_headers": {"x-canary": None}}, 200).json()["extra_headers"]) == ["x-other"]
    error = api.error("PUT", "providers/one", {"type": "openai", "extra_headers": {"x-new": None}})
    assert error["field"] == "extra_headers"


def test_secret_when_only_it_changes_then_the_etag_changes(api: Api) -> None:
    make_rich_catalog(api)
    old = api("GET", "credentials/stored%20key")
    api("PATCH", "credentials/stored%20key", {"secret": f"another{CANARY[-5:]}"}, 200)
    assert api.error("PUT", "credentials/stored%20key", old.json(), 412, if_match=old["ETag"])["code"] == "stale"
    assert Credential.objects.get(name="stored key").last_four == CANARY[-4:]


def test_object_when_it_has_changed_then_a_stale_write_is_refused(api: Api) -> None:
    make_rich_catalog(api)
    etag = api("GET", "models/plain")["ETag"]
    assert api("GET", "models/plain", if_none_match=etag).status_code == 304
    api("PATCH", "models/plain", {"description": "new"}, 200, if_match=etag)
    for method, body in (("PUT", {"routes": []}), ("PATCH", {}), ("DELETE", None)):
        assert api.error(method, "models/plain", body, 412, if_match=etag)["code"] == "stale"
    assert api.error("PUT", "models/new", {}, 412, if_match="*")["code"] == "stale"
    assert api.error("PUT", "models/plain", {}, 412, if_none_match="*")["code"] == "exists"
    assert api.error("POST", "models", {"name": "plain"}, 409)["code"] == "exists"
    api("PUT", "models/new", {"enabled": False}, 201, if_none_match="*")


def test_object_when_in_use_then_it_is_not_deleted_and_says_by_what(api: Api) -> None:
    make_rich_catalog(api)
    error = api.error("DELETE", "providers/one", status=409)
    assert (error["code"], error["models"]) == ("in_use", ["plain", "ünï ?#%2F"])
    assert api.error("DELETE", "credentials/env", status=409)["providers"] == ["one", "two"]
    assert api.error("DELETE", "tenants/acme", status=409)["kinds"] == ["people", "projects"]
    for path in ("models/vendor/name:7b*", "providers/two", "models/plain"):
        assert api("DELETE", path, status=204).content == b""
        api("GET", path, status=404)
        api("DELETE", path, status=404)


def test_key_when_made_then_it_is_shown_once_and_can_be_replaced_and_revoked(api: Api) -> None:
    made = api("POST", "keys", {"name": "ci"}, 201)
    key, path = made.json()["key"], made["Location"].removeprefix("/manage/v1/")
    assert ClientKey.objects.get().last_four == key[-4:]
    assert "key" not in api("GET", path, status=200).json()
    rotated = api("POST", f"{path}/rotate", {"grace_h": 1}, 201).json()
    assert rotated["key"] not in (key, "")
    assert api("GET", path).json()["expires_at"] is not None
    assert api("POST", f"{path}/revoke", None, 200).json()["revoked_at"] is not None
    assert api.error("PATCH", path, {"enabled": True}, 409)["code"] == "revoked"
    assert api.error("POST", f"{path}/rotate", {}, 409)["code"] == "not_in_force"
    api("DELETE", path, status=204)
    assert [row["name"] for row in api("GET", "keys?status=active").json()["data"]] == ["ci"]


def test_change_when_made_by_a_program_then_the_audit_log_has_its_token(api: Api) -> None:
    api("PUT", "tenants/acme", {}, 201)
    entry = AuditEntry.objects.latest("pk")
    assert (entry.actor, entry.source) == (f"tests ({api.row.public_id})", "api")


def test_token_when_made_by_the_command_then_it_works(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("create_management_token", "terraform", "--scopes", "models:read,keys:write", "--json")
    made = json.loads(capsys.readouterr().out)
    api.token = made["token"]
    api("GET", "models", status=200)
    assert (made["name"], made["scopes"]) == ("terraform", ["models:read", "keys:write"])
