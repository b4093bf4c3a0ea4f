"""Handed over by the provider's client area: a signed token, for us, for a minute, for once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from sqlalchemy import select

from notifyhub.database import db
from notifyhub.models import AuditEntry, SignIn, SpentToken
from tests.accounts.concurrency import at_once
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import Api

SECRET = "a secret that both sides know, of 32 characters or more"
PRIVATE = Ed25519PrivateKey.generate()
PUBLIC = PRIVATE.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
BASE_URL = "https://notify.provider.example"


@pytest.fixture(params=["HS256", "EdDSA"])
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def environ(environ: dict[str, str], algorithm: str) -> dict[str, str]:
    return environ | {"NOTIFYHUB_SSO_KEY": SECRET if algorithm == "HS256" else PUBLIC}


Sign = Callable[..., str]


@pytest.fixture
def sign(algorithm: str) -> Sign:
    def token(**changes: Any) -> str:
        now = int(time.time())
        claims = {"sub": "C-1", "aud": BASE_URL, "iat": now, "exp": now + 30, "jti": "one"} | changes
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, SECRET if algorithm == "HS256" else PRIVATE, algorithm=algorithm)

    return token


@pytest.fixture
def browser(app: Flask, api: Api) -> Browser:
    api.put("/v1/accounts/C-1", account())
    return Browser(app)


def arrive(browser: Browser, token: str, return_to: str | None = None) -> Any:
    return browser.get(f"/sso?token={token}" + (f"&return_to={quote(return_to, safe='')}" if return_to is not None else ""))


def signed_in(browser: Browser) -> bool:
    return browser.get("/settings/sessions").status_code == 200


def test_a_token_signs_in_and_leads_to_the_inbox(browser: Browser, sign: Sign) -> None:
    answer = arrive(browser, sign())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/inbox")
    assert signed_in(browser)
    assert answer.headers["Cache-Control"] == "no-store"


def test_it_leads_where_the_client_area_wanted(browser: Browser, sign: Sign) -> None:
    assert arrive(browser, sign(), "/settings/send-email?c=abuse").headers["Location"] == "/settings/send-email?c=abuse"


def test_it_is_in_the_audit_log_under_who_signed_in(browser: Browser, sign: Sign) -> None:
    arrive(browser, sign())
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "sign_in.signed_in")).one()
    row = db.session.scalars(select(SignIn)).one()
    assert (entry.actor, entry.origin, entry.details["how"]) == (f"account:{row.account_id}", "192.0.2.1", "sso")


def refused(browser: Browser, answer: Any, status: int, words: str) -> None:
    assert (answer.status_code, words in answer.text) == (status, True), answer.text
    assert not signed_in(browser)


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"exp": 10}, 410, "has expired"),
        ({"exp": int(time.time()) + 3600}, 401, "more than a minute"),
        ({"exp": 10**30}, 401, "cannot be read"),
        ({"iat": int(time.time()) + 3600}, 401, "from the future"),
        ({"aud": "https://other.example"}, 401, "for another site"),
        ({"aud": [BASE_URL, "https://other.example"]}, 401, "for another site"),
        ({"sub": "C-2"}, 404, "not known here"),
        ({"sub": None}, 401, "lacks something it must say: sub"),
        ({"jti": None}, 401, "jti"),
        ({"jti": ""}, 401, "not signed as agreed"),
        ({"jti": "j" * 201}, 401, "not signed as agreed"),
        ({"exp": None}, 401, "exp"),
        ({"iat": None}, 401, "iat"),
        ({"aud": None}, 401, "aud"),
    ],
)
def test_what_is_refused_says_why(browser: Browser, sign: Sign, changes: dict[str, Any], status: int, words: str) -> None:
    refused(browser, arrive(browser, sign(**changes)), status, words)
    assert db.session.scalars(select(SpentToken)).all() == []


OTHER_SITES = (
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "/\t/evil.example", "/\n/evil.example",
    "javascript:alert(1)", "inbox", "",
)  # fmt: skip


@pytest.mark.parametrize("return_to", OTHER_SITES)
def test_it_leads_to_no_other_site_and_the_token_stays_good(browser: Browser, sign: Sign, return_to: str) -> None:
    refused(browser, arrive(browser, sign(), return_to), 400, "must be a path on this site")
    assert arrive(browser, sign()).status_code == 303


def forged(algorithm: str) -> list[str]:
    now = int(time.time())
    claims = {"sub": "C-1", "aud": BASE_URL, "iat": now, "exp": now + 30, "jti": "one"}
    header, body, _ = jwt.encode(claims, "k" * 64, algorithm="HS256").split(".")
    with_the_other_kind_of_key = (
        jwt.encode(claims, SECRET, algorithm="HS256") if algorithm == "EdDSA" else jwt.encode(claims, PRIVATE, algorithm="EdDSA")
    )
    return [
        jwt.encode(claims, None, algorithm="none"),
        jwt.encode(claims, "another secret of at least 32 characters", algorithm="HS256"),
        jwt.encode(claims, Ed25519PrivateKey.generate(), algorithm="EdDSA"),
        jwt.encode(claims, SECRET * 2, algorithm="HS512"),
        with_the_other_kind_of_key,
        hmac_with_public_key(header, body),
        f"{header}.{body}.",
        *("", "x", "a.b.c", "\u00e9.\u00e9.\u00e9"),
    ]


def hmac_with_public_key(header: str, body: str) -> str:
    """What a verifier that believes the token's algorithm would accept; PyJWT itself does not make such."""
    import base64
    import hmac

    mac = hmac.digest(PUBLIC.encode(), f"{header}.{body}".encode(), "sha256")
    return f"{header}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def test_what_is_not_signed_with_the_key_is_refused(browser: Browser, algorithm: str) -> None:
    for token in forged(algorithm):
        refused(browser, arrive(browser, token), 401, "not signed as agreed")


def test_a_token_is_good_for_once(browser: Browser, sign: Sign, app: Flask) -> None:
    token = sign()
    arrive(browser, token)
    other = Browser(app)
    refused(other, arrive(other, token), 410, "used already")


def test_of_two_at_once_one_gets_in(browser: Browser, sign: Sign, app: Flask) -> None:
    token = sign()
    statuses = at_once(app, *[lambda _: Browser(app).get(f"/sso?token={token}").status_code] * 4)
    assert sorted(statuses) == [303, 410, 410, 410]


def test_signing_in_again_ends_the_session_before(browser: Browser, sign: Sign) -> None:
    arrive(browser, sign())
    before = browser.cookie("nh_account")
    arrive(browser, sign(jti="two"))
    assert browser.cookie("nh_account") != before
    rows = db.session.scalars(select(SignIn).order_by(SignIn.id)).all()
    assert [row.ended_at is None for row in rows] == [False, True]


def test_an_erased_account_is_not_known(browser: Browser, sign: Sign, api: Api) -> None:
    api.delete("/v1/accounts/C-1")
    refused(browser, arrive(browser, sign()), 404, "not known here")


class TestWithoutAKey:
    @pytest.fixture
    def algorithm(self) -> str:
        return "HS256"

    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"NOTIFYHUB_SSO_KEY": ""}

    def test_nobody_is_handed_over(self, browser: Browser, sign: Sign) -> None:
        refused(browser, arrive(browser, sign()), 404, "not set up")
