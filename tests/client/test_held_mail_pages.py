"""Mails that wait until someone who is signed in says whose they are; and mails of tickets, as they came."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from flask import Flask

from notifyhub.database import db
from notifyhub.models import Account, IncomingMail
from tests.browserless import Browser
from tests.builders import service
from tests.conftest import Api
from tests.intake.people import MX, STRANGER, last_mail, mail, messages, receive, results, tickets
from tests.tickets.steps import changed, customer, opened, whole

EVIL = '<script>alert(1)</script><img src="https://evil.example/x.png" onerror="alert(2)">'
HTML = {"MIME-Version": "1.0", "Content-Type": "text/html; charset=utf-8"}


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"NOTIFYHUB_TRUSTED_AUTHSERV_ID": MX}


@pytest.fixture(autouse=True)
def accounts(app: Flask, api: Api) -> None:
    customer(api)
    customer(api, "C-2", registered_email="two@two.example", services=[service(order_number="#222222")])


@pytest.fixture
def held(api: Api) -> str:
    """Somebody names C-1's server."""
    answer = receive(api, mail("Please cancel #123456.", STRANGER, "Cancel it"))
    assert answer["outcome"] == "held"
    return f"/tickets/mail/{answer['id']}"


def test_the_link_asks_to_sign_in_and_leads_back(app: Flask, held: str) -> None:
    answer = Browser(app).get(held)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/sign-in?return_to=")


def test_it_is_shown_and_listed_to_the_account_that_it_concerns(app: Flask, held: str) -> None:
    browser = Browser(app).as_customer()
    page = browser.get("/tickets").text
    assert held in page
    assert "A mail to our support waits for you to say that it is yours." in page
    assert "Please cancel #123456." in browser.get(held).text


def test_to_look_at_it_changes_nothing(app: Flask, held: str) -> None:
    Browser(app).as_customer().get(held)
    assert last_mail().outcome == "held"
    assert tickets() == []


def test_released_it_is_a_ticket_of_that_account(app: Flask, held: str) -> None:
    browser = Browser(app).as_customer()
    answer = browser.post(f"{held}/release", page=held)
    (ticket,) = tickets()
    assert answer.headers["Location"] == f"/tickets/{ticket.number}"
    assert db.session.get_one(Account, ticket.account_id).external_id == "C-1"
    assert (ticket.subject, ticket.priority, ticket.contact_mailbox_id) == ("Cancel it", "regular", None)
    assert "Your mail is with us." in browser.follow(answer).text
    assert (last_mail().outcome, last_mail().ticket_id) == ("ticket", ticket.id)
    assert held not in browser.get("/tickets").text
    assert browser.get(held).headers["Location"] == f"/tickets/{ticket.number}"


def test_released_twice_it_is_one(app: Flask, held: str) -> None:
    browser = Browser(app).as_customer()
    browser.get(held)
    for _ in range(2):
        assert browser.post(f"{held}/release").status_code == 303
    assert len(tickets()) == 1


@pytest.mark.parametrize("path", ["", "/release", "/discard"])
def test_another_account_finds_nothing(path: str, app: Flask, held: str) -> None:
    browser = Browser(app).as_customer("C-2")
    answer = browser.post(f"{held}{path}", page="/tickets/new") if path else browser.get(held)
    assert answer.status_code == 404
    assert "If it concerns another account of yours, sign in there" in answer.text
    assert last_mail().outcome == "held"
    assert held not in browser.get("/tickets").text


def test_without_the_token_of_the_form_nothing_is_released(app: Flask, held: str) -> None:
    browser = Browser(app).as_customer()
    assert browser.client.post(f"{held}/release").status_code == 400
    assert tickets() == []


def test_refused_nobody_sees_it_any_more(app: Flask, held: str) -> None:
    browser = Browser(app).as_customer()
    assert browser.post(f"{held}/discard", page=held).headers["Location"] == "/tickets"
    assert last_mail().outcome == "discarded"
    assert browser.get(held).status_code == 404


def test_what_concerns_two_waits_for_both_and_is_whose_comes_first(app: Flask, api: Api) -> None:
    path = f"/tickets/mail/{receive(api, mail('#123456 and #222222', STRANGER))['id']}"
    first, second = Browser(app).as_customer("C-1"), Browser(app).as_customer("C-2")
    assert (first.get(path).status_code, second.get(path).status_code) == (200, 200)
    second.post(f"{path}/release")
    assert first.get(path).status_code == 404
    assert first.post(f"{path}/release").status_code == 404
    assert len(tickets()) == 1


def test_refused_by_one_it_waits_for_the_other(app: Flask, api: Api) -> None:
    path = f"/tickets/mail/{receive(api, mail('#123456 and #222222', STRANGER))['id']}"
    Browser(app).as_customer("C-1").post(f"{path}/discard", page=path)
    assert last_mail().outcome == "held"
    assert Browser(app).as_customer("C-2").get(path).status_code == 200


def test_a_reply_is_added_to_its_ticket(app: Flask, api: Api) -> None:
    ticket = opened()
    path = f"/tickets/mail/{receive(api, mail('Any news?', STRANGER, f'Re: [#{ticket.number}] x'))['id']}"
    Browser(app).as_customer().post(f"{path}/release", page=path)
    assert messages(ticket) == ["Since this morning.", "Any news?"]


def test_to_a_closed_one_it_is_a_new_ticket(app: Flask, api: Api) -> None:
    ticket = opened()
    changed(ticket, status="closed")
    path = f"/tickets/mail/{receive(api, mail('Any news?', STRANGER, f'Re: [#{ticket.number}] x'))['id']}"
    Browser(app).as_customer().post(f"{path}/release", page=path)
    assert [found.status for found in tickets()] == ["closed", "open"]


def test_nothing_in_it_acts(app: Flask, api: Api) -> None:
    raw = mail(f"<p>Hello #123456</p>{EVIL}<a href='javascript:alert(3)'>x</a>", f'"{EVIL[:25]}" <jane@else.example>', EVIL, headers=HTML)
    path = f"/tickets/mail/{receive(api, raw)['id']}"
    browser = Browser(app).as_customer()
    for page in (browser.get(path).text, browser.get("/tickets").text):
        assert "<script>alert" not in page
        assert 'onerror="alert' not in page
        assert "javascript:" not in page
        assert '<img src="https://evil' not in page
    browser.post(f"{path}/release", page=path)
    (ticket,) = tickets()
    page = browser.get(f"/tickets/{ticket.number}").text
    assert "<script>alert" not in page
    assert "evil.example/x.png" not in page.replace("&#34;", "").partition("said-title")[2]


def test_a_mail_of_a_ticket_is_a_click_away_and_its_quotes_are_folded(app: Flask, api: Api) -> None:
    body = "<p>Thanks, it works.</p><p>On Mon, 23 Nov 2026, Support wrote:</p><blockquote>Try again.</blockquote>"
    receive(api, mail(body, proof=results(), headers=HTML))
    (ticket,) = tickets()
    (message,) = whole(ticket).messages
    path = f"/tickets/{ticket.number}/mail/{message.id}"
    browser = Browser(app).as_customer()
    page = browser.get(f"/tickets/{ticket.number}").text
    assert path in page
    assert 'details class="quoted"' in page
    original = browser.get(path)
    assert "<blockquote>Try again.</blockquote>" in original.text
    assert Browser(app).as_customer("C-2").get(path).status_code == 404
    assert Browser(app).as_staff("agent").get(f"/staff{path}").status_code == 200
    assert Browser(app).as_staff("abuse", email="a@staff.example").get(f"/staff{path}").status_code == 403
    assert browser.get(f"/tickets/{ticket.number}/mail/{uuid.uuid4()}").status_code == 404


def test_a_mail_that_is_not_kept_any_more_is_said_so(app: Flask, api: Api) -> None:
    receive(api, mail(proof=results()))
    (ticket,) = tickets()
    (message,) = whole(ticket).messages
    db.session.query(IncomingMail).delete()
    db.session.commit()
    assert Browser(app).as_customer().get(f"/tickets/{ticket.number}/mail/{message.id}").status_code == 404


def test_staff_see_who_asks_without_an_account(app: Flask, api: Api, work: Callable[[], None]) -> None:
    receive(api, mail("Hello", f'"{EVIL[:25]}" <jane@else.example>', "URGENT"))
    (ticket,) = tickets()
    staff = Browser(app).as_staff("agent")
    page = staff.get(f"/staff/tickets/{ticket.number}").text
    for found in ("Without an account", "jane@else.example", "&lt;script&gt;alert(1)", "By its words it is urgent"):
        assert found in page
    assert "<script>alert" not in page + staff.get("/staff/tickets").text
    assert "seems urgent" in staff.get("/staff/tickets").text
    shown = api.get(f"/v1/tickets/{ticket.number}").json
    assert (shown["account"], shown["contact"]["email"]) == (None, "jane@else.example")
    assert api.get("/v1/tickets").json["items"][0]["contact"]["email"] == "jane@else.example"


def test_staff_see_what_waits_for_whom(app: Flask, api: Api, held: str) -> None:
    staff = Browser(app).as_staff("agent")
    page = staff.get("/staff/mails?outcome=held").text
    assert "held: not proven who wrote it" in page
    assert "/staff/accounts/C-1" in page
    read = staff.get(f"/staff/mails/{held.rpartition('/')[2]}").text
    assert "Nothing proves who wrote it." in read
    assert "Please cancel #123456." in read
