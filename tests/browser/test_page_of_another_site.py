"""Can a web app call the gateway from its own origin, streams and errors too, and only where it may?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.fakes.vendor import Said, Vendor, vendor
from tests.live import LiveGateway, body
from tests.live_fixtures import StartGateway

pytestmark = pytest.mark.xdist_group("browser")
FETCH = """async ([url, key, body]) => {
  const headers = {"authorization": `Bearer ${key}`, "content-type": "application/json", "x-stainless-lang": "js"}
  try {
    const answer = await fetch(url, {method: "POST", headers, body: JSON.stringify(body)})
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader()
    let text = "", pieces = 0
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) { text += piece.value; pieces += 1 }
    const told = ["x-request-id", "x-gateway-model", "retry-after"].map(name => answer.headers.get(name))
    return {status: answer.status, text, pieces, told}
  } catch (error) {
    return {failed: String(error)}
  }
}"""


@pytest.fixture(scope="module")
def sites() -> Iterator[list[Vendor]]:
    """Two sites with an empty page each."""
    page = {"/": lambda seen: Said(b"<!doctype html><title>app</title>", content_type="text/html")}
    with vendor(page) as allowed, vendor(page) as other:
        yield [allowed, other]


@pytest.fixture(scope="module")
def gateway_for_apps(start_gateway: StartGateway, sites: list[Vendor]) -> LiveGateway:
    """A gateway that the first of the sites may call."""
    gateway = start_gateway(GATEWAY_CORS_ORIGINS=sites[0].base)
    gateway.define("ok", "status-429", "stream-paced-100ms-5")
    return gateway


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    yield context.new_page()
    context.close()


def fetched(tab: Page, gateway: LiveGateway, site: Vendor, path: str, model: str, key: str = "", **fields: Any) -> dict[str, Any]:
    """What the script of that site's page gets."""
    tab.goto(f"{site.base}/")
    found: dict[str, Any] = tab.evaluate(FETCH, [f"{gateway.base_url}{path}", key or gateway.key, body(model, **fields)])
    return found


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_page_when_its_origin_is_allowed_reads_answers_streams_and_errors(
    tab: Page, gateway_for_apps: LiveGateway, sites: list[Vendor], path: str
) -> None:
    whole = fetched(tab, gateway_for_apps, sites[0], path, "chaos/ok")
    assert (whole["status"], whole["told"][1]) == (200, "chaos/ok")
    streamed = fetched(tab, gateway_for_apps, sites[0], path, "chaos/stream-paced-100ms-5", stream=True)
    assert streamed["status"] == 200
    assert streamed["pieces"] > 2, "it did not come bit by bit"
    assert streamed["text"].endswith("data: [DONE]\n\n")
    limited = fetched(tab, gateway_for_apps, sites[0], path, "chaos/status-429")
    assert (limited["status"], '"upstream_rate_limited"' in limited["text"]) == (429, True)
    assert limited["told"][2]
    stranger = fetched(tab, gateway_for_apps, sites[0], path, "chaos/ok", "sk-wrong")
    assert (stranger["status"], '"invalid_api_key"' in stranger["text"]) == (401, True)
    assert all(answer["told"][0] for answer in (whole, streamed, limited, stranger))


def test_page_when_its_origin_is_not_allowed_reads_nothing(tab: Page, gateway_for_apps: LiveGateway, sites: list[Vendor]) -> None:
    refused = fetched(tab, gateway_for_apps, sites[1], "/v1/chat/completions", "chaos/ok")
    assert list(refused) == ["failed"]
    direct = gateway_for_apps.chat("chaos/ok")
    assert (direct.status_code, "access-control-allow-origin" in direct.headers) == (200, False)
