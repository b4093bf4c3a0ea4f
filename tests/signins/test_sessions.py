"""Sessions of browsers: how long they hold, what ends them, and the page that shows them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from notifyhub import access, signins, staff
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import AuditEntry, SignIn, SignInAttempt, SignInLink, SpentToken
from notifyhub.signins import sessions
from tests.browserless import Browser, new_member
from tests.builders import account
from tests.conftest import Api

MINE = "/settings/sessions"


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account())
    return Browser(app).as_customer()


@pytest.fixture
def member(app: Flask) -> Browser:
    return Browser(app).as_staff("ops")


def age(**columns: timedelta) -> None:
    with transaction() as session:
        session.execute(update(SignIn).values({name: utcnow() - by for name, by in columns.items()}))


def holds(browser: Browser, path: str = MINE) -> bool:
    return browser.get(path).status_code == 200


def test_of_the_token_only_its_hash_is_kept(browser: Browser) -> None:
    token = browser.cookie(access.CUSTOMER_COOKIE)
    assert token
    row = db.session.scalars(select(SignIn)).one()
    assert (row.token_hash, token in repr(vars(row)), len(token)) == (sessions.hash_of(token), False, 43)


def test_a_customers_session_ends_twelve_hours_after_it_was_last_seen(browser: Browser) -> None:
    age(last_seen_at=timedelta(hours=11, minutes=59))
    assert holds(browser)
    age(last_seen_at=timedelta(hours=12))
    assert not holds(browser)


def test_and_seven_days_after_the_sign_in_however_much_it_is_used(browser: Browser) -> None:
    row = db.session.scalars(select(SignIn)).one()
    assert row.expires_at - row.created_at == timedelta(days=7)
    age(expires_at=timedelta(0))
    assert not holds(browser)


def test_a_session_of_staff_ends_eight_hours_after_it_was_last_seen(member: Browser) -> None:
    age(last_seen_at=timedelta(hours=7, minutes=59))
    assert holds(member, "/staff/sessions")
    age(last_seen_at=timedelta(hours=8))
    assert not holds(member, "/staff/sessions")


def test_and_a_day_after_the_sign_in(member: Browser) -> None:
    row = db.session.scalars(select(SignIn)).one()
    assert row.expires_at - row.created_at == timedelta(hours=24)


def test_that_it_was_seen_is_noted_every_few_minutes(browser: Browser) -> None:
    before = db.session.scalars(select(SignIn.last_seen_at)).one()
    holds(browser)
    assert db.session.scalars(select(SignIn.last_seen_at)).one() == before
    age(last_seen_at=timedelta(minutes=6))
    holds(browser)
    assert utcnow() - db.session.scalars(select(SignIn.last_seen_at)).one() < timedelta(minutes=1)


def test_an_erased_accounts_sessions_end_at_once(browser: Browser, api: Api) -> None:
    api.delete("/v1/accounts/C-1")
    assert not holds(browser)
    assert db.session.scalars(select(SignIn)).all() == []  # where from and with what: that is erased too


def test_a_disabled_members_sessions_end_at_once(member: Browser) -> None:
    with transaction() as session:
        staff.disable(session, "olivia@staff.example", utcnow())
    assert not holds(member, "/staff/sessions")


def test_a_new_password_ends_all_sessions(member: Browser) -> None:
    with transaction() as session:
        staff.set_password(session, "olivia@staff.example", "another long password", utcnow())
    assert not holds(member, "/staff/sessions")


def test_signing_out_ends_the_session_and_takes_the_cookie(app: Flask, browser: Browser) -> None:
    token = browser.cookie(access.CUSTOMER_COOKIE)
    answer = browser.post("/sign-out", page=MINE)
    assert (answer.status_code, answer.headers["Location"], browser.cookie(access.CUSTOMER_COOKIE)) == (303, "/sign-in", None)
    thief = Browser(app)
    thief.client.set_cookie(access.CUSTOMER_COOKIE, str(token))
    assert not holds(thief)


def test_signing_out_of_one_kind_leaves_the_other(browser: Browser) -> None:
    browser.as_staff("ops")
    browser.post("/sign-out", page=MINE)
    assert holds(browser, "/staff/sessions")


def test_a_cookie_that_is_good_for_nothing_is_taken(app: Flask) -> None:
    browser = Browser(app)
    browser.client.set_cookie(access.CUSTOMER_COOKIE, "forged")
    browser.get(MINE)
    assert browser.cookie(access.CUSTOMER_COOKIE) is None


def test_one_kind_of_cookie_does_not_do_for_the_other(app: Flask, member: Browser) -> None:
    thief = Browser(app)
    thief.client.set_cookie(access.CUSTOMER_COOKIE, str(member.cookie(access.STAFF_COOKIE)))
    assert not holds(thief)


def test_the_page_lists_what_holds_and_marks_this_browser(app: Flask, browser: Browser) -> None:
    other = Browser(app, "198.51.100.9").as_customer()
    browser.get(MINE)
    page = browser.get(MINE).text
    assert page.count("this browser") == 1
    assert "198.51.100.9" in page
    assert "by a mailed link" in page
    assert holds(other)


def rows(browser: Browser) -> list[str]:
    return re.findall(rf'action="({MINE}/[0-9a-f-]{{36}}/end)"', browser.get(MINE).text)


def test_one_session_can_be_ended(app: Flask, browser: Browser) -> None:
    other = Browser(app).as_customer()
    mine = str(db.session.scalars(select(SignIn.id).order_by(SignIn.id)).first())
    (path,) = [path for path in rows(browser) if mine not in path]
    assert browser.post(path).status_code == 303
    assert (holds(browser), holds(other)) == (True, False)


def test_ending_this_one_is_signing_out(browser: Browser) -> None:
    (path,) = rows(browser)
    assert browser.post(path).headers["Location"] == "/sign-in"
    assert browser.cookie(access.CUSTOMER_COOKIE) is None


def test_all_others_can_be_ended(app: Flask, browser: Browser) -> None:
    others = [Browser(app).as_customer() for _ in range(2)]
    assert browser.post(f"{MINE}/end-others", page=MINE).status_code == 303
    assert (holds(browser), [holds(other) for other in others]) == (True, [False, False])
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.others_ended")).one()
    assert entry.details == {"count": 2}


def test_someone_elses_session_is_not_there(app: Flask, browser: Browser, api: Api) -> None:
    api.put("/v1/accounts/C-2", account())
    stranger = Browser(app).as_customer("C-2")
    (path,) = rows(browser)
    assert stranger.post(path, page=MINE).status_code == 404
    assert holds(browser)


def test_staff_have_such_a_page_too(app: Flask, member: Browser) -> None:
    other = Browser(app).as_staff("ops")
    assert member.post("/staff/sessions/end-others", page="/staff/sessions").status_code == 303
    assert (holds(member, "/staff/sessions"), holds(other, "/staff/sessions")) == (True, False)


def test_what_was_typed_when_the_session_ended_is_not_lost(browser: Browser) -> None:
    browser.get(MINE)
    age(last_seen_at=timedelta(days=1))
    answer = browser.post(f"{MINE}/end-others", note="a long text that nobody wants to type again")
    assert (answer.status_code, "nobody wants to type again" in answer.text) == (401, True)


def test_htmx_is_sent_to_the_sign_in_page(app: Flask) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "https://notify.provider.example/settings/sessions?a=b"}
    answer = Browser(app).get(MINE, headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in?return_to=%2Fsettings%2Fsessions%3Fa%3Db")


@pytest.mark.parametrize("headers", [{"Accept": "text/event-stream"}, {"Sec-Fetch-Mode": "cors"}])
def test_a_script_is_told_so(app: Flask, headers: dict[str, str]) -> None:
    answer = Browser(app).get(MINE, headers=headers)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")


def test_old_rows_are_pruned(browser: Browser) -> None:
    now = utcnow()
    with transaction() as session:
        session.add(SpentToken(audience="a", jti="j", expires_at=now - timedelta(seconds=1)))
        session.execute(update(SignIn).values(expires_at=now - timedelta(days=91)))
        signins.prune(session, now)
    for table in (SignIn, SignInAttempt, SignInLink, SpentToken):
        assert db.session.scalars(select(table)).all() == []


def test_what_is_held_about_an_account_includes_where_it_signed_in(browser: Browser, api: Api) -> None:
    (held,) = api.get("/v1/accounts/C-1/export").json["sign_ins"]
    assert (held["how"], held["origin"]) == ("link", "192.0.2.1")


def test_a_member_of_staff_without_a_session_is_nobody(app: Flask) -> None:
    new_member()
    assert not holds(Browser(app), "/staff/sessions")


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge, Windows"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome, Android"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1", "Safari, iPhone"),
        ("curl/8.5", "curl/8.5"),
        ("", "?"),
    ],
)
def test_a_browser_is_called_by_a_name_that_people_know(user_agent: str, name: str) -> None:
    from notifyhub.routes import browsers

    assert browsers.name(user_agent) == name
