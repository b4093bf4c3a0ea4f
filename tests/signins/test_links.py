"""Sign-in links: mailed to who is registered, told to nobody else, good for one press of a button."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from notifyhub import signing
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import AuditEntry, Notification, SignInAttempt, SignInLink
from notifyhub.routes.client import sign_in
from tests.accounts.concurrency import at_once
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

OWNER = "owner@one.example"


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "LINK_ANSWERED_AFTER", 0.0)


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account())
    return Browser(app)


def ask(browser: Browser, email: str = OWNER) -> Any:
    return browser.post("/sign-in", page="/sign-in", email=email)


def links() -> list[str]:
    settings = current_app.extensions["settings"]
    ids = db.session.scalars(select(SignInLink.id).order_by(SignInLink.id)).all()
    db.session.remove()
    return [f"/sign-in/{signing.sign(settings, 'sign-in', str(id))}" for id in ids]


@pytest.fixture
def link(browser: Browser) -> str:
    ask(browser)
    (path,) = links()
    return path


def signed_in(browser: Browser) -> bool:
    return browser.get("/settings/sessions").status_code == 200


def test_the_mailed_link_signs_in(browser: Browser, work: Any, smtp: Server) -> None:
    ask(browser)
    work()
    (mail,) = smtp.to(OWNER)
    found = re.search(r"https://notify\.provider\.example(/sign-in/\S+)", mail.text)
    assert found
    assert "Sign in" in browser.get(found[1]).text
    answer = browser.post(found[1])
    assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox")
    assert signed_in(browser)


def test_the_link_is_nowhere_in_the_database_and_not_in_the_inbox(browser: Browser, api: Api, link: str) -> None:
    assert api.get("/v1/accounts/C-1/inbox").json["items"] == []
    rows = db.session.scalars(select(Notification).where(Notification.kind == "sign_in")).all()
    assert link.rpartition("/")[2] not in repr([vars(row) for row in rows])


def test_it_is_not_sent_when_it_is_too_old_to_be_of_use(browser: Browser, api: Api, link: str) -> None:
    (delivery,) = api.get("/v1/deliveries?account=C-1").json["items"]
    assert (delivery["lane"], delivery["address"], delivery["rule"]) == ("immediate", OWNER, 0)


@pytest.mark.parametrize("email", [OWNER, "Owner@ONE.example", "stranger@other.example"])
def test_the_answer_does_not_tell_whether_there_is_an_account(browser: Browser, email: str) -> None:
    answer = ask(browser, email)
    assert answer.status_code == 303
    assert "If this address belongs to an account, a link is on its way." in browser.follow(answer).text


def test_what_is_no_address_is_said_beside_the_field(browser: Browser) -> None:
    answer = ask(browser, "owner")
    assert (answer.status_code, "is not an e-mail address" in answer.text, 'value="owner"' in answer.text) == (422, True, True)


def test_strangers_are_mailed_nothing(browser: Browser) -> None:
    ask(browser, "stranger@other.example")
    assert links() == []


def test_a_delivery_address_is_no_way_in(browser: Browser, api: Api) -> None:
    api.put("/v1/accounts/C-1", account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    ask(browser, "desk@one.example")
    assert links() == []


def test_three_links_an_hour_are_mailed_to_one_address_wherever_they_are_asked_for(app: Flask, browser: Browser) -> None:
    for number in range(5):
        answer = ask(Browser(app, f"192.0.2.{number}"))
        assert answer.status_code == 303
    assert len(links()) == 3


def test_three_links_an_hour_are_mailed_for_one_place(app: Flask, browser: Browser, api: Api) -> None:
    for number in range(5):
        api.put(f"/v1/accounts/C-1{number}", account(registered_email=f"owner{number}@one.example"))
        ask(browser, f"owner{number}@one.example")
    assert len(links()) == 3


def test_an_hour_later_there_are_links_again(browser: Browser) -> None:
    for _ in range(4):
        ask(browser)
    with transaction() as session:
        session.execute(update(SignInAttempt).values(at=utcnow() - timedelta(minutes=61)))
    ask(browser)
    assert len(links()) == 4


def test_a_neighbour_in_the_same_ipv6_network_is_the_same_place(app: Flask, browser: Browser, api: Api) -> None:
    for number in range(5):
        api.put(f"/v1/accounts/C-1{number}", account(registered_email=f"owner{number}@one.example"))
        ask(Browser(app, f"2001:db8::{number}"), f"owner{number}@one.example")
    assert len(links()) == 3


def test_at_once_no_more_are_mailed_than_one_after_another(app: Flask, browser: Browser) -> None:
    def one(_: Api) -> int:
        return int(ask(Browser(app)).status_code)

    assert at_once(app, *[one] * 6) == [303] * 6
    assert len(links()) == 3


def test_the_addresses_that_strangers_typed_are_not_kept(browser: Browser) -> None:
    ask(browser, "stranger@other.example")
    row = db.session.scalars(select(SignInAttempt)).one()
    assert "stranger" not in repr(vars(row))


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_mail_scanner_that_follows_the_link_uses_nothing(app: Flask, browser: Browser, link: str, method: str) -> None:
    scanner = Browser(app)
    assert scanner.client.open(link, method=method).status_code == 200
    assert not signed_in(scanner)
    assert browser.post(link, page=link).status_code == 303


def test_the_page_says_who_one_is_about_to_be(browser: Browser, link: str) -> None:
    page = browser.get(link)
    assert ("One Ltd" in page.text, "C-1" in page.text) == (True, True)
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("no-store", "same-origin")


def test_a_link_is_good_for_once(app: Flask, browser: Browser, link: str) -> None:
    browser.post(link, page=link)
    other = Browser(app)
    for answer in (other.get(link), other.post(link, page="/sign-in")):
        assert (answer.status_code, "This link has been used already." in answer.text) == (410, True)
    assert not signed_in(other)


def test_of_two_at_once_one_gets_in(app: Flask, browser: Browser, link: str) -> None:
    assert sorted(at_once(app, *[lambda _: Browser(app).post(link, page=link).status_code] * 3)) == [303, 410, 410]


def test_an_expired_link_says_so(browser: Browser, link: str) -> None:
    with transaction() as session:
        session.execute(update(SignInLink).values(expires_at=utcnow()))
    for answer in (browser.get(link), browser.post(link, page="/sign-in")):
        assert (answer.status_code, "This link has expired." in answer.text) == (410, True)


@pytest.mark.parametrize("path", ["/sign-in/forged", "/sign-in/demo"])
def test_a_forged_link_says_so(browser: Browser, path: str) -> None:
    for answer in (browser.get(path), browser.post(path, page="/sign-in")):
        assert (answer.status_code, "not one of ours" in answer.text) == (404, True)


def test_a_link_of_another_purpose_opens_nothing(browser: Browser, link: str) -> None:
    id = signing.read(current_app.extensions["settings"], "sign-in", link.rpartition("/")[2])
    assert browser.get(f"/sign-in/{signing.sign(current_app.extensions['settings'], 'confirm', id)}").status_code == 404


def test_without_the_token_of_the_form_nobody_is_signed_in(app: Flask, link: str) -> None:
    foreign = Browser(app)
    assert foreign.post(link).status_code == 400
    assert not signed_in(foreign)


def test_who_changed_the_registered_address_meanwhile_is_not_there(browser: Browser, api: Api, link: str) -> None:
    api.put("/v1/accounts/C-1", account(registered_email="new@one.example"))
    answer = browser.get(link)
    assert (answer.status_code, "belongs to no account" in answer.text) == (404, True)


def test_after_erasure_the_link_is_known_no_more(browser: Browser, api: Api, link: str) -> None:
    api.delete("/v1/accounts/C-1")
    assert browser.get(link).status_code == 404


def test_where_several_accounts_share_the_address_one_of_them_is_chosen(browser: Browser, api: Api) -> None:
    api.put("/v1/accounts/C-2", account(name="Two Ltd"))
    api.put("/v1/accounts/C-3", account(name="Strange Ltd", registered_email="other@one.example"))
    ask(browser)
    (path,) = links()
    page = browser.get(path).text
    assert ("One Ltd" in page, "Two Ltd" in page, "Strange Ltd" in page) == (True, True, False)
    for wrong in ({}, {"account": "C-3"}):
        answer = browser.post(path, **wrong)
        assert (answer.status_code, "choose one of them" in answer.text) == (422, True)
    browser.post(path, account="C-2")
    assert "Two Ltd" in browser.get("/settings/sessions").text


def test_one_goes_on_to_the_page_that_asked_to_sign_in(browser: Browser) -> None:
    answer = browser.get("/settings/sessions?a=b")
    assert answer.headers["Location"] == "/sign-in?return_to=%2Fsettings%2Fsessions%3Fa%3Db"
    browser.follow(answer)
    browser.post("/sign-in", email=OWNER, return_to="/settings/sessions?a=b")
    (path,) = links()
    assert browser.post(path, page=path).headers["Location"] == "/settings/sessions?a=b"


def test_asking_for_a_link_and_using_it_are_in_the_audit_log(browser: Browser, link: str) -> None:
    browser.post(link, page=link)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("sign_in.")).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.actor.partition(":")[0]) for entry in entries] == [
        ("sign_in.link_asked_for", "anyone"), ("sign_in.signed_in", "account"),
    ]  # fmt: skip
