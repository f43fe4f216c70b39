"""How does a test use the admin in a browser? Chromium, a running gateway, and a page on which nothing may go wrong."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.live import LiveGateway
from tests.live_fixtures import StartGateway

ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
OPERATOR, PASSWORD = "operator", "correct-horse-battery"
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """A browser for one module and no longer: playwright keeps an event loop running, beside which no async test can run."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def running(start_gateway: StartGateway) -> LiveGateway:
    """A gateway with an operator's account."""
    gateway = start_gateway()
    gateway.operator.create_superuser(OPERATOR, PASSWORD)
    return gateway


class Faults:
    """What a page complained of: errors, violations of its security policy, requests to other hosts."""

    def __init__(self, page: Page, base_url: str) -> None:
        self.found: list[str] = []
        self._base_url = base_url
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.found.append(str(error)))
        page.on("request", self._on_request)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.found.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self._base_url, "data:", "blob:")):
            self.found.append(f"request to {request.url}")


@pytest.fixture(params=["light"])
def page(browser: Browser, running: LiveGateway, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page of the admin with the operator logged in."""
    context = browser.new_context(base_url=running.base_url, viewport={"width": 1400, "height": 900}, color_scheme=request.param)
    context.set_default_timeout(PATIENCE_MS)
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened = context.new_page()
    faults = Faults(opened, running.base_url)
    opened.goto("/admin/")
    opened.get_by_label("Username").fill(OPERATOR)
    opened.get_by_label("Password").fill(PASSWORD)
    opened.get_by_role("button", name="Log in").click()
    opened.wait_for_url("**/admin/")
    yield opened
    context.close()
    assert faults.found == []
