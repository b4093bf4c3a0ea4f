"""A browser without a screen: it keeps cookies, and sends a form with the token that stands in it."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Account, Staff
from notifyhub.signins import sessions

HTML = {
    "Accept": "text/html,application/xhtml+xml,*/*;q=0.8",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko Firefox/140.0",
}


class Browser:
    """`browser.get("/sign-in")`, then `browser.post("/sign-in", email="…")`: with the CSRF token of the page it saw last."""

    def __init__(self, app: Flask, origin: str = "192.0.2.1") -> None:
        self.app = app
        self.client = app.test_client()
        self.origin = origin
        self.csrf_token: str | None = None

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._open("GET", path, options)

    def post(self, path: str, page: str | None = None, headers: dict[str, str] | None = None, **fields: Any) -> TestResponse:
        """`page`: where the form stands, if that is not the page seen last. A field may be a list of values."""
        if page:
            self.get(page)
        token = {"csrf_token": self.csrf_token} if self.csrf_token else {}
        return self._open("POST", path, {"data": token | fields, "headers": headers or {}})

    def _open(self, method: str, path: str, options: dict[str, Any]) -> TestResponse:
        db.session.remove()  # what a test looked up before must hold no lock
        headers = HTML | dict(options.pop("headers", {}))
        with self.app.app_context():  # a `g` of its own, which a request would share with the test's otherwise
            answer = self.client.open(path, method=method, headers=headers, environ_overrides={"REMOTE_ADDR": self.origin}, **options)
        db.session.remove()
        if found := re.search(r'name="csrf_token"[^>]* value="([^"]+)"', answer.text if answer.mimetype == "text/html" else ""):
            self.csrf_token = unescape(found[1])
        return answer

    def follow(self, answer: TestResponse) -> TestResponse:
        assert answer.status_code in (302, 303), (answer.status_code, answer.text)
        return self.get(answer.headers["Location"])

    def cookie(self, name: str) -> str | None:
        found = self.client.get_cookie(name)
        return found.value if found else None

    # --- signed in, without the way there

    def as_customer(self, external_id: str = "C-1") -> Browser:
        with transaction() as session:
            account = session.scalars(select(Account).where(Account.external_id == external_id)).one()
            return self._with(access.CUSTOMER_COOKIE, sessions.start(session, account, "link", sessions.Browser(self.origin), utcnow()))

    def as_staff(self, *roles: str, email: str = "olivia@staff.example") -> Browser:
        """Makes the member of staff where there is none."""
        with transaction() as session:
            member = session.scalars(select(Staff).where(Staff.email_key == email)).first() or new_member(email, *roles)
            return self._with(access.STAFF_COOKIE, sessions.start(session, member, "password", sessions.Browser(self.origin), utcnow()))

    def _with(self, cookie: str, token: str) -> Browser:
        self.client.set_cookie(cookie, token)
        return self


def new_member(email: str = "olivia@staff.example", *roles: str, name: str = "Olivia Ops", password_hash: str = "none") -> Staff:
    """Without a password, which takes a while to hash: tests of passwords make theirs by staff.create()."""
    with transaction() as session:
        member = Staff(
            email=email, email_key=email, name=name, password_hash=password_hash, roles=list(roles or ("ops",)), locale="en",
            time_zone="Europe/Berlin", created_at=utcnow(),
        )  # fmt: skip
        session.add(member)
        session.flush()
        return member
