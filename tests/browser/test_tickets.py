"""Tickets in a real browser: both sides side by side, live, by keyboard, and without scripts."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests import files
from tests.browser.hub import Hub, prefer, sign_in

CUSTOMER, AGENT = "C-1042", "Aylin Agent"
QUEUE = "/staff/tickets"


@pytest.fixture
def subject() -> str:
    return f"Shop {uuid.uuid4().hex[:8]} is down"


@pytest.fixture
def customer(hub: Hub, new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    sign_in(page, hub, CUSTOMER)
    return page


@pytest.fixture
def agent(hub: Hub, new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    sign_in(page, hub, AGENT)
    return page


def opened(hub: Hub, subject: str, **changes: object) -> int:
    document = {"account": CUSTOMER, "department": "technical", "subject": subject, "body": "It answers with 503."}
    number: int = hub.api("POST", "/v1/tickets", document | changes)["number"]
    return number


def line(page: Page, subject: str) -> Locator:
    return page.locator(".queue > li, .ticket-list > li", has_text=subject)


def mails(page: Page, hub: Hub, number: int, count: int) -> list[str]:
    """The sources of the mails about it to the address of the customer, oldest first, once there are so many."""
    for _ in range(60):
        page.goto(f"{hub.base}/dev/mail?q=%5B%23{number}%5D")
        found = [link.get_attribute("href") for link in page.locator(".mails a").all()]
        if len(found) >= count:
            break
        page.wait_for_timeout(250)
    sources = []
    for href in reversed(found):
        page.goto(f"{hub.base}{href}?view=source")
        sources.append(page.locator("pre").inner_text())
    return sources


def header(source: str, name: str) -> str:
    found = re.search(rf"^{name}: (.*(?:\n[ \t].*)*)", source, re.MULTILINE | re.IGNORECASE)
    assert found, (name, source[:2000])
    return " ".join(found[1].split())


def test_a_ticket_of_high_priority_from_the_form_to_the_answer(
    hub: Hub, customer: Page, agent: Page, subject: str, tmp_path: Path, new_context: Callable[..., BrowserContext]
) -> None:
    agent.goto(hub.base + QUEUE)
    agent.wait_for_selector("nh-queue:defined", state="attached")

    customer.goto(hub.base + "/tickets")
    customer.get_by_role("link", name="Add ticket").first.click()
    expect(customer.get_by_label("Your service")).to_be_hidden()
    customer.get_by_label("Technical issues").check()
    customer.get_by_role("radio", name="high").check()
    customer.get_by_label("Your service").select_option("#100412")
    expect(customer.get_by_label("Name of the service")).to_have_value("vps-12.one.example")
    customer.get_by_label("Subject").fill(subject)
    (tmp_path / "screen.png").write_bytes(files.PNG)
    customer.get_by_label("Attachments").set_input_files(tmp_path / "screen.png")
    customer.get_by_role("button", name="Send ticket").click()
    expect(customer.get_by_label("Description")).to_be_focused()  # it was forgotten, and is the first thing that is wrong
    expect(customer.locator("#f-body-wrong")).to_have_text("is empty")
    expect(customer.locator("nh-files")).to_contain_text("The file was not kept")
    customer.get_by_label("Description").fill("It answers with 503 since some minutes.")
    customer.get_by_label("Attachments").set_input_files(tmp_path / "screen.png")
    customer.get_by_role("button", name="Send ticket").click()
    expect(customer.get_by_role("heading", level=1, name=subject)).to_be_visible()
    expect(customer.locator(".ticket-head")).to_contain_text(re.compile(r"First answer by \d\d:\d\d – \d+ mins left"))
    expect(customer.locator("[data-as-of]")).to_be_hidden()  # it is a clock that goes
    expect(customer.locator(".conversation img")).to_have_js_property("complete", True)

    expect(line(agent, subject)).to_be_visible()  # it came by itself
    expect(agent.locator("[data-says]")).to_contain_text(subject)
    line(agent, subject).get_by_role("link").click()
    expect(agent.locator(".ticket-head")).to_contain_text("#100412")
    agent.get_by_role("button", name="Assign to me").click()
    expect(agent.locator(".conversation")).to_contain_text("assigned to: Aylin Agent")
    reply = agent.get_by_label("To the customer")
    reply.focus()
    agent.keyboard.type("We restart **vps-12** now.")
    agent.get_by_role("button", name="Send reply").focus()
    agent.keyboard.press("Enter")
    expect(agent.locator(".conversation")).to_contain_text("We restart vps-12 now.")
    expect(agent.locator(".ticket-head")).to_contain_text("answered after 1 min")

    expect(customer.locator(".conversation")).to_contain_text("We restart vps-12 now.")  # nobody loaded the page again
    expect(customer.locator("[data-says]")).to_have_text("New: Aylin Agent")
    expect(customer.locator(".ticket-head")).to_contain_text("waiting for your answer")
    expect(customer.locator(".ticket-head")).to_contain_text("First answer after 1 min")

    agent.get_by_label("To the customer").fill("Is it back?")
    customer.get_by_label("Your reply").fill("It works again, thank you!")
    customer.get_by_role("button", name="Send reply").click()
    expect(customer.locator(".ticket-head")).to_contain_text("open")
    expect(agent.locator(".conversation")).to_contain_text("It works again, thank you!")
    expect(agent.locator("[data-meanwhile]")).to_contain_text("Since you opened this page, One Ltd wrote:")
    expect(agent.get_by_label("To the customer")).to_have_value("Is it back?")  # what is being typed stays
    agent.get_by_label("Afterwards the ticket").select_option("resolved")
    agent.get_by_label("To the customer").fill("You are welcome.")
    agent.keyboard.press("Control+Enter")
    expect(agent.locator(".ticket-head")).to_contain_text("resolved")
    expect(customer.locator(".conversation")).to_contain_text("You are welcome.")
    expect(customer.locator(".ticket-head")).to_contain_text("resolved")

    number = int(re.sub(r"\D", "", customer.url.rpartition("/")[2].partition("#")[0]))
    received, first, last = mails(new_context().new_page(), hub, number, 3)
    assert header(received, "Subject") == header(first, "Subject") == header(last, "Subject")
    assert str(number) in header(received, "Subject")
    assert header(received, "To") == "owner@one.example"
    threads = {header(source, "References").split()[0] for source in (received, first, last)}
    assert len(threads) == 1  # one conversation in the mail program too
    assert "We restart" in first
    assert "We consider this ticket resolved" in last


def test_what_is_unread_stands_out_in_the_list_until_it_is_looked_at(hub: Hub, customer: Page, subject: str) -> None:
    number = opened(hub, subject)
    customer.goto(hub.base + "/tickets")
    customer.wait_for_selector("nh-ticket:defined", state="attached")
    hub.api("POST", f"/v1/tickets/{number}/messages", {"from": "staff", "body": "We look into it."})
    expect(line(customer, subject)).to_contain_text("We look into it.")
    expect(line(customer, subject)).to_have_class(re.compile("unread"))
    line(customer, subject).get_by_role("link").click()
    expect(customer.locator(".conversation")).to_contain_text("We look into it.")
    expect(customer.locator("nh-ticket[data-unread-here]")).to_have_count(0)
    customer.goto(hub.base + "/tickets")
    expect(line(customer, subject)).not_to_have_class(re.compile("unread"))


def test_what_is_being_typed_survives_news_and_the_end_of_the_session(hub: Hub, customer: Page, subject: str) -> None:
    number = opened(hub, subject)
    customer.goto(f"{hub.base}/tickets/{number}")
    customer.wait_for_selector("nh-ticket:defined", state="attached")
    customer.get_by_label("Your reply").fill("Precious words")
    hub.api("POST", f"/v1/tickets/{number}/messages", {"from": "staff", "body": "We look into it."})
    expect(customer.locator(".conversation")).to_contain_text("We look into it.")
    customer.context.clear_cookies(name="nh_account")
    with customer.expect_response(lambda answer: answer.url.endswith(f"/tickets/{number}") and answer.status == 401):
        hub.api("POST", f"/v1/tickets/{number}/messages", {"from": "staff", "body": "It is mended."})
    expect(customer.get_by_label("Your reply")).to_have_value("Precious words")
    customer.get_by_role("button", name="Send reply").click()
    expect(customer.locator("main")).to_contain_text("You were signed out in the meantime")
    expect(customer.get_by_label("body")).to_have_value("Precious words")


def test_a_picture_is_pasted_into_the_form(hub: Hub, customer: Page) -> None:
    customer.goto(hub.base + "/tickets/new")
    customer.wait_for_selector("nh-files:defined", state="attached")
    customer.get_by_label("Description").evaluate(
        """(field) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File(["x"], "image.png", { type: "image/png" }));
            field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
        }"""
    )
    expect(customer.locator("[data-chosen]")).to_contain_text("image.png")
    assert customer.get_by_label("Attachments").evaluate("input => input.files.length") == 1


def test_a_ticket_is_opened_and_answered_without_scripts(
    hub: Hub, new_context: Callable[..., BrowserContext], subject: str, tmp_path: Path
) -> None:
    customer, agent = (new_context(java_script_enabled=False).new_page() for _ in range(2))
    sign_in(customer, hub, CUSTOMER)
    customer.goto(hub.base + "/tickets/new")
    customer.get_by_label("Technical issues").check()
    expect(customer.get_by_label("Your service")).to_be_hidden()
    customer.get_by_role("radio", name="high").check()
    customer.get_by_label("Your service").select_option("#100413")
    customer.get_by_label("Subject").fill(subject)
    customer.get_by_label("Description").fill("It answers with 503.")
    (tmp_path / "a.log").write_text("a line")
    customer.get_by_label("Attachments").set_input_files(tmp_path / "a.log")
    customer.get_by_role("button", name="Send ticket").click()
    expect(customer.get_by_role("heading", level=1, name=subject)).to_be_visible()
    expect(customer.locator(".ticket-head")).to_contain_text("ds-3.one.example")
    expect(customer.locator("[data-as-of]")).to_be_visible()

    sign_in(agent, hub, AGENT)
    agent.goto(hub.base + QUEUE)
    line(agent, subject).get_by_role("button", name="Take").click()
    expect(agent.locator(".toast")).to_contain_text("This ticket is yours.")
    agent.get_by_label("Among staff").fill("The disk, I think")
    agent.get_by_role("button", name="Add note").click()
    expect(agent.locator(".said.internal")).to_contain_text("not shown to the customer")
    agent.get_by_label("To the customer").fill("We look into it.")
    agent.get_by_role("button", name="Send reply").click()
    expect(agent.locator(".ticket-head")).to_contain_text("waiting for customer")

    customer.reload()
    expect(customer.locator(".conversation")).to_contain_text("We look into it.")
    expect(customer.locator("body")).not_to_contain_text("The disk, I think")
    customer.get_by_role("button", name="Mark as resolved").click()
    expect(customer.locator(".ticket-head")).to_contain_text("resolved")


def test_the_clock_goes_and_says_when_it_is_late(hub: Hub, new_context: Callable[..., BrowserContext], subject: str) -> None:
    number = opened(hub, subject)
    page = new_context().new_page()
    sign_in(page, hub, AGENT)
    page.route("**/stream*", lambda route: route.abort())  # what the server says of the time would set it right
    page.clock.install()
    page.goto(f"{hub.base}{QUEUE}/{number}")
    clock = page.locator(".ticket-head nh-clock")
    expect(clock.locator("[data-phase=running]")).to_have_text("10 mins left")
    page.clock.fast_forward("05:00")
    expect(clock.locator("[data-phase=running]")).to_have_text("5 mins left")
    page.clock.fast_forward("03:00")
    expect(clock.locator("[data-phase=warned]")).to_have_text("only 2 mins left")
    expect(clock.locator("[data-phase=running]")).to_be_hidden()
    page.clock.fast_forward("04:00")
    expect(clock.locator("[data-phase=breached]")).to_have_text("3 mins late")


def test_what_is_too_much_is_said_before_it_is_sent(hub: Hub, customer: Page, tmp_path: Path) -> None:
    names = [tmp_path / f"{index}.log" for index in range(11)]
    for name in names:
        name.write_text("a line")
    customer.goto(hub.base + "/tickets/new")
    customer.get_by_label("Attachments").set_input_files(names[:10])
    customer.get_by_label("Attachments").set_input_files(names[10:])  # those before stay
    expect(customer.locator("[data-chosen]")).to_contain_text("10 files are allowed with one message; these are 11.")
    customer.get_by_role("button", name="Send ticket").click()
    expect(customer.get_by_label("Attachments")).to_be_focused()
    customer.get_by_role("button", name="Remove: 3.log").click()
    expect(customer.locator("[data-chosen]")).not_to_contain_text("are allowed")
    customer.get_by_role("button", name="Send ticket").click()
    expect(customer.locator(".note.bad")).to_contain_text("3 things have to be put right.")
    expect(customer.locator("nh-files")).to_contain_text("The 10 files were not kept")


def test_a_time_that_nobody_typed_follows_the_zone(hub: Hub, customer: Page) -> None:
    customer.goto(hub.base + "/tickets/new?priority=high")
    customer.wait_for_selector("nh-ticket-form:defined", state="attached")
    london = customer.get_by_label("Since when").input_value()
    customer.get_by_label("Time zone").select_option("Asia/Tokyo")
    tokyo = customer.get_by_label("Since when").input_value()
    assert tokyo[:10] >= london[:10]
    assert (int(tokyo[11:13]) - int(london[11:13])) % 24 in (8, 9)
    customer.get_by_label("Since when").fill("2026-11-01T10:00")
    customer.get_by_label("Time zone").select_option("Europe/London")
    expect(customer.get_by_label("Since when")).to_have_value("2026-11-01T10:00")


PARTS = "html, main, .conversation, .desk-main, .desk-aside"
OVER = f"[...document.querySelectorAll('{PARTS}')].map((part) => part.scrollWidth - part.clientWidth)"


@pytest.mark.parametrize("language", ["en", "ar-XB"])
def test_the_longest_word_stays_on_the_page(hub: Hub, customer: Page, agent: Page, subject: str, language: str) -> None:
    word = "W" * 5000
    number = opened(hub, "ل" * 100 + "🔧" * 50, body=f"{word} {subject}")
    hub.api("POST", f"/v1/tickets/{number}/messages", {"from": "staff", "body": f"`{word}`\n\n| a | b |\n|---|---|\n| {word} | x |"})
    for page, paths in ((customer, ("/tickets", f"/tickets/{number}")), (agent, (QUEUE, f"{QUEUE}/{number}"))):
        prefer(page.context, hub, language=language)
        for path in paths:
            page.goto(hub.base + path)
            for width in (360, 1000, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                assert max(page.evaluate(OVER)) <= 0, (path, width)


@pytest.mark.parametrize("language", ["en", "tr", "ar-XB"])
@pytest.mark.parametrize("who", [CUSTOMER, AGENT, "Ada Admin"])
def test_on_a_phone_all_of_the_navigation_is_in_sight(
    hub: Hub, new_context: Callable[..., BrowserContext], who: str, language: str
) -> None:
    context = new_context()
    page = context.new_page()
    sign_in(page, hub, who)
    prefer(context, hub, language=language)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(hub.base + ("/tickets" if who == CUSTOMER else "/staff/accounts"))
    for link in page.locator(".nav a").all():
        box = link.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        assert box["height"] >= 44
        assert link.evaluate("link => link.scrollWidth - link.clientWidth") <= 0, link.inner_text()
