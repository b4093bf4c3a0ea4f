"""The console of the chat, without a screen: what agents see, and what they do."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Chat, ChatMessage, Ticket
from tests.browserless import Browser
from tests.chat.steps import account_id, addressed, answered, asked, ended, number, present, read, swept, told
from tests.conftest import Api
from tests.staff.announcements import text_of
from tests.tickets.steps import agent, customer

NASTY = "<script>alert(1)</script>\"'><b>{{ 7 * 7 }}"
CONSOLE = "/staff/chat"


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api, name="One Ltd")


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app).as_staff("agent", email="olivia@staff.example")


def path_of(name: str = "one") -> str:
    return f"{CONSOLE}/{read(name).id}"


def in_sight(page: str) -> str:
    return text_of(page.partition("<main")[2])


def reply(browser: Browser, body: str, name: str = "one", id: str | None = None, **headers: str) -> Any:
    path = path_of(name)
    return browser.post(f"{path}/messages", page=path, headers=headers, id=id or str(uuid.uuid4()), body=body)


def test_a_console_without_conversations_says_so(browser: Browser) -> None:
    page = in_sight(browser.get(CONSOLE).text)
    assert "Nobody wrote so far" in page
    assert "Nobody is there" in page


def test_those_who_wait_come_first_then_those_that_run(browser: Browser) -> None:
    present()
    for name in ("running", "waiting", "over"):
        asked(f"this is {name}", name=name)
    answered(name="running")
    ended(name="over")
    page = in_sight(browser.get(CONSOLE).text)
    places = [
        page.index(words)
        for words in ("Waiting for an answer 1", "this is waiting", "Running 1", "Yes, for a year.", "Over 1", "this is over")
    ]
    assert places == sorted(places)
    assert "There: Ada Agent" in page


def test_who_was_answered_and_wrote_again_waits_again(browser: Browser) -> None:
    present()
    asked()
    answered()
    asked("And for two?")
    assert "Waiting for an answer 1" in in_sight(browser.get(CONSOLE).text)


def test_the_navigation_counts_those_who_wait(browser: Browser) -> None:
    present()
    asked()
    asked(name="two")
    answered(name="two")
    assert '<span data-number>1</span><span class="away"> waiting' in browser.get("/staff/tickets").text


def test_of_a_customer_account_and_services_are_at_hand(browser: Browser) -> None:
    asked("The shop is slow", account_id=account_id(), page="https://www.provider.example/vps")
    page = in_sight(browser.get(path_of()).text)
    for words in ("One Ltd C-1", "owner@one.example", "shop", "#123456", "https://www.provider.example/vps"):
        assert words in page


def test_of_anyone_else_it_says_that_nothing_is_proven(browser: Browser) -> None:
    asked(name="one")
    addressed("guest@visitor.example")
    page = in_sight(browser.get(path_of()).text)
    assert "Not signed in: whoever this is has proven nothing." in page
    assert "guest@visitor.example" in page


def test_a_reply_is_said_and_the_page_shown_again(browser: Browser) -> None:
    present()
    asked()
    answer = reply(browser, "Yes, for a year.")
    assert answer.status_code == 303
    assert told() == ["visitor: Is there a discount?", "staff: Yes, for a year."]
    assert "Yes, for a year." in in_sight(browser.follow(answer).text)


def test_a_form_sent_twice_says_it_once(browser: Browser) -> None:
    present()
    asked()
    for _ in range(2):
        reply(browser, "Yes", id=str(number("b")))
    assert told()[1:] == ["staff: Yes"]


def test_a_script_is_given_what_has_changed_or_what_is_wrong(browser: Browser) -> None:
    asked()
    part = reply(browser, "Yes", **{"HX-Request": "true"})
    assert (part.status_code, "<main" in part.text, "Yes" in part.text) == (200, False, True)
    wrong = reply(browser, " ", **{"HX-Request": "true"})
    assert (wrong.status_code, wrong.mimetype, wrong.text) == (422, "text/plain", "is empty")
    ended()
    assert reply(browser, "Yes", **{"HX-Request": "true"}).status_code == 409


def test_what_cannot_be_said_comes_back(browser: Browser) -> None:
    asked()
    answer = reply(browser, "x" * 5000)
    assert (answer.status_code, "x" * 5000 in answer.text) == (422, True)
    ended()
    answer = reply(browser, "too late")
    assert (answer.status_code, "too late" in answer.text, "This conversation is over." in answer.text) == (409, True, True)


def test_a_ticket_is_made_with_department_and_priority(browser: Browser) -> None:
    asked("The shop is slow", account_id=account_id())
    path = path_of()
    answer = browser.post(f"{path}/ticket", page=path, department="financial", priority="high")
    assert answer.status_code == 303
    ticket = db.session.scalars(select(Ticket)).one()
    assert (ticket.department, ticket.priority, ticket.account_id) == ("financial", "high", account_id())
    page = in_sight(browser.follow(answer).text)
    assert f"This conversation is now ticket #{ticket.number}, and its visitor was told so." in page
    assert f"Became ticket #{ticket.number}" in page
    assert "Make a ticket" not in page
    assert "The shop is slow" in in_sight(browser.get(f"/staff/tickets/{ticket.number}").text)


@pytest.mark.parametrize("fields", [{}, {"department": "x", "priority": "regular"}, {"department": "technical", "priority": "x"}])
def test_what_is_no_choice_is_said(browser: Browser, fields: dict[str, str]) -> None:
    asked(account_id=account_id())
    path = path_of()
    answer = browser.post(f"{path}/ticket", page=path, **fields)
    assert answer.status_code == 422
    assert "must be one of" in in_sight(answer.text)
    assert read().status == "waiting"


def test_without_an_address_no_ticket_can_be_made(browser: Browser) -> None:
    asked()
    page = browser.get(path_of())
    assert "Not before the visitor leaves an address" in in_sight(page.text)
    assert browser.post(f"{path_of()}/ticket", department="technical", priority="regular").status_code == 409


def test_an_agent_ends_it(browser: Browser) -> None:
    asked()
    path = path_of()
    answer = browser.post(f"{path}/end", page=path)
    assert "Ended by support" in in_sight(browser.follow(answer).text)
    assert read().status == "ended"


def test_what_nobody_answered_says_what_the_visitor_was_told(browser: Browser) -> None:
    asked()
    swept(utcnow() + timedelta(minutes=5))
    page = in_sight(browser.get(path_of()).text)
    assert "Left without an answer 1" in page
    assert "The visitor was told that nobody could answer in time" in page


def test_whoever_answers_is_named(browser: Browser) -> None:
    asked()
    answered(by=agent("bora@staff.example", name="Bora Agent"))
    assert "answered by Bora Agent" in in_sight(browser.get(path_of()).text)


def test_nothing_that_a_visitor_wrote_acts_on_the_page(browser: Browser) -> None:
    present()
    asked(NASTY, page=f"https://evil.example/{NASTY}")
    with_name = asked("x", name="two")
    with transaction() as session:
        session.execute(update(Chat).where(Chat.id == with_name.chat_id).values(name=NASTY, email=f'"{NASTY}"@x.example'))
    for path in (CONSOLE, path_of(), path_of("two")):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "<b>{{" not in page
        assert "49" not in in_sight(page).replace("#49", "")
    assert NASTY in in_sight(browser.get(path_of()).text)


@pytest.mark.parametrize("who", ["ops", "billing", "abuse"])
def test_others_do_not_see_it(app: Flask, who: str) -> None:
    asked()
    browser = Browser(app).as_staff(who, email=f"{who}@staff.example")
    assert browser.get(CONSOLE).status_code == 403
    assert browser.get(path_of()).status_code == 403
    assert "/staff/chat" not in browser.get("/staff/accounts").text


@pytest.mark.parametrize("path", [str(uuid.UUID(int=1)), "x", "1"])
def test_what_is_not_there_is_not_found(browser: Browser, path: str) -> None:
    assert browser.get(f"{CONSOLE}/{path}").status_code == 404
    browser.get(CONSOLE)
    assert browser.post(f"{CONSOLE}/{path}/messages", page="/staff/sessions", body="x").status_code == 404


def test_an_erased_customer_is_one_no_more(browser: Browser, api: Api) -> None:
    asked("secret words", account_id=account_id())
    path = path_of()
    api.delete("/v1/accounts/C-1")
    page = in_sight(browser.get(path).text)
    assert "secret words" not in page
    assert "an erased account" in page
    assert db.session.scalars(select(ChatMessage.body).where(ChatMessage.author == "visitor")).all() == [""]
