"""Tickets at the desk of staff: the queue, one of them, and what is done with it."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub import access
from notifyhub.database import db, utcnow
from notifyhub.files import TEXT, Checked
from notifyhub.models import StoredFile, Ticket
from notifyhub.tickets.states import By
from tests import files
from tests.browserless import Browser
from tests.builders import service
from tests.conftest import Api
from tests.staff.announcements import shown, text_of, value, wrong
from tests.tickets.pages import file_links, in_sight, upload
from tests.tickets.steps import agent, answered, asked, changed, customer, noted, opened, read, told, urgent, whole

LONG = "w" * 5000
NASTY = "<script>alert(1)</script>\"'><b>{{ 7 * 7 }}"
QUEUE = "/staff/tickets"


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api, name="One Ltd")


@pytest.fixture
def browser(app: Flask) -> Browser:
    return Browser(app).as_staff("agent", email="olivia@staff.example")


def me() -> Any:
    db.session.remove()
    from notifyhub import staff

    return staff.find(db.session(), "olivia@staff.example")


def minutes_ago(minutes: float) -> Any:
    return utcnow() - timedelta(minutes=minutes)


def path_of(ticket: Ticket) -> str:
    return f"{QUEUE}/{ticket.number}"


def listed(page: str) -> list[int]:
    return [int(number) for number in re.findall(r'<li class="\w+" data-number="(\d+)">', page)]


# --- the queue


def test_a_queue_without_tickets_says_so(browser: Browser) -> None:
    assert "Nobody waits for an answer" in browser.get(QUEUE).text


def test_the_queue_goes_by_priority_then_by_the_time_that_is_left(browser: Browser) -> None:
    waits = opened(subject="waits")
    answered(waits)
    later, sooner = opened(now=minutes_ago(1)), opened(now=minutes_ago(5))
    high = urgent(now=minutes_ago(0.5))
    assert listed(browser.get(QUEUE).text) == [ticket.number for ticket in (high, sooner, later, waits)]


@pytest.mark.parametrize(
    ("minutes", "phase", "words"), [(1, "running", "9 mins left"), (8, "warned", "only 2 mins left"), (12, "breached", "3 mins late")]
)
def test_what_is_nearly_late_and_what_is_late_stands_out_in_words(browser: Browser, minutes: int, phase: str, words: str) -> None:
    opened(now=utcnow() - timedelta(minutes=minutes, seconds=10))
    answer = browser.get(QUEUE)
    assert f'<li class="{phase}"' in answer.text
    assert f"{words} as of" in in_sight(answer)


def test_the_queue_says_whose_each_ticket_is(browser: Browser) -> None:
    mine, anothers, nobodys = (opened(subject=name) for name in ("mine", "anothers", "nobodys"))
    changed(mine, assignee=me())
    changed(anothers, assignee=agent("bob@staff.example", name="Bob Agent"))
    page = browser.get(QUEUE).text
    assert "Bob Agent" in page
    assert "All 3 Mine 1 Unassigned 1" in shown(browser.get(QUEUE))
    assert listed(browser.get(f"{QUEUE}?whose=mine").text) == [mine.number]
    assert listed(browser.get(f"{QUEUE}?whose=nobody").text) == [nobodys.number]


def test_the_queue_is_filtered(browser: Browser) -> None:
    money = opened(department="financial")
    over = opened()
    changed(over, status="closed")
    technical = opened()
    assert listed(browser.get(f"{QUEUE}?department=financial").text) == [money.number]
    assert listed(browser.get(f"{QUEUE}?status=closed").text) == [over.number]
    assert listed(browser.get(f"{QUEUE}?department=technical&status=open").text) == [technical.number]
    assert listed(browser.get(f"{QUEUE}?department=x&status=y&whose=z").text) == [money.number, technical.number]  # from another version
    assert "No such ticket" in browser.get(f"{QUEUE}?status=resolved").text


def test_the_queue_comes_in_pages(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.routes.staff.tickets.PAGE", 2)
    tickets = [opened(now=minutes_ago(5 - index), department="financial") for index in range(5)]
    opened()
    found: list[int] = []
    path: str | None = f"{QUEUE}?department=financial"
    while path:
        page = browser.get(path).text
        found += listed(page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(following[1]) if following else None
    assert found == [ticket.number for ticket in tickets]


@pytest.mark.parametrize("cursor", ["", "x", "0.x", "99.MjAyNw"])
def test_a_wrong_cursor_is_refused_with_a_page(browser: Browser, cursor: str) -> None:
    answer = browser.get(QUEUE, query_string={"cursor": cursor})
    assert answer.status_code == 422
    assert "Start again from its first page" in answer.text


def test_a_script_gets_the_queue_alone(browser: Browser) -> None:
    opened()
    part = browser.get(QUEUE, headers={"HX-Request": "true"}).text
    assert "The shop is slow" in part
    assert "<html" not in part


def test_the_navigation_counts_what_needs_an_answer_now(app: Flask, browser: Browser) -> None:
    assert alarms(browser) is None
    opened(now=minutes_ago(11), department="financial")
    opened(now=minutes_ago(12))
    opened(now=minutes_ago(1))
    answered(opened(now=minutes_ago(13)))
    assert alarms(browser) == "2"
    assert alarms(Browser(app).as_staff("billing", email="b@staff.example")) == "1"
    assert alarms(Browser(app).as_staff("ops", email="o@staff.example")) == "2"
    assert "data-alarms" not in Browser(app).as_staff("abuse", email="a@staff.example").get("/staff/sessions").text


def alarms(browser: Browser) -> str | None:
    found = re.search(r'data-alarms title="[^"]+"( hidden)?>.*?<span data-number>(\d+\+?)</span>', browser.get("/staff/sessions").text)
    assert found
    return None if found[1] else found[2]


# --- who may what


@pytest.mark.parametrize(
    ("role", "technical", "financial"),
    [("agent", 200, 200), ("admin", 200, 200), ("ops", 200, 200), ("billing", 403, 200), ("abuse", 403, 403)],
)
def test_who_may_read(app: Flask, role: str, technical: int, financial: int) -> None:
    browser = Browser(app).as_staff(role, email=f"{role}@staff.example")
    statuses = [browser.get(path_of(opened(department=department))).status_code for department in ("technical", "financial")]
    assert statuses == [technical, financial]


@pytest.mark.parametrize(
    ("role", "technical", "financial"),
    [("agent", 303, 303), ("admin", 303, 303), ("ops", 403, 403), ("billing", 403, 303), ("abuse", 403, 403)],
)
@pytest.mark.parametrize("act", ["reply", "note", "take", "change"])
def test_who_may_answer(app: Flask, role: str, technical: int, financial: int, act: str) -> None:
    browser = Browser(app).as_staff(role, email=f"{role}@staff.example")
    for department, status in (("technical", technical), ("financial", financial)):
        ticket = opened(department=department)
        answer = browser.post(
            f"{path_of(ticket)}/{act}", page="/staff/sessions", body="Hello", **{"status": "resolved", "was.status": "open"}
        )
        assert answer.status_code == status, department
        assert (len(whole(ticket).messages) + len(whole(ticket).changes) > 1) == (status == 303)


def test_who_answers_one_department_sees_that_one(app: Flask) -> None:
    money = opened(department="financial")
    opened()
    browser = Browser(app).as_staff("billing", email="b@staff.example")
    for query in ("", "?department=technical"):
        assert listed(browser.get(f"{QUEUE}{query}").text) == [money.number]


def test_who_may_only_read_is_shown_no_forms(app: Flask) -> None:
    ticket = opened()
    browser = Browser(app).as_staff("ops", email="o@staff.example")
    page = browser.get(path_of(ticket)).text
    assert "<textarea" not in page
    assert "Your roles let you read this ticket" in page
    assert "/take" not in browser.get(QUEUE).text


def test_agents_begin_at_the_queue(app: Flask, browser: Browser) -> None:
    assert browser.get("/staff/").headers["Location"] == QUEUE
    assert 'href="/staff/announcements"' not in browser.get(QUEUE).text
    assert Browser(app).as_staff("ops", email="o@staff.example").get("/staff/").headers["Location"] == "/staff/announcements"


# --- one of them


def test_a_ticket_is_shown_with_its_account_and_what_is_down(api: Api, browser: Browser) -> None:
    customer(api, services=[service(order_number="#123456", name="shop", node="fra1-n7", addresses=["203.0.113.7"])], name="One Ltd")
    other = opened(subject="Another thing")
    page = browser.get(path_of(urgent()))
    text = shown(page)
    assert 'href="/staff/accounts/C-1"' in page.text
    assert "owner@one.example" in text
    assert "shop #123456 this one" in text
    assert "fra1-n7" in text
    assert f"#{other.number} Another thing" in text
    assert re.search(r"There it is \d\d:\d\d \(Europe/Istanbul\)", text)


def test_a_note_among_staff_looks_different_and_says_so(browser: Browser) -> None:
    ticket = opened()
    noted(ticket, "A **difficult** one", By("staff", agent()), files=[Checked("inner.log", TEXT, b"inner")])
    page = browser.get(path_of(ticket)).text
    assert '<li class="said internal"' in page
    assert "Internal note, not shown to the customer" in page
    assert "<strong>difficult</strong>" in page
    assert browser.get(file_links(page)["inner.log"]).data == b"inner"


def test_files_of_a_ticket_are_downloads_for_those_who_may_read_it(app: Flask, browser: Browser) -> None:
    ticket, other = opened(files=[Checked("a.log", TEXT, b"log")]), opened()
    link = file_links(browser.get(path_of(ticket)).text)["a.log"]
    assert browser.get(link).headers["Content-Disposition"].startswith("attachment")
    assert browser.get(link.replace(f"/{ticket.number}/", f"/{other.number}/")).status_code == 404
    assert Browser(app).as_staff("billing", email="b@staff.example").get(link).status_code == 403
    assert Browser(app).as_customer().get(link).status_code == 303


def test_the_history_says_who_changed_what(browser: Browser) -> None:
    ticket = opened()
    ada = agent()
    changed(ticket, by=By("staff", ada), priority="high", assignee=ada)
    changed(ticket, by=By("staff", ada), assignee=None)
    answered(ticket, by=By("staff", ada), status="resolved")
    page = shown(browser.get(path_of(ticket)))
    assert "Ada Agent · priority: high (before: regular)" in page
    assert "assigned to: Ada Agent (before: nobody)" in page
    assert "assigned to: nobody (before: Ada Agent )" in page
    assert "status: resolved (before: open)" in page


@pytest.mark.parametrize("text", [NASTY, "ليلى <b>حداد</b>", "👩‍👩‍👧 & Co.", "[x](javascript:alert(1))", LONG])
def test_words_are_words(api: Api, browser: Browser, text: str) -> None:
    customer(api, name=text[:100], services=[service(order_number="#123456", name=text[:100], addresses=["203.0.113.7"])])
    ticket = urgent(subject=text[:200], body=text, files=[Checked(f"{text[:60]}.log", TEXT, b"log")])
    noted(ticket, text)
    answered(ticket, text, By("staff", agent(name=text[:100])))
    for path in (QUEUE, path_of(ticket)):
        page = browser.get(path).text
        assert "<script>alert" not in page
        assert "<b>" not in page
        assert 'href="javascript' not in page
        assert text[:200] in unescape(page)


def test_the_ticket_of_an_erased_account_is_still_a_page(api: Api, browser: Browser) -> None:
    ticket = urgent()
    answered(ticket, status="resolved")
    api.delete("/v1/accounts/C-1")
    page = browser.get(path_of(ticket))
    assert page.status_code == 200
    assert "an erased account" in page.text
    assert "(erased)" in browser.get(f"{QUEUE}?status=closed").text


@pytest.mark.parametrize("number", ["0", "999999", "9" * 40])
def test_a_number_that_is_none_is_a_page_that_says_so(browser: Browser, number: str) -> None:
    assert browser.get(f"{QUEUE}/{number}").status_code == 404


def test_a_script_gets_what_changes_alone(browser: Browser) -> None:
    part = browser.get(path_of(opened()), headers={"HX-Request": "true"}).text
    assert "Since this morning." in part
    assert "<textarea" not in part
    assert "<html" not in part


# --- replies and notes


def test_a_reply_reaches_the_customer_and_keeps_the_promise(browser: Browser) -> None:
    ticket = opened()
    path = path_of(ticket)
    page = browser.get(path)
    answer = browser.post(
        f"{path}/reply", once=value(page, "once"), seen=value(page, "seen"), body="It is **mended**.", status="resolved",
        files=upload(("a.pdf", files.pdf())),
    )  # fmt: skip
    assert answer.status_code == 303, wrong(answer)
    (_, message) = whole(ticket).messages
    assert answer.headers["Location"] == f"{path}#m-{message.id}"
    assert message.staff is not None
    assert (message.staff.name, [file.name for file in message.files]) == ("Olivia Ops", ["a.pdf"])
    now = read(ticket)
    assert (now.status, now.first_response_at is not None) == ("resolved", True)
    assert told()[-1]["reply_markdown"] == "It is **mended**."
    assert "answered after" in shown(browser.get(path))


def test_a_reply_leaves_the_ticket_waiting_for_its_customer(browser: Browser) -> None:
    ticket = opened()
    assert browser.post(f"{path_of(ticket)}/reply", page=path_of(ticket), body="Which one?").status_code == 303
    assert read(ticket).status == "waiting_for_customer"


def test_the_same_reply_twice_is_one(browser: Browser) -> None:
    ticket, once = opened(), str(uuid.uuid4())
    for _ in range(2):
        assert browser.post(f"{path_of(ticket)}/reply", page=path_of(ticket), once=once, body="Hello").status_code == 303
    other = browser.post(f"{path_of(ticket)}/reply", once=once, body="Hello again")
    assert other.status_code == 409
    assert value(other, "body") == "Hello again"
    assert len(whole(ticket).messages) == 2


def test_who_was_overtaken_reads_that_first_and_keeps_what_was_typed(browser: Browser) -> None:
    ticket = opened()
    path = path_of(ticket)
    seen = value(browser.get(path), "seen")
    asked(ticket, "It works again!")
    noted(ticket)  # which is no reason
    answer = browser.post(f"{path}/reply", seen=seen, body="We look into it.", status="open")
    assert answer.status_code == 409
    assert "Someone else wrote in this ticket in the meantime." in text_of(answer.text)
    assert "It works again!" in answer.text
    assert value(answer, "body") == "We look into it."
    assert '<option value="open" selected>stays open' in answer.text
    assert browser.post(f"{path}/reply", seen=value(answer, "seen"), body="Glad to hear.").status_code == 303
    assert len(whole(ticket).messages) == 4


def test_what_is_wrong_with_a_reply_is_said_beside_it(browser: Browser) -> None:
    ticket = opened()
    path = f"{path_of(ticket)}/reply"
    assert wrong(browser.post(path, page=path_of(ticket), body=" ")) == {"f-reply": "is empty"}
    answer = browser.post(path, page=path_of(ticket), body="Here", status="nonsense", files=upload(("a.exe", files.EXE)))
    assert wrong(answer)["f-files-reply"].startswith("a.exe: is none of the files that are taken here")
    assert "The file was not kept" in text_of(answer.text)
    assert value(answer, "body") == "Here"
    assert "f-afterwards" in wrong(browser.post(path, page=path_of(ticket), body="Here", status="nonsense"))
    hundred = upload(*[(f"{index}.log", b"log") for index in range(100)])
    assert wrong(browser.post(path, page=path_of(ticket), body="Here", files=hundred))["f-files-reply"] == (
        "are 100; 10 are allowed with one message"
    )
    db.session.remove()
    assert db.session.scalars(select(StoredFile)).all() == []


def test_a_closed_one_is_not_answered_and_what_was_typed_is_given_back(browser: Browser) -> None:
    ticket = opened()
    browser.get(path_of(ticket))
    changed(ticket, status="closed")
    answer = browser.post(f"{path_of(ticket)}/reply", body="Too late")
    assert answer.status_code == 409
    assert "Open it again before you reply" in text_of(answer.text)
    assert value(answer, "body") == "Too late"
    page = browser.get(path_of(ticket)).text
    assert "/reply" not in page
    assert "/note" in page


def test_a_note_is_told_to_nobody(browser: Browser) -> None:
    ticket = opened()
    before = told()
    answer = browser.post(f"{path_of(ticket)}/note", page=path_of(ticket), once=str(uuid.uuid4()), body="The disk, I think")
    assert answer.status_code == 303
    assert told() == before
    assert whole(ticket, internal=False).messages == whole(ticket, internal=False).messages[:1]
    assert "Noted. The customer does not see it." in browser.follow(answer).text


def test_a_note_that_is_refused_stays_a_note(browser: Browser) -> None:
    ticket = opened()
    answer = browser.post(f"{path_of(ticket)}/note", page=path_of(ticket), body="n" * 50_001)
    assert set(wrong(answer)) == {"f-note"}
    assert answer.text.count("n" * 50_001) == 1  # and is not in the form of the reply, where it could be sent
    assert 'id="f-reply" name="body"' in answer.text


# --- taking and changing


def test_a_ticket_is_taken_once(browser: Browser) -> None:
    ticket = opened()
    assert "This ticket is yours." in browser.follow(browser.post(f"{path_of(ticket)}/take", page=path_of(ticket))).text
    assert read(ticket).assignee_id == me().id
    other = opened()
    changed(other, assignee=agent("bob@staff.example", name="Bob Agent"))
    assert "Bob Agent took this ticket before you." in browser.follow(browser.post(f"{path_of(other)}/take", page=path_of(other))).text


def shown_values(browser: Browser, ticket: Ticket) -> dict[str, str]:
    page = browser.get(path_of(ticket)).text
    return {name: unescape(value) for name, value in re.findall(r'name="(was\.\w+)" value="([^"]*)"', page)}


def test_what_is_changed_is_changed(browser: Browser) -> None:
    ticket, bob = opened(), agent("bob@staff.example", name="Bob Agent")
    was = shown_values(browser, ticket)
    assert was == {"was.assignee": "", "was.status": "open", "was.priority": "regular", "was.department": "technical"}
    wanted = {"assignee": str(bob.id), "status": "waiting_for_customer", "priority": "high", "department": "financial"}
    assert browser.post(f"{path_of(ticket)}/change", **was, **wanted).status_code == 303
    now = read(ticket)
    assert (now.assignee_id, now.status, now.priority, now.department) == (bob.id, "waiting_for_customer", "high", "financial")
    assert {name: told()[-1][name] for name in ("status", "priority", "department")} == {
        "status": "waiting_for_customer", "priority": "high", "department": "financial",
    }  # fmt: skip


def test_what_a_colleague_changed_meanwhile_is_not_changed_back(browser: Browser) -> None:
    ticket = opened()
    was = shown_values(browser, ticket)
    changed(ticket, status="resolved")
    form = {name.removeprefix("was."): value for name, value in was.items()}
    assert browser.post(f"{path_of(ticket)}/change", **was, **form | {"priority": "high"}).status_code == 303
    assert (read(ticket).status, read(ticket).priority) == ("resolved", "high")


@pytest.mark.parametrize(
    ("field", "text"), [("assignee", "x"), ("assignee", "9" * 30), ("assignee", "4711"), ("status", "nonsense"), ("department", "x")]
)
def test_what_cannot_be_is_refused(browser: Browser, field: str, text: str) -> None:
    ticket = opened()
    answer = browser.post(f"{path_of(ticket)}/change", page=path_of(ticket), **{field: text})
    assert list(wrong(answer)) == [f"f-change-{field}"]
    assert whole(ticket).changes == []


def test_what_is_moved_out_of_reach_leads_back_to_the_queue(app: Flask) -> None:
    ticket = opened(department="financial")
    browser = Browser(app).as_staff("billing", email="b@staff.example")
    answer = browser.post(f"{path_of(ticket)}/change", page=path_of(ticket), department="technical")
    assert answer.headers["Location"] == QUEUE
    assert read(ticket).department == "technical"
    assert browser.get(path_of(ticket)).status_code == 403


def test_without_the_token_of_the_form_nothing_is_sent_and_what_was_typed_is_shown(browser: Browser) -> None:
    ticket = opened()
    browser.get(path_of(ticket))
    browser.csrf_token = "forged"
    answer = browser.post(f"{path_of(ticket)}/reply", body="Precious words")
    assert answer.status_code == 400
    assert "Precious words" in answer.text
    assert len(whole(ticket).messages) == 1


def test_what_was_typed_when_the_session_ended_is_shown(browser: Browser) -> None:
    ticket = opened()
    browser.get(path_of(ticket))
    browser.client.delete_cookie(access.STAFF_COOKIE)
    answer = browser.post(f"{path_of(ticket)}/reply", body="Precious words", files=upload(("a.log", b"log")))
    assert answer.status_code == 401
    assert "Precious words" in answer.text
    assert "a.log" in answer.text
    assert len(whole(ticket).messages) == 1
