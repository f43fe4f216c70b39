"""What do the list of requests, the page of one, its CSV and those in flight show, and to whom?"""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from models_catalog.models import AuditEntry, Tenant
from openai_api.admin import request_csv
from openai_api.database import running_requests
from openai_api.database.request_search import FILTERS
from openai_api.database.running_requests import Running
from openai_api.models import RunningAsk, RunningTold, UsageRecord
from tests.integration.admin.pages import Pages, address

LIST = "/admin/openai_api/usagerecord/"
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
TRIES = [
    {"target": "a", "provider": "openai", "upstream_model": "gpt", "outcome": "upstream_overloaded", "failure": "overload",
     "upstream_s": 0.2, "started_ms": 10.0, "message": "status 503: <b>busy</b>"},
    {"target": "b", "provider": "azure", "upstream_model": "gpt-4", "outcome": "ok", "failure": None,
     "upstream_s": 0.3, "started_ms": 220},
]  # fmt: skip


def add(number: int = 1, **said: Any) -> UsageRecord:
    common = {"method": "POST", "path": "/v1/x", "status": 200, "upstream_ms": 1, "total_ms": 1000, "request_id": f"req-{number}"}
    return UsageRecord.objects.create(**{"id": UUID(int=number), "started_at": AT, **common, **said})


def staff(client: Client, *codenames: str, tenant: str = "") -> Client:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    if tenant:
        Tenant.objects.create(name=tenant).operators.add(user)
    client.force_login(user)
    return client


def test_list_when_tests_are_there_then_shown_only_if_asked_for(pages: Pages) -> None:
    add(1), add(2, test=True)
    text = pages.open(LIST).content.decode()
    assert "Show test traffic" in text
    assert len(pages.open(LIST).context["rows"]) == 1
    assert len(pages.open(f"{LIST}?test=shown").context["rows"]) == 2


def test_list_when_filtered_then_what_is_asked_for_stays_in_every_address(pages: Pages) -> None:
    for number in range(1, 60):
        add(number, model="m & m", started_at=AT + timedelta(seconds=number), cost_usd="0.01")
    shown = pages.open(f"{LIST}?model=m+%26+m&since=2026-11-20T12:00:02").context
    assert shown["numbers"][0][1] == "58"
    assert "model=m+%26+m" in shown["older"]
    assert "since=" in shown["older"]
    assert "model=m+%26+m" in shown["csv_url"]
    behind = pages.open(f"{LIST}{shown['older']}").context
    assert len(behind["rows"]) == 8
    assert not behind["older"]
    assert pages.open(f"{LIST}{behind['newer']}").context["rows"] == shown["rows"]


ODD = ("\0", "9" * 30, "%_" * 512, "2026-99-99", "'; --", "\ud7ff", "<script>")


@pytest.mark.parametrize("text", ODD)
def test_list_and_csv_when_asked_for_odd_values_then_a_clear_answer(pages: Pages, text: str) -> None:
    add(1)
    for name in (*FILTERS, "q", "before", "after", "p", "o", "_facets"):
        response = pages.client.get(LIST, {name: text})
        assert response.status_code == 200, name
        assert "<script>" not in str(response.context["chips"]) or b"<script></" not in response.content
        assert pages.client.get(f"{LIST}csv/", {name: text}).status_code in (200, 400), name
    bad = pages.client.get(LIST, {"min_ms": "soon", "status": "2"}).content.decode()
    assert "Not a number of milliseconds." in bad
    assert 'aria-describedby="fault-status"' in bad
    for place in ("x", "9" * 30, "%00"):
        assert pages.client.get(f"{LIST}{place}/change/").status_code in (302, 404)


def test_page_of_a_request_then_its_tries_on_one_scale_with_what_the_upstream_said(pages: Pages) -> None:
    row = add(
        1,
        attempts=json.dumps(TRIES),
        tries=2,
        revision=7,
        model="m",
        session="s-1",
        client_name="Billing",
        error="upstream_reset",
    )
    response = pages.open(address(UsageRecord, "change", row))
    bars = response.context["bars"]
    assert [(bar.kind, bar.left, bar.width) for bar in bars] == [
        ("bad", "1.00", "20.00"),
        ("ok", "22.00", "30.00"),
        ("bad", "52.00", "48.00"),
    ]
    text = response.content.decode()
    assert "status 503: &lt;b&gt;busy&lt;/b&gt;" in text
    assert f'href="{LIST}?session=s-1"' in text
    assert f'href="{LIST}?key=Billing"' in text
    assert ("Catalog revision", "7") in response.context["facts"]


@pytest.mark.parametrize("attempts", ["[]", "{}", "x", "[1]", '[{"outcome": null, "upstream_s": null}]'])
def test_page_of_a_request_when_its_tries_are_odd_then_shown_all_the_same(pages: Pages, attempts: str) -> None:
    pages.open(address(UsageRecord, "change", add(1, attempts=attempts, total_ms=0)))


def test_csv_then_all_that_is_found_and_no_formula(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_csv, "BATCH", 2)
    for number, name in enumerate(("=cmd|' /C calc'!A0", "+1", "-1", "@x", "\tx", 'good, "name"'), 1):
        add(number, client_name=name, model="m", cost_usd="0.5")
    add(9, model="other")
    response = pages.open(f"{LIST}csv/?model=m")
    rows = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
    assert len(rows) == 6
    assert rows[0]["client_name"] == 'good, "name"'
    assert rows[0]["cost_usd"] == "0.500000000"
    assert all(row["client_name"].startswith("'") for row in rows[1:])
    monkeypatch.setattr(request_csv, "ROWS", 3)
    assert len(b"".join(pages.open(f"{LIST}csv/").streaming_content).decode().splitlines()) == 4


def told(*running: Running) -> None:
    RunningTold.objects.create(worker="w", at=datetime.now(UTC), requests=msgspec.json.encode(list(running)).decode())


def test_requests_in_flight_when_stopped_then_the_workers_are_asked_and_the_audit_log_tells(pages: Pages) -> None:
    one = Running("req-1", time() - 5, "/v1/x", "m", client_name="Billing", tenant="a")
    told(one)
    text = pages.open(f"{LIST}running/").content.decode()
    assert "req-1" in text
    assert one.started_text in text
    assert [(ask.request_id, ask.started) for ask in RunningAsk.objects.all()] == [("", None)]
    assert pages.client.get(f"{LIST}running/stop/").status_code == 405
    for request_id, started in (("req-1", one.started_text), ("req-1", "1.5"), ("other", one.started_text)):
        assert pages.client.post(f"{LIST}running/stop/", {"request_id": request_id, "started": started}).status_code == 302
    assert [(ask.request_id, ask.started) for ask in RunningAsk.objects.exclude(request_id="")] == [("req-1", one.started)]
    assert AuditEntry.objects.filter(kind="openai_api.usagerecord", object_id="req-1").count() == 1
    for odd in ("", "x", "\0", "9" * 400):
        assert pages.client.post(f"{LIST}running/stop/", {"request_id": odd, "started": odd}).status_code in (302, 400)


def test_requests_in_flight_when_staff_may_look_then_only_who_may_change_stops(client: Client) -> None:
    one = Running("req-1", time(), "/v1/x", tenant="a")
    told(one, Running("req-2", time(), "/v1/x", tenant="b"))
    staff(client, "view_usagerecord", tenant="a")
    text = client.get(f"{LIST}running/").content.decode()
    assert "req-1" in text
    assert "req-2" not in text
    assert "running/stop/" not in text
    sent = {"request_id": "req-1", "started": one.started_text}
    assert client.post(f"{LIST}running/stop/", sent).status_code == 403
    User.objects.get(username="staff").user_permissions.add(Permission.objects.get(codename="change_usagerecord"))
    client.post(f"{LIST}running/stop/", {"request_id": "req-2", "started": repr(time())})
    assert client.post(f"{LIST}running/stop/", sent).status_code == 302
    assert [ask.request_id for ask in RunningAsk.objects.exclude(request_id="")] == ["req-1"]


def test_pages_when_staff_lacks_the_right_then_refused_and_with_it_alone_all_are_open(client: Client) -> None:
    row = add(1, tenant="a")
    places = (LIST, f"{LIST}csv/", f"{LIST}running/", address(UsageRecord, "change", row))
    staff(client, "change_usagerecord", "view_sessionrow")
    assert [client.get(place).status_code for place in places] == [403] * 4
    user = User.objects.get(username="staff")
    user.user_permissions.set(Permission.objects.filter(codename="view_usagerecord"))
    assert [client.get(place).status_code for place in places] == [200] * 4


def test_pages_when_an_account_reaches_one_tenant_then_nothing_of_others(client: Client) -> None:
    add(1, tenant="a"), add(2, tenant="b"), add(3)
    staff(client, "view_usagerecord", tenant="a")
    assert [row.request_id for row in client.get(LIST).context["rows"]] == ["req-1"]
    assert client.get(LIST, {"q": "req-2"}).context["rows"] == []
    body = b"".join(client.get(f"{LIST}csv/").streaming_content).decode()  # type: ignore[attr-defined]
    assert "req-1" in body
    assert "req-2" not in body
    assert "req-3" not in body


@pytest.mark.django_db
def test_looks_when_old_then_forgotten() -> None:
    old = datetime.now(UTC) - timedelta(hours=1)
    RunningAsk.objects.create(at=old), RunningTold.objects.create(worker="gone", at=old, requests="[]")
    running_requests.look()
    running_requests.look()
    assert RunningAsk.objects.count() == 1
    assert not RunningTold.objects.exists()
    assert running_requests.told() == []
