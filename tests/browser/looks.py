"""Can a page be used by everybody? Axe finds no serious fault; a screenshot is kept for who wants to look at it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

SCREENSHOTS = Path(__file__).resolve().parents[2] / ".screenshots"
SERIOUS = frozenset({"serious", "critical"})
PHONE = {"width": 390, "height": 844}


def look(page: Page, name: str, *, whole: bool = True) -> None:
    """Keeps a picture of the page as `.screenshots/<name>.png`, and asserts that axe has nothing serious to say of it."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=whole)
    assert (found := faults_of(page)) == [], f"{name}: {found}"


def faults_of(page: Page) -> list[str]:
    """What axe finds that keeps people from using the page: rule, element and reason."""
    found: dict[str, Any] = Axe().run(page).response
    return [
        f"{fault['id']}: {node['html'][:200]} {node.get('failureSummary', '')[:300]}"
        for fault in found["violations"]
        if fault["impact"] in SERIOUS
        for node in fault["nodes"]
    ]


def fits(page: Page) -> bool:
    """Whether nothing of the page lies beside the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))
