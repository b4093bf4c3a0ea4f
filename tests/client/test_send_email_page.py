"""Settings, Send email: the customer's addresses, without a screen and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask, current_app
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from notifyhub import signing
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Account, AuditEntry, Confirmation, DeliveryAddress, Mailbox, Notification, SignIn
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

PAGE = "/settings/send-email"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account(send_email={"invoices": [{"email": "books@one.example", "state": "verified"}]}))
    browser = Browser(app).as_customer("C-1")
    browser.get(PAGE)
    return browser


def text(answer: TestResponse) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", "", answer.text)))


def listed(category: str = "invoices", external_id: str = "C-1") -> list[tuple[str, str]]:
    rows = db.session.execute(
        select(Mailbox.email, DeliveryAddress.state)
        .join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
        .join(Account, Account.id == DeliveryAddress.account_id)
        .where(Account.external_id == external_id, DeliveryAddress.category == category)
        .order_by(DeliveryAddress.position)
    ).all()
    db.session.remove()
    return [(email, state) for email, state in rows]


def mailbox(email: str) -> int:
    id = db.session.scalars(select(Mailbox.id).where(Mailbox.email == email)).one()
    db.session.remove()
    return id


def mark(email: str, **values: Any) -> None:
    with transaction() as session:
        row = session.scalars(select(Mailbox).where(Mailbox.email == email)).one()
        for name, value in values.items():
            setattr(row, name, value)


def add(browser: Browser, addresses: str, category: str = "invoices", **options: Any) -> TestResponse:
    return browser.post(f"{PAGE}/{category}/add", addresses=addresses, **options)


def remove(browser: Browser, email: str, category: str = "invoices") -> str:
    """Answers the undo token that the next page offers."""
    page = browser.follow(browser.post(f"{PAGE}/{category}/remove", mailbox=mailbox(email)))
    return unescape(re.search(r'name="undo" value="([^"]+)"', page.text)[1])  # type: ignore[index]


def undo(browser: Browser, token: str) -> TestResponse:
    return browser.post(f"{PAGE}/undo", undo=token)


# --- what it shows


def test_nobody_sees_it_without_signing_in(app: Flask) -> None:
    assert Browser(app).get(PAGE).headers["Location"].startswith("/sign-in?return_to=")


def test_each_category_says_where_its_mail_goes_and_why(browser: Browser) -> None:
    page = text(browser.get(PAGE))
    assert "Now goes to books@one.example (your address for invoices and orders)." in page
    assert "Now goes to owner@one.example (registered), because no address is set here." in page


def test_an_address_that_bounces_says_what_its_server_said(browser: Browser) -> None:
    mark("books@one.example", status="bouncing", status_reason="550 5.1.1 <books> unknown", status_at=utcnow())
    page = text(browser.get(PAGE))
    assert "does not accept our mail (550, today" in page
    assert "Its server says: 550 5.1.1 <books> unknown" in page
    assert "Now goes to owner@one.example (registered), because books@one.example does not accept our mail." in page
    mark("owner@one.example", status="bouncing", status_reason="550 no", status_at=utcnow())
    page = text(browser.get(PAGE))
    assert page.count("Nobody can be reached by mail") == 4
    assert "Fix: books@one.example" in browser.get(PAGE).text
    assert "Fix: owner@one.example" in browser.get(PAGE).text


# --- adding


def test_a_new_address_waits_and_its_owner_is_mailed_a_link(browser: Browser, work: Callable[[], None], smtp: Server) -> None:
    answer = add(browser, "New@One.example")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{PAGE}#invoices")
    page = text(browser.get(PAGE))
    assert "We mailed a link to New@one.example. Follow it within 3 days." in page
    assert "waiting for confirmation since today" in page
    assert listed() == [("books@one.example", "verified"), ("New@one.example", "pending")]
    work()
    assert len(smtp.to("New@one.example")) == 1
    assert "Added for invoices" in smtp.to("owner@one.example")[0].text


@pytest.mark.parametrize("pasted", ["a@one.example,b@one.example", "a@one.example b@one.example", "a@one.example\r\nb@one.example;"])
def test_several_are_added_at_once(browser: Browser, pasted: str) -> None:
    assert add(browser, pasted, "support").status_code == 303
    assert [email for email, _ in listed("support")] == ["a@one.example", "b@one.example"]


def test_names_before_addresses_are_no_hindrance(browser: Browser) -> None:
    add(browser, "Ann Books <a@one.example>, Bob <b@one.example>", "support")
    assert [email for email, _ in listed("support")] == ["a@one.example", "b@one.example"]


def test_one_wrong_address_refuses_them_all_and_keeps_what_was_typed(browser: Browser) -> None:
    answer = add(browser, "a@one.example, owner at one.example")
    assert answer.status_code == 422
    assert "at: is not an e-mail address" in text(answer)
    assert 'value="a@one.example, owner at one.example"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert listed() == [("books@one.example", "verified")]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Type an address first."),
        (" , ;", "Type an address first."),
        ("x" * 300 + "@one.example", "is longer than 254 characters"),
        ("BOOKS@ONE.EXAMPLE", "BOOKS@one.example: is in this list already"),
        ("a@one.example\x00", "is not an e-mail address"),
        ("<script>alert(1)</script>", "is not an e-mail address"),
    ],
)
def test_a_bad_address_is_refused_with_a_reason(browser: Browser, typed: str, said: str) -> None:
    answer = add(browser, typed)
    assert (answer.status_code, said in text(answer)) == (422, True)
    assert "<script>alert" not in answer.text
    assert listed() == [("books@one.example", "verified")]


@pytest.mark.parametrize("count", [10, 400])
def test_more_than_ten_are_refused_whole(browser: Browser, count: int) -> None:
    answer = add(browser, "\n".join(f"n{number}@one.example" for number in range(count)))
    assert (answer.status_code, "holds up to 10. Nothing was added." in text(answer)) == (422, True)
    assert listed() == [("books@one.example", "verified")]


def test_an_address_of_another_category_needs_no_confirmation(browser: Browser) -> None:
    add(browser, "Books@one.example, Owner@one.example", "support")
    assert [state for _, state in listed("support")] == ["verified", "verified"]
    assert db.session.scalar(select(func.count(Confirmation.id))) == 0


def test_the_limit_on_confirmations_refuses_them_whole_and_says_until_when(browser: Browser) -> None:
    assert add(browser, ",".join(f"s{number}@one.example" for number in range(9)), "support").status_code == 303
    answer = add(browser, "a@one.example, b@one.example")
    assert answer.status_code == 422
    assert "b@one.example: no more than 10 confirmations a day are mailed for this account" in text(answer)
    assert "It works again in" in text(answer)
    assert listed() == [("books@one.example", "verified")]


def test_what_another_tab_added_meanwhile_stays(app: Flask, browser: Browser) -> None:
    other = Browser(app).as_customer("C-1")
    other.get(PAGE)
    add(browser, "a@one.example")
    add(other, "b@one.example")
    assert [email for email, _ in listed()] == ["books@one.example", "a@one.example", "b@one.example"]


def test_htmx_gets_the_one_block_and_what_there_is_to_say(browser: Browser) -> None:
    answer = add(browser, "a@one.example", headers=HTMX)
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert answer.text.count("<section") == 1
    assert 'hx-swap-oob="true"' in answer.text
    assert "We mailed a link to a@one.example" in answer.text
    assert "We mailed a link" not in browser.get(PAGE).text
    refused = add(browser, "nonsense", headers=HTMX)
    assert (refused.status_code, refused.text.count("<section"), "nonsense" in refused.text) == (422, 1, True)


# --- removing, and undoing that


def test_removing_is_told_and_can_be_undone_exactly(browser: Browser, work: Callable[[], None], smtp: Server) -> None:
    add(browser, "a@one.example, b@one.example")
    before = db.session.execute(select(DeliveryAddress.__table__).order_by(DeliveryAddress.position)).all()
    token = remove(browser, "books@one.example")
    assert listed()[0] == ("books@one.example", "replaced")
    undo(browser, token)
    token = remove(browser, "a@one.example")
    assert [email for email, _ in listed()] == ["books@one.example", "b@one.example"]
    assert undo(browser, token).status_code == 303
    after = db.session.execute(select(DeliveryAddress.__table__).order_by(DeliveryAddress.position)).all()
    assert after == before
    work()
    assert len(smtp.to("owner@one.example")) == 5  # every change, there and back


def test_a_verified_address_stays_verified_through_undo(browser: Browser, work: Callable[[], None], smtp: Server) -> None:
    token = remove(browser, "books@one.example")
    assert listed() == []
    assert "books@one.example is back." in text(browser.follow(undo(browser, token)))
    assert listed() == [("books@one.example", "verified")]
    assert db.session.scalar(select(func.count(Confirmation.id))) == 0
    work()
    assert "Removed from invoices" in smtp.to("books@one.example")[0].text


def test_the_last_confirmed_address_serves_until_another_is_confirmed_or_it_is_removed_again(browser: Browser) -> None:
    add(browser, "new@one.example")
    page = browser.follow(browser.post(f"{PAGE}/invoices/remove", mailbox=mailbox("books@one.example")))
    assert "books@one.example stays in use until an address that waits is confirmed." in text(page)
    assert "Now goes to books@one.example, until an address that replaces it is confirmed." in text(page)
    remove(browser, "books@one.example")
    assert listed() == [("new@one.example", "pending")]


def test_what_was_to_be_replaced_is_in_use_again_when_its_replacement_is_removed(browser: Browser) -> None:
    add(browser, "new@one.example")
    remove(browser, "books@one.example")
    token = remove(browser, "new@one.example")
    assert listed() == [("books@one.example", "verified")]
    undo(browser, token)
    assert sorted(listed()) == [("books@one.example", "replaced"), ("new@one.example", "pending")]


def test_an_undo_works_once(browser: Browser) -> None:
    token = remove(browser, "books@one.example")
    undo(browser, token)
    remove(browser, "books@one.example")
    answer = undo(browser, token)
    assert (answer.status_code, "This was undone already." in text(answer), listed()) == (422, True, [])


def test_an_undo_works_for_some_minutes(browser: Browser) -> None:
    token = remove(browser, "books@one.example")
    with time_machine.travel(utcnow() + timedelta(minutes=11), tick=True):
        answer = undo(browser, token)
    assert (answer.status_code, "cannot be undone any more" in text(answer), listed()) == (422, True, [])


def test_an_undo_that_is_forged_or_anothers_brings_nothing_back(app: Flask, api: Api, browser: Browser) -> None:
    token = remove(browser, "books@one.example")
    api.put("/v1/accounts/C-2", account())
    other = Browser(app).as_customer("C-2")
    other.get(PAGE)
    assert undo(other, token).status_code == 404
    assert undo(browser, token[:-1]).status_code == 404
    assert undo(browser, signing.sign(current_app.extensions["settings"], "confirm", "x")).status_code == 404
    assert undo(browser, "").status_code == 404
    assert (listed(), listed(external_id="C-2")) == ([], [])


def test_what_another_tab_did_survives_an_undo(browser: Browser) -> None:
    token = remove(browser, "books@one.example")
    add(browser, "owner@one.example")
    undo(browser, token)
    assert listed() == [("books@one.example", "verified"), ("owner@one.example", "verified")]


def test_an_undo_does_not_exceed_the_limit(browser: Browser) -> None:
    token = remove(browser, "books@one.example")
    add(browser, ",".join(f"n{number}@one.example" for number in range(10)))
    answer = undo(browser, token)
    assert (answer.status_code, len(listed())) == (422, 10)


# --- confirmations and tests


def test_a_link_is_mailed_again(browser: Browser, work: Callable[[], None], smtp: Server) -> None:
    add(browser, "new@one.example")
    answer = browser.post(f"{PAGE}/invoices/confirmation", mailbox=mailbox("new@one.example"))
    assert answer.status_code == 303
    work()
    assert len(smtp.to("new@one.example")) == 2


def test_a_bouncing_address_is_mended_by_a_confirmation(browser: Browser) -> None:
    mark("owner@one.example", status="bouncing", status_reason="550 no", status_at=utcnow())
    page = browser.follow(browser.post(f"{PAGE}/registered/confirmation", mailbox=mailbox("owner@one.example")))
    assert "We mailed a link to owner@one.example." in text(page)


def test_too_many_confirmations_are_refused_with_the_time_to_wait(browser: Browser) -> None:
    add(browser, "new@one.example")
    for _ in range(2):
        browser.post(f"{PAGE}/invoices/confirmation", mailbox=mailbox("new@one.example"))
    answer = browser.post(f"{PAGE}/invoices/confirmation", mailbox=mailbox("new@one.example"))
    assert answer.status_code == 422
    assert "no more than 3 confirmations a day are mailed for this mailbox" in text(answer)
    assert "It works again in" in text(answer)


def test_a_confirmed_address_needs_no_link(browser: Browser) -> None:
    answer = browser.post(f"{PAGE}/invoices/confirmation", mailbox=mailbox("books@one.example"))
    assert (answer.status_code, "confirmed already" in text(answer)) == (422, True)


def test_a_test_mail_names_provider_and_address(browser: Browser, work: Callable[[], None], smtp: Server) -> None:
    page = browser.follow(browser.post(f"{PAGE}/invoices/test", mailbox=mailbox("books@one.example")))
    assert "A test mail is on its way to books@one.example." in text(page)
    work()
    (mail,) = smtp.to("books@one.example")
    assert "arrives at books@one.example" in re.sub(r"\s+", " ", mail.text)
    assert db.session.scalar(select(Notification.inbox_rule).where(Notification.kind == "test")) is None


def test_three_test_mails_an_hour_are_sent(browser: Browser) -> None:
    id = mailbox("books@one.example")
    assert [browser.post(f"{PAGE}/invoices/test", mailbox=id).status_code for _ in range(4)] == [303, 303, 303, 422]
    answer = browser.post(f"{PAGE}/registered/test", mailbox=mailbox("owner@one.example"))
    assert (answer.status_code, "No more than 3 test mails an hour" in text(answer), "It works again in" in text(answer)) == (
        422,
        True,
        True,
    )
    with time_machine.travel(utcnow() + timedelta(minutes=61), tick=True):
        assert browser.post(f"{PAGE}/invoices/test", mailbox=id).status_code == 303


def test_another_account_does_not_get_around_the_limit_on_one_address(app: Flask, api: Api, browser: Browser) -> None:
    api.put("/v1/accounts/C-2", account())
    other = Browser(app).as_customer("C-2")
    other.get(PAGE)
    owner = mailbox("owner@one.example")
    for _ in range(3):
        browser.post(f"{PAGE}/registered/test", mailbox=owner)
    assert other.post(f"{PAGE}/registered/test", mailbox=owner).status_code == 422


def test_what_was_never_confirmed_gets_no_test_mail(browser: Browser) -> None:
    add(browser, "stranger@two.example")
    answer = browser.post(f"{PAGE}/invoices/test", mailbox=mailbox("stranger@two.example"))
    assert (answer.status_code, "has to be confirmed first" in text(answer)) == (422, True)


# --- what is not one's own, and what comes too late


@pytest.mark.parametrize("action", ["remove", "confirmation", "test"])
def test_another_accounts_mailbox_is_not_found(api: Api, browser: Browser, action: str) -> None:
    api.put("/v1/accounts/C-2", account(registered_email="o@two.example", send_email={"invoices": [{"email": "b@two.example"}]}))
    for id in (mailbox("b@two.example"), mailbox("o@two.example"), 0, -1, 10**18, 10**30, "x", "²", ""):
        assert browser.post(f"{PAGE}/invoices/{action}", mailbox=id).status_code == 404
    assert listed(external_id="C-2") == [("b@two.example", "pending")]


def test_there_is_no_other_category(browser: Browser) -> None:
    assert add(browser, "a@one.example", "registered").status_code == 404
    assert add(browser, "a@one.example", "cats").status_code == 404


def test_without_the_forms_token_nothing_changes(browser: Browser) -> None:
    browser.csrf_token = None
    answer = add(browser, "a@one.example")
    assert (answer.status_code, "a@one.example" in answer.text) == (400, True)
    assert listed() == [("books@one.example", "verified")]


def test_what_was_typed_is_not_lost_when_the_session_has_ended(browser: Browser) -> None:
    with transaction() as session:
        session.scalars(select(SignIn)).one().ended_at = utcnow()
    answer = add(browser, "a@one.example")
    assert (answer.status_code, "a@one.example" in answer.text) == (401, True)
    assert listed() == [("books@one.example", "verified")]


def test_the_audit_log_names_the_account(browser: Browser) -> None:
    add(browser, "a@one.example")
    remove(browser, "a@one.example")
    rows = db.session.execute(select(AuditEntry.actor, AuditEntry.details).where(AuditEntry.action == "addresses.changed")).all()
    assert [list(row.details["mailboxes"]) for row in rows] == [["added"], ["removed"]]
    assert {row.actor for row in rows} == {f"account:{db.session.scalars(select(Account.id)).one()}"}
