"""Is every change and every sign-in in the audit log, without secrets, and is tampering found?"""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.test import Client

from models_catalog import keys
from models_catalog.audit.actor import Actor, Source, acting
from models_catalog.audit.chain import digest_of
from models_catalog.audit.verify import verify
from models_catalog.change_sets.objects import text_of
from models_catalog.changes.state import load
from models_catalog.config.importing import import_text
from models_catalog.models import AccessGroup, AuditEntry, AuditHead, ClientKey, Credential, ModelDefinition, Provider
from providers.types import Secret
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address

FILE = """
[models.gpt]
routing = ["demo"]
[models.gpt.providers.demo]
type = "dummy"
"""


@pytest.fixture(autouse=True)
def _empty_log(db: None) -> None:
    """A test that empties the whole database has the roles made anew, which is in the log of those after it."""
    AuditEntry.objects.all().delete()
    AuditHead.objects.all().delete()


def entries(**chosen: Any) -> list[AuditEntry]:
    return list(AuditEntry.objects.filter(**chosen).order_by("number"))


def last() -> AuditEntry:
    return AuditEntry.objects.latest("number")


def test_change_when_made_on_a_page_then_its_entry_says_who_and_what(pages: Pages, catalog: Catalog) -> None:
    row = catalog.provider("demo")
    pages.save(address(Provider, "change", row), {"name": "renamed"})
    entry = last()
    assert (entry.actor, entry.source, entry.address, entry.action) == ("operator", "admin", "127.0.0.1", "changed")
    assert (entry.kind, entry.object_id, entry.changed) == ("models_catalog.provider", str(row.pk), {"name": ["demo", "renamed"]})


def test_change_when_nothing_differs_then_there_is_no_entry(catalog: Catalog) -> None:
    row, count = catalog.provider("demo"), AuditEntry.objects.count()
    row.save()
    assert AuditEntry.objects.count() == count


def test_secrets_when_changed_then_only_that_is_told(catalog: Catalog) -> None:
    row = catalog.credential()
    row.set_secret(Secret(SECRET + "2"))
    row.save()
    assert last().changed["secret"] == ["(set)", "(changed)"]
    provider = catalog.provider("demo", extra_headers={"x-team": SECRET})
    provider.extra_headers = {"x-team": SECRET + "3"}
    provider.save()
    assert last().changed == {"extra_headers": ["(set)", "(changed)"]}
    key_row, key = keys.create_client_key("app")
    User.objects.create_user("someone", password=SECRET)
    written = "".join(entry.changes for entry in entries())
    assert not any(secret in written for secret in (SECRET, key, key_row.key_hash, "md5$"))


def test_links_when_changed_then_the_names_are_told(catalog: Catalog) -> None:
    model, user = catalog.model("gpt", catalog.provider("a")), User.objects.create_user("someone")
    group = AccessGroup.objects.create(name="all")
    group.models.set([model])
    assert last().changed == {"models": [[], ["gpt"]]}
    user.groups.set([Group.objects.get(name="Viewer")])
    assert (last().name, last().changed) == ("someone", {"groups": [[], ["Viewer"]]})
    user.groups.clear()
    assert last().changed == {"groups": [["Viewer"], []]}


def test_routes_when_changed_then_their_entries_belong_to_the_model(catalog: Catalog) -> None:
    model = catalog.model("gpt", catalog.provider("a"))
    route = model.routes.get()
    entry = entries(kind="models_catalog.route")[-1]
    assert (entry.parent_kind, entry.parent_id) == ("models_catalog.modeldefinition", str(model.pk))
    assert entry.changed["provider"] == [None, {"id": route.provider_id, "name": "a"}]


def test_queries_when_they_write_few_rows_then_each_has_an_entry(catalog: Catalog) -> None:
    for name in ("a", "b"):
        catalog.provider(name)
    Provider.objects.filter(name__in=["a", "b"]).update(enabled=False)
    assert [(entry.name, entry.changed) for entry in entries()[-2:]] == [
        ("a", {"enabled": [True, False]}),
        ("b", {"enabled": [True, False]}),
    ]
    Provider.objects.all().delete()
    assert [entry.action for entry in entries()[-2:]] == ["deleted", "deleted"]


def test_queries_when_they_write_many_rows_then_there_is_one_entry() -> None:
    ClientKey.objects.bulk_create([ClientKey(name=f"key {number}", key_hash=f"{number:064}") for number in range(300)])
    assert (last().action, last().name) == ("bulk", "300 client keys")
    ClientKey.objects.update(enabled=False)
    assert last().changed["columns"] == [None, ["enabled"]]
    count = AuditEntry.objects.count()
    ClientKey.objects.update(last_used_at="2026-11-30T00:00:00Z")
    assert AuditEntry.objects.count() == count


def test_import_when_made_by_a_command_then_its_name_is_told() -> None:
    with acting(Actor("import_config (root)", Source.COMMAND)):
        import_text(FILE)
    assert {entry.kind.partition(".")[2] for entry in entries()} == {"provider", "modeldefinition", "route"}
    assert {(entry.actor, entry.source) for entry in entries()} == {("import_config (root)", "command")}


def test_transaction_when_it_is_rolled_back_then_no_entry_stays(catalog: Catalog) -> None:
    catalog.provider("a")
    with pytest.raises(RuntimeError, match="no"):
        _failing_import()
    assert not entries(name="gpt")
    assert verify().fault == ""


def _failing_import() -> None:
    with transaction.atomic():
        import_text(FILE)
        raise RuntimeError("no")


# Sign-ins


def test_sign_ins_when_they_succeed_fail_and_end_then_each_has_an_entry(client: Client) -> None:
    User.objects.create_superuser("operator", password="right-one")
    for password in ("wrong-one", "right-one"):
        client.post("/admin/login/", {"username": "operator", "password": password})
    client.post("/admin/logout/")
    told = [(entry.action, entry.name, entry.address) for entry in entries(kind="auth.user") if entry.action != "added"]
    assert told == [(action, "operator", "127.0.0.1") for action in ("failed", "signed_in", "signed_out")]
    assert "wrong-one" not in "".join(entry.changes + entry.name for entry in entries())


def test_sign_ins_when_somebody_is_locked_out_then_that_is_told_once(client: Client) -> None:
    for _ in range(9):
        client.post("/admin/login/", {"username": "nobody", "password": "wrong"})
    assert [entry.action for entry in entries()] == ["failed"] * 4 + ["locked"]


# The chain


def break_by(fault: str) -> None:
    third = AuditEntry.objects.get(number=3)
    if fault == "change":
        AuditEntry.objects.filter(number=3).update(actor="somebody else")
    elif fault == "value":
        AuditEntry.objects.filter(number=3).update(changes=third.changes.replace("c", "x"))
    elif fault == "delete":
        AuditEntry.objects.filter(number=3).delete()
    elif fault == "cut":
        AuditEntry.objects.filter(number__gt=2).delete()
    elif fault == "append":
        false = AuditEntry.objects.latest("number")
        before, false.number = false.digest, false.number + 1
        false.digest = digest_of(before, false)
        false.save(force_insert=True)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("change", "entry 3 was changed"),
        ("value", "entry 3 was changed"),
        ("delete", "entry 3 is missing"),
        ("cut", "entry 3 is missing"),
        ("append", "entry 6 was not appended"),
    ],
)
def test_verify_when_the_log_was_tampered_with_then_the_first_broken_entry_is_named(
    catalog: Catalog, fault: str, said: str
) -> None:
    for name in "abcde":
        catalog.provider(name)
    call_command("verify_audit", stdout=(out := StringIO()))
    assert out.getvalue() == f"5 entries, the chain is whole\nhead: {verify().head}\n"
    break_by(fault)
    with pytest.raises(CommandError, match=said):
        call_command("verify_audit")


def test_verify_when_the_end_was_cut_off_with_the_head_then_a_kept_head_finds_it(catalog: Catalog) -> None:
    for name in "abcde":
        catalog.provider(name)
    kept = verify().head
    AuditEntry.objects.filter(number__gt=4).delete()
    AuditHead.objects.update(number=4, digest=AuditEntry.objects.get(number=4).digest)
    call_command("verify_audit", stdout=StringIO())
    with pytest.raises(CommandError, match="entry 5 is missing"):
        call_command("verify_audit", head=kept)
    with pytest.raises(CommandError, match="64 hexadecimal digits"):
        call_command("verify_audit", head="5:x")


def test_names_when_they_are_odd_then_they_are_kept_and_the_chain_is_whole() -> None:
    for name in ("\ud800", "é" * 190, "ключ"):
        Credential.objects.create(name=name.encode("utf-8", "replace").decode(), source="env", location="X_API_KEY")
    Provider.objects.create(name="odd", type="dummy", extra_body={"a": [1.5, None, "é\u2028"]})
    assert verify().fault == ""


def test_page_when_opened_then_entries_are_told_and_nothing_can_be_changed(pages: Pages, catalog: Catalog) -> None:
    row = catalog.provider("demo")
    pages.save(address(Provider, "change", row), {"name": "renamed"})
    assert "name: demo → renamed" in pages.open(address(AuditEntry)).content.decode()
    text = pages.open(address(AuditEntry, "change", last())).content.decode()
    assert "<del>demo</del>" in text
    assert 'name="_save"' not in text
    pages.open(f"{address(AuditEntry)}{'9' * 30}/change/", status=404)
    pages.open(address(AuditEntry, "add"), status=403)


# Versions of a row


def test_versions_when_one_is_gone_back_to_then_the_row_and_its_routes_are_what_they_were(pages: Pages, catalog: Catalog) -> None:
    model = catalog.model("gpt", catalog.provider("a"), catalog.provider("b"), description="first")
    number = last().number
    before = text_of(load(), "model", "gpt")
    page = address(ModelDefinition, "change", model)
    removed = {"routes-0-DELETE": "on", "description": "second", "input_price": "2.5"}
    pages.save(page, removed)
    ModelDefinition.objects.filter(pk=model.pk).update(num_retries=7, description="third")
    assert text_of(load(), "model", "gpt") != before
    history = address(ModelDefinition, "history", model)
    assert "Deleted" in pages.open(history).content.decode()
    assert pages.client.post(history, {"number": str(number)}).status_code == 302
    assert text_of(load(), "model", "gpt") == before
    assert verify().fault == ""


def test_versions_when_what_is_needed_is_gone_then_nothing_changes_and_the_page_says_why(pages: Pages, catalog: Catalog) -> None:
    model, spare = catalog.model("gpt", catalog.provider("a"), catalog.provider("b")), Provider.objects.get(name="b")
    number = last().number
    model.routes.get(provider=spare).delete()
    spare.delete()
    history = address(ModelDefinition, "history", model)
    assert "needs the provider b, which is gone" in pages.client.post(history, {"number": str(number)}).content.decode()
    assert model.routes.count() == 1
    for wrong in ("9" * 30, "x", "1"):
        assert "no such version" in pages.client.post(history, {"number": wrong}).content.decode()


def test_versions_when_the_account_may_only_look_then_there_is_no_way_back(client: Client, catalog: Catalog) -> None:
    row = catalog.provider("a")
    Provider.objects.update(enabled=False)
    user = User.objects.create_user("viewer", is_staff=True)
    user.groups.set([Group.objects.get(name="Viewer")])
    client.force_login(user)
    history = address(Provider, "history", row)
    assert "Go back" not in client.get(history).content.decode()
    assert client.post(history, {"number": "1"}).status_code == 403
