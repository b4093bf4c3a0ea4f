"""Staff sign in by password: guessing is slow for who guesses, and never shuts out who knows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from notifyhub import staff
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import AuditEntry, SignIn, SignInAttempt, Staff
from tests.accounts.concurrency import at_once
from tests.browserless import Browser
from tests.conftest import Api

EMAIL, PASSWORD = "olivia@staff.example", "correct horse battery"
WRONG = "The e-mail address or the password is not right."
WAIT = "Too many attempts."


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a hash costs is not what these are about."""
    monkeypatch.setattr(staff, "hasher", staff.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))
    staff._nobodys_hash.cache_clear()


@pytest.fixture
def olivia(app: Flask) -> Staff:
    with transaction() as session:
        return staff.create(session, EMAIL, "Olivia Ops", PASSWORD, ["ops"], "en", "Europe/Berlin", utcnow())


@pytest.fixture
def browser(app: Flask, olivia: Staff) -> Browser:
    return Browser(app)


def sign_in(browser: Browser, email: str = EMAIL, password: str = PASSWORD, **fields: str) -> Any:
    return browser.post("/staff/sign-in", page="/staff/sign-in", email=email, password=password, **fields)


def fail(app: Flask, times: int, origin: str = "198.51.100.1", email: str = EMAIL) -> Any:
    browser = Browser(app, origin)
    answers = [sign_in(browser, email, f"guess number {number}") for number in range(times)]
    return answers[-1]


def fail_from_everywhere(key_of: str = EMAIL) -> None:
    """As many failures as lock an address for strangers, straight into the table."""
    from notifyhub.signins import attempts

    with transaction() as session:
        for number in range(attempts.FAILURES_OF_ONE.most):
            id = attempts.begin(session, attempts.key_of(key_of), f"203.0.113.{number}", True, utcnow())
            assert id


def test_the_right_password_signs_in(browser: Browser) -> None:
    answer = sign_in(browser)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/staff/")
    assert browser.get("/staff/sessions").status_code == 200


@pytest.mark.parametrize("email", ["OLIVIA@staff.example", " olivia@STAFF.example "])
def test_an_address_is_compared_as_addresses_are(browser: Browser, email: str) -> None:
    assert sign_in(browser, email).status_code == 303


def test_one_goes_on_to_the_page_that_asked(browser: Browser) -> None:
    assert sign_in(browser, return_to="/staff/sessions").headers["Location"] == "/staff/sessions"
    assert sign_in(browser, return_to="//evil.example").headers["Location"] == "/staff/"


def test_cookies_are_out_of_the_reach_of_scripts_and_plain_http(browser: Browser) -> None:
    cookies = [cookie for cookie in sign_in(browser).headers.getlist("Set-Cookie") if cookie.startswith("nh_") and "form" not in cookie]
    assert {cookie.partition("=")[0] for cookie in cookies} == {"nh_staff", "nh_known"}
    assert all("HttpOnly" in cookie and "Secure" in cookie and "SameSite=Lax" in cookie for cookie in cookies)


@pytest.mark.parametrize(
    ("email", "password"), [(EMAIL, "wrong password"), ("nobody@staff.example", PASSWORD), ("no address", PASSWORD), (EMAIL, "")]
)
def test_the_answer_does_not_tell_what_was_wrong(browser: Browser, email: str, password: str) -> None:
    answer = sign_in(browser, email, password)
    assert (answer.status_code, WRONG in answer.text, password in answer.text if password else False) == (422, True, False)


def test_for_an_unknown_address_a_hash_is_compared_all_the_same(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []

    class Counting:
        def __init__(self, real: staff.PasswordHasher) -> None:
            self.hash, self.check_needs_rehash, self.real = real.hash, real.check_needs_rehash, real

        def verify(self, hash: str, password: str) -> bool:
            compared.append(hash)
            return self.real.verify(hash, password)

    monkeypatch.setattr(staff, "hasher", Counting(staff.hasher))
    sign_in(browser, "nobody@staff.example")
    sign_in(browser, password="wrong password")
    unknown, known = (hash.rsplit("$", 2)[0] for hash in compared)
    assert unknown == known  # the same parameters


def test_a_disabled_member_cannot_sign_in_and_is_told_nothing_else(browser: Browser) -> None:
    with transaction() as session:
        staff.disable(session, EMAIL, utcnow())
    answer = sign_in(browser)
    assert (answer.status_code, WRONG in answer.text) == (422, True)


def test_after_five_failures_that_place_waits_even_with_the_right_password(app: Flask, olivia: Staff) -> None:
    fail(app, 5)
    answer = sign_in(Browser(app, "198.51.100.1"))
    assert (answer.status_code, WAIT in answer.text) == (429, True)
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60 + 1


def test_the_limit_is_the_same_for_an_address_that_nobody_has(app: Flask, olivia: Staff) -> None:
    known, unknown = fail(app, 6), fail(app, 6, "198.51.100.2", "nobody@staff.example")
    assert (known.status_code, unknown.status_code) == (429, 429)
    assert WAIT in known.text
    assert WAIT in unknown.text


def test_someone_elsewhere_is_not_shut_out_by_that(app: Flask, olivia: Staff) -> None:
    fail(app, 6)
    assert sign_in(Browser(app, "192.0.2.7")).status_code == 303


def test_a_browser_that_signed_in_before_is_not_shut_out_by_its_neighbours(app: Flask, browser: Browser) -> None:
    sign_in(browser)
    fail(app, 6, origin=browser.origin)
    assert sign_in(browser).status_code == 303


def test_a_known_browser_has_no_more_tries_than_others(app: Flask, browser: Browser) -> None:
    sign_in(browser)
    statuses = [sign_in(browser, password=f"guess number {number}").status_code for number in range(6)]
    assert statuses == [422] * 5 + [429]


def test_a_browser_is_known_for_the_one_who_signed_in_with_it(app: Flask, browser: Browser) -> None:
    with transaction() as session:
        staff.create(session, "ada@staff.example", "Ada Admin", PASSWORD, ["admin"], "en", "UTC", utcnow())
    sign_in(browser)
    fail_from_everywhere("ada@staff.example")
    assert sign_in(browser, "ada@staff.example").status_code == 429


def test_a_forged_mark_of_a_known_browser_is_none(app: Flask, browser: Browser) -> None:
    browser.client.set_cookie("nh_known", "WyJhIiwiYiJd.forged")
    fail_from_everywhere()
    assert sign_in(browser).status_code == 429


def test_a_place_that_tries_many_addresses_waits(app: Flask, olivia: Staff) -> None:
    for number in range(20):
        fail(app, 1, email=f"someone{number}@staff.example")
    assert fail(app, 1, email="one-more@staff.example").status_code == 429
    assert sign_in(Browser(app, "192.0.2.7")).status_code == 303


def test_under_attack_from_everywhere_those_get_in_who_did_before(app: Flask, browser: Browser) -> None:
    sign_in(browser)
    fail_from_everywhere()
    assert sign_in(Browser(app, "192.0.2.99")).status_code == 429  # a stranger, were it the real person
    assert sign_in(Browser(app, browser.origin)).status_code == 303  # from the same place
    browser.origin = "192.0.2.100"
    assert sign_in(browser).status_code == 303  # with the same browser


def test_time_opens_again(app: Flask, olivia: Staff) -> None:
    fail(app, 6)
    with transaction() as session:
        session.execute(update(SignInAttempt).values(at=utcnow() - timedelta(minutes=16)))
    assert sign_in(Browser(app, "198.51.100.1")).status_code == 303


def test_what_was_refused_is_not_counted(app: Flask, olivia: Staff) -> None:
    fail(app, 9)
    assert len(db.session.scalars(select(SignInAttempt)).all()) == 5


def test_at_once_no_more_are_tried_than_one_after_another(app: Flask, olivia: Staff) -> None:
    statuses = at_once(app, *[lambda _: fail(app, 1).status_code] * 8)
    assert sorted(statuses) == [422] * 5 + [429] * 3


def test_the_failure_that_locks_is_in_the_audit_log_once(app: Flask, olivia: Staff) -> None:
    fail(app, 7)
    (entry,) = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.locked")).all()
    assert (entry.subject, entry.actor, entry.origin) == (f"staff:{olivia.id}", "anyone", "198.51.100.1")
    assert entry.details == {"limit": "this address from this place"}


def test_signing_in_and_out_is_in_the_audit_log(browser: Browser, olivia: Staff) -> None:
    sign_in(browser)
    browser.post("/staff/sign-out", page="/staff/sessions")
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action.startswith("sign_in.")).order_by(AuditEntry.id)).all()
    assert [(entry.action, entry.actor) for entry in entries] == [
        ("sign_in.signed_in", f"staff:{olivia.id} Olivia Ops"), ("sign_in.signed_out", f"staff:{olivia.id} Olivia Ops"),
    ]  # fmt: skip


def test_a_hash_with_old_parameters_is_renewed(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    before = db.session.scalars(select(Staff.password_hash)).one()
    monkeypatch.setattr(staff, "hasher", staff.PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    sign_in(browser)
    after = db.session.scalars(select(Staff.password_hash)).one()
    assert (",t=1," in before, ",t=2," in after) == (True, True)
    assert sign_in(browser).status_code == 303


def test_a_post_without_the_token_of_the_form_is_refused_before_anything_is_tried(app: Flask, olivia: Staff) -> None:
    assert Browser(app).post("/staff/sign-in", email=EMAIL, password=PASSWORD).status_code == 400
    assert db.session.scalars(select(SignIn)).all() == []


def test_the_api_does_not_count(app: Flask, api: Api, olivia: Staff) -> None:
    fail(app, 6, "127.0.0.1")
    assert api.get("/v1/announcements").status_code == 200
