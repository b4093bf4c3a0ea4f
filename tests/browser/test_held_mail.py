"""A mail of somebody unknown, from the mail server to the ticket: its sender follows the link, signs in, and says that it is theirs."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.hub import Hub, sign_in
from tests.intake.written import OWNER, mail

CUSTOMER, AGENT = "C-1042", "Aylin Agent"  # whose registered address is the OWNER's


def link_in_mail(page: Page, hub: Hub, id: str) -> str:
    """The answer to it, once it has arrived."""
    for _ in range(60):
        page.goto(f"{hub.base}/dev/mail?q=waits")
        for link in page.locator(".mails a").all():
            page.goto(f"{hub.base}{link.get_attribute('href')}?view=source")
            if found := re.search(rf"/tickets/mail/{id}", page.locator("pre").inner_text().replace("=\n", "")):
                return hub.base + found[0]
        page.wait_for_timeout(250)
    raise AssertionError("no answer")


def test_a_held_mail_is_released_by_signing_in(hub: Hub, page: Page, new_context: Callable[..., BrowserContext]) -> None:
    subject = f"Shop {uuid.uuid4().hex[:8]} is slow"
    received = hub.mail(mail(sender=f"Owner <{OWNER}>", subject=subject, id=f"<{uuid.uuid4()}@one.example>"), mail_from=OWNER)
    assert received["outcome"] == "held"

    page.goto(link_in_mail(page, hub, received["id"]))
    expect(page).to_have_url(re.compile("/sign-in"))
    page.get_by_role("button", name=CUSTOMER).click()
    page.goto(f"{hub.base}/tickets")
    page.get_by_role("link", name=subject).click()
    expect(page.get_by_role("heading", name="Is this mail yours?")).to_be_visible()
    expect(page.get_by_text("The shop is slow since this morning.")).to_be_visible()
    page.get_by_role("button", name="Yes, make it a ticket").click()
    expect(page.get_by_role("heading", name=subject)).to_be_visible()
    expect(page.get_by_text("Your mail is with us.")).to_be_visible()

    agent = new_context().new_page()
    sign_in(agent, hub, AGENT)
    agent.goto(f"{hub.base}/staff/tickets")
    agent.get_by_role("link", name=subject).click()
    agent.get_by_role("link", name="the original").click()
    expect(agent.get_by_text("Nothing proves who wrote it.")).to_be_visible()


def test_what_is_quoted_opens_by_keyboard(hub: Hub, page: Page) -> None:
    subject = f"Question {uuid.uuid4().hex[:8]}"
    body = "Thanks!\n\nOn Mon, 23 Nov 2026, Ada wrote:\n> the quoted words"
    hub.mail(mail(body, "jane@else.example", subject, id=f"<{uuid.uuid4()}@else.example>"))
    sign_in(page, hub, AGENT)
    page.goto(f"{hub.base}/staff/tickets")
    page.get_by_role("link", name=subject).click()
    expect(page.get_by_text("the quoted words")).to_be_hidden()
    page.get_by_text("Quoted text").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("the quoted words")).to_be_visible()
