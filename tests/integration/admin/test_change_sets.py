"""Can changes of the catalog be drafted, checked, approved, applied together, and rolled back?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from models_catalog import keys
from models_catalog.audit.actor import Actor, Source, acting
from models_catalog.change_sets import sets
from models_catalog.change_sets.objects import CannotChange, text_of
from models_catalog.changes.state import load
from models_catalog.models import AuditEntry, ChangeSet, ModelDefinition, Provider
from openai_api.database.change_check import check
from openai_api.models import UsageRecord
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address

NO_TOKENS = dict.fromkeys(("input_tokens", "output_tokens"))
ALICE, BOB = Actor("alice", Source.ADMIN), Actor("bob", Source.ADMIN)


@pytest.fixture
def gpt(catalog: Catalog) -> ModelDefinition:
    provider = catalog.provider("openai", type="openai", credential=catalog.credential(), extra_headers={"x-team": SECRET})
    return catalog.model("gpt", provider, catalog.provider("spare"), input_price=Decimal(1), output_price=Decimal(2))


def text(kind: str, name: str) -> str:
    return text_of(load(), kind, name)


def drafted(old: str, new: str, kind: str = "model", name: str = "gpt") -> ChangeSet:
    with acting(ALICE):
        return sets.draft("A change", text=text(kind, name).replace(old, new))


def test_object_when_it_is_a_text_then_reading_it_changes_nothing_and_no_secret_is_in_it(gpt: ModelDefinition) -> None:
    for kind, name in (("model", "gpt"), ("provider", "openai")):
        assert SECRET not in text(kind, name)
        assert not sets.draft("nothing", text=text(kind, name)).items.exists()


def test_draft_when_applied_then_all_of_it_is_there_and_rolled_back_again(gpt: ModelDefinition) -> None:
    row = drafted('routing = ["openai", "spare"]', 'routing = ["spare", "openai"]')
    row = sets.edit(row, text("provider", "spare") + 'api_base = "https://example.com/v1"\n')
    assert [str(change) for change in sets.difference(row)] == [
        "~ provider spare: api_base (none) → https://example.com/v1",
        "~ model gpt: routing [openai, spare] → [spare, openai]",
    ]
    assert [route.name for route in gpt.routes.order_by("position")] == ["openai", "spare"]
    with acting(ALICE):
        row = sets.apply(row)
    assert [route.name for route in gpt.routes.order_by("position")] == ["spare", "openai"]
    assert (row.state, row.applied_by, row.revision > 0) == ("applied", "alice", True)
    assert AuditEntry.objects.filter(kind="models_catalog.route", actor="alice", revision=row.revision).exists()
    assert sets.roll_back(row).state == "rolled_back"
    assert [route.name for route in gpt.routes.order_by("position")] == ["openai", "spare"]
    assert Provider.objects.get(name="spare").api_base == ""
    assert Provider.objects.get(name="openai").headers()["x-team"].reveal() == SECRET


def test_draft_when_it_removes_what_is_in_use_then_refused(gpt: ModelDefinition) -> None:
    with pytest.raises(CannotChange, match="needs the provider 'spare'"):
        sets.draft("away", removed=[("provider", "spare")])
    row = sets.draft("away", removed=[("model", "gpt")])
    sets.apply(row)
    assert not ModelDefinition.objects.exists()
    sets.roll_back(row)
    assert ModelDefinition.objects.get(name="gpt").routes.count() == 2


def test_draft_when_it_holds_a_secret_then_refused(gpt: ModelDefinition) -> None:
    with pytest.raises(CannotChange, match="values of headers are secrets"):
        drafted('"stored::openai"', '"sk-plain"', "provider", "openai")
    with pytest.raises(CannotChange, match="client keys are no part"):
        sets.draft("keys", text="[api_keys]\nsk-0123456789abcdefghijklmnop = {}\n")
    assert not ChangeSet.objects.exists()


def test_draft_when_the_object_has_changed_meanwhile_then_it_must_be_rebased(gpt: ModelDefinition) -> None:
    row = drafted("routing = [", 'description = "new"\nrouting = [')
    ModelDefinition.objects.filter(name="gpt").update(num_retries=7)
    assert [edit.key for edit in sets.conflicts_of(row)] == [("model", "gpt")]
    with pytest.raises(sets.Conflict, match="model gpt"):
        sets.apply(row)
    sets.apply(sets.rebase(row))
    assert ModelDefinition.objects.get(name="gpt").num_retries != 7


def test_roll_back_when_the_object_has_changed_since_then_refused(gpt: ModelDefinition) -> None:
    row = sets.apply(drafted("routing = [", 'description = "new"\nrouting = ['))
    ModelDefinition.objects.filter(name="gpt").update(num_retries=7)
    with pytest.raises(sets.Conflict):
        sets.roll_back(row)


def test_approval_when_it_is_needed_then_a_second_person_gives_it(gpt: ModelDefinition, settings: Settings) -> None:
    settings.GATEWAY_CHANGES_NEED_APPROVAL = True
    row = drafted("routing = [", 'description = "new"\nrouting = [')
    with pytest.raises(sets.Refused, match="second person"):
        sets.apply(row)
    with acting(ALICE), pytest.raises(sets.Refused, match="second person"):
        sets.approve(row)
    with acting(BOB):
        sets.approve(row)
        row = sets.edit(row, text("provider", "spare") + 'api_base = "https://example.com/v1"\n')
        assert (row.state, row.approved_by) == ("draft", "")
        with pytest.raises(sets.Refused):
            sets.approve(row)


def test_time_when_it_has_come_then_the_change_set_is_applied_once(gpt: ModelDefinition) -> None:
    row = drafted("routing = [", 'description = "new"\nrouting = [')
    with pytest.raises(sets.Refused, match="over already"):
        sets.schedule(row, datetime(2020, 1, 1, tzinfo=UTC))
    sets.schedule(row, timezone.now() + timedelta(hours=1))
    assert sets.apply_due() == 0
    ChangeSet.objects.update(apply_at=timezone.now())
    assert (sets.apply_due(), sets.apply_due()) == (1, 0)
    assert ModelDefinition.objects.get(name="gpt").description == "new"


def test_time_when_it_cannot_be_applied_then_it_is_a_draft_again_and_says_why(gpt: ModelDefinition) -> None:
    row = sets.schedule(drafted("routing = [", 'description = "new"\nrouting = ['), timezone.now() + timedelta(hours=1))
    ModelDefinition.objects.filter(name="gpt").update(num_retries=7)
    ChangeSet.objects.update(apply_at=timezone.now())
    sets.apply_due()
    row.refresh_from_db()
    assert (row.state, "model gpt" in row.fault) == ("draft", True)


def asked(model: str, count: int, **fields: Any) -> None:
    times: Any = {"started_at": timezone.now(), "upstream_ms": 1, "total_ms": 1, "method": "POST", "status": 200}
    used = {"input_tokens": 1_000_000, "output_tokens": 0, **fields}
    for number in range(count):
        named = {"request_id": f"r{number}", "model": model, "path": "/v1/chat/completions"}
        UsageRecord.objects.create(**{**named, **times, **used})


@pytest.mark.parametrize(
    ("rates", "used", "now", "then"),
    [
        ({"input": 4, "output": 4}, {"service_tier": "priority"}, Decimal(2), 8),
        ({"image": 0.04}, {"path": "/v1/images/generations", "units": '{"image": 2}', **NO_TOKENS}, None, "0.16"),
        (
            {"audio_second": 0.5},
            {"path": "/v1/audio/transcriptions", "units": '{"audio_second": 3}', **NO_TOKENS},
            None,
            3,
        ),
        ({"request": 0.25, "input": 1, "output": 1}, {}, Decimal(2), "2.5"),
        ({"input": 4, "output": 4}, {"cache": "hit"}, None, None),
    ],
)
def test_check_when_a_price_is_of_a_tier_or_a_unit_then_costs_are_those(
    gpt: ModelDefinition, rates: dict[str, float], used: dict[str, Any], now: Any, then: Any
) -> None:
    able = ["chat", "image_generation", "audio_transcription"]
    ModelDefinition.objects.filter(name="gpt").update(capabilities=able)
    if used.get("units"):
        ModelDefinition.objects.filter(name="gpt").update(input_price=None, output_price=None)
    asked("gpt", 2, **used)
    with acting(ALICE):
        row = sets.draft("dearer", text=f"{text('model', 'gpt')}\n[[models.gpt.prices]]\n{price(rates, used)}")
    report = check(row)
    found = [(one.before_usd, one.after_usd) for one in (*report.dearer, *report.cheaper)]
    assert found == ([] if then is None else [(now, Decimal(then))])


def price(rates: dict[str, float], used: dict[str, Any]) -> str:
    tier = f'service_tier = "{used["service_tier"]}"\n' if "service_tier" in used else ""
    return tier + "\n".join(f"{name} = {rate}" for name, rate in rates.items()) + "\n"


def test_check_when_requests_would_fail_or_cost_more_then_it_says_so(gpt: ModelDefinition, catalog: Catalog) -> None:
    catalog.model("other", Provider.objects.get(name="spare"))
    key, _ = keys.create_client_key("app")
    asked("gpt", 3, client_id=str(key.pk))
    asked("other", 2)
    asked("other", 5, test=True)
    row = drafted("input_cost = 1", "input_cost = 4")
    report = check(sets.edit(row, removed=[("model", "other")]))
    assert (report.looked_at, ModelDefinition.objects.count()) == (5, 2)
    assert [(one.model, one.requests, one.fault) for one in report.failing] == [
        ("other", 2, "there is no model 'other' in service")
    ]
    assert [(one.model, one.requests, one.keys, one.before_usd, one.after_usd) for one in report.dearer] == [
        ("gpt", 3, 1, Decimal(3), Decimal(12))
    ]


# Pages


def test_pages_when_a_change_set_is_drafted_checked_applied_and_rolled_back(pages: Pages, gpt: ModelDefinition) -> None:
    pages.open(address(ChangeSet))
    pages.open(address(ChangeSet, "add"))
    assert pages.client.post(address(ChangeSet, "add"), {"title": "Change"}).status_code == 302
    row = ChangeSet.objects.get()
    url = address(ChangeSet, "change", row)
    assert "routing = [" in pages.open(f"{url}?object=model/gpt").content.decode()
    wrong = pages.client.post(url, {"do": "edit", "text": "[models.gpt]\nrouting = 1"})
    assert "models.gpt.routing" in wrong.content.decode()
    new = text("model", "gpt").replace("routing = [", 'description = "new"\nrouting = [')
    assert pages.client.post(url, {"do": "edit", "text": new}).status_code == 302
    assert "description" in pages.open(url).content.decode()
    assert "Checked against 0" in pages.client.post(url, {"do": "check"}).content.decode()
    for action in ("apply", "roll_back"):
        assert pages.client.post(url, {"do": action}).status_code == 302
    assert ChangeSet.objects.get().state == "rolled_back"
    assert (ChangeSet.objects.get().author, ChangeSet.objects.get().applied_by) == ("operator", "operator")
    assert pages.client.post(url, {"do": "nonsense"}).status_code == 403


def test_pages_when_the_account_may_not_change_models_then_it_cannot_apply(client: Client, gpt: ModelDefinition) -> None:
    row = drafted("routing = [", 'description = "new"\nrouting = [')
    user = User.objects.create_user("drafter", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__endswith="changeset").exclude(codename__startswith="approve"))
    client.force_login(user)
    url = address(ChangeSet, "change", row)
    assert 'value="apply"' not in client.get(url).content.decode()
    assert [client.post(url, {"do": action}).status_code for action in ("apply", "approve", "discard")] == [403, 403, 302]


def test_file_when_uploaded_then_entries_are_chosen_and_the_catalog_can_be_downloaded(pages: Pages, gpt: ModelDefinition) -> None:
    params = "litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}"
    yaml = f"model_list:\n  - model_name: one\n    {params}\n  - model_name: two\n    {params}\n"
    send = {"title": "Import", "file": SimpleUploadedFile("config.yaml", yaml.encode())}
    assert pages.client.post(address(ChangeSet, "add"), send).status_code == 302
    url = address(ChangeSet, "change", ChangeSet.objects.get())
    for values in ({"do": "leave_out", "object": "model/two"}, {"do": "apply"}):
        assert pages.client.post(url, values).status_code == 302
    assert sorted(ModelDefinition.objects.values_list("name", flat=True)) == ["gpt", "one"]
    exported = pages.open(f"{address(ChangeSet)}export/")
    assert "[models.one]" in exported.content.decode()
    assert SECRET not in exported.content.decode()
    wrong = {"title": "Import", "file": SimpleUploadedFile("config.toml", b"[models.x]\nrouting = 1")}
    assert "models.x.routing" in pages.client.post(address(ChangeSet, "add"), wrong).content.decode()
    secret = yaml.replace("os.environ/OPENAI_API_KEY", SECRET)
    refused = pages.client.post(address(ChangeSet, "add"), {"title": "x", "file": SimpleUploadedFile("c.yaml", secret.encode())})
    assert "no part of a change set" in refused.content.decode()
    assert SECRET not in refused.content.decode()
