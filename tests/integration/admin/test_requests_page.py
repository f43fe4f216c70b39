"""Who may look at requests, and how is one found among a million?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client

from openai_api.models import JobRow, StoredResponseRow, UsageRecord
from tests.integration.admin.pages import Pages, address

PAGES = (UsageRecord, StoredResponseRow, JobRow)
SAID = {"request_id": "req-1", "model": "gpt-4o", "provider": "openai", "client_name": "Billing app", "error": "upstream_timeout"}


@pytest.fixture
def rows(db: None) -> list[UsageRecord]:
    """One request that says all of `SAID`, and one that says nothing of it."""
    common = {"started_at": datetime.now(UTC), "method": "POST", "path": "/v1/x", "status": 200, "upstream_ms": 1, "total_ms": 1}
    other = {name: f"{value}-2" for name, value in SAID.items()}
    return [UsageRecord.objects.create(**common, **said) for said in (SAID, other)]


@pytest.mark.parametrize(("field", "term"), SAID.items())
def test_request_when_searched_by_a_whole_value_then_found_and_nothing_else(
    pages: Pages, rows: list[UsageRecord], field: str, term: str
) -> None:
    def found(text: str) -> list[UsageRecord]:
        return list(pages.client.get(address(UsageRecord), {"q": text}).context["rows"])

    assert found(term) == found(f" {term} ") == rows[:1]
    assert found(term[:-1]) == found(term.swapcase()) == []
    assert len(found("")) == len(rows)


@pytest.mark.parametrize("model", [StoredResponseRow, JobRow])
def test_search_when_translated_then_each_field_is_compared_as_it_is_and_has_an_index(pages: Pages, model: type[Model]) -> None:
    cl = pages.client.get(address(model), {"q": "x"}).context["cl"]
    assert not {"LIKE", "UPPER"} & set(str(cl.queryset.query).replace("(", " ").split())
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, model._meta.db_table).values()
    indexed = {entry["columns"][0] for entry in found if entry["columns"] and (entry["index"] or entry["primary_key"])}
    assert set(cl.model_admin.search_fields) <= indexed


@pytest.mark.parametrize("model", PAGES)
def test_pages_of_requests_when_staff_lacks_the_right_then_refused_and_not_in_the_menu(
    client: Client, rows: list[UsageRecord], model: type[Model]
) -> None:
    name = model._meta.model_name
    user = User.objects.create_user("staff", is_staff=True)
    others = Permission.objects.exclude(content_type__app_label="openai_api", content_type__model=name)
    user.user_permissions.set(others)
    client.force_login(user)
    for url in (address(model), f"{address(model)}{rows[0].pk}/change/"):
        assert client.get(url).status_code == 403
    assert address(model) not in client.get("/admin/").content.decode()
    user.user_permissions.set(Permission.objects.filter(codename=f"view_{name}"))
    assert client.get(address(model)).status_code == 200
    assert address(model) in client.get("/admin/").content.decode()


def test_rights_to_requests_when_a_group_is_edited_then_offered_where_a_page_can_do_it(pages: Pages) -> None:
    group = Group.objects.create(name="auditors")
    text = pages.open(address(Group, "change", group)).content.decode()
    for offered in ("View requests", "View stored responses", "Delete stored responses", "View jobs", "Stop requests in flight"):
        assert offered in text
    for missing in ("Change requests", "Delete requests", "Add stored responses", "Change stored responses", "Delete jobs"):
        assert missing not in text


def test_totals_when_asked_for_by_a_name_then_each_leads_to_its_requests(pages: Pages, rows: list[UsageRecord]) -> None:
    common = {"started_at": datetime.now(UTC), "method": "POST", "path": "/v1/x", "upstream_ms": 1, "total_ms": 1}
    key = "0d5ff0f0-0000-4000-8000-000000000001"
    for status, app, cost in ((200, "cli & co", "0.25"), (502, "cli & co", None), (200, "web", "0.5")):
        said = {"request_id": "x", "model": "m", "app": app, "client_id": key, "client_name": "Billing", "cost_usd": cost}
        UsageRecord.objects.create(**common, **said, status=status, input_tokens=10, output_tokens=2)

    def shown(**asked: str) -> list[tuple[str, int, int, int, str, str]]:
        groups = pages.client.get(address(UsageRecord), asked).context["groups"]
        return [(one.label, one.requests, one.errors, one.input_tokens, str(one.cost_usd), url) for one, url in groups]

    assert shown(model="m", by="app") == [
        ("cli & co", 2, 1, 20, "0.250000000", "?model=m&by=app&app=cli+%26+co"),
        ("web", 1, 0, 10, "0.500000000", "?model=m&by=app&app=web"),
    ]
    assert shown(model="m", by="key") == [("Billing", 3, 1, 30, "0.750000000", f"?model=m&by=key&key={key}")]
    assert [one[:2] for one in shown(by="model")] == [("m", 3), ("gpt-4o", 1), ("gpt-4o-2", 1)]
    assert shown(by="app")[0][:2] in {("cli & co", 2), ("", 2)}
    assert shown(user_agent="nobody", by="app") == shown(by="unknown") == shown(by="key", since="x") == []
