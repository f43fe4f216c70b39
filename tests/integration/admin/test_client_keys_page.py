"""Is a client key shown exactly once, and can it be restricted, switched off and revoked?"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.utils import timezone

from models_catalog import keys
from models_catalog.compiler import compile_snapshot
from models_catalog.models import ClientKey
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, errors, posted

ADD = "/admin/models_catalog/clientkey/add/"
KEY = re.compile(r"sk-gw-[0-9A-Za-z]{57}")


def change(row: ClientKey) -> str:
    return address(ClientKey, "change", row)


def key_in(response: Any) -> str:
    """The one key that a page shows."""
    (key,) = set(KEY.findall(response.content.decode()))
    return str(key)


def test_key_when_made_then_the_answer_shows_it_with_snippets_that_use_it(pages: Pages, catalog: Catalog) -> None:
    catalog.model("it's", catalog.provider())
    response = pages.send(ADD, {"name": "Billing"})
    key = key_in(response)
    assert keys.well_formed(key)
    row = ClientKey.objects.get()
    assert (row.key_hash, row.last_four, row.public_id) == (keys.hash_key(key), key[-4:], key[6:14])
    text = response.content.decode()
    assert "export OPENAI_BASE_URL=http://testserver/v1" in text
    assert f"export OPENAI_API_KEY={key}" in text
    assert f"Authorization: Bearer {key}" in text
    assert r"{&quot;model&quot;: &quot;it\u0027s&quot;" in text
    assert "no-store" in response["Cache-Control"]
    assert bytes.fromhex(row.key_hash) in compile_snapshot().clients


def test_key_when_made_then_it_is_nowhere_else(pages: Pages) -> None:
    response = pages.send(ADD, {"name": "Billing"})
    key = key_in(response)
    row = ClientKey.objects.get()
    stored = [
        *map(str, ClientKey.objects.values_list()),
        *map(str, Session.objects.values_list()),
        *map(str, [session.get_decoded() for session in Session.objects.all()]),
        *map(str, LogEntry.objects.values_list()),
        str(response.cookies),
        str(pages.client.cookies),
    ]
    urls = (address(ClientKey), change(row), address(ClientKey, "history", row), "/admin/")
    shown = [pages.open(url).content.decode() for url in urls]
    assert not [text for text in (*stored, *shown) if key in text or key[14:-4] in text]
    assert f"{key[:14]}…{key[-4:]}" in shown[1]


def test_form_when_sent_a_second_time_then_makes_no_second_key(pages: Pages) -> None:
    form = posted(pages.open(ADD)) | {"name": "Billing"}
    assert key_in(pages.client.post(ADD, form))
    again = pages.client.post(ADD, form)
    row = ClientKey.objects.get()
    assert (again.status_code, again["Location"]) == (302, change(row))
    assert "shown only once" in pages.open(change(row)).content.decode()


def test_key_when_restricted_then_only_the_chosen_models_are_allowed(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    allowed = catalog.model("allowed", provider)
    catalog.model("other", provider)
    pages.send(ADD, {"name": "Billing", "allowed_models": [str(allowed.pk)]}, remove=("all_models",))
    client = next(iter(compile_snapshot().clients.values()))
    assert (client.may_use("allowed"), client.may_use("other")) == (True, False)


def test_bodies_when_the_box_is_ticked_then_recorded_and_otherwise_not(pages: Pages) -> None:
    pages.send(ADD, {"name": "Billing"})
    row = ClientKey.objects.get()
    assert not row.record_bodies
    pages.save(change(row), {"record_bodies": "on"})
    assert [client.record_bodies for client in compile_snapshot().clients.values()] == [True]
    assert list(pages.client.get(address(ClientKey), {"record_bodies__exact": "0"}).context["cl"].result_list) == []


@pytest.mark.parametrize(
    ("changes", "remove", "field"),
    [
        ({"name": ""}, (), "name"),
        ({}, ("all_models",), "allowed_models"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "00:00:00"}, (), "expires_at"),
        ({"expires_at_0": "soon", "expires_at_1": "00:00:00"}, (), "expires_at"),
    ],
)
def test_form_when_a_value_is_bad_then_its_field_says_so_and_no_key_is_made(
    pages: Pages, changes: dict[str, str], remove: tuple[str, ...], field: str
) -> None:
    response = pages.send(ADD, {"name": "Billing", **changes}, remove)
    assert list(errors(response)) == [field]
    assert not ClientKey.objects.exists()


def test_key_when_edited_then_its_hash_stays(pages: Pages) -> None:
    row, key = keys.create_client_key("Billing")
    pages.save(change(row), {"name": "Reporting"})
    after = ClientKey.objects.get()
    assert (after.name, after.key_hash) == ("Reporting", keys.hash_key(key))


def test_expired_key_when_renamed_then_its_past_time_is_no_error(pages: Pages) -> None:
    row, _ = keys.create_client_key("Billing", expires_at=timezone.now() - timedelta(days=1))
    pages.save(change(row), {"name": "Old"})
    assert ClientKey.objects.get().name == "Old"


def test_keys_when_disabled_and_enabled_then_they_follow(pages: Pages) -> None:
    row, _ = keys.create_client_key("Billing")
    pages.run(ClientKey, "disable", row)
    assert not compile_snapshot().clients
    pages.run(ClientKey, "enable", row)
    assert len(compile_snapshot().clients) == 1


def test_key_when_revoked_then_for_good(pages: Pages) -> None:
    row, _ = keys.create_client_key("Billing")
    dialog = f"{change(row).removesuffix('change/')}revoke_one/"
    assert "This cannot be undone." in pages.open(dialog).content.decode()
    assert ClientKey.objects.get().revoked_at is None
    assert pages.client.post(dialog, {"_form_submitted": "on"})["HX-Redirect"] == change(row)
    assert ClientKey.objects.get().revoked_at is not None
    pages.run(ClientKey, "enable", row)
    assert not ClientKey.objects.get().enabled
    page = pages.open(change(row)).content.decode()
    assert "Revoked" in page
    assert "revoke_one" not in page
    assert 'name="_save"' not in page
    assert pages.client.post(change(row), {"name": "x", "enabled": "on"}).status_code == 403


def test_key_when_replaced_then_the_new_one_is_shown_once_and_the_old_one_ends(pages: Pages) -> None:
    row, old = keys.create_client_key("Billing")
    page = f"{change(row).removesuffix('change/')}rotate_one/"
    asked = pages.open(page)
    chosen = {"grace_h": "2", "key_id": str(asked.context["form"]["key_id"].value())}
    shown = pages.client.post(page, chosen)
    key = shown.context["key"].reveal()
    assert "no-store" in shown["Cache-Control"]
    assert key in shown.content.decode()
    made = ClientKey.objects.get(pk=chosen["key_id"])
    assert (made.key_hash, made.lineage, made.expires_at) == (keys.hash_key(key), row.pk, None)
    row.refresh_from_db()
    assert row.expires_at is not None
    assert timedelta(hours=1.9) < row.expires_at - timezone.now() <= timedelta(hours=2)
    again = pages.client.post(page, chosen)
    assert (again.status_code, ClientKey.objects.count()) == (302, 2)
    assert all(secret not in entry.change_message for secret in (key, old) for entry in LogEntry.objects.all())


def test_keys_when_revoked_by_action_then_each_has_its_history(pages: Pages) -> None:
    rows = [keys.create_client_key(name)[0] for name in ("a", "b")]
    pages.run(ClientKey, "revoke", *rows)
    assert ClientKey.objects.filter(revoked_at__isnull=False).count() == 2
    assert [entry.get_change_message() for entry in LogEntry.objects.all()] == ["Revoked.", "Revoked."]


def test_list_when_filtered_by_status_then_shows_those_keys(pages: Pages) -> None:
    past = timezone.now() - timedelta(days=1)
    keys.create_client_key("active")
    keys.create_client_key("expired", expires_at=past)
    keys.revoke_client_key(keys.create_client_key("revoked")[0])
    ClientKey.objects.filter(pk=keys.create_client_key("disabled")[0].pk).update(enabled=False)
    for status in ("active", "expired", "revoked", "disabled"):
        response = pages.open(f"{address(ClientKey)}?status={status}")
        assert [row.name for row in response.context["cl"].result_list] == [status]
        assert status.capitalize() in response.content.decode()


def test_expiry_when_only_a_date_is_given_then_the_end_of_that_day(pages: Pages) -> None:
    pages.send(ADD, {"name": "it", "expires_at_0": "2099-02-28", "expires_at_1": ""})
    assert ClientKey.objects.get().expires_at == datetime(2099, 2, 28, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(("date", "time"), [("", "12:00"), ("2099-02-30", ""), ("soon", ""), ("2001-01-01", "")])
def test_expiry_when_it_is_no_day_to_come_then_refused(pages: Pages, date: str, time: str) -> None:
    response = pages.send(ADD, {"name": "it", "expires_at_0": date, "expires_at_1": time})
    assert list(errors(response)) == ["expires_at"]
