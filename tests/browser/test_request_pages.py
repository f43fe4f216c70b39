"""Can people find a request, read how it went and watch those in flight, in a browser?"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import PHONE, fits, look
from tests.live import LiveGateway, body

pytestmark = pytest.mark.xdist_group("browser")
LIST = "/admin/openai_api/usagerecord/"


@pytest.fixture(scope="module")
def served(running: LiveGateway) -> LiveGateway:
    """Some requests, one of which needed two tries."""
    running.define_models({"falls": [{"upstream_model": "status-503"}, {"upstream_model": "ok-usage-100-20"}]})
    running.define("status-400")
    for model, request_id in (("falls", "req-falls"), ("chaos/status-400", "req-refused")):
        headers = {**running.headers(), "x-request-id": request_id, "x-gateway-session-id": "s-1"}
        running.http.post("/v1/chat/completions", json=body(model), headers=headers)
    return running


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_request_when_searched_for_then_found_and_its_tries_are_shown(
    page: Page, served: LiveGateway, request: pytest.FixtureRequest
) -> None:
    scheme = request.node.callspec.params["page"]
    page.goto(LIST)
    page.get_by_text("Filters", exact=True).click()
    page.get_by_label("Model asked for").fill("falls")
    page.get_by_label("Status").fill("2xx")
    page.get_by_role("button", name="Search").click()
    expect(page.locator(".sb-list tbody tr")).to_have_count(1)
    assert "model=falls" in page.url
    look(page, f"requests-{scheme}")
    page.locator(".sb-list tbody a").first.click()
    expect(page.get_by_text("upstream_overloaded")).to_be_visible()
    expect(page.locator(".sb-waterfall li")).not_to_have_count(1)
    look(page, f"request-{scheme}")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert fits(page)
    page.goto(f"{LIST}?min_ms=soon")
    expect(page.get_by_text("Not a number of milliseconds.")).to_be_visible()
    look(page, f"requests-phone-{scheme}")
    assert fits(page)
    page.goto(f"{LIST}running/")
    expect(page.get_by_text("Nothing is in flight")).to_be_visible()
    look(page, f"requests-running-{scheme}")
