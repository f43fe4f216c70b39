"""Do limits and budgets stand on the pages of what they are of, with what is used of them?"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from models_catalog import keys
from models_catalog.admin.rule_forms import ON_MODELS, SHARED
from models_catalog.bounds import NANO, Period
from models_catalog.models import Budget, ClientKey, Limit, ModelDefinition, Person, Project, Tenant
from openai_api.models import BudgetCounter, UsageRollUp
from openai_api.spending.periods import span_of
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages, address, errors

LIMIT = {"counted": "requests", "amount": "60", "per": "minute", "algorithm": "sliding_window", "enabled": "on", "each": ""}
BUDGET = {"amount": "25", "unit": "usd", "period": "month", "hard": "on", "enabled": "on", "each": ""}


def added(prefix: str, values: dict[str, str], **changed: str) -> dict[str, str]:
    return {f"{prefix}-TOTAL_FORMS": "1", **{f"{prefix}-0-{name}": value for name, value in {**values, **changed}.items()}}


@pytest.fixture
def subjects(catalog: Catalog) -> dict[str, Model]:
    tenant = Tenant.objects.create(name="acme")
    return {
        "tenant": tenant,
        "project": Project.objects.create(name="app", tenant=tenant),
        "person": Person.objects.create(name="Ann", tenant=tenant),
        "client_key": keys.create_client_key("key")[0],
        "model": catalog.model("gpt", catalog.provider()),
    }


@pytest.mark.parametrize("subject", ["tenant", "project", "person", "client_key", "model"])
def test_rules_when_added_on_the_page_of_their_subject_then_kept(pages: Pages, subjects: dict[str, Model], subject: str) -> None:
    row = subjects[subject]
    page = address(type(row), "change", row)
    assert "amount" in str(errors(pages.send(page, added("budgets", BUDGET, amount="0"))))
    pages.save(page, {**added("limits", LIMIT), **added("budgets", BUDGET)})
    assert str(Limit.objects.get(**{subject: row})) == "60 requests a minute"
    assert str(Budget.objects.get(**{subject: row})) == "25 US dollars month"


def test_rules_of_a_model_when_the_operator_is_a_tenant_s_are_not_set(client: Client, subjects: dict[str, Model]) -> None:
    user = User.objects.create_user("operator", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="models_catalog"))
    tenant = subjects["tenant"]
    assert isinstance(tenant, Tenant)
    tenant.operators.add(user)
    client.force_login(user)
    pages, page = Pages(client), address(ModelDefinition, "change", subjects["model"])
    assert ON_MODELS in pages.open(page).content.decode()
    pages.save(
        page, {**added("limits", LIMIT), "limits-INITIAL_FORMS": "0", **added("budgets", BUDGET), "budgets-INITIAL_FORMS": "0"}
    )
    told = pages.send(address(Limit, "add"), {**LIMIT, "model": str(subjects["model"].pk)})
    assert errors(told)["model"] == [SHARED]
    told = pages.send(address(Budget, "add"), {**BUDGET, "model": str(subjects["model"].pk)})
    assert errors(told)["model"] == [SHARED]
    assert not Limit.objects.exists()
    assert not Budget.objects.exists()
    pages.save(address(Limit, "add"), {**LIMIT, "project": str(subjects["project"].pk)})
    assert Limit.objects.get().project == subjects["project"]


def test_budget_when_some_of_it_is_spent_then_the_page_of_its_subject_shows_a_bar(
    pages: Pages, subjects: dict[str, Model]
) -> None:
    project = Project.objects.get()
    row = Budget.objects.create(project=project, amount=10, period="month")
    moment = timezone.now()
    now = span_of(Period("month"), moment.timestamp()).name
    BudgetCounter.objects.create(
        budget=str(row.pk), counter="c", period=now, unit="usd", spent=4 * NANO, changed_at=timezone.now()
    )
    text = pages.open(address(Project, "change", project)).content.decode()
    assert '<progress max="100" value="40" ' in text
    assert "4 USD of 10 USD" in text


def test_key_that_has_replaced_another_leads_to_the_rules_of_that_one(pages: Pages) -> None:
    old, _ = keys.create_client_key("app")
    new = ClientKey.objects.create(name="app 2", public_id="abcd1234", key_hash="0" * 64, last_four="abcd", lineage=old.pk)
    page = pages.open(address(ClientKey, "change", new))
    assert page.context["inline_admin_formsets"] == []
    assert address(ClientKey, "change", old) in page.content.decode()


def test_staff_without_the_right_to_budgets_does_not_see_them_on_a_page(client: Client, subjects: dict[str, Model]) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=("view_project", "change_project", "view_limit")))
    client.force_login(user)
    page = address(Project, "change", subjects["project"])
    shown = Pages(client).open(page).context["inline_admin_formsets"]
    assert [inline.formset.prefix for inline in shown] == ["limits"]
    Pages(client).send(page, {**added("limits", LIMIT), **added("budgets", BUDGET)})
    assert not Limit.objects.exists()
    assert not Budget.objects.exists()


def test_provider_when_requests_failed_lately_then_the_list_says_how_many(pages: Pages, catalog: Catalog) -> None:
    catalog.model("m", catalog.provider("vendor"))
    minute = timezone.now().replace(second=0, microsecond=0)
    values = {"span": 60, "dimension": "provider", "name": "vendor"}
    UsageRollUp.objects.create(**values, at=minute, requests=90, errors=10)
    UsageRollUp.objects.create(**values, at=minute - timedelta(hours=2), requests=1000, errors=1000)
    assert "11.1 % of 90 failed" in pages.open("/admin/models_catalog/provider/").content.decode()
