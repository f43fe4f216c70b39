"""Does "Save as draft" on the forms of the catalog draft the edit, and apply nothing of it?"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import Settings

from models_catalog.change_sets import sets
from models_catalog.models import AuditEntry, ChangeSet, Credential, Limit, ModelDefinition, Provider, Route
from models_catalog.publish import current_version
from tests.integration.admin.catalog import SECRET, Catalog
from tests.integration.admin.pages import Pages, address, posted
from tests.integration.admin.test_rules_of_subjects import LIMIT, added

BUTTON = "models_catalog_{}_save_as_draft"
MODEL = BUTTON.format("modeldefinition")


@pytest.fixture
def gpt(catalog: Catalog) -> ModelDefinition:
    provider = catalog.provider("openai", type="openai", credential=catalog.credential(), extra_headers={"x-team": SECRET})
    return catalog.model("gpt", provider, catalog.provider("spare"), input_price=Decimal(1), capabilities=["chat"])


def draft(pages: Pages, url: str, button: str, changes: dict[str, Any]) -> Any:
    """What the page says to which the button leads."""
    response = pages.send(url, {**changes, button: "1"})
    assert response.status_code == 302, response.content.decode()[:500]
    return pages.open(response["Location"])


def difference() -> list[str]:
    (row,) = ChangeSet.objects.all()
    return [str(change) for change in sets.difference(row)]


def test_model_when_drafted_then_the_difference_is_shown_and_nothing_is_changed(pages: Pages, gpt: ModelDefinition) -> None:
    page, version, entries = address(ModelDefinition, "change", gpt), current_version(), AuditEntry.objects.count()
    assert "Save as draft" in pages.open(page).content.decode()
    first = Route.objects.get(provider__name="openai")
    moved = {"routes-0-position": "1", "routes-1-position": "0"}
    text = draft(pages, page, MODEL, {"description": "new", "output_price": "3", **moved}).content.decode()
    assert "Drafted, and not applied" in text
    assert "description" in text
    found = " ".join(difference())
    assert all(part in found for part in ("model gpt", "description", "routing [openai, spare] → [spare, openai]"))
    gpt.refresh_from_db()
    first.refresh_from_db()
    assert (gpt.description, gpt.output_price, first.position) == ("", None, 0)
    assert (current_version(), LogEntry.objects.count()) == (version, 0)
    kinds = set(AuditEntry.objects.order_by("number")[entries:].values_list("kind", flat=True))
    assert kinds <= {"models_catalog.changeset", "models_catalog.changeitem"}
    sets.apply(ChangeSet.objects.get())
    gpt.refresh_from_db()
    assert (gpt.description, gpt.output_price) == ("new", Decimal(3))


def test_new_rows_when_drafted_then_there_is_none_until_it_is_applied(pages: Pages, gpt: ModelDefinition) -> None:
    url = address(Provider, "add")
    draft(pages, url, BUTTON.format("provider"), {"name": "own", "type": "dummy"})
    assert not Provider.objects.filter(name="own").exists()
    assert "provider own" in " ".join(difference())
    sets.apply(ChangeSet.objects.get())
    assert Provider.objects.get(name="own").type == "dummy"


def test_draft_when_it_cannot_hold_the_edit_then_says_why_and_nothing_is_kept(pages: Pages, gpt: ModelDefinition) -> None:
    page, provider = address(ModelDefinition, "change", gpt), Provider.objects.get(name="openai")
    own = address(Provider, "change", provider)
    cases: list[tuple[str, str, dict[str, Any], str]] = [
        (page, MODEL, {}, "Nothing would change"),
        (page, MODEL, {"name": "other"}, "cannot give another name"),
        (page, MODEL, {"description": "x", **added("limits", LIMIT)}, "Limits and budgets are no part"),
        (own, BUTTON.format("provider"), {"extra_headers": '{"x-team": "other-canary-value"}'}, "Not drafted."),
        (address(Provider, "add"), BUTTON.format("provider"), {"name": "n", "type": "openai", "api_key": SECRET}, "Not drafted."),
    ]
    for url, button, changes, said in cases:
        text = draft(pages, url, button, changes).content.decode()
        assert said in text, said
        assert "canary" not in text
    refused = pages.send(page, {"name": "", MODEL: "1"})
    assert refused.context["adminform"].form.errors["name"]
    assert not ChangeSet.objects.exists()
    assert not Limit.objects.exists()
    assert Credential.objects.count() == 1
    assert {row.name for row in Provider.objects.all()} == {"openai", "spare"}


def test_account_that_may_only_draft_then_has_the_form_with_that_button_alone(
    client: Client, gpt: ModelDefinition, settings: Settings
) -> None:
    settings.GATEWAY_CHANGES_NEED_APPROVAL = True
    user = User.objects.create_user("author", is_staff=True)
    rights = [f"{verb}_{name}" for verb in ("view", "add", "change") for name in ("modeldefinition", "changeset")]
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    pages, page = Pages(client), address(ModelDefinition, "change", gpt)
    opened = pages.open(page)
    text = opened.content.decode()
    assert MODEL in text
    assert 'name="_save"' not in text
    assert "test_one" not in text
    data = posted(opened) | {"description": "new"}
    assert client.post(page, data).status_code == 403
    assert client.post(page, {**data, MODEL: "1"}).status_code == 302
    gpt.refresh_from_db()
    assert gpt.description == ""
    assert "description" in " ".join(difference())
    pages.run(ModelDefinition, "disable", gpt)
    gpt.refresh_from_db()
    assert gpt.enabled


def test_account_without_the_right_to_draft_then_has_no_button(client: Client, gpt: ModelDefinition) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_modeldefinition", "change_modeldefinition"]))
    client.force_login(user)
    pages, page = Pages(client), address(ModelDefinition, "change", gpt)
    assert MODEL not in pages.open(page).content.decode()
    pages.save(page, {"description": "new", MODEL: "1"})
    gpt.refresh_from_db()
    assert gpt.description == "new"
