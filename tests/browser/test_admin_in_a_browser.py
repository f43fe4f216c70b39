"""Can an operator bring a model into service with nothing but a browser?"""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.looks import look
from tests.fakes.chaos.process import eventually
from tests.live import PROVIDER_KEY, LiveGateway, body

pytestmark = pytest.mark.xdist_group("browser")


def open_add(page: Page, model: str) -> None:
    page.goto(f"/admin/models_catalog/{model}/add/")


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url(re.compile(r"/admin/models_catalog/\w+/$"))


def open_model(page: Page, name: str) -> None:
    page.goto("/admin/models_catalog/modeldefinition/")
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url("**/change/")


def tab(page: Page, name: str) -> None:
    """Opens a part of a model's page."""
    page.get_by_role("tab", name=name).click()


def handle(page: Page, name: str) -> Locator:
    """What a route is dragged by."""
    row = page.locator("#routes-group tbody.original").filter(has=page.locator(f'input[name$="-name"][value="{name}"]'))
    return row.locator("[data-sb-handle]")


def order(page: Page) -> list[str]:
    """The names of the routes as they stand on the page."""
    names = page.locator('#routes-group tbody.original input[name$="-name"]')
    return [str(name.input_value()) for name in names.all()]


@pytest.fixture
def three_routes(running: LiveGateway) -> str:
    """A model with the routes `route 0`, `route 1`, `route 2`."""
    running.define_models({"chaos/ordered": [{"upstream_model": "echo"}] * 3}, enabled=True)
    return "chaos/ordered"


def test_catalog_when_built_in_the_browser_then_the_new_key_gets_an_answer(page: Page, running: LiveGateway) -> None:
    open_add(page, "credential")
    page.get_by_label("Name").fill("upstream key")
    page.get_by_label("Secret").fill(PROVIDER_KEY)
    save(page)
    expect(page.get_by_text(f"stored …{PROVIDER_KEY[-4:]}")).to_be_visible()

    open_add(page, "provider")
    page.get_by_label("Name").fill("upstream")
    page.get_by_label("Type").select_option("openai_compatible")
    page.get_by_label("API base").fill(running.chaos.base_url)
    page.get_by_label("Credential", exact=True).select_option(label="upstream key")
    save(page)

    open_add(page, "modeldefinition")
    page.get_by_label("Name", exact=False).first.fill("built-here")
    tab(page, "Routing")
    page.locator("#id_routes-0-provider").select_option(label="upstream")
    page.locator("#id_routes-0-upstream_model").fill("status-503")
    page.get_by_text("Add another Route").click()
    page.locator("#id_routes-1-provider").select_option(label="upstream")
    page.locator("#id_routes-1-upstream_model").fill("echo")
    page.locator("#id_routes-1-name").fill("second")
    save(page)
    expect(page.locator("tr", has_text="built-here")).to_contain_text("upstream→second")

    open_add(page, "clientkey")
    page.get_by_label("Name").fill("browser")
    page.get_by_role("button", name="Save", exact=True).click()
    key = page.locator("#client-key").inner_text()
    page.get_by_role("button", name="Copy").first.click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == key
    page.get_by_role("link", name="All client keys").click()
    page.wait_for_url("**/clientkey/")
    assert key not in page.content()
    expect(page.get_by_text(f"{key[:14]}…{key[-4:]}")).to_be_visible()

    headers = {"authorization": f"Bearer {key}"}
    answer = httpx.post(f"{running.base_url}/v1/chat/completions", json=body("built-here"), headers=headers, trust_env=False)
    assert (answer.status_code, answer.headers["x-gateway-attempts"]) == (200, "2")
    follow(page, running, answer.headers["x-request-id"])

    page.goto("/admin/models_catalog/clientkey/")
    page.get_by_role("link", name="browser", exact=True).click()
    page.get_by_text("Revoke").first.click()
    page.locator("#dialog").get_by_role("button", name="Revoke the key").click()
    expect(page.get_by_text("browser is revoked.")).to_be_visible()
    paths = f"{running.base_url}/v1/models"
    assert eventually(lambda: httpx.get(paths, headers=headers, trust_env=False).status_code == 401, 5, 0.05)


def follow(page: Page, running: LiveGateway, request_id: str) -> None:
    """From the list of requests to its tries, and to what would become of it now."""
    assert eventually(lambda: running.operator.rows("openai_api.UsageRecord", {"request_id": request_id}), 10, 0.05)
    page.goto(f"/admin/openai_api/usagerecord/?request_id={request_id}")
    page.locator(".sb-list tbody a").first.click()
    expect(page.locator(".sb-waterfall")).to_contain_text("upstream_overloaded")
    look(page, "request-of-the-story")
    page.get_by_role("link", name="Explain", exact=True).last.click()
    page.wait_for_url("**/explain/**")
    expect(page.get_by_role("heading", name="What happened")).to_be_visible()
    look(page, "explain-of-the-story")


def test_routes_when_dragged_then_the_new_order_is_saved(page: Page, three_routes: str) -> None:
    open_model(page, three_routes)
    tab(page, "Routing")
    assert order(page) == ["route 0", "route 1", "route 2"]
    handle(page, "route 2").drag_to(handle(page, "route 0"), target_position={"x": 10, "y": 2})
    moved = order(page)
    assert moved == ["route 2", "route 0", "route 1"]
    save(page)
    open_model(page, three_routes)
    assert order(page) == moved


def test_routes_when_moved_by_keyboard_then_the_new_order_is_saved(page: Page, three_routes: str) -> None:
    open_model(page, three_routes)
    tab(page, "Routing")
    handle(page, "route 0").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert order(page) == ["route 1", "route 2", "route 0"]
    handle(page, "route 2").focus()
    page.keyboard.press("ArrowUp")
    save(page)
    open_model(page, three_routes)
    assert order(page) == ["route 2", "route 1", "route 0"]


def test_new_rows_when_one_is_removed_then_the_others_keep_what_was_typed(page: Page) -> None:
    open_add(page, "modeldefinition")
    tab(page, "Routing")
    for number in (1, 2):
        page.get_by_text("Add another Route").click()
        page.locator(f"#id_routes-{number}-upstream_model").fill(f"typed-{number}")
    page.locator("#id_routes-2-enabled").uncheck()
    page.locator("#routes-group .delete-template").first.click()
    assert page.locator("#id_routes-0-upstream_model").input_value() == "typed-1"
    assert page.locator("#id_routes-1-upstream_model").input_value() == "typed-2"
    assert not page.locator("#id_routes-1-enabled").is_checked()


def test_model_when_edited_in_the_browser_then_the_next_request_sees_it(
    page: Page, running: LiveGateway, three_routes: str
) -> None:
    assert running.chat(three_routes).status_code == 200
    open_model(page, three_routes)
    page.locator("#id_enabled").uncheck()
    save(page)
    assert eventually(lambda: running.chat(three_routes).status_code == 404, 1)


def test_credential_when_its_source_is_chosen_then_only_its_fields_are_shown(page: Page) -> None:
    open_add(page, "credential")
    secret, location = page.get_by_label("Secret"), page.get_by_label("Location")
    expect(secret).to_be_visible()
    expect(location).to_be_hidden()
    page.get_by_label("Source").select_option("env")
    expect(secret).to_be_hidden()
    expect(location).to_be_visible()
    page.get_by_label("Source").select_option("none")
    expect(secret).to_be_hidden()
    expect(location).to_be_hidden()


def test_provider_when_its_type_is_chosen_then_the_form_says_what_it_expects(page: Page) -> None:
    open_add(page, "provider")
    page.get_by_label("Type").select_option("openai")
    assert page.get_by_label("API base").get_attribute("placeholder") == "https://api.openai.com/v1"
    expect(page.get_by_text("Its key is usually in OPENAI_API_KEY.")).to_be_visible()


def test_dialogs_when_confirmed_then_the_action_is_done(page: Page, three_routes: str) -> None:
    open_model(page, three_routes)
    page.get_by_text("Duplicate").click()
    page.locator("#dialog input[name=name]").fill("chaos/copied")
    page.locator("#dialog").get_by_role("button", name="Duplicate").click()
    expect(page.locator("#header-inner h1")).to_contain_text("chaos/copied")
    assert order(page) == ["route 0", "route 1", "route 2"]
    assert not page.locator("#id_enabled").is_checked()


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_pages_when_all_are_opened_then_none_complains(page: Page, running: LiveGateway, three_routes: str) -> None:
    """Errors of scripts, violations of the policy and requests to other hosts are collected by the fixture."""
    for path in ("", "models_catalog/", "auth/", "auth/user/", "auth/user/1/change/", "auth/group/add/", "password_change/"):
        page.goto(f"/admin/{path}", wait_until="networkidle")
    for model in ("modeldefinition", "provider", "credential", "clientkey"):
        page.goto(f"/admin/models_catalog/{model}/", wait_until="networkidle")
        page.locator("th.field-name a").first.click()
        page.wait_for_url("**/change/")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.goto(page.url.replace("/change/", "/history/"), wait_until="networkidle")
        page.goto(page.url.replace("/history/", "/delete/"), wait_until="networkidle")
        open_add(page, model)
        page.get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_text("Please correct the error").first).to_be_visible()


def test_model_when_tested_in_the_browser_then_marks_and_messages_are_shown(page: Page, running: LiveGateway) -> None:
    routes = [{"upstream_model": "echo"}, {"provider": "dead"}, {"upstream_model": "status-401"}]
    running.define_models({"chaos/tested": routes}, capabilities=["chat", "realtime"])
    open_model(page, "chaos/tested")
    page.get_by_text("Test now").click()
    expect(page.locator("#dialog")).to_contain_text("which costs money")
    page.locator("#dialog").get_by_role("button", name="Test now").click()
    expect(page.get_by_text("1 of 3 calls succeeded, 2 failed.")).to_be_visible()
    tab(page, "Routing")
    serves = page.locator("#routes-group .sb-serves")
    expect(serves.nth(0)).to_contain_text("Chat ok")
    expect(serves.nth(0)).to_contain_text("Realtime not served")
    expect(serves.nth(1)).to_contain_text("upstream_connect_failed: The provider could not be reached.")
    expect(serves.nth(2)).to_contain_text("upstream_auth_failed: The provider rejected the gateway's credential.")
    assert PROVIDER_KEY not in page.content()
    page.goto("/admin/models_catalog/modeldefinition/")
    row = page.locator("tr", has_text="chaos/tested")
    expect(row).to_contain_text("Failing 2 of 3")
    expect(row).to_contain_text("Realtime, not served")
    assert PROVIDER_KEY not in page.content()
