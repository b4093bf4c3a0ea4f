"""How long the server takes for each page where much has piled up: 10,000 items in one inbox, and as many revisions behind them.

Each page is asked for by a browser in which a customer and a member of staff are both signed in."""

from __future__ import annotations

import argparse
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import NamedTuple

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from benchmarks import fleet, postgres
from benchmarks.fan_out import application
from benchmarks.figures import Report
from notifyhub import access, staff
from notifyhub.accounts import importing
from notifyhub.database import bulk_insert, db, new_hex_id, new_id, transaction, utcnow
from notifyhub.models import Account, Announcement, Delivery, Notification, Revision
from notifyhub.routes.api.base import write_cursor
from notifyhub.signins import sessions

RUNS = 30
AIM = 50  # ms
ITEMS = 10_000
ANNOUNCEMENTS = 2_000  # of a few years; each is told five times
OTHERS = 20  # accounts that were told the same
ACCOUNT = "C-0000001"
BODY = "We replace the core switches of the data centre, one rack row after the other, and test each before the next. " * 8


class Place(NamedTuple):
    """What there is to look at."""

    unread: str  # an item's id
    cursor: str


PAGES: dict[str, Callable[[Place], str]] = {
    "inbox": lambda place: "/inbox",
    "inbox, unread only": lambda place: "/inbox?unread=1",
    "inbox, a category with nothing in it": lambda place: "/inbox?category=invoices",
    "inbox, an older page": lambda place: f"/inbox?cursor={place.cursor}",
    "inbox, an item": lambda place: f"/inbox/{place.unread}",
    "inbox, search that finds": lambda place: "/inbox?q=switches",
    "inbox, search for one service": lambda place: "/inbox?q=vps-17.one",
    "inbox, search in vain": lambda place: "/inbox?q=zzzzz",
    "status": lambda place: "/status",
    "contact": lambda place: "/contact",
    "settings": lambda place: "/settings",
    "settings, send email": lambda place: "/settings/send-email",
    "settings, sessions": lambda place: "/settings/sessions",
    "staff, announcements": lambda place: "/staff/announcements",
    "staff, accounts": lambda place: "/staff/accounts",
    "staff, accounts, search by number": lambda place: f"/staff/accounts?q={ACCOUNT}",
    "staff, accounts, search in vain": lambda place: "/staff/accounts?q=zzzzz",
    "staff, an account": lambda place: f"/staff/accounts/{ACCOUNT}",
    "staff, deliveries of a lane": lambda place: "/staff/deliveries?lane=urgent",
    "staff, sending": lambda place: "/staff/sending",
    "staff, audit log": lambda place: "/staff/audit",
}


def run(report: Report, options: argparse.Namespace) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="notifyhub-benchmark-") as name,
        postgres.cluster() as url,
        application(Path(name), postgres.database(url, "benchmark")) as app,
    ):
        place = _fill(Path(name), options.accounts)
        client = _signed_in(app)
        for page, path in PAGES.items():
            report.add(f"page: {page}", _milliseconds(report, client, path(place)), "ms", AIM, "less")


def _fill(folder: Path, accounts: int) -> Place:
    fleet.write(folder / "accounts.ndjson", accounts)
    with (folder / "accounts.ndjson").open("rb") as lines:
        importing.import_accounts(importing.lines_of(lines.read), "en")
    with transaction() as session:
        ids = session.scalars(select(Account.id).order_by(Account.id).limit(1 + OTHERS)).all()
        now = utcnow()
        told = [now - timedelta(minutes=30 * number) for number in range(ITEMS)]
        announcements = [new_id() for _ in range(ANNOUNCEMENTS)]
        for number, id in enumerate(announcements):
            _announce(id, number, told)
        session.flush()
        items = [(new_hex_id(), str(announcements[n % ANNOUNCEMENTS]), n // ANNOUNCEMENTS + 1, at) for n, at in enumerate(told)]
        for account_id in ids:
            _tell(account_id, items if account_id == ids[0] else [(new_hex_id(), *rest) for _, *rest in items])
    with transaction() as session:
        session.execute(text("ANALYZE"))
    middle = items[ITEMS // 2]
    row = db.session().scalars(select(Notification).where(Notification.account_id == ids[0], Notification.created_at == middle[3])).one()
    return Place(str(row.id), write_cursor(row.created_at, row.id))


def _announce(id: uuid.UUID, number: int, told: list[datetime]) -> None:
    content = {"en": {"title": f"Maintenance {number} in Frankfurt", "body": BODY}, "tr": {"title": f"Bakım {number}", "body": BODY}}
    window = {"starts_at": told[number] + timedelta(days=3), "ends_at": told[number] + timedelta(days=3, hours=4)}
    common = {"kind": "maintenance", "impact": "outage", "content": content, "audience": {"locations": ["fra1"]}, **window}
    db.session.add(
        Announcement(id=id, status="published", revision=5, created_by="x", created_at=told[number], updated_at=told[number],
                     published_at=told[number], **common)
    )  # fmt: skip
    for revision in range(1, ITEMS // ANNOUNCEMENTS + 1):
        db.session.add(
            Revision(announcement_id=id, number=revision, action="published", published_at=told[number], accounts=1, last_account_id=1,
                     fanned_out_at=told[number], **common)
        )  # fmt: skip


def _tell(account_id: int, items: list[tuple[str, str, int, datetime]]) -> None:
    columns = ("id", "source", "source_ref", "revision", "recipient_key", "account_id", "inbox_rule", "kind", "category", "lane",
               "services", "data", "created_at", "read_at", "archived_at")  # fmt: skip
    rows = [
        (id, "announcement", ref, revision, f"account:{account_id}", account_id, 1, "maintenance", "announcements", 3,
         [[f"#{100_000 + n % 40}", f"vps-{n % 40}.one.example"]], {}, at, None, None)
        for n, (id, ref, revision, at) in enumerate(items)
    ]  # fmt: skip
    bulk_insert(db.session(), Notification.__table__, columns, rows)
    columns = ("id", "notification_id", "channel", "mailbox_id", "lane", "state", "rule", "reason", "queued_at", "due_at", "tries",
               "attempts", "sent_at")  # fmt: skip
    reason = "registered address: none is set for this category"
    rows = [(new_hex_id(), id, "email", 1, 3, "sent", 4, reason, at, at, 0, [], at) for id, _, _, at in items]
    bulk_insert(db.session(), Delivery.__table__, columns, rows)


def _signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    with transaction() as session:
        account = session.scalars(select(Account).where(Account.external_id == ACCOUNT)).one()
        password = staff.generated_password()
        member = staff.create(session, "ada@staff.example", "Ada Admin", password, ["admin"], "en", "Europe/Berlin", utcnow())
        for cookie, who in ((access.CUSTOMER_COOKIE, account), (access.STAFF_COOKIE, member)):
            client.set_cookie(cookie, sessions.start(session, who, "link", sessions.Browser("192.0.2.1"), utcnow()))
    return client


def _milliseconds(report: Report, client: FlaskClient, path: str) -> float:
    """The median. What was compiled for the first visit is there for the others, as in a process that has run for a while."""
    times = []
    for _ in range(RUNS + 1):
        started = time.perf_counter()
        answer = client.get(path, headers={"Accept": "text/html"})
        times.append((time.perf_counter() - started) * 1e3)
        if answer.status_code != 200:
            report.failures.append(f"{path}: {answer.status_code}")
            break
        db.session.remove()
    return median(times[1:] or times)
