"""Do the commands for client keys and for looking at the catalog do what an operator expects?"""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.db import connection
from django.utils import timezone
from pytest_django import Settings

from models_catalog.keys import hash_key, well_formed
from models_catalog.management.commands.create_api_key import parse_expiry
from models_catalog.models import ClientKey, Credential, ModelDefinition, Person, Project, Provider, Tenant
from tests.integration.config.conftest import DATA, Manage, Write

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def test_create_api_key_prints_the_key_once_with_how_to_use_it(manage: Manage, settings: Settings) -> None:
    settings.HOST, settings.PORT = "0.0.0.0", 3000
    output = manage("create_api_key", "search team")
    [key] = re.findall(r"sk-gw-[0-9A-Za-z]{57}", output.out)
    row = ClientKey.objects.get()
    assert well_formed(key)
    assert (row.name, row.key_hash, row.all_models, row.expires_at) == ("search team", hash_key(key), True, None)
    assert f"export OPENAI_API_KEY={key}" in output.lines
    assert "export OPENAI_BASE_URL=http://127.0.0.1:3000/v1" in output.lines
    assert f"revoke_api_key {row.public_id}" in output.out


def test_create_api_key_as_json_is_one_object(manage: Manage) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    output = manage("create_api_key", "ci", "--models", "gpt-4, whisper-1", "--models=gpt-4", "--expires", "2999-01-01", "--json")
    made = json.loads(output.out)
    row = ClientKey.objects.get()
    assert made == {
        "id": str(row.pk),
        "public_id": row.public_id,
        "name": "ci",
        "key": made["key"],
        "models": ["gpt-4", "whisper-1"],
        "expires_at": "2999-01-01T00:00:00+00:00",
        "record_bodies": False,
        "tenant": None,
        "project": None,
        "person": None,
    }
    assert row.key_hash == hash_key(made["key"])
    assert {model.name for model in row.allowed_models.all()} == {"gpt-4", "whisper-1"}


def test_create_api_key_with_owners_tells_them(manage: Manage) -> None:
    tenant = Tenant.objects.create(name="acme")
    Project.objects.create(tenant=tenant, name="shop")
    Person.objects.create(tenant=tenant, name="ann")
    made = json.loads(manage("create_api_key", "ci", "--project", "acme/shop", "--person", "ann", "--json").out)
    assert (made["tenant"], made["project"], made["person"]) == ("acme", "shop", "ann")


def test_create_api_key_with_record_bodies_allows_it(manage: Manage) -> None:
    made = json.loads(manage("create_api_key", "agent", "--record-bodies", "--json").out)
    assert (made["record_bodies"], ClientKey.objects.get().record_bodies) == (True, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--models", "gpt4"], "unknown model 'gpt4'; did you mean 'gpt-4'?"),
        (["x", "--models", ""], "unknown model ''"),
        (["x", "--expires", "soon"], "--expires 'soon' is not 30d, 12h, 2027-01-01 or an ISO time"),
        (["x", "--expires", "999999999999d"], "is not 30d"),
        (["x", "--expires", "2020-01-01"], "--expires '2020-01-01' is not in the future"),
        ([" "], "A name must not be empty"),
        (["x" * 201], "at most 200 characters"),
    ],
)
def test_create_api_key_with_a_bad_argument_makes_no_key(manage: Manage, arguments: list[str], message: str) -> None:
    manage("import_config", str(DATA / "unified.toml"))
    with pytest.raises(CommandError, match=re.escape(message)):
        manage("create_api_key", *arguments)
    assert not ClientKey.objects.exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90m", NOW + timedelta(minutes=90)),
        ("12h", NOW + timedelta(hours=12)),
        ("30d", NOW + timedelta(days=30)),
        ("2w", NOW + timedelta(weeks=2)),
        ("2027-01-01", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2027-01-01T12:00:00", datetime(2027, 1, 1, 12, tzinfo=UTC)),
        ("2027-01-01T12:00:00+02:00", datetime(2027, 1, 1, 10, tzinfo=UTC)),
        ("2027-01-01T12:00:00Z", datetime(2027, 1, 1, 12, tzinfo=UTC)),
    ],
)
def test_expiry_is_read_as_a_span_a_day_or_a_moment(text: str, expected: datetime) -> None:
    assert parse_expiry(text, NOW) == expected


def test_revoke_api_key_refuses_the_key_for_good(manage: Manage) -> None:
    made = json.loads(manage("create_api_key", "x", "--json").out)
    before = timezone.now()
    assert manage("revoke_api_key", made["id"]).lines == ["Client key 'x' is revoked."]
    row = ClientKey.objects.get()
    assert not row.enabled
    assert row.revoked_at is not None
    assert row.revoked_at >= before
    assert manage("revoke_api_key", made["public_id"]).lines == ["Client key 'x' was revoked already."]
    assert ClientKey.objects.get().revoked_at == row.revoked_at


@pytest.mark.parametrize("unknown", [str(uuid.UUID(int=7)), "", "nobody", "sk-gw-canary"])
def test_revoke_api_key_of_an_unknown_id_fails_without_repeating_it(manage: Manage, unknown: str) -> None:
    manage("import_config", str(DATA / "tensorzero.toml"))  # its key has no public id
    with pytest.raises(CommandError) as failed:
        manage("revoke_api_key", unknown)
    assert str(failed.value) == "there is no client key with this id"


def test_show_catalog_tells_what_is_served_and_what_is_not(manage: Manage, write: Write) -> None:
    text = """
[models.good]
routing = ["dummy"]
fallback_models = ["half"]
providers.dummy = { type = "dummy", model_name = "echo" }
[providers.asleep]
type = "dummy"
enabled = false
[models.half]
routing = ["dead", "off", "asleep", "dummy"]
endpoints = ["chat", "realtime"]
providers.dead = { type = "openai", api_key_location = "env::NOT_SET_ANYWHERE" }
providers.off = { type = "dummy", enabled = false }
providers.asleep = { provider = "asleep" }
providers.dummy = { type = "dummy" }
[models.bad]
routing = ["dead"]
providers.dead = { type = "openai", api_key_location = "env::NOT_SET_ANYWHERE" }
[models.off]
enabled = false
routing = []
"""
    manage("import_config", write(text))
    assert manage("show_catalog").lines == [
        "bad  [chat]  unavailable",
        "  1. dead → dead (openai): bad  unusable",
        "good  [chat]  ready",
        "  1. dummy → dummy (dummy): echo  ready",
        "  then half",
        "half  [chat, realtime]  limited",
        "  1. dead → dead (openai): half  unusable",
        "  2. off → off (dummy): half  disabled",
        "  3. asleep → asleep (dummy): half  disabled",
        "  4. dummy → dummy (dummy): half  ready",
        "off  [chat]  disabled",
        *(line for line in manage("show_catalog").lines if line.startswith("problem: ")),
    ]
    problems = [line for line in manage("show_catalog").lines if line.startswith("problem: ")]
    assert "the environment variable NOT_SET_ANYWHERE is not set" in problems[0]


def test_show_catalog_as_json_holds_no_secret(manage: Manage) -> None:
    credential = Credential(name="key")
    credential.source = "stored"
    credential.save()
    Provider.objects.create(name="openai", type="openai", credential=credential, extra_headers={"x-key": "sk-canary-in-a-header"})
    manage("import_config", str(DATA / "tensorzero.toml"))
    shown = manage("show_catalog", "--json").out
    catalog = json.loads(shown)
    assert [model["name"] for model in catalog["models"]] == ["gpt", "spare", "vectors"]
    assert catalog["models"][0]["input_price"] == 0.5
    assert catalog["models"][1]["routes"] == [
        {"name": "dummy", "provider": "dummy", "type": "dummy", "upstream_model": "echo", "state": "ready"}
    ]
    assert "canary" not in shown.lower()


def test_show_catalog_without_models_says_so(manage: Manage) -> None:
    assert manage("show_catalog").lines == ["The catalog has no models."]


def test_changes_never_show_the_value_of_a_header_or_a_secret(manage: Manage, write: Write) -> None:
    text = '[providers.x]\ntype = "openai"\nextra_headers = { "X-Key" = "canary-%s" }\n'
    added = manage("import_config", write(text % "one"))
    changed = manage("import_config", write(text % "two"))
    assert "extra_headers {X-Key: ***}" in added.out
    assert "extra_headers {X-Key: ***} → {X-Key: ***}" in changed.out
    assert "canary" not in added.out + changed.out
    assert ModelDefinition.objects.count() == 0


def test_import_of_a_literal_key_without_an_encryption_key_says_what_is_missing(
    manage: Manage, write: Write, settings: Settings, tmp_path: Path
) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS, settings.GATEWAY_ENCRYPTION_KEY_FILE = [], tmp_path / "none.key"
    path = write("model_list: [{model_name: m, litellm_params: {model: openai/x, api_key: sk-canary-key}}]", "config.yaml")
    with pytest.raises(CommandError, match="There is no encryption key"):
        manage("import_config", path)
    assert not Credential.objects.exists()
    assert not ModelDefinition.objects.exists()


@pytest.mark.parametrize("command", [["show_catalog"], ["export_config"], ["create_api_key", "x"], ["revoke_api_key", "x"]])
def test_command_on_a_database_without_tables_says_what_to_do(manage: Manage, command: list[str]) -> None:
    with connection.cursor() as cursor:
        for model in (ModelDefinition, ClientKey):
            cursor.execute(f"ALTER TABLE {model._meta.db_table} RENAME TO gone_{model._meta.model_name}")
    with pytest.raises(CommandError, match=r"the database cannot be used: .* \(has manage.py migrate been run\?\)"):
        manage(*command)
