"""What is left when sessions are erased? Costs, and nothing that says which session, agent or tags there were."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from django.db.models import Sum
from django.test import Client

from models_catalog import keys
from models_catalog.models import ClientKey
from openai_api.models import SessionEventRow, SessionLabelRow, SessionRow, StoredResponseRow, UsageRecord
from tests.integration.admin.conversations import BEGAN, Conversation, new_requests, new_session
from tests.integration.admin.pages import Pages, address

NAME = "the-session-of-alice"


def erase(*arguments: str) -> str:
    written = StringIO()
    call_command("erase_sessions", *arguments, stdout=written)
    return written.getvalue().strip()


def stored(owner: str, name: str) -> None:
    times = {"created_at": BEGAN, "expires_at": BEGAN + timedelta(days=9999)}
    StoredResponseRow.objects.create(id=name, owner=owner, model="m", items=b"", body=b"", **times)


@pytest.fixture
def key(db: None) -> ClientKey:
    """A key with a session of four events and two requests, all of which another key's session is not."""
    key, other = keys.create_client_key("app")[0], keys.create_client_key("other")[0]
    mine: dict[str, Any] = {"client_id": str(key.pk), "client_name": "app", "agent": "planner", "tenant": "acme"}
    mine["tags"] = {"user": "alice"}
    for row in (
        new_session(NAME, **mine, last_at=BEGAN),
        new_session("kept", client_id=str(other.pk), client_name="other", agent="coder", tenant="initech", tags={"user": "bob"}),
    ):
        talk = Conversation(row, bodies=True, at=row.started_at)
        talk.call("req", "hello", "hi")
        talk.tool("call", "step", {}, "done")
        talk.save()
        new_requests(row, [f"{row.session_id}-1", f"{row.session_id}-2"])
        stored(row.client_id, f"resp-{row.session_id}")
    now = datetime.now(UTC)
    SessionRow.objects.filter(session_id="kept").update(last_at=now)
    UsageRecord.objects.filter(session="kept").update(started_at=now)
    return key


def check_erased(key: ClientKey) -> None:
    """All of the one session, nothing of the other, and what was spent is known as before."""
    assert [row.session_id for row in SessionRow.objects.all()] == ["kept"]
    assert {row.session.session_id for row in SessionEventRow.objects.select_related("session")} == {"kept"}
    assert SessionEventRow.objects.count() == 4
    assert set(SessionLabelRow.objects.values_list("session__session_id", flat=True)) == {"kept"}
    mine = UsageRecord.objects.filter(client_id=str(key.pk))
    assert set(mine.values_list("session", "agent", "tags", "tenant", "client_name")) == {(None, None, None, "acme", "app")}
    assert mine.aggregate(cost=Sum("cost_usd"), tokens=Sum("input_tokens")) == {"cost": Decimal(1), "tokens": 20}
    assert UsageRecord.objects.filter(session="kept", agent="coder").exclude(tags=None).count() == 2


SELECTORS: dict[str, Callable[[ClientKey], tuple[str, ...]]] = {
    "session": lambda key: ("--session", NAME),
    "key by name": lambda key: ("--key", "app"),
    "key by id": lambda key: ("--key", str(key.pk)),
    "key by public id": lambda key: ("--key", key.public_id),
    "tenant": lambda key: ("--tenant", "acme"),
    "user": lambda key: ("--user", "acme"),
    "tag": lambda key: ("--tag", "user:alice"),
    "agent": lambda key: ("--agent", "planner"),
    "before a day": lambda key: ("--before", "2026-03-02"),
    "before a time": lambda key: ("--before", "2026-03-01T13:00+00:30"),
    "all at once": lambda key: ("--agent", "planner", "--tag", "user:alice", "--tenant", "acme", "--key", "app"),
}


@pytest.mark.parametrize("selector", SELECTORS)
def test_sessions_when_erased_by_command_then_gone_and_their_costs_stay(key: ClientKey, selector: str) -> None:
    arguments = SELECTORS[selector](key)
    assert erase(*arguments, "--dry-run") == "Would erase 1 session, 4 events, 2 requests."
    assert SessionRow.objects.count() == 2
    assert erase(*arguments, "--yes") == "Erased 1 session, 4 events, 2 requests."
    check_erased(key)
    assert StoredResponseRow.objects.count() == 2
    assert erase(*arguments, "--yes") == "Erased 0 sessions, 0 events, 0 requests."


def test_requests_when_no_session_of_theirs_is_kept_then_forgotten_all_the_same(key: ClientKey) -> None:
    SessionRow.objects.all().delete()
    assert erase("--tag", "user:alice", "--yes") == "Erased 0 sessions, 0 events, 2 requests."
    assert UsageRecord.objects.filter(session=None, tags=None).count() == 2


def test_tag_when_it_only_looks_alike_then_kept(key: ClientKey) -> None:
    UsageRecord.objects.filter(session=NAME).update(tags='{"user": "alice2", "x": "alice", "alice": "user"}')
    assert erase("--tag", "user:alice", "--yes", "--agent", "nobody") == "Erased 0 sessions, 0 events, 0 requests."
    SessionRow.objects.all().delete()
    assert erase("--tag", "user:alice", "--yes") == "Erased 0 sessions, 0 events, 0 requests."


def test_key_when_its_responses_are_to_go_too_then_only_its_own_do(key: ClientKey) -> None:
    assert erase("--key", "app", "--responses", "--yes").endswith("2 requests, 1 stored response.")
    assert [row.pk for row in StoredResponseRow.objects.all()] == ["resp-kept"]
    check_erased(key)


def test_many_sessions_when_erased_then_in_batches_and_all(db: None) -> None:
    for number in range(250):
        talk = Conversation(new_session(f"s-{number}", agent="loop"), bodies=False)
        for call in range(6):
            talk.call(f"req-{number}-{call}", "", "")
        talk.save()
        new_requests(talk.row, [f"req-{number}"])
    assert erase("--agent", "loop", "--yes") == "Erased 250 sessions, 3,000 events, 250 requests."
    assert not SessionRow.objects.exists()
    assert not SessionEventRow.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which sessions"),
        (("--session", ""), "empty"),
        (("--agent", "a\0b"), "character"),
        (("--key", "nobody"), "no client key"),
        (("--tag", ":x"), "name:value"),
        (("--before", "yesterday"), "a date or a time"),
        (("--before", "2026-02-31"), "range"),
        (("--tenant", "acme", "--responses"), "--key"),
    ],
    ids=str,
)
def test_command_when_it_says_too_little_then_refused_and_nothing_is_erased(
    key: ClientKey, arguments: tuple[str, ...], said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        erase(*arguments, "--yes")
    assert SessionRow.objects.count() == 2


@pytest.mark.parametrize(
    ("typed", "said"),
    [("no\n", "nothing was erased"), ("\n", "nothing was erased"), ("", "nobody to ask")],
    ids=["no", "empty", "end"],
)
def test_command_when_nobody_agrees_then_nothing_is_erased(
    key: ClientKey, monkeypatch: pytest.MonkeyPatch, typed: str, said: str
) -> None:
    monkeypatch.setattr("sys.stdin", StringIO(typed))
    with pytest.raises(CommandError, match=said):
        erase("--session", NAME)
    assert SessionRow.objects.count() == 2
    monkeypatch.setattr("sys.stdin", StringIO("yes\n"))
    assert "Erase 1 session, 4 events, 2 requests? This cannot be undone." in erase("--session", NAME)
    check_erased(key)


def test_key_when_two_have_the_name_then_refused(key: ClientKey) -> None:
    keys.create_client_key("app")
    with pytest.raises(CommandError, match="more than one"):
        erase("--key", "app", "--yes")


# In the admin


def dialog_url(row: SessionRow | ClientKey, action: str) -> str:
    return f"{address(type(row), 'change', row).removesuffix('change/')}{action}/"


def test_session_when_erased_on_its_page_then_gone_and_the_history_does_not_name_it(pages: Pages, key: ClientKey) -> None:
    row = SessionRow.objects.get(session_id=NAME)
    assert "cannot be undone" in pages.open(dialog_url(row, "erase_one")).content.decode()
    assert SessionRow.objects.count() == 2
    answer = pages.client.post(dialog_url(row, "erase_one"), {"_form_submitted": "on"})
    assert answer["HX-Redirect"] == address(SessionRow)
    check_erased(key)
    entry = LogEntry.objects.get()
    assert (entry.object_repr, entry.change_message) == (f"Session {row.pk} of app", "Erased 1 session, 4 events, 2 requests.")


def test_sessions_when_chosen_in_the_list_then_asked_before_they_are_erased(pages: Pages, key: ClientKey) -> None:
    row = SessionRow.objects.get(session_id=NAME)
    chosen = {"action": "erase", "_selected_action": [row.pk]}
    asked = pages.client.post(address(SessionRow), chosen).content.decode()
    assert "Erase 1 session?" in asked
    assert NAME in asked
    assert SessionRow.objects.count() == 2
    assert pages.client.post(address(SessionRow), chosen | {"post": "yes"}).status_code == 302
    check_erased(key)
    assert NAME not in "".join(f"{entry.object_repr}{entry.change_message}" for entry in LogEntry.objects.all())


def test_sessions_when_all_of_a_filtered_list_are_erased_then_the_others_stay(pages: Pages, key: ClientKey) -> None:
    row = SessionRow.objects.get(session_id=NAME)
    chosen = {"action": "erase", "_selected_action": [row.pk], "select_across": "1", "post": "yes"}
    assert pages.client.post(f"{address(SessionRow)}?agent=planner", chosen).status_code == 302
    check_erased(key)


@pytest.mark.parametrize("responses", [True, False])
def test_key_when_its_sessions_are_erased_then_also_responses_if_wanted(pages: Pages, key: ClientKey, responses: bool) -> None:
    form = {"_form_submitted": "on"} | ({"responses": "on"} if responses else {})
    answer = pages.client.post(dialog_url(key, "erase_sessions_of_one"), form)
    assert answer["HX-Redirect"] == address(ClientKey, "change", key)
    check_erased(key)
    assert StoredResponseRow.objects.count() == (1 if responses else 2)
    assert "Erased 1 session, 4 events, 2 requests" in LogEntry.objects.get().change_message
    assert ClientKey.objects.get(pk=key.pk).revoked_at is None


def test_erasing_when_staff_may_only_look_then_refused_everywhere(client: Client, key: ClientKey) -> None:
    rights = ("view_sessionrow", "view_session_bodies", "view_clientkey", "change_clientkey")
    user = User.objects.create_user("staff", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)
    row = SessionRow.objects.get(session_id=NAME)
    for url in (dialog_url(row, "erase_one"), dialog_url(key, "erase_sessions_of_one")):
        assert client.get(url).status_code == 403
        assert client.post(url, {"_form_submitted": "on"}).status_code == 403
    client.post(address(SessionRow), {"action": "erase", "_selected_action": [row.pk], "post": "yes"})
    for url in (address(SessionRow), address(SessionRow, "change", row), address(ClientKey, "change", key)):
        text = client.get(url).content.decode()
        assert "erase_one" not in text
        assert "erase_sessions_of_one" not in text
        assert 'value="erase"' not in text
    assert SessionRow.objects.count() == 2
