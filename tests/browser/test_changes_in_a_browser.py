"""Can a change be drafted, checked, applied and rolled back in a browser, and is it in the audit log?"""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.looks import PHONE, fits, look


def test_change_set_when_drafted_and_applied_then_it_can_be_rolled_back(page: Page) -> None:
    page.goto("/admin/models_catalog/changeset/add/")
    page.get_by_label("Title").fill("A new model")
    look(page, "change-set-new")
    page.get_by_role("button", name="Begin the draft").click()
    page.get_by_role("button", name="Open").click()
    look(page, "change-set-draft")
    text = '[providers.own]\ntype = "dummy"\n[models.new]\nrouting = ["own"]\n[models.new.providers.own]\nprovider = "own"\n'
    page.get_by_label("Its text").fill(text)
    page.get_by_role("button", name="Add to the draft").click()
    expect(page.get_by_text("model new (new)")).to_be_visible()
    page.get_by_role("button", name="Check against").click()
    look(page, "change-set-checked")
    page.emulate_media(color_scheme="dark")
    look(page, "change-set-checked-dark")
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Apply now").click()
    page.get_by_role("button", name="Roll back").click()
    expect(page.get_by_role("region", name="State")).to_contain_text("Rolled back")
    page.goto("/admin/models_catalog/auditentry/")
    look(page, "audit-log")
    page.get_by_role("link", name="1", exact=True).first.click()
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    look(page, "audit-entry-phone")
    assert fits(page)
