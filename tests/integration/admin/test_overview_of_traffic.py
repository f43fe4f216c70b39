"""Does the first page show traffic as it was, to whom it concerns, and without reading a single request?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from models_catalog.models import Budget, Project, Tenant
from openai_api.database import roll_ups
from openai_api.database.traffic import DAY, HOUR, MINUTE, RANGES, pieces
from openai_api.database.usage_rows import insert
from openai_api.models import BudgetAlert
from tests.integration.admin.catalog import Catalog
from tests.integration.admin.pages import Pages
from tests.integration.usage.rows import row


def now() -> datetime:
    """Not a constant: a run of all tests takes longer than what counts as the present hour."""
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_ups, "KNOWN", roll_ups.KnownNames())


def cards(response: Any) -> dict[str, tuple[str, str, str]]:
    return {card.label: (card.value, card.before, card.change) for card in response.context["cards"]}


def test_figures_when_there_was_traffic_then_of_the_period_and_the_one_before(pages: Pages) -> None:
    insert([row(now()) for _ in range(3)] + [row(now(), status=500, error="upstream_error", cost_usd=None)])
    insert([row(now() - timedelta(hours=30)), row(now() - timedelta(days=9))])
    found = cards(pages.open("/admin/?range=24h"))
    assert found["Requests"] == ("4", "1", "+300 %")
    assert found["Error rate"][:2] == ("25.0 %", "0.00 %")
    assert found["Spend"][0] == "$0.0004"
    assert cards(pages.open("/admin/?range=7d"))["Requests"][:2] == ("5", "1")
    assert cards(pages.open("/admin/?range=30d"))["Requests"][:2] == ("6", "0")
    assert cards(pages.open("/admin/?range=1h"))["Requests"][:2] == ("4", "0")


@pytest.mark.parametrize("asked", ["", "?range=", "?range=nonsense%00", "?range=" + "9" * 1000])
def test_page_when_the_range_is_none_then_a_day(pages: Pages, asked: str) -> None:
    assert pages.open(f"/admin/{asked}").context["range"].name == "24h"


@pytest.mark.parametrize("name", list(RANGES))
def test_page_when_opened_then_reads_no_request(
    pages: Pages, catalog: Catalog, django_assert_max_num_queries: DjangoAssertNumQueries, name: str
) -> None:
    insert([row(now() - timedelta(hours=hours), app=f"app {hours}") for hours in range(100)])
    pages.open("/admin/")
    with django_assert_max_num_queries(60) as asked:
        response = pages.open(f"/admin/?range={name}")
    assert not [query["sql"] for query in asked.captured_queries if "openai_api_usagerecord" in query["sql"]]
    assert len(response.context["charts"]) == 3


def test_lists_when_names_are_odd_then_lead_to_their_requests(pages: Pages) -> None:
    odd = "a&b=\"<script>' é"
    insert([row(now(), served_model=odd, project=odd), row(now())])
    response = pages.open("/admin/")
    lists = dict(response.context["lists"])
    link = next(entry.url for entry in lists["Top models"] if entry.name == odd)
    assert parse_qs(urlsplit(link).query)["model"] == [odd]
    assert [entry.requests for entry in lists["Top keys"]] == ["2"]
    assert "<script>'" not in response.content.decode()
    pages.open(link)


def test_tenant_when_its_operator_looks_then_sees_its_own_numbers_only(client: Client) -> None:
    tenant = Tenant.objects.create(name="Acme")
    user = User.objects.create_user("operator-of-acme", is_staff=True)
    tenant.operators.add(user)
    user.user_permissions.set(Permission.objects.filter(codename="view_usagerecord"))
    insert(
        [row(now(), tenant="Acme", project="own"), *(row(now(), tenant="Other", project="foreign") for _ in range(5)), row(now())]
    )
    client.force_login(user)
    response = Pages(client).open("/admin/")
    assert cards(response)["Requests"][0] == "1"
    assert [strip.told for strip in response.context["strips"]] == ["0.00 % of 1 failed"]
    assert "foreign" not in response.content.decode()
    tenant.operators.remove(user)
    assert cards(Pages(client).open("/admin/"))["Requests"][0] == "7"


def test_staff_when_it_may_not_view_requests_then_sees_no_figures(client: Client) -> None:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_provider"))
    insert([row(now())])
    client.force_login(user)
    response = Pages(client).open("/admin/")
    assert "cards" not in response.context
    assert "billing bot" not in response.content.decode()


def test_providers_when_they_fail_then_the_worst_is_first_and_leads_to_its_page(pages: Pages, catalog: Catalog) -> None:
    bad = catalog.provider("bad")
    failed = {"status": 502, "error": "upstream_error", "provider": "bad"}
    insert([*(row(now(), provider="a-good") for _ in range(50)), *(row(now(), **failed) for _ in range(5))])
    first, second = pages.open("/admin/").context["strips"]
    assert (first.name, first.kind, first.told) == ("bad", "bad", "100.0 % of 5 failed")
    assert first.url == f"/admin/models_catalog/provider/{bad.pk}/change/"
    assert (second.kind, second.url, len(second.cells), second.cells[-1].kind) == ("good", "", 24, "good")


def test_budgets_when_alerts_were_raised_then_the_highest_percent_of_each(pages: Pages, client: Client) -> None:
    own, other = (Tenant.objects.create(name=name) for name in ("Acme", "Zubrowka"))
    period = f"{now():%Y-%m}"
    for tenant in (own, other):
        project = Project.objects.create(tenant=tenant, name=f"{tenant.name} project")
        budget = Budget.objects.create(project=project, amount=10, period="month")
        for percent in (50, 100):
            told = {"counter": str(budget.pk), "period": period, "spent": percent * 10**8, "amount": 10**10}
            BudgetAlert.objects.create(budget=str(budget.pk), percent=percent, at=now(), **told)
    shown = pages.open("/admin/").context["alerts"]
    assert sorted(alert.budget for alert in shown) == ["project Acme / Acme project", "project Zubrowka / Zubrowka project"]
    assert all(alert.text.startswith("100 % was reached: 10 USD of 10 USD") for alert in shown)
    user = User.objects.create_user("operator-of-acme", is_staff=True)
    own.operators.add(user)
    user.user_permissions.set(Permission.objects.filter(codename="view_budget"))
    client.force_login(user)
    assert [alert.budget for alert in Pages(client).open("/admin/").context["alerts"]] == ["project Acme / Acme project"]


def test_pieces_when_a_period_is_covered_then_without_gaps_by_few() -> None:
    found = pieces(3 * DAY - 2 * HOUR, 5 * DAY + HOUR + 7 * MINUTE, DAY)
    assert [(piece.span, piece.end - piece.start) for piece in found] == [
        (HOUR, 2 * HOUR),
        (DAY, 2 * DAY),
        (HOUR, HOUR),
        (MINUTE, 7 * MINUTE),
    ]
    assert all(one.end == other.start for one, other in pairwise(found))
    assert {piece.span for piece in pieces(0, DAY, HOUR)} == {HOUR}
