"""Can an operator add, order and configure hooks, are mistakes shown at their options, and does no secret come back?"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import msgspec
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from models_catalog import hook_types, keys
from models_catalog.compiler import compile_snapshot
from models_catalog.hook_types import HookType
from models_catalog.models import ClientKey, Hook
from models_catalog.secrets import encryption
from providers.types import Secret
from tests.integration.admin.pages import Pages, address, errors

ADD = "/admin/models_catalog/hook/add/"
SECRET = "hook-canary-8Zt4QpW1xY7b"
WHSEC = "whsec_" + base64.b64encode(b"canary of a webhook 0123456789").decode()


class Options(msgspec.Struct, forbid_unknown_fields=True):
    target: Annotated[str, msgspec.Meta(description="Where to")]
    token: Annotated[Secret | None, msgspec.Meta(description="Who we are")] = None
    headers: dict[str, Secret] = {}
    words: list[str] = []
    rules: list[dict[str, Any]] = []
    modes: list[Literal["b", "a"]] = []
    tries: Annotated[int, msgspec.Meta(description="How often", ge=1, le=9)] = 3
    pause: float = 0.5
    loud: bool = True
    kind: Literal["one", "two"] = "one"
    limit: int | None = None

    def __post_init__(self) -> None:
        if self.target == "nowhere":
            raise ValueError("target: leads nowhere")
        if self.tries == 7 and self.loud:
            raise ValueError("seven tries are not loud")


@pytest.fixture(autouse=True)
def types() -> Iterator[None]:
    """Types of all kinds beside the gateway's own."""
    own = dict(hook_types.hook_types())
    more = {
        "sample": HookType("sample", "Samples things.", Options, "a-package"),
        "bare": HookType("bare", "Has no options."),
        "gate": HookType("gate", "Lets in.", for_all=True),
        "broken": HookType("broken", fault="No module named 'gone'"),
    }
    hook_types.tell(lambda: {**own, **more})
    yield
    hook_types.tell(lambda: own)


def change(row: Hook) -> str:
    return address(Hook, "change", row)


def add(pages: Pages, **values: Any) -> Hook:
    pages.save(f"{ADD}?type=sample", {"name": "it", "option_target": "there", **values})
    return Hook.objects.get(name=values.get("name", "it"))


def test_types_when_a_hook_is_added_then_one_is_chosen_first_and_a_broken_one_cannot_be(pages: Pages) -> None:
    page = pages.open(ADD).content.decode()
    assert 'href="?type=sample"' in page
    assert 'href="?type=webhook"' in page
    assert "Samples things." in page
    assert 'href="?type=broken"' not in page
    assert "No module named" in page
    for url in (f"{ADD}?type=broken", f"{ADD}?type=os.system", f"{ADD}?type="):
        assert "option_" not in pages.open(url).content.decode()


def test_form_when_opened_then_each_option_has_its_field_with_description_and_default(pages: Pages) -> None:
    form = pages.open(f"{ADD}?type=sample").context["adminform"].form
    shown = {name.removeprefix("option_"): type(field).__name__ for name, field in form.fields.items() if "option_" in name}
    assert shown == {
        "target": "CharField",
        "token": "CharField",
        "headers": "SecretHeadersField",
        "words": "LinesField",
        "rules": "JSONValueField",
        "modes": "MultipleChoiceField",
        "tries": "IntegerField",
        "pause": "FloatField",
        "loud": "BooleanField",
        "kind": "ChosenField",
        "limit": "IntegerField",
    }
    assert form.fields["option_tries"].help_text == "How often. Default: 3."
    assert [name for name, _ in form.fields["option_modes"].choices] == ["b", "a"]
    assert (form["option_tries"].value(), form["option_loud"].value()) == (3, True)


def test_options_when_saved_then_those_that_differ_from_defaults_are_stored_and_secrets_apart(pages: Pages) -> None:
    values = {
        "option_token": SECRET,
        "option_headers": f'{{"x-team": "{SECRET}", "x-env": "env::HOME"}}',
        "option_words": "one\n two \n\n",
        "option_rules": '[{"deny": "x"}]',
        "option_modes": ["a"],
        "option_pause": "1",
        "option_limit": "4",
        "model_names": "gpt-*\nother",
    }
    pages.save(f"{ADD}?type=sample", {"name": "it", "option_target": "there", **values}, remove=("option_loud",))
    row = Hook.objects.get()
    assert row.options == {
        "target": "there",
        "headers": {"x-env": "env::HOME"},
        "words": ["one", "two"],
        "rules": [{"deny": "x"}],
        "modes": ["a"],
        "pause": 1.0,
        "limit": 4,
        "loud": False,
    }
    assert {place: secret.reveal() for place, secret in row.kept_secrets().items()} == {"token": SECRET, "headers.x-team": SECRET}
    assert SECRET not in json.dumps(row.options) + row.secrets.stored
    assert (row.type, row.model_names, row.position) == ("sample", ["gpt-*", "other"], 0)
    (entry,) = compile_snapshot().hooks
    assert entry.options["token"] == Secret(SECRET)
    assert (entry.models, entry.keys) == (("gpt-*", "other"), None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("option_tries", "10"),
        ("option_tries", "x"),
        ("option_kind", "three"),
        ("option_rules", "[{"),
        ("option_rules", '{"a": 1}'),
        ("option_headers", '{"x-team": "***"}'),
        ("option_headers", "[1]"),
        ("option_target", ""),
        ("option_target", "nowhere"),
        ("option_token", "env::NO_SUCH_VARIABLE_AT_ALL"),
        ("model_names", "a*b"),
        ("time_limit_s", "0"),
        ("on_fault", "perhaps"),
    ],
)
def test_field_when_its_value_is_bad_then_it_is_blamed_and_nothing_is_stored(pages: Pages, field: str, value: str) -> None:
    response = pages.send(f"{ADD}?type=sample", {"name": "it", "option_target": "there", "option_token": SECRET, field: value})
    assert list(errors(response)) == [field]
    assert SECRET not in response.content.decode()
    assert not Hook.objects.exists()


def test_options_when_they_do_not_go_together_then_the_form_is_blamed(pages: Pages) -> None:
    response = pages.send(f"{ADD}?type=sample", {"name": "it", "option_target": "there", "option_tries": "7"})
    assert errors(response) == {"__all__": ["seven tries are not loud."]}


def test_secret_when_the_row_is_edited_then_kept_replaced_and_removed_as_asked(pages: Pages) -> None:
    row = add(pages, option_token=SECRET, option_headers=f'{{"x-team": "{SECRET}"}}')
    page = pages.open(change(row)).content.decode()
    assert SECRET not in page
    stored = row.secrets.stored
    pages.save(change(row), {"option_tries": "5"})
    row.refresh_from_db()
    assert (row.options["tries"], row.secrets.stored) == (5, stored)
    pages.save(change(row), {"option_token": "another-0123456789", "option_headers": "{}"})
    row.refresh_from_db()
    assert {place: secret.reveal() for place, secret in row.kept_secrets().items()} == {"token": "another-0123456789"}
    pages.save(change(row), {"clear_token": "on"})
    row.refresh_from_db()
    assert row.secrets.stored == ""
    history = " ".join(entry.change_message for entry in LogEntry.objects.all())
    assert SECRET not in history
    assert "another" not in history


def test_secrets_when_they_do_not_decrypt_then_told_and_kept_until_new_ones_come(pages: Pages, settings: Settings) -> None:
    row = add(pages, option_token=SECRET)
    row.refresh_from_db()
    settings.GATEWAY_ENCRYPTION_KEYS = [encryption.new_key()]
    assert "its secrets cannot be decrypted" in pages.open(change(row)).content.decode()
    assert compile_snapshot().hooks == ()
    pages.save(change(row), {"option_tries": "4"})
    assert Hook.objects.get().secrets == row.secrets
    pages.save(change(row), {"option_token": "another-0123456789"})
    assert compile_snapshot().hooks[0].options["token"] == Secret("another-0123456789")


def test_type_when_it_is_gone_then_the_row_is_a_problem_and_its_options_stay(pages: Pages) -> None:
    row = add(pages, option_token=SECRET)
    Hook.objects.filter(pk=row.pk).update(type="gone")
    page = pages.open(change(row)).content.decode()
    assert "unknown type" in page
    assert "token: set" in page
    pages.save(change(row), {"name": "renamed"})
    renamed = Hook.objects.get()
    assert (renamed.name, renamed.options, renamed.secrets) == ("renamed", row.options, row.secrets)
    assert [problem.where for problem in compile_snapshot().problems] == ["hook renamed"]


def test_hook_when_it_authenticates_then_it_is_for_all(pages: Pages) -> None:
    response = pages.send(f"{ADD}?type=gate", {"name": "it", "model_names": "gpt-4"})
    assert list(errors(response)) == ["model_names"]
    pages.save(f"{ADD}?type=gate", {"name": "it"})


def test_client_keys_when_chosen_then_it_runs_for_them_and_for_nobody_when_they_are_gone(pages: Pages) -> None:
    response = pages.send(f"{ADD}?type=bare", {"name": "it"}, remove=("all_client_keys",))
    assert list(errors(response)) == ["client_keys"]
    key, _ = keys.create_client_key("support")
    pages.save(f"{ADD}?type=bare", {"name": "it", "client_keys": [str(key.pk)]}, remove=("all_client_keys",))
    assert compile_snapshot().hooks[0].keys == frozenset({str(key.pk)})
    assert "key support" in pages.open(address(Hook)).content.decode()
    ClientKey.objects.all().delete()
    snapshot = compile_snapshot()
    assert snapshot.hooks == ()
    assert [problem.harmless for problem in snapshot.problems] == [True]


def test_list_when_saved_then_hooks_are_switched_and_put_in_order(pages: Pages) -> None:
    first, second = (add(pages, name=name) for name in ("first", "second"))
    assert [row.position for row in (first, second)] == [0, 1]
    form = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}
    rows = {"form-0-id": first.pk, "form-0-position": "1", "form-0-enabled": "on", "form-1-id": second.pk, "form-1-position": "0"}
    assert pages.client.post(address(Hook), {**form, **rows}).status_code == 302
    assert [(row.name, row.enabled) for row in Hook.objects.all()] == [("second", False), ("first", True)]
    assert [entry.name for entry in compile_snapshot().hooks] == ["first"]
    pages.run(Hook, "enable", second)
    assert [entry.name for entry in compile_snapshot().hooks] == ["second", "first"]


def test_webhook_when_its_secret_is_none_then_the_field_is_blamed(pages: Pages) -> None:
    form = {"name": "it", "option_url": "https://example.com/", "option_secret": "short-canary-secret"}
    response = pages.send(f"{ADD}?type=webhook", form)
    assert list(errors(response)) == ["option_secret"]
    assert "short-canary" not in response.content.decode()
    response = pages.send(f"{ADD}?type=webhook", {**form, "option_secret": WHSEC, "option_url": "ftp://example.com/"})
    assert list(errors(response)) == ["option_url"]
    pages.save(f"{ADD}?type=webhook", {**form, "option_secret": WHSEC})


def test_pages_when_staff_may_only_view_then_nothing_can_be_changed_and_no_secret_is_seen(client: Client, pages: Pages) -> None:
    row = add(pages, option_token=SECRET)
    user = User.objects.create_user("staff", is_staff=True)
    client.force_login(user)
    for url in (address(Hook), ADD, f"{ADD}?type=sample", change(row)):
        assert client.get(url).status_code == 403
    user.user_permissions.set(Permission.objects.filter(codename="view_hook"))
    page = Pages(client).open(change(row)).content.decode()
    assert "token: set" in page
    assert SECRET not in page
    assert 'name="_save"' not in page
    assert "form-0-enabled" not in Pages(client).open(address(Hook)).content.decode()
    assert client.get(f"{ADD}?type=sample").status_code == 403
    assert client.post(change(row), {"name": "mine"}).status_code == 403
    assert client.get(f"{address(Hook)}?secrets__startswith=v1").status_code == 400
