"""Which requests does a search find, and how does one walk through all of them?"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from django.db import connection

from openai_api.database import usage_words
from openai_api.database.erasure import Selection, erase, tags_of
from openai_api.database.request_search import FILTERS, LONGEST, BadSearch, Totals, cursor_of, found, page_of, totals
from openai_api.database.usage_purge import purge
from openai_api.database.usage_rows import insert
from openai_api.errors import STOPPED
from openai_api.models import UsageRecord, UsageTag
from tests.integration.usage.rows import row

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
KEY = "0d5ff0f0-0000-4000-8000-000000000001"


def add(number: int = 1, **said: Any) -> UsageRecord:
    common = {"method": "POST", "path": "/v1/x", "status": 200, "upstream_ms": 1, "total_ms": 1, "request_id": f"req-{number}"}
    made = UsageRecord.objects.create(**{"id": UUID(int=number), "started_at": AT, **common, **said})
    for name, value in tags_of(made.tags).items():
        UsageTag.objects.create(request=made.pk, at=made.started_at, name=name, value=value)
    return made


CASES: list[tuple[dict[str, str], dict[str, Any]]] = [
    ({"since": "2026-11-20T12:00", "until": "2026-11-20T13:00Z"}, {"started_at": AT + timedelta(minutes=5)}),
    ({"until": "2026-11-20T14:00+02:00"}, {"started_at": AT - timedelta(seconds=1)}),
    ({"key": "Billing"}, {"client_name": "Billing"}),
    ({"key": KEY}, {"client_id": KEY}),
    ({"person": "Ada"}, {"person": "Ada"}),
    ({"model": "m%"}, {"model": "m%"}),
    ({"served": "fallback"}, {"model": "m", "served_model": "fallback"}),
    ({"provider": "openai"}, {"provider": "openai"}),
    ({"status": "429"}, {"status": 429}),
    ({"status": "5xx"}, {"status": 502}),
    ({"status": "3xx"}, {"status": 302}),
    ({"outcome": "failed"}, {"status": 503}),
    ({"outcome": "failed"}, {"status": 200, "error": "upstream_reset"}),
    ({"outcome": "left"}, {"status": 499, "client_aborted": True}),
    ({"outcome": "cached"}, {"cache": "hit"}),
    ({"outcome": "stopped"}, {"status": 503, "error": STOPPED}),
    ({"error": "upstream_timeout"}, {"error": "upstream_timeout"}),
    ({"min_ms": "1000"}, {"total_ms": 1000.0}),
    ({"min_cost": "0.5"}, {"cost_usd": "0.5"}),
    ({"session": "s"}, {"session": "s"}),
    ({"app": "a"}, {"app": "a"}),
    ({"project": "p"}, {"project": "p"}),
    ({"tenant": "t"}, {"tenant": "t"}),
    ({"request_id": "req-2"}, {}),
    ({"agent": "researcher"}, {"agent": "researcher"}),
    ({"tag": "team:blue"}, {"tags": '{"team":"blue"}'}),
    ({"tag": "team"}, {"tags": '{"team":"blue"}'}),
    ({"user_agent": "openai-"}, {"user_agent": "openai-python/1"}),
    ({"test": "only"}, {"test": True}),
]


@pytest.mark.parametrize(("given", "said"), CASES)
def test_search_when_one_request_fits_then_found_and_nothing_else(given: dict[str, str], said: dict[str, Any]) -> None:
    add(1, **({"started_at": AT + timedelta(days=1)} if "until" in given else {}))
    wanted = add(2, **said)
    assert list(found(given)) == [wanted]


def test_search_when_every_filter_is_tried_then_none_is_missing() -> None:
    assert {name for given, _ in CASES for name in given} == set(FILTERS)


def test_search_without_words_then_all_but_tests_newest_first() -> None:
    first, tried, last = add(1), add(2, test=True), add(3)
    assert list(found({})) == [last, first]
    assert list(found({"test": "shown", "model": " ", "unknown": "x"})) == [last, tried, first]
    served = add(4, cache="hit"), add(5, error="x")
    assert not set(served) & set(found({"outcome": "served"}))


BAD = {
    "since": ("yesterday", "9" * 30, "0001-01-01T00:00+14:00", "2026-13-45"),
    "until": ("inf",),
    "status": ("9xx", "2", "9" * 30, "²00", "4xx or 5xx"),
    "outcome": ("nice",),
    "test": ("maybe",),
    "min_ms": ("fast", "-1", "nan", "1e400", "9" * 30),
    "min_cost": ("cheap", "-1", "NaN", "Infinity", "9" * 30),
    "model": ("a\0b", "%" * 1024),
    "request_id": ("_%" * 512,),
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_search_when_a_value_cannot_be_then_it_says_so_at_its_name(name: str, text: str) -> None:
    with pytest.raises(BadSearch) as caught:
        list(found({name: text, "app": "a"}))
    assert list(caught.value.faults) == [name]


def test_pages_when_walked_to_the_oldest_and_back_then_each_row_is_seen_once() -> None:
    rows = [add(number, started_at=AT + timedelta(seconds=number // 3)) for number in range(1, 24)]
    wanted = [row.pk for row in reversed(rows)]
    page, seen, pages = page_of(found({}), size=5), [], []
    while True:
        pages.append([row.pk for row in page.rows])
        seen += pages[-1]
        if not page.older:
            break
        page = page_of(found({}), before=page.older, size=5)
    assert seen == wanted
    back = []
    while page.newer:
        page = page_of(found({}), after=page.newer, size=5)
        back.append([row.pk for row in page.rows])
    assert [row for some in reversed(back) for row in some] == wanted[: -len(pages[-1])]


@pytest.mark.parametrize("cursor", ["x", "9" * 30, "A" * 1000, "MjAyNg", "é", "\0"])
def test_page_when_asked_for_behind_no_cursor_then_refused(cursor: str) -> None:
    for name in ("before", "after"):
        with pytest.raises(BadSearch):
            page_of(found({}), **{name: cursor})  # type: ignore[arg-type]


def test_page_when_walked_then_nothing_is_counted_and_no_row_is_skipped_over(django_assert_num_queries: Any) -> None:
    rows = [add(number) for number in range(1, 4)]
    with django_assert_num_queries(1) as captured:
        page_of(found({}), before=cursor_of(rows[1]))
    assert not {"COUNT", "OFFSET"} & set(captured.captured_queries[0]["sql"].upper().replace("(", " ").split())


def test_totals_when_added_up_then_those_of_what_is_found() -> None:
    add(1, model="m", cost_usd="0.25", input_tokens=10, output_tokens=2)
    add(2, model="m", status=502, error="upstream_error")
    add(3, model="m", status=499)
    add(4, cost_usd=9)
    made = totals(found({"model": "m"}))
    assert made == Totals(3, 1, 10, 2, Decimal("0.25"), 2, more=False)


@pytest.mark.parametrize("few", [5000, 2])
def test_search_for_words_when_few_or_many_have_them_then_the_same_is_found(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage_words, "FEW", few)
    agents = ["curl/8%", "curl/8%1", "curl/8%2", "curl/80", "Curl/8%", None, "curl/8\U0010fffe"]
    rows = [
        add(number, user_agent=agent, started_at=AT + timedelta(minutes=number), tags=f'{{"team":"{number % 2}","x":"y"}}')
        for number, agent in enumerate(agents, 1)
    ]
    for one in rows:
        add(one.pk.int + 100, user_agent="other", started_at=one.started_at)
    newest_first = rows[::-1]
    assert list(found({"user_agent": "curl/8%"})) == [one for one in newest_first if (one.user_agent or "").startswith("curl/8%")]
    assert list(found({"user_agent": "curl/8"})) == [one for one in newest_first if (one.user_agent or "").startswith("curl/8")]
    assert list(found({"user_agent": "curl/8%1"})) == [rows[1]]
    assert not found({"user_agent": "nobody"})
    assert list(found({"tag": "team:1"})) == [one for one in newest_first if '"1"' in (one.tags or "")]
    assert list(found({"tag": "x"})) == newest_first
    assert not found({"tag": "team:2"})


def test_search_for_a_tag_when_the_recorder_wrote_it_then_found_until_it_is_erased_or_purged() -> None:
    long = "ü" * 400
    told = [
        row(tags=msgspec.json.encode({"team": "blue", "note": long, "odd": "a\0b"}).decode(), session="s"),
        row(tags='{"team":"red"}'),
    ]
    insert(told)
    assert [one.pk.hex for one in found({"tag": "team:blue"})] == [told[0].id]
    assert [one.pk.hex for one in found({"tag": f"note:{long[: LONGEST - 5]}"})] == []
    assert UsageTag.objects.count() == 4
    list(erase(Selection(session="s")))
    assert UsageTag.objects.count() == 1
    UsageRecord.objects.update(started_at=AT - timedelta(days=900))
    purge(800)
    assert not UsageTag.objects.exists()


INDEXED = set(FILTERS) - {"test"}


@pytest.mark.parametrize("name", sorted(INDEXED))
def test_search_when_planned_then_an_index_answers(name: str) -> None:
    value, said = next((given[name], said) for given, said in CASES if name in given)
    add(**said)
    plan = found({name: value}).explain()
    assert "SCAN openai_api_usagerecord\n" not in f"{plan}\n"
    assert "USING" in plan or connection.vendor != "sqlite"


SELDOM: list[dict[str, str]] = [
    {"status": "404"},
    {"status": "5xx"},
    {"outcome": "failed"},
    {"outcome": "cached"},
    {"error": "x"},
    {"min_ms": "20000"},
    {"min_cost": "1"},
]
SMALL = ("usage_unusual", "usage_from_cache", "usage_by_error_and_time", "usage_slow", "usage_costly")


@pytest.mark.parametrize("given", SELDOM)
def test_search_for_what_is_seldom_when_planned_then_a_small_index_is_read(given: dict[str, str]) -> None:
    if connection.vendor == "sqlite":
        plan = found(given).explain()
        assert any(name in plan for name in SMALL), plan
