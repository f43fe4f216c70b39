"""Does the admin of a running gateway show the sessions that it has served, on either database, and is one erased for good?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.chaos.process import Chaos, eventually
from tests.live import LiveGateway, body, environment, migrate
from tests.live_admin import Visitor
from tests.services.conftest import database

OPERATOR, PASSWORD = "operator", "correct-horse-battery"
LIST = "/admin/openai_api/sessionrow/"
ROWS = "openai_api.SessionRow"
SAID = "The canary is <b>yellow</b>."
WITHIN_S = 20.0


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def gateway(
    request: pytest.FixtureRequest, shared_chaos: Chaos, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveGateway]:
    """A gateway that keeps events, and what is said in them."""
    directory: Path = tmp_path_factory.mktemp("sessions") / "data"
    directory.mkdir()
    variables = {"GATEWAY_EVENTS": "database", "GATEWAY_EVENTS_BODIES": "all"}
    if request.param == "sqlite":
        yield from running(directory, shared_chaos, variables)
        return
    with database(request.getfixturevalue("postgres_url")) as url:
        yield from running(directory, shared_chaos, {**variables, "DATABASE_URL": url})


def running(directory: Path, chaos: Chaos, variables: dict[str, Any]) -> Iterator[LiveGateway]:
    migrate(environment(directory, **variables))
    with LiveGateway(directory, chaos, template=None, **variables) as gateway:
        gateway.define("ok-usage-100-20")
        gateway.operator.create_superuser(OPERATOR, PASSWORD)
        yield gateway


@pytest.fixture
def visitor(gateway: LiveGateway) -> Visitor:
    found = Visitor(gateway)
    assert found.sign_in(OPERATOR, PASSWORD) == 302
    return found


def say(gateway: LiveGateway, session: str, text: str = SAID) -> None:
    headers = gateway.headers() | {"x-gateway-session-id": session, "x-gateway-tags": "team:birds"}
    messages = [{"role": "user", "content": text}]
    asked = {**body("chaos/ok-usage-100-20"), "messages": messages}
    assert gateway.http.post("/v1/chat/completions", json=asked, headers=headers).status_code == 200


def written(gateway: LiveGateway, session: str, calls: int) -> int:
    """The id of the row of a session, when so many of its calls are written."""
    found: list[dict[str, int]] = []

    def there() -> bool:
        found[:] = gateway.operator.rows(ROWS, {"session_id": session, "calls": calls})
        requests = gateway.operator.rows("openai_api.UsageRecord", {"session": session})
        return bool(found) and len(requests) == calls

    assert eventually(there, WITHIN_S)
    return found[0]["id"]


def test_session_when_served_then_listed_shown_and_followed(gateway: LiveGateway, visitor: Visitor) -> None:
    say(gateway, "shown")
    page = f"{LIST}{written(gateway, 'shown', 1)}/"
    for query in ("shown", "team:birds", "tests", "chaos/ok-usage-100-20"):
        assert "shown" in visitor.ask("GET", f"{LIST}?q={query}").text
    text = visitor.ask("GET", f"{page}change/").text
    assert "The canary is &lt;b&gt;yellow&lt;/b&gt;." in text
    assert "100 → 20" in text
    assert "/admin/openai_api/usagerecord/" in text
    match = re.search(r'data-sb-after="(\d+)"', text)
    assert match is not None
    say(gateway, "shown", "And now it is green.")
    written(gateway, "shown", 2)
    news = visitor.ask("GET", f"{page}live/?after={match[1]}").json()
    assert "And now it is green." in "".join(entry["html"] for entry in news["entries"])
    assert SAID not in "".join(entry["html"] for entry in news["entries"])


def test_session_when_erased_then_only_its_costs_are_left_and_it_may_begin_anew(gateway: LiveGateway, visitor: Visitor) -> None:
    say(gateway, "erased")
    row = written(gateway, "erased", 1)
    kept = len(gateway.operator.rows("openai_api.UsageRecord", {}))
    answer = visitor.send(f"{LIST}{row}/erase_one/", _form_submitted="on")
    assert answer.headers["hx-redirect"] == LIST
    assert gateway.operator.rows(ROWS, {"session_id": "erased"}) == []
    assert gateway.operator.rows("openai_api.SessionEventRow", {"session_id": row}) == []
    assert gateway.operator.rows("openai_api.SessionLabelRow", {"session_id": row}) == []
    assert gateway.operator.rows("openai_api.UsageRecord", {"session": "erased"}) == []
    assert len(gateway.operator.rows("openai_api.UsageRecord", {})) == kept
    say(gateway, "erased")
    assert written(gateway, "erased", 1) != row


def test_sessions_when_erased_by_command_then_all_of_the_tag_are_gone(gateway: LiveGateway) -> None:
    say(gateway, "by-command")
    written(gateway, "by-command", 1)
    assert "1 session" in gateway.operator.command("erase_sessions", "--session", "by-command", "--dry-run")
    assert "Erased" in gateway.operator.command("erase_sessions", "--tag", "team:birds", "--yes")
    assert gateway.operator.rows(ROWS, {}) == []
    assert gateway.operator.rows("openai_api.UsageRecord", {"session__isnull": False}) == []
