"""Can an operator look after models in a browser: by tabs, by the keyboard, with texts to copy?"""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.looks import PHONE, fits, look
from tests.fakes.vendor import said, vendor
from tests.live import LiveGateway

pytestmark = pytest.mark.xdist_group("browser")
LIST = "/admin/models_catalog/modeldefinition/"


@pytest.fixture(scope="module")
def two_models(running: LiveGateway) -> str:
    """A model with two routes and a fallback model."""
    running.define_models({"spare": [{"upstream_model": "echo"}]}, enabled=True)
    running.define_models({"vendor/chatty": [{"upstream_model": "echo"}, {"upstream_model": "status-503"}]}, enabled=True)
    return "vendor/chatty"


def open_model(page: Page, name: str) -> None:
    page.goto(LIST)
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url("**/change/")


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_model_when_opened_then_its_parts_are_tabs_that_the_keyboard_reaches(
    page: Page, two_models: str, request: pytest.FixtureRequest
) -> None:
    theme = request.node.callspec.params["page"]
    page.goto(LIST)
    look(page, f"models-{theme}")
    open_model(page, two_models)
    for name in ("Identity", "Capabilities", "Routing", "Limits and prices", "Snippets"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel")).to_have_count(1)
        look(page, f"model-{name.split()[0].lower()}-{theme}")
    page.get_by_role("tab", name="Snippets").press("ArrowRight")
    expect(page.get_by_role("tab", name="Identity")).to_be_focused()
    expect(page.locator("#id_name")).to_be_visible()
    page.get_by_role("tab", name="Identity").press("End")
    expect(page.locator("#snippet-curl-chat")).to_contain_text("vendor/chatty")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert fits(page)
    look(page, f"model-phone-{theme}")


def test_snippet_when_copied_then_it_holds_this_gateways_address(page: Page, two_models: str, running: LiveGateway) -> None:
    open_model(page, two_models)
    page.get_by_role("tab", name="Snippets").click()
    page.locator('[data-sb-copy="snippet-curl-chat"]').click()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert f"{running.base_url}/v1/chat/completions" in copied
    assert "sk-gw-KEY" in copied


def test_form_when_refused_then_the_tab_of_the_error_is_open(page: Page, two_models: str) -> None:
    open_model(page, two_models)
    page.get_by_role("tab", name="Limits and prices").click()
    page.locator("#id_input_price").fill("-1")
    page.get_by_role("tab", name="Identity").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#id_input_price")).to_be_visible()
    expect(page.get_by_role("tab", name=re.compile("Limits and prices.*1"))).to_have_attribute("aria-selected", "true")


def test_models_when_filled_from_a_provider_then_the_chosen_ones_are_there(page: Page, running: LiveGateway) -> None:
    listed = {"data": [{"id": "offered-chat"}, {"id": "offered-embedding"}]}
    with vendor({"/v1/models": lambda seen: said(listed)}) as upstream:
        page.goto("/admin/models_catalog/provider/add/")
        page.get_by_label("Name").fill("offering")
        page.get_by_label("Type").select_option("openai_compatible")
        page.get_by_label("API base").fill(f"{upstream.base}/v1")
        page.get_by_role("button", name="Save", exact=True).click()
        page.wait_for_url("**/provider/")
        page.goto(LIST)
        page.get_by_role("link", name="Fill from a provider").click()
        page.get_by_role("link", name="List the models of offering").click()
        expect(page.get_by_text("0 chosen")).to_be_visible()
        page.get_by_label("Prefix").fill("new/")
        page.get_by_label("Show only").fill("chat")
        expect(page.get_by_text("offered-embedding")).to_be_hidden()
        page.get_by_label("Choose all that are shown").check()
        expect(page.get_by_text("1 chosen")).to_be_visible()
        look(page, "fill")
        page.get_by_role("button", name="Add the chosen models").click()
    expect(page.get_by_text("1 model added, with a route to offering each.")).to_be_visible()
    expect(page.get_by_role("link", name="new/offered-chat", exact=True)).to_be_visible()


def test_row_when_disabled_and_enabled_by_its_menu_then_it_asks_first(page: Page, two_models: str) -> None:
    page.goto(LIST)
    for word in ("Disable", "Enable"):
        page.get_by_role("button", name=f"Actions for {two_models}").press("Enter")
        page.get_by_role("link", name=word).locator("visible=true").click()
        page.locator("#dialog").get_by_role("button", name=word).click()
        expect(page.get_by_text(f"1 model {word.lower()}d.")).to_be_visible()
