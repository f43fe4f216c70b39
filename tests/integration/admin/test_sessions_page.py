"""What does an operator see of sessions: the list, the timeline, and what has come since?"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from models_catalog import keys
from models_catalog.models import ClientKey
from openai_api.models import SessionEventRow, SessionRow, UsageRecord
from tests.integration.admin.conversations import BEGAN, Conversation, new_requests, new_session
from tests.integration.admin.pages import Pages, address

CANARY = "<img src=x onerror=alert(1)>'\"&{{7*7}}"
ENTRY = re.compile(r'<li class="sb-entry [^>]*data-sb-number="(\d+)">')
SECRET = "the merger with Initech is off"


def live_url(row: SessionRow) -> str:
    return f"{address(SessionRow)}{row.pk}/live/"


def event_url(row: SessionRow, number: int) -> str:
    return f"{address(SessionRow)}{row.pk}/events/{number}/"


def text_of(pages: Pages, row: SessionRow, query: str = "") -> str:
    return str(pages.open(f"{address(SessionRow, 'change', row)}{query}").content.decode())


def found(pages: Pages, **query: str) -> list[str]:
    rows = pages.client.get(address(SessionRow), query).context["cl"].result_list
    return sorted(row.session_id for row in rows)


@pytest.fixture
def two(db: None) -> tuple[SessionRow, ClientKey]:
    """A session that is everything, and one that is nothing of it; and the key of the first."""
    key = keys.create_client_key("Billing app")[0]
    shared = {"client_id": str(key.pk), "client_name": key.name, "agent": "planner", "tenant": "acme", "model": "claude"}
    row = new_session("s-1", tags={"env": "prod", "ticket": "4:2"}, last_at=BEGAN + timedelta(days=2), errors=1, **shared)
    new_session("s-2", tags={"env": "test"}, agent="coder", ended_at=BEGAN)
    return row, key


@pytest.mark.parametrize(
    "term",
    ["s-1", "env:prod", "ticket:4:2", " env:prod ", "planner", "acme", "claude", "Billing app"],
    ids=lambda term: term.strip(),
)
def test_sessions_when_searched_then_whatever_is_known_of_one_finds_it_and_nothing_else(
    pages: Pages, two: tuple[SessionRow, ClientKey], term: str
) -> None:
    assert found(pages, q=term) == ["s-1"]
    assert found(pages, q=term.strip()[:-1]) == []


FITS = [
    {"agent": "planner"}, {"model": "claude"}, {"key": "Billing app"}, {"tenant": "acme"}, {"tag": "env:prod"},
    {"tag": "ticket"}, {"state": "live"}, {"state": "errors"}, {"from": "2026-03-02T00:00"},
    {"tag": "env:prod", "agent": "planner", "state": "live"},
]  # fmt: skip


@pytest.mark.parametrize("query", FITS, ids=str)
def test_sessions_when_filtered_then_only_what_fits_is_listed(
    pages: Pages, two: tuple[SessionRow, ClientKey], query: dict[str, str]
) -> None:
    assert found(pages, **query) == ["s-1"]
    assert found(pages, **query, q="coder") == []


@pytest.mark.parametrize(
    "query", [{"until": "2026-03-02T00:00"}, {"state": "ended"}, {"tag": "env:test"}, {"agent": "coder"}], ids=str
)
def test_sessions_when_filtered_for_the_other_then_it_is_listed(
    pages: Pages, two: tuple[SessionRow, ClientKey], query: dict[str, str]
) -> None:
    assert found(pages, **query) == ["s-2"]


@pytest.mark.parametrize("query", [{"agent": "a\0b"}, {"q": "x" * 9000}, {"tag": ":"}, {"q": ":"}], ids=str)
def test_sessions_when_asked_for_what_no_row_can_be_then_none_is_found(
    pages: Pages, two: tuple[SessionRow, ClientKey], query: dict[str, str]
) -> None:
    assert found(pages, **query) == []


@pytest.mark.parametrize("query", [{"q": "\0"}, {"from": "yesterday"}, {"state": "asleep"}, {"agent": " "}], ids=str)
def test_sessions_when_a_filter_says_nothing_then_all_are_listed(
    pages: Pages, two: tuple[SessionRow, ClientKey], query: dict[str, str]
) -> None:
    assert found(pages, **query) == ["s-1", "s-2"]


def test_list_when_opened_then_it_asks_a_fixed_number_of_times_and_never_counts_all(pages: Pages, db: None) -> None:
    def asked() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            pages.open(address(SessionRow))
        return [query["sql"] for query in queries.captured_queries]

    new_session("s-0")
    asked()  # writes down when the account was seen
    before = asked()
    for number in range(1, 20):
        new_session(f"s-{number}", tags={"n": str(number)})
    after = asked()
    assert len(after) == len(before)
    assert not any("COUNT(" in sql and "openai_api_session" in sql for sql in after)


def test_page_when_nothing_is_there_then_it_says_how_sessions_are_kept(pages: Pages, settings: Settings) -> None:
    settings.GATEWAY_EVENTS = ()
    assert "GATEWAY_EVENTS=database" in pages.open(address(SessionRow)).content.decode()
    settings.GATEWAY_EVENTS = ("database",)
    text = pages.open(address(SessionRow)).content.decode()
    assert "GATEWAY_EVENTS" not in text
    assert "No sessions yet" in text


# The timeline


@pytest.fixture
def talk(db: None) -> Conversation:
    talk = Conversation(new_session("s-1", bodies=True, client_name="app"))
    talk.add("session.start", tools=["get_weather"])
    talk.call("req-1", [{"role": "user", "content": SECRET}], [{"role": "assistant", "content": "I see."}])
    talk.tool("call-1", "get_weather", {"city": "Oslo"}, "rain")
    talk.add("llm.call.start", request="req-2")
    talk.add(
        "llm.call.error", request="req-2", level="ERROR", error__type="rate_limit_error", error__message="too fast",
        http__status_code=429,
    )  # fmt: skip
    talk.save()
    return talk


def test_timeline_when_opened_then_calls_and_tools_stand_with_their_ends_in_order(pages: Pages, talk: Conversation) -> None:
    text = text_of(pages, talk.row)
    assert ENTRY.findall(text) == ["1", "2", "4", "6"]
    parts = re.split(ENTRY, text)[2::2]
    expected = (
        ("Session began", "get_weather"),
        (SECRET, "I see.", "1,204 → 88", "$0.0031", "1.42 s"),
        ("Oslo", "rain", "240 ms", "success"),
        ("rate_limit_error", "status 429", "too fast"),
    )
    for part, texts in zip(parts, expected, strict=True):
        assert [text for text in texts if text not in part] == []


def test_timeline_when_requests_are_known_then_they_lead_to_each_other(pages: Pages, talk: Conversation) -> None:
    request = new_requests(talk.row, ["req-1"])[0]
    assert address(UsageRecord, "change", request) in text_of(pages, talk.row)
    assert address(SessionRow, "change", talk.row) in pages.open(address(UsageRecord, "change", request)).content.decode()
    listed = pages.client.get(address(UsageRecord), {"session": "s-1"}).context["rows"]
    assert list(listed) == [request]


def test_timeline_when_a_call_still_runs_then_it_says_so(pages: Pages, talk: Conversation) -> None:
    talk.add("llm.call.start", request="req-3")
    talk.save()
    assert re.split(ENTRY, text_of(pages, talk.row))[-1].count(">runs<") == 1


def test_timeline_when_long_then_paged_and_each_event_is_on_a_page(pages: Pages) -> None:
    talk = Conversation(new_session("s-1", ended_at=BEGAN), bodies=False)
    for number in range(5000):
        talk.call(f"req-{number}", "", "")
    talk.save()
    with CaptureQueriesContext(connection) as queries:
        text = text_of(pages, talk.row)
    assert len(queries.captured_queries) < 20
    assert "Events 1 to 100 of 10000" in text
    assert [int(number) for number in ENTRY.findall(text)] == list(range(1, 101, 2))
    assert [int(number) for number in ENTRY.findall(text_of(pages, talk.row, "?from=9901"))] == list(range(9901, 10001, 2))
    assert "data-sb-live" not in text


def test_timeline_when_an_end_is_on_the_next_page_then_it_is_told_on_both(pages: Pages) -> None:
    talk = Conversation(new_session("s-1", ended_at=BEGAN), bodies=False)
    talk.add("session.start")
    for number in range(60):
        talk.call(f"req-{number}", "", "")
    talk.save()
    first, second = text_of(pages, talk.row), text_of(pages, talk.row, "?from=101")
    assert (ENTRY.findall(first)[-1], first.count("1.42 s")) == ("100", 50)
    assert ENTRY.findall(second)[0] == "101"
    assert "its beginning is not on this page" in second


@pytest.mark.parametrize("query", ["?from=0", "?from=-5", "?from=x", "?from=99999999999999999999", "?from=%00", "?from=5000"])
def test_timeline_when_asked_for_an_odd_page_then_there_is_one(pages: Pages, talk: Conversation, query: str) -> None:
    assert "sb-timeline" in text_of(pages, talk.row, query)


def test_timeline_when_texts_are_long_then_folded_and_cut_and_the_event_has_all(pages: Pages) -> None:
    talk = Conversation(new_session("s-1", bodies=True))
    talk.call("req-1", [{"role": "user", "content": "x" * 50_000 + "END"}], "y" * 300_000)
    talk.save()
    text = text_of(pages, talk.row)
    assert "50,003 characters" in text
    assert "END" not in text
    assert "Too large to be shown here" in text
    assert len(text) < 200_000
    whole = pages.open(event_url(talk.row, 2))
    assert whole["content-type"] == "application/json"
    assert whole.json()["attributes"]["llm.response.content"] == "y" * 300_000
    assert pages.open(event_url(talk.row, 1)).json()["attributes"]["llm.request.data"]["messages"][0]["content"].endswith("END")


# What comes while it runs


def news(pages: Pages, row: SessionRow, after: int | str) -> Any:
    return pages.open(f"{live_url(row)}?after={after}").json()


def test_live_when_more_happens_then_only_that_is_told_and_what_ended_replaces_what_began(
    pages: Pages, talk: Conversation
) -> None:
    after = written_last(text_of(pages, talk.row))
    assert news(pages, talk.row, after) | {"head": ""} == {"entries": [], "newest": after, "head": "", "live": True}
    talk.add("llm.call.start", request="req-3")
    talk.save()
    told = news(pages, talk.row, after)
    assert (numbers(told), told["newest"]) == ([8], after + 1)
    talk.add("llm.call.finish", request="req-3", llm__response__content="at last")
    talk.row.calls, talk.row.ended_at = 4711, talk.at
    talk.save()
    key, told = told["entries"][0]["key"], news(pages, talk.row, after + 1)
    assert (numbers(told), told["newest"], told["live"], told["entries"][0]["key"]) == ([8], after + 2, False, key)
    assert "at last" in told["entries"][0]["html"]
    assert "4,711" in told["head"]


def test_live_when_much_has_come_then_told_in_parts(pages: Pages) -> None:
    talk = Conversation(new_session("s-1"), bodies=False)
    for number in range(150):
        talk.tool(f"c-{number}", "step", {}, "done")
    talk.save()
    told, seen = news(pages, talk.row, 0), []
    while told["entries"]:
        seen += numbers(told)
        told = news(pages, talk.row, told["newest"])
    assert seen == list(range(1, 300, 2))


def test_live_when_one_comes_late_and_others_make_room_then_it_alone_is_told_with_its_place(
    pages: Pages, talk: Conversation
) -> None:
    after = written_last(text_of(pages, talk.row))
    for number in range(7, 1, -1):
        SessionEventRow.objects.filter(session=talk.row, number=number).update(number=number + 1)
    talk.number = 1
    talk.add("llm.call.error", request="req-0", level="ERROR", error__type="late")
    talk.save()
    assert numbers(news(pages, talk.row, after)) == [2]
    assert ENTRY.findall(text_of(pages, talk.row)) == ["1", "2", "3", "5", "7"]


def written_last(text: str) -> int:
    """What the page of a session that runs has as the event that was written last."""
    match = re.search(r'data-sb-after="(\d+)"', text)
    assert match is not None
    return int(match[1])


def numbers(told: Any) -> list[int]:
    """Of the events that began the entries which are told."""
    return [int(number) for entry in told["entries"] for number in ENTRY.findall(entry["html"])]


@pytest.mark.parametrize("after", ["", "-1", "x", "9" * 30])
def test_live_when_asked_oddly_then_answered(pages: Pages, talk: Conversation, after: str) -> None:
    assert news(pages, talk.row, after)["live"] is True


# Who may see what


def staff(client: Client, *rights: str) -> Pages:
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    return Pages(client)


def test_sessions_when_staff_lacks_the_right_then_nothing_of_them_is_told(client: Client, talk: Conversation) -> None:
    others = [row.codename for row in Permission.objects.exclude(codename="view_sessionrow")]
    pages = staff(client, *(name for name in others if name != "view_sessionrow"))
    for url in (address(SessionRow), address(SessionRow, "change", talk.row)):
        assert client.get(url).status_code == 403
    for url in (live_url(talk.row), event_url(talk.row, 1)):
        assert client.get(url).status_code in (403, 404)
    assert address(SessionRow) not in pages.open("/admin/").content.decode()


def test_what_was_said_when_staff_may_see_sessions_only_then_nowhere_shown(client: Client, talk: Conversation) -> None:
    talk.add("llm.call.start", request="req-9", **{"x.unknown": SECRET, "llm.request.data": SECRET})
    talk.save()
    pages = staff(client, "view_sessionrow")
    told = [text_of(pages, talk.row), json.dumps(news(pages, talk.row, 0)), pages.open(event_url(talk.row, 2)).content.decode()]
    for text in told:
        assert not [said for said in (SECRET, "I see.", "Oslo", "rain", "too fast") if said in text]
        assert "1204" in text or "1,204" in text or "gpt-4o" in text
    assert "View what was said in sessions" in told[0]
    user = User.objects.get(username="staff")
    user.user_permissions.add(Permission.objects.get(codename="view_session_bodies"))
    assert SECRET in text_of(pages, talk.row)


def test_bodies_when_none_are_recorded_then_the_page_says_how_to_record_them(pages: Pages, settings: Settings) -> None:
    key = keys.create_client_key("app")[0]
    row = new_session("s-1", client_id=str(key.pk), client_name=key.name)
    text = text_of(pages, row)
    assert "Record bodies" in text
    assert address(ClientKey, "change", key) in text
    assert "GATEWAY_EVENTS_BODIES=all" in text
    settings.GATEWAY_EVENTS_BODIES = "off"
    assert "it is off" in text_of(pages, row)


def test_rights_to_sessions_when_a_group_is_edited_then_offered_by_what_they_allow(pages: Pages) -> None:
    group = Group.objects.create(name="auditors")
    text = pages.open(address(Group, "change", group)).content.decode()
    for offered in ("View sessions", "View what was said in sessions", "Erase sessions"):
        assert offered in text
    assert "Add sessions" not in text
    assert "Change sessions" not in text
    chosen = Permission.objects.get(codename="view_session_bodies")
    pages.save(address(Group, "change", group), {"permissions": [str(chosen.pk)]})
    assert list(group.permissions.all()) == [chosen]


@pytest.mark.parametrize("kind", ["add", "delete"])
def test_sessions_when_somebody_adds_or_deletes_one_then_refused(pages: Pages, talk: Conversation, kind: str) -> None:
    row = None if kind == "add" else talk.row
    assert pages.client.post(address(SessionRow, kind, row), {"post": "yes"}).status_code == 403
    assert pages.client.post(address(SessionRow, "change", talk.row), {"agent": "other"}).status_code == 403
    assert SessionRow.objects.get().agent == ""


def test_requests_when_filtered_by_what_their_session_said_then_found(pages: Pages, two: tuple[SessionRow, ClientKey]) -> None:
    row, _ = two
    mine = new_requests(row, ["req-1"])
    new_requests(SessionRow.objects.get(session_id="s-2"), ["req-2"])
    now = datetime.now(UTC)
    UsageRecord.objects.filter(pk=mine[0].pk).update(started_at=now)
    for query in (
        {"session": "s-1"},
        {"agent": "planner"},
        {"tenant": "acme"},
        {"tag": "ticket"},
        {"since": f"{now:%Y-%m-%dT00:00}"},
    ):
        assert list(pages.client.get(address(UsageRecord), query).context["rows"]) == mine
    other = new_requests(row, ["req-3"], tags='{"env":"prod","ticket":"4:2"}')
    assert list(pages.client.get(address(UsageRecord), {"tag": "ticket:4:2"}).context["rows"]) == other
