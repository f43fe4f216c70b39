"""Can an operator try models in the browser, and see why a request goes where it goes?"""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import PHONE, fits, look
from tests.live import LiveGateway

pytestmark = pytest.mark.xdist_group("browser")
EVERYTHING = ["chat", "embedding", "moderation", "image_generation", "text_to_speech", "audio_transcription"]


@pytest.fixture(scope="module")
def ready(running: LiveGateway) -> LiveGateway:
    """The gateway with a model that can do everything, one that fails over, and one whose route is off."""
    running.operator.define(
        [{"name": "offline", "type": "dummy"}],
        [
            {"name": "able", "capabilities": EVERYTHING, "routes": [{"provider": "offline", "upstream_model": "echo"}]},
            {"name": "slow", "routes": [{"provider": "offline", "upstream_model": "slow-30s"}]},
        ],
    )
    running.define_models({"chaos/second": [{"upstream_model": "status-503"}, {"upstream_model": "echo"}]}, enabled=True)
    running.wait_visible("able", "slow", "chaos/second")
    return running


def use_key(page: Page) -> None:
    page.goto("/admin/playground/")
    page.get_by_role("button", name="Make a key for this session").click()
    expect(page.locator("#pg-key-state")).to_contain_text("playground operator")


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_playground_when_a_key_is_made_then_two_models_answer_side_by_side(
    page: Page, ready: LiveGateway, request: object
) -> None:
    theme = str(request.node.callspec.id)  # type: ignore[attr-defined]
    use_key(page)
    page.get_by_label("Model", exact=True).select_option("able")
    page.get_by_label("Beside it").select_option("chaos/second")
    page.get_by_label("Message").fill("Good morning to both of you")
    page.keyboard.press("Control+Enter")
    sides = page.locator("#pg-sides > section")
    expect(sides).to_have_count(2)
    for index in range(2):
        expect(sides.nth(index)).to_contain_text("Done.")
        expect(sides.nth(index)).to_contain_text("First token")
    expect(sides.first.locator(".sb-pg-said").last).to_contain_text("Good morning")
    expect(sides.last.locator("dl")).to_contain_text("Tries2")
    sides.last.get_by_text("Attempts", exact=True).click()
    expect(sides.last.locator("details pre").last).to_contain_text("status-503")
    sides.first.locator("summary", has_text="Request").click()
    expect(sides.first.locator("details pre").first).to_contain_text("$OPENAI_API_KEY")
    assert not re.search("sk-gw-[0-9A-Za-z]{6}", page.content())
    look(page, f"playground-{theme}")
    sides.first.get_by_role("link").first.click()
    page.wait_for_url(re.compile("usagerecord"))


def test_playground_when_each_task_is_tried_then_its_answer_is_shown(page: Page, ready: LiveGateway) -> None:
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    use_key(page)
    page.get_by_label("Model", exact=True).select_option("able")
    side = page.locator("#pg-sides > section").first
    for task, label, shown in (
        ("embedding", "Text", "numbers:"),
        ("moderation", "Text", "lagged"),
        ("image_generation", "Prompt", ""),
        ("text_to_speech", "Text", ""),
    ):
        page.get_by_label("Task").select_option(task)
        page.get_by_label(label, exact=True).fill("A red square")
        page.get_by_role("button", name="Send").click()
        expect(side).to_contain_text("Done.")
        expect(side).to_contain_text(shown)
        element = {"image_generation": "img", "text_to_speech": "audio"}.get(task)
        if element:
            expect(side.locator(element)).to_have_count(1)
            loaded = "e => e.naturalWidth > 0" if element == "img" else "e => e.src.startsWith('blob:')"
            assert side.locator(element).evaluate(loaded)
    assert fits(page)
    look(page, "playground-phone")
    page.get_by_label("Task").select_option("audio_transcription")
    page.get_by_label("Sound").set_input_files(
        {"name": "a.wav", "mimeType": "audio/wav", "buffer": b"RIFF$\0\0\0WAVEfmt " + bytes(40)}
    )
    page.get_by_role("button", name="Send").click()
    expect(side).to_contain_text("Done.")


def test_playground_when_it_is_stopped_then_the_request_ends(page: Page, ready: LiveGateway) -> None:
    use_key(page)
    page.get_by_label("Model", exact=True).select_option("slow")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_text("Message is required.")).to_be_visible()
    page.get_by_label("Message").fill("Hello")
    page.get_by_role("button", name="Send").click()
    side = page.locator("#pg-sides > section")
    expect(side).to_contain_text("Running")
    page.keyboard.press("Escape")
    expect(side).to_contain_text("Stopped.")
    expect(page.get_by_role("button", name="Send")).to_be_enabled()


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_explain_when_a_route_is_off_then_it_is_told_why(page: Page, ready: LiveGateway, request: Any) -> None:
    theme = request.node.callspec.id
    page.goto("/admin/explain/")
    page.get_by_role("combobox", name="Model").fill("chaos/second")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("Would be sent")).to_be_visible()
    expect(page.locator("[data-step=routes]")).to_contain_text("2 would be tried in turn")
    look(page, f"explain-{theme}")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert fits(page)
    look(page, f"explain-{theme}-phone")
    page.get_by_role("combobox", name="Model").fill("nothing")
    page.get_by_role("textbox", name="Body").fill("[1]")
    page.get_by_role("button", name="Explain").click()
    expect(page.get_by_text("The body must be a JSON object.")).to_be_visible()
    page.get_by_role("textbox", name="Body").fill("")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("[data-step=model]")).to_contain_text("unknown_model")
