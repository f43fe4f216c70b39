"""Do roll-ups count each request once, whatever comes twice, and as little as they should of names that clients choose?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from openai_api.database import roll_ups
from openai_api.database.histograms import from_json, quantile
from openai_api.database.roll_ups import Dimension, Span
from openai_api.database.usage_rows import insert, insert_accepted
from openai_api.models import UsageRecord, UsageRollUp
from tests.integration.usage.rows import NOON, row

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_ups, "KNOWN", roll_ups.KnownNames())


def stored(span: int = Span.HOUR, **of: Any) -> dict[tuple[str, str, str], int]:
    found = UsageRollUp.objects.filter(span=span, **of)
    return {(one.dimension, one.tenant, one.name): one.requests for one in found}


def total(span: int = Span.DAY) -> UsageRollUp:
    return UsageRollUp.objects.get(span=span, dimension=Dimension.TOTAL)


def test_rows_when_inserted_then_all_that_they_are_of_is_counted() -> None:
    insert([row(tenant="acme", project="web", person="ada", app="cli"), row(), row(NOON + timedelta(minutes=1), tenant="acme")])
    key = "11111111-1111-1111-1111-111111111111 billing bot"
    assert stored() == {
        ("total", "", ""): 3,
        ("all", "acme", ""): 2,
        ("model", "", "fast"): 1,
        ("model", "acme", "fast"): 2,
        ("provider", "", "openai"): 1,
        ("provider", "acme", "openai"): 2,
        ("key", "", key): 1,
        ("key", "acme", key): 2,
        ("person", "acme", "ada"): 1,
        ("project", "acme", "web"): 1,
        ("app", "acme", "cli"): 1,
    }
    assert stored(Span.DAY) == stored()
    assert stored(Span.MINUTE, dimension=Dimension.TOTAL, at=NOON) == {("total", "", ""): 2}
    assert not UsageRollUp.objects.filter(span=Span.MINUTE, dimension__in=roll_ups.COARSE).exists()


def test_amounts_when_added_in_batches_then_sums_are_exact() -> None:
    insert([row(), row(status=500, error="upstream_error", cost_usd=None, input_tokens=None, gateway_ms=None)])
    insert([row(cache="hit", total_ms=4000.0), row(status=499, client_aborted=True, cost_usd=None)])
    found = total()
    assert (found.requests, found.errors, found.cache_hits, found.uncosted) == (4, 1, 1, 1)
    assert (found.input_tokens, found.output_tokens, found.cached_tokens) == (300, 80, 20)
    assert Decimal(str(found.cost_usd)).quantize(Decimal("1e-9")) == Decimal("0.000246912")
    assert sum(from_json(found.total_ms).values()) == 4
    assert sum(from_json(found.gateway_ms).values()) == 3
    assert quantile(from_json(found.total_ms), 1.0) == pytest.approx(4000, rel=0.2)


def test_rows_when_they_come_twice_then_counted_once() -> None:
    first, second = row(), row()
    insert([first])
    insert([first, second, second])
    insert([first, second])
    assert (UsageRecord.objects.count(), total().requests) == (2, 2)


def test_rows_when_one_is_refused_then_only_the_others_are_counted() -> None:
    refused = row(status=None)
    assert insert_accepted([row(), refused, row()]) == [refused]
    assert (UsageRecord.objects.count(), total().requests) == (2, 2)


def test_names_when_clients_invent_them_then_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roll_ups, "KNOWN", roll_ups.KnownNames(most=3))
    unknown = [row(model=f"no-such-{n}", served_model=None, provider=None, tries=0, status=404) for n in range(20)]
    insert([*unknown, *(row(app=f"app {n}") for n in range(20))])
    assert stored(dimension=Dimension.MODEL) == {("model", "", ""): 20, ("model", "", "fast"): 20}
    assert stored(dimension=Dimension.APP) == {("app", "", ""): 17} | {("app", "", f"app {n}"): 1 for n in range(3)}


def test_names_when_long_or_odd_then_stored() -> None:
    long = "ü" * 200
    insert([row(tenant=long, project='a"b\\', person="x'; --", client_name=long, served_model=long, provider=long)])
    insert([row(tenant=long, project='a"b\\', person="x'; --", client_name=long, served_model=long, provider=long)])
    assert set(stored().values()) == {2}


def test_purge_when_minutes_are_old_then_only_they_go() -> None:
    now = datetime.now(UTC)
    insert([row(now - timedelta(days=40)), row(now)])
    old = UsageRollUp.objects.filter(at__lt=now - timedelta(days=30))
    assert old.filter(span=Span.MINUTE).count() == 3
    roll_ups.purge(0)
    assert not old.filter(span=Span.MINUTE).exists()
    assert UsageRollUp.objects.filter(span=Span.MINUTE).count() == 3
    assert old.filter(span=Span.HOUR).count() == 4
    roll_ups.purge(30)
    assert not old.exists()
    assert UsageRollUp.objects.filter(span=Span.HOUR).count() == 4


def test_rows_when_inserted_then_few_statements(django_assert_max_num_queries: Any) -> None:
    rows = [row(client_name=f"key {n}", client_id=f"{n:036}", person=f"p{n}") for n in range(100)]
    with django_assert_max_num_queries(110 if connection.vendor == "sqlite" else 8) as asked:
        insert(rows)
    assert sum("rollup" in query["sql"] for query in asked.captured_queries) == 2


def contents() -> set[tuple[Any, ...]]:
    return set(UsageRollUp.objects.values_list("span", "dimension", "tenant", "name", "requests", "total_ms", "cost_usd"))


def test_roll_up_usage_when_run_again_then_the_sums_are_those_of_the_recorder() -> None:
    at = datetime.now(UTC) - timedelta(hours=1)
    insert([row(at, tenant="acme", total_ms=ms * 10.0) for ms in range(1, 50)] + [row(at, app="cli", cost_usd=None)])
    before = contents()
    UsageRollUp.objects.filter(dimension=Dimension.TOTAL).delete()
    for _ in range(2):
        call_command("roll_up_usage", stdout=StringIO())
        assert contents() == before


def test_roll_up_usage_when_rows_are_deleted_since_then_keeps_what_they_counted() -> None:
    insert([row(), row()])
    UsageRecord.objects.first().delete()  # type: ignore[union-attr]
    said = StringIO()
    call_command("roll_up_usage", stdout=said)
    assert total().requests == 2
    assert "1 days were left as they are" in said.getvalue()
