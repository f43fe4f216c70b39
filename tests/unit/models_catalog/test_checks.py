"""Does `manage.py check` say what is wrong with the catalog, and do other commands run nevertheless?"""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from django.core import checks
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.db import connection
from pytest_django import DjangoDbBlocker, Settings

from models_catalog.abilities import unserved
from models_catalog.checks import PROBLEM_IDS
from models_catalog.models import Budget, Credential, Limit, Route, Tenant
from models_catalog.secrets import encryption
from tests.unit.models_catalog.rows import CANARY, IDS, KEYS, fall_back, model, provider, stored


def check(*arguments: str) -> list[str]:
    """The ids that `manage.py check` reports, in order; its whole text is searched for secrets."""
    written = io.StringIO()
    try:
        call_command("check", "--tag", "catalog", *arguments, stdout=written, stderr=written)
    except SystemCheckError as err:
        written.write(str(err))
    assert CANARY not in written.getvalue()
    return re.findall(r"\((catalog\.[EW]\d+)\)", written.getvalue())


@pytest.mark.django_db
def test_check_when_catalog_is_sound_then_says_nothing() -> None:
    model("gpt", [provider(credential=stored())])
    assert check() == []


@pytest.mark.django_db
def test_check_when_rows_are_broken_then_every_one_is_an_error() -> None:
    upstream = provider(credential=stored())
    a, b = model("a", [upstream]), model("b", [upstream])
    fall_back(a, b)
    fall_back(b, a)
    model("empty")
    Credential.objects.create(name="c", source="env", location="CATALOG_TEST_ABSENT").providers.add(provider("other"))
    assert sorted(check()) == ["catalog.E010", "catalog.E011", "catalog.E012", "catalog.W007"]


@pytest.mark.django_db
def test_check_when_row_is_broken_then_hint_leads_to_its_page() -> None:
    row = model("empty")
    with pytest.raises(SystemCheckError, match=f"/admin/models_catalog/modeldefinition/{row.pk}/change/"):
        call_command("check")


@pytest.mark.django_db
def test_check_when_no_route_serves_a_capability_then_warns_and_names_who_could(capsys: pytest.CaptureFixture[str]) -> None:
    keyless = provider("chatty", "xai", credential=stored())
    model("gpt", [keyless, provider("off", "openai", enabled=False)], capabilities=["chat", "moderation", "realtime"])
    assert check("--database", "default") == ["catalog.W006", "catalog.W006"]
    with pytest.raises(SystemCheckError) as raised:
        call_command("check", "--fail-level", "WARNING")
    text = str(raised.value)
    assert re.search(r"model gpt: The capability moderation.*\n.*HINT: Add a route to .*OpenAI,.* or remove", text)
    assert re.search(r"model gpt: The capability realtime.*\n.*HINT: No provider type supports it: remove", text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("upstream_model", "found"), [("flux-1-schnell-fp8", ["catalog.W006"]), ("flux-kontext-pro", [])], ids=["flux", "kontext"]
)
def test_check_when_the_type_serves_a_capability_but_not_the_routes_model_then_warns(
    upstream_model: str, found: list[str]
) -> None:
    row = model("flux", capabilities=["image_generation", "image_edit"])
    Route.objects.create(model=row, provider=provider("f", "fireworks", credential=stored()), upstream_model=upstream_model)
    assert check("--database", "default") == found
    assert unserved(row) == ({"image_edit"} if found else frozenset())


@pytest.mark.django_db
def test_check_when_some_route_serves_each_capability_then_says_nothing() -> None:
    model("gpt", [provider("a", "xai", credential=stored()), provider("b", "dummy")], capabilities=["chat", "moderation"])
    assert check() == []


@pytest.mark.django_db
def test_check_when_secret_does_not_decrypt_then_unused_ones_are_told_too(settings: Settings) -> None:
    stored()
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1]]
    assert check() == ["catalog.E002"]


@pytest.mark.django_db
def test_check_when_secrets_are_under_a_retired_key_then_says_which(settings: Settings) -> None:
    stored()
    settings.GATEWAY_ENCRYPTION_KEYS = [KEYS[1], KEYS[0]]
    assert check() == ["catalog.W004"]
    with pytest.raises(SystemCheckError, match=f"1 secrets are encrypted under the key {IDS[0]}"):
        call_command("check", "--fail-level", "WARNING")


@pytest.mark.django_db
def test_check_when_a_hosted_provider_has_no_credential_then_warns() -> None:
    provider("a", "openai")
    provider("b", "openai", api_base="http://127.0.0.1:1/v1")
    provider("c", "dummy")
    assert check() == ["catalog.W005"]


@pytest.mark.django_db
def test_check_when_there_is_no_key_ring_then_warns(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "none.key"
    assert check() == ["catalog.W001"]


@pytest.mark.django_db
def test_check_when_key_file_is_open_to_others_then_warns(settings: Settings, tmp_path: Path) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = []
    path = settings.GATEWAY_ENCRYPTION_KEY_FILE = tmp_path / "encryption.key"
    encryption.ensure_key_file()
    assert check() == []
    path.chmod(0o640)
    assert check() == ["catalog.W002"]


@pytest.mark.django_db
def test_check_when_a_key_is_bad_then_is_an_error_in_every_command(settings: Settings) -> None:
    settings.GATEWAY_ENCRYPTION_KEYS = ["bad"]
    assert check() == ["catalog.E001"]
    assert [found.id for found in checks.run_checks(tags=["catalog"])] == ["catalog.E001"]


@pytest.mark.django_db
def test_other_commands_when_rows_are_broken_then_run() -> None:
    model("empty")
    assert checks.run_checks(tags=["catalog"], databases=["default"]) == []


@pytest.mark.django_db(transaction=True)
def test_check_when_a_table_has_another_form_then_warns() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE models_catalog_route RENAME COLUMN upstream_model TO upstream_model_old")
    try:
        assert check() == ["catalog.W003"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE models_catalog_route RENAME COLUMN upstream_model_old TO upstream_model")


def test_check_when_database_file_is_missing_then_says_nothing_and_makes_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite alone is a file")
    path = tmp_path / "absent.sqlite3"
    monkeypatch.setitem(connection.settings_dict, "NAME", str(path))
    assert check() == []
    assert not path.exists()


def test_check_when_tag_is_unknown_then_fails_as_djangos() -> None:
    with pytest.raises(CommandError, match="no system check"):
        call_command("check", "--tag", "unknown")


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [Limit, Budget], ids=["limit", "budget"])
def test_rule_when_it_is_damaged_then_told_under_an_id_of_its_own(kind: type[Limit | Budget]) -> None:
    row = kind.objects.create(tenant=Tenant.objects.create(name="acme"), amount=5)
    kind.objects.filter(pk=row.pk).update(each="nobody")
    assert sorted(check()) == [PROBLEM_IDS[str(kind._meta.verbose_name)]]
