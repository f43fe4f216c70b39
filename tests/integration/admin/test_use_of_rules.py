"""Do the lists and pages of keys, people, projects and tenants say what is used, and what was asked for?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from models_catalog import keys
from models_catalog.bounds import NANO, Period
from models_catalog.models import Budget, ClientKey, Limit, Person, Project, Tenant
from models_catalog.rule_use import Counted
from openai_api.admin.rule_use import counter_of
from openai_api.explain import here
from openai_api.limits.bounded import Bounded
from openai_api.limits.lines import Lines
from openai_api.limits.memory import MemoryStore
from openai_api.limits.rules import LimitRules
from openai_api.models import BudgetCounter, UsageRollUp
from openai_api.spending.periods import span_of
from tests.integration.admin.answering import answering
from tests.integration.admin.pages import Pages, address


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    """What the worker of this process counts limits with."""
    found = MemoryStore()
    with answering() as site:
        gateway, loop = here._here[0]
        here.tell(replace(gateway, admissions=(Bounded(found, (LimitRules(),), Lines()),)), loop)
        yield found
        here.tell(site.gateway, loop)


@pytest.fixture
def key(db: None) -> ClientKey:
    tenant = Tenant.objects.create(name="acme")
    project = Project.objects.create(name="app", tenant=tenant)
    person = Person.objects.create(name="Ann", tenant=tenant)
    return keys.create_client_key("Billing", project=project, person=person)[0]


def spent(budget: Budget, usd: float, counter: str = "") -> None:
    now = span_of(Period(budget.period), timezone.now().timestamp()).name
    named = {"budget": str(budget.pk), "counter": counter or str(budget.pk), "period": now, "unit": "usd"}
    BudgetCounter.objects.create(**named, spent=int(usd * NANO), changed_at=timezone.now())


def text_of(pages: Pages, model: type[Model]) -> str:
    return str(pages.open(address(model)).content.decode())


def test_budgets_when_spent_then_each_list_shows_the_fullest_of_a_row(pages: Pages, key: ClientKey) -> None:
    subjects = {"client_key": key, "person": key.person, "project": key.project, "tenant": Tenant.objects.get()}
    for usd, (subject, row) in enumerate(subjects.items(), start=1):
        spent(Budget.objects.create(**{subject: row}, amount=10), usd)
    spent(Budget.objects.create(client_key=key, amount=100), 85)
    spent(Budget.objects.create(client_key=key, amount=1, enabled=False), 1)
    shown = {model: text_of(pages, model) for model in (ClientKey, Person, Project, Tenant)}
    assert "85 USD of 100 USD a month" in shown[ClientKey]
    assert "1 USD of 10 USD" not in shown[ClientKey]
    assert "2 USD of 10 USD" in shown[Person]
    assert "3 USD of 10 USD" in shown[Project]
    assert "4 USD of 10 USD" in shown[Tenant]


def test_budget_of_each_key_when_spent_then_the_key_and_the_person_have_counters_of_their_own(
    pages: Pages, key: ClientKey
) -> None:
    of_keys = Budget.objects.create(project=key.project, amount=10, each="key")
    of_people = Budget.objects.create(tenant=Tenant.objects.get(), amount=10, each="person")
    spent(of_keys, 7, f"{of_keys.pk}:{key.pk}")
    spent(of_people, 6, f"{of_people.pk}:{key.person_id}")
    assert "7 USD of 10 USD" in text_of(pages, ClientKey)
    assert "6 USD of 10 USD" in text_of(pages, Person)
    assert "USD of" not in text_of(pages, Project)


@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_window", "token_bucket"])
def test_limit_when_used_then_list_and_page_show_how_much(
    pages: Pages, key: ClientKey, store: MemoryStore, algorithm: str
) -> None:
    limit = Limit.objects.create(client_key=key, amount=8, per="day", algorithm=algorithm)
    counter = counter_of(Counted(limit, str(limit.pk)))
    assert counter is not None
    for number in range(6):
        assert store.take_now(f"h{number}", [counter]).admitted
    assert "6 of 8 requests a day" in text_of(pages, ClientKey)
    assert 'value="75"' in pages.open(address(ClientKey, "change", key)).content.decode()
    assert store.take_now("last", [counter]).found[0].used == 7  # to look takes nothing


def test_list_when_it_has_many_rows_then_asks_once_for_all(pages: Pages, key: ClientKey) -> None:
    spent(Budget.objects.create(client_key=key, amount=10), 1)
    text_of(pages, ClientKey)
    with CaptureQueriesContext(connection) as one:
        text_of(pages, ClientKey)
    for number in range(20):
        other, _ = keys.create_client_key(f"k{number}", project=key.project)
        spent(Budget.objects.create(client_key=other, amount=10), 2)
    with CaptureQueriesContext(connection) as many:
        text_of(pages, ClientKey)
    assert len(many) <= len(one)


def test_staff_without_the_right_to_budgets_sees_no_bars(client: Client, key: ClientKey) -> None:
    spent(Budget.objects.create(client_key=key, amount=10), 1)
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_clientkey"))
    client.force_login(user)
    assert "USD of" not in text_of(Pages(client), ClientKey)


def rolled(dimension: str, name: str, requests: int, hours_ago: int = 0, **values: Any) -> None:
    """The roll-ups of requests of one moment."""
    moment = timezone.now() - timedelta(hours=hours_ago)
    for span in (3600, 86400):
        at = moment.replace(minute=0, second=0, microsecond=0)
        at = at.replace(hour=0) if span == 86400 else at
        one, _ = UsageRollUp.objects.get_or_create(span=span, dimension=dimension, name=name, at=at, tenant="acme")
        one.requests, one.output_tokens, one.cost_usd = one.requests + requests, one.output_tokens + 1000, one.cost_usd + 1
        one.save()


def test_key_when_it_was_used_then_its_page_sums_a_day_and_a_month_of_all_its_names(pages: Pages, key: ClientKey) -> None:
    rolled("key", f"{key.pk} Billing", 5)
    rolled("key", f"{key.pk} Billing", 40, hours_ago=50)
    rolled("key", f"{key.pk} Billing", 900, hours_ago=24 * 40)
    pages.save(address(ClientKey, "change", key), {"name": "Invoices"})
    rolled("key", f"{key.pk} Invoices", 2)
    rolled("key", "other Billing", 7000)
    text = pages.open(address(ClientKey, "change", key)).content.decode()
    assert '<th scope="row">24 h</th><td>7</td>' in text
    assert '<th scope="row">30 days</th><td>47</td>' in text


@pytest.mark.parametrize(
    ("model", "dimension", "name"), [(Project, "project", "app"), (Person, "person", "Ann"), (Tenant, "all", "")]
)
def test_owner_when_keys_were_used_then_its_page_sums_them(
    pages: Pages, key: ClientKey, model: type[Model], dimension: str, name: str
) -> None:
    rolled(dimension, name, 3)
    row = model._default_manager.get()
    assert '<th scope="row">24 h</th><td>3</td>' in pages.open(address(model, "change", row)).content.decode()
