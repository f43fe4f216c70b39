"""Does the first page draw its charts, light and dark and on a phone, without a fault and with the same numbers as tables?"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import PHONE, fits, look
from tests.live import LiveGateway


@pytest.fixture(scope="module")
def running(running: LiveGateway) -> LiveGateway:
    running.operator.command("demo_data", "--rows", "4000", "--force")  # the fixture has asked for the models
    return running


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_overview_when_there_is_traffic_then_charts_are_drawn_and_readable(page: Page, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["page"]
    page.get_by_role("link", name="7 d", exact=True).click()
    page.wait_for_url("**/admin/?range=7d")
    expect(page.get_by_role("link", name="7 d", exact=True)).to_have_attribute("aria-current", "page")
    chart = page.get_by_role("img", name="Requests, last 7 d")
    assert chart.evaluate("canvas => Chart.getChart(canvas).data.datasets[0].data.some(value => value > 10)")
    assert chart.evaluate("canvas => Chart.getChart(canvas).data.labels.length") == 28
    look(page, f"overview-{name}")
    page.get_by_text("Show as a table").first.click()
    expect(page.get_by_role("table").first.get_by_role("row")).to_have_count(29)
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert fits(page)
    look(page, f"overview-{name}-phone")


def test_overview_when_a_name_is_followed_then_its_requests_are_listed(page: Page) -> None:
    page.goto("/admin/?range=30d")
    page.get_by_role("link", name="Customer support", exact=True).click()
    page.wait_for_url("**/usagerecord/?project=Customer+support&since=*")
    expect(page.get_by_text("Customer support").first).to_be_visible()
