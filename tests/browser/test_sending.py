"""The page of what is being sent, while it changes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.hub import Hub, sign_in


def test_figures_change_by_themselves_and_the_focus_stays(hub: Hub, page: Page) -> None:
    sign_in(page, hub, "Olivia Ops")
    page.goto(hub.base + "/staff/sending")
    page.evaluate("window.sameAsBefore = true")
    sent = page.locator("#sent-bulk")
    sent.focus()
    before = int(sent.inner_text())
    hub.announce("News for all, to be counted")
    expect(sent).not_to_have_text(str(before))
    expect(sent).to_be_focused()
    expect(page.locator("[data-lost]")).to_be_hidden()
    assert page.evaluate("window.sameAsBefore")
