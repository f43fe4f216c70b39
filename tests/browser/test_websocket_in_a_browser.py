"""Can a page open a WebSocket to `/v1/responses`, whichever protocols it offers its key with?"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.live import LiveGateway

KEY = "openai-insecure-api-key."
CONNECT = """([url, protocols, message]) => new Promise((resolve) => {
    const socket = new WebSocket(url, protocols)
    const types = []
    socket.onopen = () => socket.send(message)
    socket.onmessage = (event) => {
        const told = JSON.parse(event.data)
        types.push(told.type)
        if (told.type === "response.completed" || told.type === "error") {
            resolve({protocol: socket.protocol, last: told.type, count: types.length})
            socket.close()
        }
    }
    socket.onerror = () => resolve({failed: true})
})"""


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["realtime", KEY], "realtime"),
        ([KEY, "openai-beta.responses-v1", "realtime"], "realtime"),
        ([KEY, "openai-beta.responses-v1"], "openai-beta.responses-v1"),
        ([KEY, "openai-organization.org", "openai-project.one"], "openai-organization.org"),
        ([KEY], KEY),
    ],
)
def test_page_when_it_offers_its_key_as_a_protocol_is_connected(
    browser: Browser, gateway: LiveGateway, offered: list[str], chosen: str
) -> None:
    gateway.define_models({"browser/ok": [{"upstream_model": "ok"}]}, capabilities=["chat", "responses"])
    protocols = [name + gateway.key if name == KEY else name for name in offered]
    page = browser.new_page()
    page.goto(f"{gateway.base_url}/livez")
    url = gateway.base_url.replace("http", "ws", 1) + "/v1/responses"
    message = '{"type": "response.create", "model": "browser/ok", "input": "hi"}'
    told: Any = page.evaluate(CONNECT, [url, protocols, message])
    page.close()
    assert told.get("last") == "response.completed", told
    assert told["protocol"] == (KEY + gateway.key if chosen == KEY else chosen)


@pytest.mark.parametrize("offered", [[KEY + "wrong"], ["realtime", KEY + "wrong"], ["realtime"], []])
def test_page_when_it_has_no_good_key_is_not_connected(browser: Browser, gateway: LiveGateway, offered: list[str]) -> None:
    page = browser.new_page()
    page.goto(f"{gateway.base_url}/livez")
    url = gateway.base_url.replace("http", "ws", 1) + "/v1/responses"
    assert page.evaluate(CONNECT, [url, offered, ""]) == {"failed": True}
    page.close()
