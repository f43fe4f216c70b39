"""Do client keys come in from files, with what bounds them, all of them or none, and never in what is said?"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from models_catalog.models import Budget, ClientKey, Limit, ModelDefinition, Person, Project, Tenant

Importing = Callable[..., str]
PLAIN = "sk-foreign-0123456789abcdef"
OTHER = "sk-foreign-fedcba9876543210"


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def importing(db: None, tmp_path: Path) -> Importing:
    def run(content: str, name: str = "keys.csv", **options: Any) -> str:
        path = tmp_path / name
        path.write_text(content)
        out = io.StringIO()
        call_command("import_api_keys", str(path), stdout=out, **options)
        return out.getvalue()

    return run


def refused(importing: Importing, content: str, name: str = "keys.csv", **options: Any) -> str:
    """What a refused import says; nothing is written."""
    before = ClientKey.objects.count(), Project.objects.count(), Tenant.objects.count()
    with pytest.raises(CommandError) as caught:
        importing(content, name, **options)
    assert (ClientKey.objects.count(), Project.objects.count(), Tenant.objects.count()) == before
    return str(caught.value)


FORMS = {
    "csv": ("keys.csv", f"name,key\none,{PLAIN}\ntwo,{hashed(OTHER)}\n"),
    "json": ("keys.json", json.dumps([{"name": "one", "key": PLAIN}, {"name": "two", "key_hash": hashed(OTHER)}])),
    "json lines": ("keys", f'{{"name": "one", "key": "{PLAIN}"}}\n{{"name": "two", "key": "{hashed(OTHER)}"}}\n'),
    "lines": ("keys.txt", f"# keys\n{PLAIN}\n{hashed(OTHER)}\n"),
    "list of hashes": ("keys.json", json.dumps({"keys": [hashed(PLAIN), hashed(OTHER)], "total_count": 2})),
}


@pytest.mark.parametrize(("name", "text"), FORMS.values(), ids=FORMS)
def test_keys_when_plain_or_hashed_in_any_form_then_stored_as_hashes(name: str, text: str, importing: Importing) -> None:
    told = importing(text, name)
    assert set(ClientKey.objects.values_list("key_hash", flat=True)) == {hashed(PLAIN), hashed(OTHER)}
    assert "2 created" in told
    assert PLAIN not in told
    assert "0 created, 2 unchanged" in importing(text, name)


LITELLM = {
    "token": hashed(PLAIN),
    "key_name": "sk-...cdef",
    "key_alias": "crawler",
    "spend": 1.25,
    "expires": "2031-05-01T00:00:00.000Z",
    "models": ["gpt", "small"],
    "aliases": {"gpt-4": "gpt"},
    "config": {},
    "user_id": "alice",
    "team_id": "team-7",
    "max_parallel_requests": 4,
    "metadata": {"note": "x"},
    "tpm_limit": 10000,
    "rpm_limit": 60,
    "max_budget": 12.5,
    "budget_duration": "30d",
    "permissions": {},
    "model_max_budget": {"gpt": 1},
    "blocked": None,
    "a_field_of_tomorrow": "on",
    "litellm_budget_table": {"soft_budget": 10, "max_budget": 99},
}


def test_key_when_of_litellm_then_owner_limits_and_budgets_come_with_it(importing: Importing) -> None:
    for name in ("gpt", "small"):
        ModelDefinition.objects.create(name=name)
    told = importing(json.dumps({"keys": [LITELLM, {**LITELLM, "token": hashed(OTHER), "blocked": True}]}), "list.json")
    row = ClientKey.objects.get(key_hash=hashed(PLAIN))
    assert (row.name, row.enabled, row.all_models, row.aliases) == ("crawler", True, False, {"gpt-4": "gpt"})
    assert {model.name for model in row.allowed_models.all()} == {"gpt", "small"}
    assert row.expires_at == datetime(2031, 5, 1, tzinfo=UTC)
    assert (str(row.project), row.person and row.person.name) == ("Imported / team-7", "alice")
    limits = {(limit.counted, limit.amount, limit.per) for limit in Limit.objects.filter(client_key=row)}
    assert limits == {("requests", 60, "minute"), ("tokens", 10000, "minute"), ("concurrent", 4, "minute")}
    budgets = {(budget.amount, budget.period, budget.hard) for budget in Budget.objects.filter(client_key=row)}
    assert budgets == {(Decimal("12.5"), "month", True), (Decimal(10), "month", False)}
    assert not ClientKey.objects.get(key_hash=hashed(OTHER)).enabled
    assert (Project.objects.count(), Person.objects.count(), Tenant.objects.count()) == (1, 1, 1)
    assert "not taken over: model_max_budget, which 2 of these keys have" in told
    assert "a_field_of_tomorrow" in told


def test_models_when_they_mean_all_then_all_may_be_used(importing: Importing) -> None:
    rows = [{"token": hashed(PLAIN), "models": ["all-proxy-models"]}, {"token": hashed(OTHER), "models": []}]
    importing(json.dumps(rows), "list.json")
    assert ClientKey.objects.filter(all_models=True).count() == 2


BAD = {
    "short key": ("key,name\nshort,x\n", "20 to 512"),
    "no key": ("key,name\n,x\n", "the key is missing"),
    "unknown model": (f"key,models\n{PLAIN},gpt-9\n", "'gpt-9'"),
    "limit of 0": (f"key,rpm\n{PLAIN},0\n", "rpm must be a whole number of at least 1"),
    "negative budget": (f"key,budget\n{PLAIN},-5\n", "budget must be a number of US dollars above 0"),
    "unknown period": (f"key,budget,budget_period\n{PLAIN},5,14d\n", "budget_period must be one of"),
    "no time": (f"key,expires\n{PLAIN},soon\n", "expires must be a date"),
    "swapped columns": (f"key,project\n{PLAIN},{OTHER}\n", "swapped"),
    "bad network": (f"key,allowed_networks\n{PLAIN},300.0.0.1\n", "allowed_networks"),
    "too many cells": (f"key,name\n{PLAIN},a,b\n", "must be an object"),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_row_when_it_is_wrong_then_it_is_named_and_nothing_is_written(text: str, said: str, importing: Importing) -> None:
    told = refused(importing, text)
    assert "row 2:" in told
    assert said in told
    assert PLAIN not in told
    assert OTHER not in told


def test_row_when_one_of_ten_thousand_is_wrong_then_nothing_is_written(importing: Importing) -> None:
    lines = [f"sk-foreign-{number:020}" for number in range(10_000)]
    lines[7_776] = "bad key"
    told = refused(importing, "\n".join(lines), "keys.txt")
    assert told.count("row ") == 1
    assert "row 7777:" in told


def test_key_when_twice_in_the_file_then_the_second_row_names_the_first(importing: Importing) -> None:
    assert "row 3: has the same key as row 2" in refused(importing, f"key\n{PLAIN}\n{hashed(PLAIN)}\n")


def test_file_when_dry_run_then_told_and_not_written(importing: Importing) -> None:
    told = importing(f"key,project,rpm\n{PLAIN},web,60\n", dry_run=True)
    assert "row 2  created" in told
    assert "60 requests a minute" in told
    assert "new project Imported / web" in told
    assert not ClientKey.objects.exists()


def test_hash_when_told_to_be_a_key_then_it_is_hashed(importing: Importing) -> None:
    key = hashed("anything")
    importing(f"key\n{key}\n", keys="plain")
    assert ClientKey.objects.get().key_hash == hashed(key)


def test_file_when_no_header_of_ours_then_refused_without_quoting_it(importing: Importing) -> None:
    told = refused(importing, f"{PLAIN},name\n")
    assert PLAIN not in told
