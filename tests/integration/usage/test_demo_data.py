"""Is made-up traffic filled in and taken out again without a trace, and never mixed into what is real by mistake?"""

from __future__ import annotations

import time
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from openai_api.database.demo_traffic import PREFIX, demo_rows
from openai_api.database.roll_ups import Dimension, Span
from openai_api.database.usage_rows import insert
from openai_api.models import UsageRecord, UsageRollUp
from tests.integration.usage.rows import row

pytestmark = pytest.mark.django_db


def demo_data(*arguments: str) -> str:
    said = StringIO()
    call_command("demo_data", *arguments, stdout=said)
    return said.getvalue()


def sums() -> set[tuple[Any, ...]]:
    return set(UsageRollUp.objects.values_list("span", "dimension", "name", "requests", "input_tokens", "total_ms"))


def test_demo_data_when_removed_then_real_traffic_is_as_it_was() -> None:
    insert([row(), row(status=500, error="upstream_error")])
    before = sums()
    demo_data("--rows", "300", "--force")
    assert UsageRollUp.objects.filter(span=Span.DAY, dimension=Dimension.TOTAL).count() > 10
    assert "Removed 300" in demo_data("--remove")
    assert UsageRecord.objects.count() == 2
    assert sums() == before


def test_demo_data_when_there_is_real_traffic_then_refuses() -> None:
    insert([row()])
    with pytest.raises(CommandError, match="--force"):
        demo_data()
    assert UsageRecord.objects.count() == 1


def test_demo_data_when_it_is_there_already_then_refuses() -> None:
    demo_data("--rows", "20")
    with pytest.raises(CommandError, match="--remove"):
        demo_data("--rows", "20")
    with pytest.raises(CommandError, match="between 1"):
        demo_data("--rows", "0", "--remove") and demo_data("--rows", "0")


def test_demo_rows_when_made_then_of_every_kind() -> None:
    rows = list(demo_rows(5000, time.time()))
    assert len({one.id for one in rows}) == 5000
    assert all(one.request_id.startswith(PREFIX) and one.started_at < time.time() for one in rows)
    assert {one.status for one in rows} >= {200, 429, 499, 502, 504}
    assert sum(one.cache == "hit" for one in rows) > 100
    assert any(one.tries == 2 for one in rows)
    assert {one.model for one in rows if one.served_model not in (None, one.model)}
