"""Does the page of a session grow while the session runs, without being loaded again, and keep what was unfolded?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PATIENCE_MS
from tests.live import LiveGateway

pytestmark = pytest.mark.xdist_group("browser")
MARKUP = "<img src=x onerror=\"document.title='taken over'\">"
MODELS = ("openai_api.SessionRow", "openai_api.SessionEventRow")


class Session:
    """A session that an operator's process writes, as the sink does."""

    def __init__(self, gateway: LiveGateway, name: str) -> None:
        self._operator = gateway.operator
        self.at = datetime.now(UTC).isoformat()
        times = {"started_at": self.at, "last_at": self.at}
        self.pk = self._operator.create(MODELS[0], session_id=name, model="gpt-4o", trace="0" * 32, bodies=True, **times)
        self.url = f"/admin/openai_api/sessionrow/{self.pk}/change/"
        self._number = 0

    def add(self, name: str, request: str, **attributes: Any) -> None:
        self._number += 1
        told = json.dumps({key.replace("__", "."): value for key, value in attributes.items()})
        self._operator.create(
            MODELS[1], session_id=self.pk, number=self._number, at=datetime.now(UTC).isoformat(), name=name, level="INFO",
            request_id=request, model="gpt-4o", attributes=told, bodies=True,
        )  # fmt: skip

    def update(self, **values: Any) -> None:
        self._operator.update(MODELS[0], {"pk": self.pk}, values)


def asked(said: str) -> dict[str, Any]:
    return {"llm__request__data": {"messages": [{"role": "user", "content": said}]}}


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_page_when_the_session_runs_then_it_grows_until_the_end(page: Page, running: LiveGateway, request: Any) -> None:
    session = Session(running, f"grows-{request.node.callspec.id}")
    session.add("llm.call.start", "req-1", **asked("What is the weather?"))
    page.goto(session.url)
    entries = page.locator("#timeline > .sb-entry")
    expect(entries).to_have_count(1)
    expect(page.get_by_text("It runs: what is new appears here.")).to_be_visible()
    page.evaluate("window.sameDocument = true")
    entries.first.get_by_text("Attributes").click()

    session.add("llm.call.finish", "req-1", llm__response__content=f"Rain. {MARKUP}", llm__usage__input_tokens=12)
    expect(entries.first).to_contain_text(f"Rain. {MARKUP}")
    expect(entries).to_have_count(1)
    session.add("tool.execution", "req-1", tool__name="umbrella")
    expect(entries).to_have_count(2)
    expect(entries.last).to_contain_text("umbrella")
    session.update(calls=4711)
    expect(page.locator("#session-head")).to_contain_text("4,711")

    session.update(ended_at=datetime.now(UTC).isoformat())
    expect(page.get_by_text("The session has ended.")).to_be_visible()
    assert page.evaluate("window.sameDocument") is True
    assert page.title() != "taken over"
    expect(page.locator("#timeline img")).to_have_count(0)


def test_page_when_what_was_unfolded_gets_more_then_it_stays_unfolded(page: Page, running: LiveGateway) -> None:
    session = Session(running, "unfolded")
    session.add("llm.call.start", "req-1", **asked("word " * 2000))
    page.goto(session.url)
    page.get_by_text("Show all: 10,000 characters").or_(page.get_by_text("10,000 characters")).first.click()
    assert page.locator("details.sb-fold").get_attribute("open") is not None
    session.update(calls=4711)
    session.add("llm.call.finish", "req-1")
    expect(page.locator("#session-head")).to_contain_text("4,711")
    expect(page.locator("details.sb-fold")).to_have_attribute("open", "")


def test_session_when_erased_from_its_page_then_asked_first_and_gone(page: Page, running: LiveGateway) -> None:
    session = Session(running, "to-be-erased")
    session.add("llm.call.start", "req-1", **asked("Forget me."))
    session.update(ended_at=session.at)
    page.goto(session.url)
    page.locator("a[hx-get*=erase_one]").click()
    page.get_by_role("button", name="Erase the session").click()
    page.wait_for_url("**/admin/openai_api/sessionrow/", timeout=PATIENCE_MS)
    expect(page.get_by_text("Erased 1 session, 1 event, 0 requests.")).to_be_visible()
    assert running.operator.rows(MODELS[0], {"pk": session.pk}) == []


def test_list_when_filters_are_typed_then_sent_together(page: Page, running: LiveGateway) -> None:
    for name in ("one", "two"):
        Session(running, f"listed-{name}").update(agent=f"agent-{name}", tenant="tenant-of-both")
    page.goto("/admin/openai_api/sessionrow/")
    page.locator("a", has_text="Filters").first.click()
    page.get_by_label("By tenant").fill("tenant-of-both")
    page.get_by_label("By state").select_option("live")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.get_by_text("listed-one")).to_be_visible()
    expect(page.get_by_text("listed-two")).to_be_visible()
    page.locator("a", has_text="Filters").first.click()
    page.get_by_label("By agent").fill("agent-two")
    page.get_by_role("button", name="Apply Filters").click()
    expect(page.get_by_text("listed-two")).to_be_visible()
    expect(page.get_by_text("listed-one")).to_have_count(0)
