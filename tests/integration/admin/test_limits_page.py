"""Can an operator say how fast a subject may ask, on its own page or on that of limits, and are mistakes shown?"""

from __future__ import annotations

import pytest

from models_catalog import keys
from models_catalog.models import ClientKey, Limit, ModelDefinition, Project, Tenant
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, errors

ADD = "/admin/models_catalog/limit/add/"
NEW = {"counted": "requests", "amount": "60", "per": "minute", "algorithm": "sliding_window", "enabled": "on", "each": ""}


def inline(**values: str) -> dict[str, str]:
    """What a browser sends for a limit that was added to the page of its subject."""
    return {"limits-TOTAL_FORMS": "1", **{f"limits-0-{name}": value for name, value in {**NEW, **values}.items()}}


def test_limit_when_added_for_a_project_then_it_is_kept_and_listed(pages: Pages) -> None:
    project = Project.objects.create(name="app", tenant=Tenant.objects.create(name="acme"))
    pages.save(ADD, {**NEW, "project": str(project.pk), "each": "key"})
    row = Limit.objects.get()
    assert (row.scope, row.amount, row.each) == (("project", str(project.pk)), 60, "key")
    assert "60 requests a minute" in pages.open(address(Limit)).content.decode()


def test_limit_when_two_subjects_are_given_then_the_form_says_so(pages: Pages, catalog: Catalog) -> None:
    tenant = Tenant.objects.create(name="acme")
    refused = pages.send(ADD, {**NEW, "tenant": str(tenant.pk), "model": str(catalog.model("gpt", catalog.provider("a")).pk)})
    assert "exactly one" in str(errors(refused))
    assert not Limit.objects.exists()


@pytest.mark.parametrize("amount", ["0", "-1", "9" * 30, "many"], ids=["zero", "negative", "huge", "text"])
def test_limit_when_the_amount_is_none_then_the_form_says_so(pages: Pages, amount: str) -> None:
    tenant = Tenant.objects.create(name="acme")
    assert "amount" in errors(pages.send(ADD, {**NEW, "tenant": str(tenant.pk), "amount": amount}))
    assert not Limit.objects.exists()


def test_limit_when_added_on_the_page_of_a_model_then_it_is_the_models(pages: Pages, catalog: Catalog) -> None:
    row = catalog.model("gpt", catalog.provider("a"))
    pages.save(address(ModelDefinition, "change", row), inline(each="key"))
    assert (Limit.objects.get().model, Limit.objects.get().each) == (row, "key")


def test_limit_when_added_on_the_page_of_a_key_then_it_is_the_keys(pages: Pages) -> None:
    row, _ = keys.create_client_key("app")
    pages.save(address(ClientKey, "change", row), inline(counted="tokens", amount="1000"))
    assert str(Limit.objects.get(client_key=row)) == "1000 tokens a minute"
