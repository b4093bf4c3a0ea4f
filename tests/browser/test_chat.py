"""The chat in two real browsers: a visitor's and an agent's; live, over a restart of the server, by keyboard, and without scripts."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from benchmarks.processes import free_port
from tests.browser.hub import Hub, prefer, serving, sign_in

CUSTOMER, AGENT = "C-1042", "Aylin Agent"
CONSOLE = "/staff/chat"
NASTY = """<img src=x onerror="document.title='hacked'">{{ 7 * 7 }}"""


@pytest.fixture
def visitor(hub: Hub, new_context: Callable[..., BrowserContext]) -> Page:
    """Whom nobody knows."""
    page = new_context().new_page()
    page.goto(hub.base + "/chat/demo")
    return page


@pytest.fixture
def customer(hub: Hub, new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    sign_in(page, hub, CUSTOMER)
    page.goto(hub.base + "/tickets")
    return page


@pytest.fixture
def agent(hub: Hub, new_context: Callable[..., BrowserContext]) -> Page:
    return at_console(hub, new_context)


def at_console(hub: Hub, new_context: Callable[..., BrowserContext]) -> Page:
    page = new_context().new_page()
    sign_in(page, hub, AGENT)
    with page.expect_response("**/staff/chat/stream*"):  # with its first words, its agent is there
        page.goto(hub.base + CONSOLE)
    expect(page.locator(".chat-there")).to_contain_text("Aylin Agent")
    return page


def ask(page: Page, words: str) -> None:
    if not page.locator("notifyhub-chat .panel").is_visible():
        page.get_by_role("button", name=re.compile("Chat with us")).click()
    page.get_by_label("Your message").fill(words)
    page.keyboard.press("Enter")


def said(page: Page) -> Locator:
    """In the widget: what both sides said, and what happened."""
    return page.locator("notifyhub-chat .log li")


def written(page: Page) -> Locator:
    """The same in the console."""
    return page.locator(".chat-log li")


def choose(agent: Page, words: str) -> None:
    agent.locator(".chat-list li", has_text=words).first.get_by_role("link").click()
    expect(written(agent).filter(has_text=words).first).to_be_visible()


def reply(agent: Page, words: str) -> None:
    expect(agent.locator("nh-chats:defined")).to_have_count(1)  # its script has begun
    agent.get_by_label("To the visitor").fill(words)
    agent.keyboard.press("Enter")


def test_from_question_to_ticket_with_the_server_restarted_in_between(new_context: Callable[..., BrowserContext]) -> None:
    with tempfile.TemporaryDirectory(prefix="nh-", ignore_cleanup_errors=True) as name:
        folder, port = Path(name), free_port()
        with serving(folder, port) as hub:
            agent = at_console(hub, new_context)
            customer = new_context().new_page()
            sign_in(customer, hub, CUSTOMER)
            ask(customer, "vps-12 is slow")
            expect(agent).to_have_title(re.compile(r"^\(1\) "))
            choose(agent, "vps-12 is slow")
            expect(agent.locator(".desk-aside")).to_contain_text("#100412")
            reply(agent, "Since when?")
            expect(said(customer)).to_have_count(2)
        ask(customer, "Since this morning")  # the server is away
        expect(said(customer).last).to_contain_text("Not sent yet")
        reply(agent, "Are you still there?")
        expect(agent.get_by_role("alert")).to_contain_text("Not sent. Your words are still here")
        with serving(folder, port):
            expect(said(customer).last).not_to_contain_text("Not sent yet")
            expect(written(agent).filter(has_text="Since this morning")).to_have_count(1)  # nobody loaded the page again
            agent.get_by_role("button", name="Send").click()
            expect(said(customer).last).to_contain_text("Are you still there?")
            agent.get_by_label("Department").select_option("technical")
            agent.get_by_role("button", name="Make a ticket").click()
            expect(agent.locator("#chat-over")).to_contain_text("This conversation became a ticket")
            expect(said(customer).last).to_contain_text("This is now ticket #")
            customer.reload()
            texts = ["vps-12 is slow", "Since when?", "Since this morning", "Are you still there?", "This is now ticket #"]
            expect(said(customer)).to_contain_text(texts)  # in this order; a server that was away for long says too that nobody was there
            for text in texts:
                expect(said(customer).filter(has_text=text)).to_have_count(1)
            said(customer).last.get_by_role("link", name="Open the ticket").click()
            expect(customer.locator(".conversation")).to_contain_text(re.compile(r"Aylin Agent:\s*Since when\?"))
            customer.get_by_role("button", name="New conversation").click()
            expect(said(customer)).to_have_count(0)


def test_what_is_not_sent_survives_a_reload(hub: Hub, visitor: Page) -> None:
    visitor.route("**/chat/messages", lambda route: route.abort())
    ask(visitor, "Hello?")
    expect(said(visitor)).to_contain_text(["Not sent yet"])
    visitor.unroute_all()
    visitor.reload()
    expect(said(visitor).first).to_contain_text("Hello?")
    expect(said(visitor).first).not_to_contain_text("sent")


def test_a_line_that_is_cut_loses_and_repeats_nothing(visitor: Page, agent: Page) -> None:
    ask(visitor, "Is anybody there?")
    choose(agent, "Is anybody there?")
    visitor.context.set_offline(True)
    reply(agent, "Yes")
    expect(written(agent)).to_have_count(2)
    ask(visitor, "Hello?")
    visitor.context.set_offline(False)
    expect(said(visitor)).to_contain_text(["Is anybody there?", "Yes", "Hello?"])
    expect(written(agent)).to_contain_text(["Is anybody there?", "Yes", "Hello?"])


def test_two_tabs_of_a_visitor_hold_one_conversation(visitor: Page, agent: Page) -> None:
    ask(visitor, "From the first tab")
    other = visitor.context.new_page()
    other.goto(visitor.url)
    ask(other, "From the second tab")
    for page in (visitor, other):
        expect(said(page)).to_contain_text(["From the first tab", "From the second tab"])
    choose(agent, "From the second tab")  # the list shows what was said last
    expect(written(agent)).to_contain_text(["From the first tab", "From the second tab"])


def test_where_nobody_is_there_an_address_is_asked_for(hub: Hub, visitor: Page) -> None:
    for _ in range(100):
        if not visitor.evaluate("fetch('/chat/state').then((answer) => answer.json()).then((state) => state.there)"):
            break
        visitor.wait_for_timeout(1000)  # agents of other tests have just closed their consoles
    ask(visitor, "Is there a discount?")
    expect(said(visitor).last).to_contain_text("Nobody is here at the moment")
    visitor.get_by_label("E-mail address").fill("nobody")
    visitor.get_by_role("button", name="Leave address").click()
    expect(visitor.get_by_role("alert")).to_have_text("This is no e-mail address.")
    expect(visitor.get_by_label("E-mail address")).to_be_focused()
    visitor.get_by_label("E-mail address").fill("guest@visitor.example")
    visitor.get_by_role("button", name="Leave address").click()
    expect(visitor.locator("notifyhub-chat .note")).to_contain_text(["We answer to guest@visitor.example."])
    expect(visitor.get_by_label("E-mail address")).to_be_hidden()


def test_nothing_that_either_side_writes_acts(visitor: Page, agent: Page) -> None:
    ask(visitor, NASTY)
    choose(agent, NASTY)
    reply(agent, f"{NASTY} javascript:alert(1) https://x.example/?a=1&b=2 data:text/html,x")
    answer = said(visitor).nth(1)
    expect(answer).to_contain_text(NASTY)
    links = answer.get_by_role("link").all()
    assert [link.get_attribute("href") for link in links] == ["https://x.example/?a=1&b=2"]
    expect(written(agent).nth(1)).to_contain_text(NASTY)
    for page in (visitor, agent):
        assert "hacked" not in page.title()
        assert page.locator("img[src=x]").count() == 0


def test_by_keyboard_alone(visitor: Page, agent: Page) -> None:
    visitor.get_by_role("button", name="Chat with us").focus()
    visitor.keyboard.press("Enter")
    expect(visitor.get_by_label("Your message")).to_be_focused()
    visitor.keyboard.type("First line")
    visitor.keyboard.press("Shift+Enter")
    visitor.keyboard.type("second line")
    visitor.keyboard.press("Enter")
    expect(said(visitor)).to_have_count(1)
    visitor.keyboard.press("Escape")
    expect(visitor.get_by_role("button", name="Chat with us")).to_be_focused()
    choose(agent, "First line")
    reply(agent, "An answer")
    expect(visitor.get_by_role("button", name="Chat with us (1 new)")).to_be_visible()  # while it is closed
    visitor.keyboard.press("Enter")
    expect(said(visitor).last).to_contain_text("An answer")
    visitor.keyboard.press("Escape")
    expect(visitor.get_by_role("button", name="Chat with us", exact=True)).to_be_visible()


def test_a_link_opens_it(visitor: Page) -> None:
    visitor.get_by_role("link", name="Chat with us").click()
    expect(visitor.get_by_role("dialog")).to_be_visible()


def test_it_speaks_turkish(hub: Hub, visitor: Page) -> None:
    prefer(visitor.context, hub, language="tr")
    visitor.reload()
    assert visitor.locator("notifyhub-chat").get_attribute("lang") == "tr"


def test_another_customer_in_the_same_browser_sees_nothing_of_the_one_before(hub: Hub, customer: Page) -> None:
    ask(customer, "A secret of C-1042")
    expect(said(customer).first).to_contain_text("A secret")
    sign_in(customer, hub, "C-1043")
    customer.goto(hub.base + "/tickets")
    expect(customer.locator("notifyhub-chat")).to_have_count(1)
    expect(said(customer)).to_have_count(0)
    assert "secret" not in customer.evaluate("JSON.stringify(localStorage)")


def test_an_agent_answers_without_scripts(hub: Hub, visitor: Page, new_context: Callable[..., BrowserContext]) -> None:
    ask(visitor, "Do you read this without scripts?")
    expect(said(visitor).first).not_to_contain_text("being sent")
    agent = new_context(java_script_enabled=False).new_page()
    sign_in(agent, hub, AGENT)
    agent.goto(hub.base + CONSOLE)
    choose(agent, "Do you read this without scripts?")
    agent.get_by_label("To the visitor").fill("I do")
    agent.get_by_role("button", name="Send").click()
    expect(written(agent).last).to_contain_text("I do")
    expect(said(visitor).last).to_contain_text("I do")
    agent.get_by_role("button", name="End the conversation").click()
    expect(written(agent).last).to_contain_text("Ended by support")
    expect(visitor.get_by_role("button", name="New conversation")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(hub: Hub, visitor: Page, agent: Page, axe: Callable[[Page], list[str]], theme: str) -> None:
    for page in (visitor, agent):
        prefer(page.context, hub, theme=theme)
        page.emulate_media(reduced_motion="reduce")  # what is still fading in has too little contrast
        page.reload()
    assert axe(visitor) == []
    ask(visitor, f"Words for {theme}")
    choose(agent, f"Words for {theme}")
    reply(agent, "See https://www.example.com/ for more")
    expect(said(visitor)).to_have_count(2)
    assert (axe(visitor), axe(agent)) == ([], [])
    agent.get_by_role("button", name="End the conversation").click()
    expect(visitor.get_by_role("button", name="New conversation")).to_be_visible()
    assert (axe(visitor), axe(agent)) == ([], [])


@pytest.mark.parametrize("language", ["tr", "ar-XB"])
def test_nothing_hangs_over_the_edge(hub: Hub, visitor: Page, agent: Page, language: str) -> None:
    ask(visitor, f"{language} {'W' * 3000}")
    choose(agent, f"{language} WWW")
    reply(agent, "https://www.example.com/" + "x" * 1000)
    expect(said(visitor)).to_have_count(2)
    for page in (visitor, agent):
        prefer(page.context, hub, language=language)
        page.reload()
        for width in (360, 1000, 1280):
            page.set_viewport_size({"width": width, "height": 740})
            over = "[document.documentElement, ...document.querySelectorAll('notifyhub-chat, .chat-log, .chat-list, .desk-aside')]"
            assert page.evaluate(f"{over}.filter((part) => part.scrollWidth > part.clientWidth).map((part) => part.className)") == []
    assert visitor.locator("notifyhub-chat .log").evaluate("(log) => log.scrollWidth - log.clientWidth") == 0


def test_the_style_of_the_page_around_it_does_not_reach_it(visitor: Page) -> None:
    before = visitor.locator("notifyhub-chat .open").bounding_box()
    visitor.evaluate(
        """() => {
            const sheet = new CSSStyleSheet();
            const rules = "font-size: 30px !important; color: red !important; position: static !important; display: none";
            sheet.replaceSync(`notifyhub-chat { ${rules} }`);
            document.adoptedStyleSheets = [sheet];
        }"""
    )
    assert visitor.locator("notifyhub-chat .open").bounding_box() == before
    ask(visitor, "Hello")
    expect(said(visitor).first).not_to_contain_text("being sent")
    line = said(visitor).first.locator(".words")
    assert line.evaluate("(words) => [getComputedStyle(words).fontSize, getComputedStyle(words).color]") == ["14px", "rgb(36, 34, 31)"]
