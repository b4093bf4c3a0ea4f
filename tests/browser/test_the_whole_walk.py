"""The way that the README walks: a customer and a member of staff side by side, from an address to the last mail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.hub import Hub, sign_in
from tests.browser.test_composer import NEW, take, unique, write

DESK = "desk@one.example"


@pytest.fixture
def as_it_was(hub: Hub) -> Iterator[None]:
    """Other walks count on the addresses of the demo."""
    yield
    hub.api("PUT", "/v1/accounts/C-1042/send-email", {"announcements": ["noc@one.example"]})


def confirm_from_the_caught_mail(page: Page, hub: Hub) -> None:
    page.goto(f"{hub.base}/dev/mail?q={DESK}")
    mail = page.locator(".mails a", has_text="Confirm this address")
    for _ in range(40):
        if mail.count():
            break
        page.wait_for_timeout(250)
        page.reload()
    page.goto(f"{hub.base}{mail.first.get_attribute('href')}?view=text")
    link = re.search(r"/confirm/[\w.-]+", page.locator("pre").inner_text())
    assert link
    page.goto(hub.base + link[0])
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.locator("h1")).to_have_text("Address confirmed")


@pytest.mark.usefixtures("as_it_was")
def test_from_an_address_to_the_last_mail(hub: Hub, new_context: Callable[..., BrowserContext]) -> None:
    customer, staff = new_context().new_page(), new_context().new_page()
    title = unique()

    sign_in(customer, hub, "C-1042")
    customer.goto(f"{hub.base}/settings/send-email")
    block = customer.locator("#announcements")
    block.locator("summary").click()
    block.get_by_label("E-mail address").fill(DESK)
    block.get_by_label("E-mail address").press("Enter")
    expect(block.locator(".address-row", has_text=DESK)).to_contain_text("waiting for confirmation")
    confirm_from_the_caught_mail(customer, hub)
    customer.goto(f"{hub.base}/settings/send-email")
    expect(block.locator(".address-row", has_text=DESK)).to_contain_text("confirmed")
    customer.goto(f"{hub.base}/inbox")
    customer.wait_for_selector("nh-inbox:defined", state="attached")

    sign_in(staff, hub, "Olivia Ops")
    staff.goto(hub.base + NEW)
    staff.wait_for_selector("nh-composer:defined", state="attached")
    write(staff, title)
    take(staff, "Locations", "fra1")
    expect(staff.locator("#reach")).to_contain_text("2 accounts")
    expect(staff.frame_locator(".mail-view iframe:not(.coming)").locator("body")).to_contain_text(title)
    staff.get_by_role("button", name="Publish…").click()
    staff.get_by_role("button", name="Publish to 2 accounts").click()

    expect(customer.locator(".inbox")).to_contain_text(title)  # it slid in; nobody loaded the page again
    customer.get_by_role("link", name=re.compile(title)).click()
    expect(customer.get_by_role("heading", name=title)).to_be_visible()
    expect(customer.locator(".inbox")).to_contain_text(DESK)  # where else this went
    expect(customer.get_by_role("button", name="Mark as unread").first).to_be_visible()

    expect(staff.locator("nh-delivery")).to_contain_text("done")
    expect(staff.get_by_role("progressbar")).to_have_attribute("value", "3")  # two accounts, one of them at two addresses
    staff.goto(f"{hub.base}/staff/accounts/C-1042/deliveries")
    expect(staff.locator("main")).to_contain_text(DESK)


def test_what_was_typed_survives_the_end_of_a_session(hub: Hub, new_context: Callable[..., BrowserContext]) -> None:
    context = new_context()
    page = context.new_page()
    sign_in(page, hub, "C-1044")
    page.goto(f"{hub.base}/settings/send-email")
    block = page.locator("#support")
    block.locator("summary").click()
    block.get_by_label("E-mail address").fill("typed@drei.example")
    context.clear_cookies(name="nh_account")
    block.get_by_label("E-mail address").press("Enter")
    page.get_by_role("button", name="C-1044").click()
    expect(page).to_have_url(f"{hub.base}/settings/send-email")
    expect(block.get_by_label("E-mail address")).to_have_value("typed@drei.example")
