"""Can an operator edit a provider, and are mistakes shown where they were made?"""

from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from models_catalog.credentials import reveal
from models_catalog.models import Credential, Provider
from models_catalog.secrets import encryption
from models_catalog.secrets.fields import plain_headers
from providers.registry import provider_types
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address, errors

ADD = "/admin/models_catalog/provider/add/"


def change(row: Provider) -> str:
    return address(Provider, "change", row)


def test_types_when_the_form_is_opened_then_all_registered_ones_are_offered_and_none_is_chosen(pages: Pages) -> None:
    form = pages.open(ADD).context["adminform"].form
    assert [name for name, _ in form.fields["type"].choices] == ["", *(known.name for known in provider_types())]
    assert not form["type"].value()


def test_provider_when_added_with_everything_then_stored(pages: Pages, catalog: Catalog) -> None:
    credential = catalog.credential()
    values = {
        "name": "azure",
        "type": "azure_openai",
        "api_base": "https://eu.example.com",
        "credential": str(credential.pk),
        "extra_headers": '{"x-team": "platform"}',
        "extra_body": '{"user": "gateway"}',
        "options": '{"deployment_id": "gpt"}',
    }
    pages.save(ADD, values)
    row = Provider.objects.get()
    assert (plain_headers(row.headers()), row.extra_body, row.options) == (
        {"x-team": "platform"},
        {"user": "gateway"},
        {"deployment_id": "gpt"},
    )
    assert (row.credential, row.enabled) == (credential, True)


URI = "https://res.openai.azure.com/openai/deployments/{}/chat/completions?api-version=2025-01-01-preview"


def test_target_uri_when_pasted_is_taken_apart_and_a_later_one_replaces_it(pages: Pages) -> None:
    pages.save(ADD, {"name": "azure", "type": "azure_openai", "api_base": f" {URI.format('eu-4o')} "})
    row = Provider.objects.get()
    assert row.api_base == "https://res.openai.azure.com/openai"
    assert row.options == {"deployment_id": "eu-4o", "api_version": "2025-01-01-preview"}
    pages.save(change(row), {"api_base": URI.format("us-4o")})
    row.refresh_from_db()
    assert row.options == {"deployment_id": "us-4o", "api_version": "2025-01-01-preview"}


def test_address_of_an_endpoint_when_pasted_is_stored_as_the_base(pages: Pages) -> None:
    pages.save(ADD, {"name": "own", "type": "vllm", "api_base": "https://h.example/v1/chat/completions?team=a"})
    assert Provider.objects.get().api_base == "https://h.example/v1?team=a"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("type", "unheard_of"),
        ("api_base", "ftp://host/v1"),
        ("api_base", "http://user:password@host/v1"),
        ("api_base", "https://"),
        ("extra_headers", '{"host": "x"}'),
        ("extra_headers", '{"accept-encoding": "gzip"}'),
        ("extra_headers", '{"x-a": 1}'),
        ("extra_headers", '{"x-a": "b\\r\\nx-c: d"}'),
        ("extra_headers", "[]x"),
        ("extra_body", '["a"]'),
        ("options", '{"flavour": "new"}'),
        ("credential", "00000000-0000-0000-0000-000000000000"),
    ],
)
def test_field_when_its_value_is_bad_then_it_is_blamed(pages: Pages, field: str, value: str) -> None:
    response = pages.send(ADD, {"name": "it", "type": "openai", field: value})
    assert list(errors(response)) == [field]
    assert not Provider.objects.exists()


def test_provider_when_its_type_has_no_address_then_one_is_asked_for(pages: Pages) -> None:
    response = pages.send(ADD, {"name": "it", "type": "openai_compatible"})
    assert list(errors(response)) == ["api_base"]


def test_objects_when_emptied_then_stored_as_empty_objects(pages: Pages, catalog: Catalog) -> None:
    row = catalog.provider("it", extra_headers={"x-a": "b"}, extra_body={"a": 1})
    pages.save(change(row), {"extra_headers": "", "extra_body": "{}"})
    row.refresh_from_db()
    assert (row.headers(), row.extra_headers.stored, row.extra_body) == ({}, "", {})


def test_headers_when_stored_then_their_names_are_shown_and_their_values_kept(pages: Pages, catalog: Catalog) -> None:
    row = catalog.provider("it", extra_headers={"x-team": SECRET, "x-old": "before-0123456789"})
    page = pages.open(change(row))
    assert page.context["adminform"].form["extra_headers"].value() == '{\n  "x-team": "***",\n  "x-old": "***"\n}'
    pages.save(change(row), {"extra_headers": '{"x-team": "***", "x-new": "new-0123456789"}'})
    row.refresh_from_db()
    assert plain_headers(row.headers()) == {"x-team": SECRET, "x-new": "new-0123456789"}
    stored = row.extra_headers
    pages.save(change(row), {"api_base": "https://other.example/v1"})
    row.refresh_from_db()
    assert row.extra_headers == stored


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        (f'{{"x-team": "***", "x-other": "{SECRET}", "x-new": "***"}}', ["x-team", "x-other", "x-new"]),
        (f'{{"x-team": "{SECRET}", "host": "{SECRET}"}}', ["x-team", "host"]),
        (f'{{"x-team": "{SECRET}"', ["x-team"]),
        (f'["{SECRET}"]', ["x-team"]),
    ],
)
def test_headers_when_refused_then_no_value_comes_back(pages: Pages, catalog: Catalog, sent: str, shown: list[str]) -> None:
    row = catalog.provider("it", extra_headers={"x-team": "before-0123456789"})
    response = pages.send(change(row), {"extra_headers": sent})
    assert list(errors(response)) == ["extra_headers"]
    assert json.loads(response.context["adminform"].form["extra_headers"].value()) == dict.fromkeys(shown, "***")
    assert SECRET not in response.content.decode()
    row.refresh_from_db()
    assert plain_headers(row.headers()) == {"x-team": "before-0123456789"}


def test_headers_when_they_do_not_decrypt_then_told_and_kept(pages: Pages, catalog: Catalog, settings: Settings) -> None:
    row = catalog.provider("it", extra_headers={"x-team": SECRET})
    row.refresh_from_db()
    settings.GATEWAY_ENCRYPTION_KEYS = [encryption.new_key()]
    page = pages.open(change(row)).content.decode()
    assert "its headers cannot be decrypted" in page
    pages.save(change(row), {"api_base": "https://other.example/v1"})
    assert Provider.objects.get().extra_headers == row.extra_headers


def test_headers_when_staff_may_only_view_then_the_names_are_shown(client: Client, catalog: Catalog) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_provider"))
    client.force_login(user)
    row = catalog.provider("it", extra_headers={"x-team": SECRET})
    page = Pages(client).open(change(row)).content.decode()
    assert "x-team: set" in page
    assert SECRET not in page


def test_key_when_pasted_with_a_new_provider_then_stored_as_its_credential(pages: Pages) -> None:
    response = pages.save(ADD, {"name": "openai", "type": "openai", "api_key": SECRET})
    credential = Provider.objects.get().credential
    assert credential is not None
    assert (credential.name, reveal(credential).reveal()) == ("openai", SECRET)
    assert SECRET not in pages.client.get(response["Location"]).content.decode()


@pytest.mark.parametrize("also", [{"name": "openai-key"}, {"credential": "it"}])
def test_key_when_pasted_beside_a_credential_then_refused(pages: Pages, catalog: Catalog, also: dict[str, str]) -> None:
    existing = catalog.credential("openai-key")
    values = {"name": "it", "type": "openai", "api_key": SECRET, **also}
    if "credential" in also:
        values["credential"] = str(existing.pk)
    response = pages.send(ADD, values)
    assert list(errors(response)) == ["api_key"]
    assert SECRET not in response.content.decode()
    assert Credential.objects.count() == 1


def test_key_when_sent_by_staff_who_may_add_no_credential_then_ignored(client: Client) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["add_provider", "change_provider", "view_provider"]))
    client.force_login(user)
    staff = Pages(client)
    assert "api_key" not in staff.open(ADD).content.decode()
    staff.save(ADD, {"name": "openai", "type": "openai", "api_key": SECRET})
    assert Provider.objects.get().credential is None
    assert not Credential.objects.exists()


def test_list_when_opened_then_shows_type_key_routes_and_problems(pages: Pages, catalog: Catalog) -> None:
    missing = Credential.objects.create(name="env", source="env", location="NO_SUCH_VARIABLE")
    provider = catalog.provider("together", type="together", credential=missing)
    catalog.provider("keyless", type="openai")
    catalog.model("m", provider)
    text = pages.open(address(Provider)).content.decode()
    for part in (
        "env NO_SUCH_VARIABLE",
        ">missing</span>",
        "Together",
        'class="sb-mark"',
        "This type of provider needs a credential.",
    ):
        assert part in text


def test_page_when_the_provider_is_left_out_then_it_says_why(pages: Pages, catalog: Catalog) -> None:
    missing = Credential.objects.create(name="env", source="env", location="NO_SUCH_VARIABLE")
    provider = catalog.provider("together", type="together", credential=missing)
    catalog.model("m", provider)
    text = pages.open(change(provider)).content.decode()
    assert "Not everything here is in service." in text
    assert "its credential is unusable" in text
    assert "NO_SUCH_VARIABLE is not set" in pages.open(address(Credential, "change", missing)).content.decode()


def test_provider_when_it_has_routes_then_it_cannot_be_deleted(pages: Pages, catalog: Catalog) -> None:
    provider = catalog.provider()
    catalog.model("m", provider)
    pages.client.post(address(Provider, "delete", provider), {"post": "yes"})
    assert Provider.objects.exists()
