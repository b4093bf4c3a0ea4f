"""The inbox in a real browser: live, by keyboard, and without scripts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.hub import Hub, prefer, sign_in
from tests.events.steps import document, event

CUSTOMER = "C-1042"


@pytest.fixture
def title(hub: Hub) -> str:
    """Of an announcement that is in the inbox."""
    return announced(hub)


def announced(hub: Hub) -> str:
    title = f"News {uuid.uuid4().hex[:8]}"
    hub.announce(title)
    items = f"/v1/accounts/{CUSTOMER}/inbox"
    while title not in [item["title"] for item in hub.api("GET", items)["items"]]:
        pass
    return title


@pytest.fixture
def inbox(hub: Hub, title: str, signed_in_as: Callable[[str], Page]) -> Page:
    page = signed_in_as(CUSTOMER)
    expect(line(page, title)).to_be_visible()
    page.wait_for_selector("nh-inbox:defined", state="attached")
    return page


def line(page: Page, title: str) -> Locator:
    return page.locator(".message", has_text=title)


def test_what_is_new_slides_in_and_is_announced_and_counted(hub: Hub, inbox: Page) -> None:
    other = inbox.context.new_page()
    other.goto(hub.base + "/settings/sessions")
    before = count(inbox)
    title = announced(hub)
    expect(inbox.locator(".message").first).to_contain_text(title)
    expect(inbox.locator("[data-announce]")).to_have_text(f"New: {title}")
    for page in (inbox, other):
        expect(page).to_have_title(re.compile(rf"^\({before + 1}\) "))
        expect(page.locator("[data-unread]")).to_contain_text(str(before + 1))
    expect(inbox.locator("link[rel=icon]")).to_have_attribute("href", re.compile("icon-unread"))


def test_an_invoice_slides_in_and_its_document_is_saved(
    hub: Hub, signed_in_as: Callable[[str], Page], axe: Callable[[Page], list[str]]
) -> None:
    inbox = signed_in_as("C-1044")  # as others look at an inbox without invoices
    inbox.wait_for_selector("nh-inbox:defined", state="attached")
    number = f"INV-{uuid.uuid4().hex[:6]}"
    item = hub.report(event(data={"account": "C-1044", "number": number, "document": document()}, id=number))
    line(inbox, number).get_by_role("link").click()
    expect(inbox.locator("#reading-title")).to_have_text(f"Invoice {number}: 12.50\u00a0€")
    assert inbox.url.endswith(item)
    with inbox.expect_download() as saved:
        inbox.get_by_role("link", name=f"{number}.pdf").click()
    assert saved.value.suggested_filename == f"{number}.pdf"
    assert saved.value.path().read_bytes().startswith(b"%PDF-")
    assert axe(inbox) == []


def count(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator("[data-unread]").inner_text()) or 0)


def test_a_list_of_other_things_stays_as_it_is(hub: Hub, inbox: Page) -> None:
    inbox.goto(hub.base + "/inbox?category=invoices")
    expect(inbox.get_by_text("Nothing here yet")).to_be_visible()
    before = count(inbox)
    announced(hub)
    expect(inbox.locator("[data-unread]")).to_contain_text(str(before + 1))
    expect(inbox.locator(".message")).to_have_count(0)


def test_what_comes_while_the_line_is_cut_is_there_afterwards(hub: Hub, inbox: Page) -> None:
    inbox.context.set_offline(True)
    title = announced(hub)
    inbox.context.set_offline(False)
    expect(line(inbox, title)).to_have_count(1, timeout=45_000)


def test_a_line_that_could_not_be_fetched_stays_and_one_that_came_comes_later(hub: Hub, inbox: Page, title: str) -> None:
    inbox.route("**/inbox/rows?*", lambda route: route.fulfill(status=503))
    with inbox.expect_response("**/inbox/rows?*"):
        (item,) = [item for item in hub.api("GET", f"/v1/accounts/{CUSTOMER}/inbox")["items"] if item["title"] == title]
        hub.api("POST", f"/v1/accounts/{CUSTOMER}/inbox/{item['id']}/read")
    later = announced(hub)
    expect(inbox.locator("[data-unread]")).to_be_visible()
    expect(line(inbox, title)).to_have_class(re.compile("unread"))
    inbox.unroute("**/inbox/rows?*")
    expect(line(inbox, later)).to_be_visible()
    expect(line(inbox, title)).not_to_have_class(re.compile("unread"))


LONG = {"title": "ل" * 100 + "🔧" * 50, "body": f"{'W' * 5000}\n\n`{'w' * 5000}`\n\n| a | b |\n|---|---|\n| {'t' * 5000} | x |"}


@pytest.mark.parametrize("language", ["en", "ar-XB"])
def test_the_longest_word_stays_on_the_page(hub: Hub, signed_in_as: Callable[[str], Page], language: str) -> None:
    hub.announce("", content={"en": LONG})
    page = signed_in_as(CUSTOMER)
    prefer(page.context, hub, language=language)
    page.reload()
    line(page, LONG["title"]).first.locator("a").click()
    expect(page.locator("#reading h1")).to_have_text(LONG["title"])
    for path in (page.url, hub.base + "/inbox", hub.base + "/status"):
        page.goto(path)
        for width in (360, 960, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            wide = "[...document.querySelectorAll('html, main, .list-pane, #reading')].map((part) => part.scrollWidth - part.clientWidth)"
            assert max(page.evaluate(wide)) <= 0, (path, width)


def test_opening_an_item_reads_it_and_shows_it_beside_the_list(inbox: Page, title: str) -> None:
    expect(line(inbox, title)).to_have_class(re.compile("unread"))
    line(inbox, title).locator("a").click()
    expect(inbox.get_by_role("heading", level=1, name=title)).to_be_focused()
    expect(line(inbox, title)).not_to_have_class(re.compile("unread"))
    expect(line(inbox, title).locator("a")).to_have_attribute("aria-current", "true")
    inbox.go_back()
    expect(inbox.get_by_role("heading", level=1, name="Inbox")).to_be_visible()


def test_what_is_read_in_one_window_is_read_in_the_other(hub: Hub, inbox: Page, title: str) -> None:
    other = inbox.context.new_page()
    other.goto(hub.base + "/inbox")
    line(other, title).locator("a").click()
    expect(line(inbox, title)).not_to_have_class(re.compile("unread"))


def test_the_keys_move_open_mark_and_archive(hub: Hub, inbox: Page) -> None:
    first, second = (inbox.locator(".message a.line").nth(place) for place in (0, 1))
    inbox.keyboard.press("j")
    expect(first).to_be_focused()
    inbox.keyboard.press("j")
    expect(second).to_be_focused()
    inbox.keyboard.press("k")
    expect(first).to_be_focused()
    inbox.keyboard.press("u")
    expect(inbox.locator(".message").first).not_to_have_class(re.compile("unread"))
    expect(first).to_be_focused()
    title = inbox.locator(".message .title bdi").first.inner_text()
    inbox.keyboard.press("Enter")
    expect(inbox.get_by_role("heading", level=1, name=title)).to_be_focused()
    inbox.keyboard.press("j")
    expect(second).to_be_focused()
    title = inbox.locator(".message .title bdi").nth(1).inner_text()
    inbox.keyboard.press("e")
    expect(inbox.get_by_text("Archived.")).to_be_visible()
    assert inbox.evaluate("document.activeElement.matches('.line, #q')")
    inbox.get_by_role("button", name="Undo").click()
    expect(inbox.get_by_text("Back in the inbox.")).to_be_visible()
    expect(inbox.locator(".message .title bdi").nth(1)).to_have_text(title)


def test_the_keys_are_listed_and_can_be_turned_off(inbox: Page) -> None:
    inbox.keyboard.press("?")
    expect(inbox.get_by_role("dialog", name="Keys")).to_be_visible()
    inbox.get_by_label("Use these keys in this browser").uncheck()
    inbox.get_by_role("button", name="Close").click()
    inbox.keyboard.press("j")
    assert inbox.evaluate("document.activeElement.matches('.line')") is False


def test_the_keys_leave_a_field_alone(inbox: Page) -> None:
    inbox.keyboard.press("/")
    expect(inbox.get_by_label("Search in services")).to_be_focused()
    inbox.keyboard.type("jeku?/")
    expect(inbox.get_by_label("Search in services")).to_have_value("jeku?/")


def test_everything_works_without_scripts(hub: Hub, title: str, new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(java_script_enabled=False).new_page()
    sign_in(page, hub, CUSTOMER)
    line(page, title).locator("a").click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    page.locator("#reading").get_by_role("button", name="Mark as read").click()
    expect(line(page, title)).not_to_have_class(re.compile("unread"))
    line(page, title).locator("a").click()
    page.locator("#reading").get_by_role("button", name="Archive").click()
    expect(line(page, title)).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(line(page, title)).to_have_count(1)
    page.get_by_label("Search in services").fill(title)
    page.keyboard.press("Enter")
    expect(page.locator(".message")).to_have_count(1)


def test_on_a_phone_an_item_is_a_page_of_its_own(inbox: Page, title: str) -> None:
    inbox.set_viewport_size({"width": 360, "height": 740})
    line(inbox, title).locator("a").click()
    expect(inbox.get_by_role("heading", level=1, name=title)).to_be_visible()
    expect(line(inbox, title)).to_be_hidden()
    inbox.get_by_role("article").get_by_role("link", name="Inbox").click()
    expect(line(inbox, title)).to_be_visible()
