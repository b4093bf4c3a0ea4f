"""What staff change, and its history."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict, Invalid, NotFound
from notifyhub.models import AuditEntry
from notifyhub.tickets import changes
from notifyhub.tickets.states import By
from tests.browserless import Browser
from tests.conftest import Api
from tests.tickets.steps import agent, answered, changed, customer, opened, read, told, whole, wrong


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2")


def test_every_change_is_in_the_history_with_who_made_it() -> None:
    ticket, ada, bo = opened(), agent(), agent("bo@staff.example", name="Bo")
    changed(ticket, by=By("staff", ada), status="waiting_for_customer", department="financial", priority="high", assignee=bo)
    changed(ticket, by=By("staff", bo), assignee=None)
    assert [
        (change.staff.name if change.staff else None, change.field, change.before, change.after) for change in whole(ticket).changes
    ] == [
        ("Ada Agent", "assignee", None, "Bo"),
        ("Ada Agent", "status", "open", "waiting_for_customer"),
        ("Ada Agent", "department", "technical", "financial"),
        ("Ada Agent", "priority", "regular", "high"),
        ("Bo", "assignee", "Bo", None),
    ]


def test_every_change_is_in_the_audit_log() -> None:
    ticket = opened()
    changed(ticket, priority="high", assignee=agent())
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "ticket.changed").order_by(AuditEntry.id))
    assert [(entry.account_id, entry.details) for entry in entries] == [
        (ticket.account_id, {"ticket": f"#{ticket.number}", "fields": ["assignee"], "after": "Ada Agent"}),
        (ticket.account_id, {"ticket": f"#{ticket.number}", "fields": ["priority"], "before": "regular", "after": "high"}),
    ]


def test_the_customer_is_told_once_of_all_that_concerns_it() -> None:
    ticket = opened()
    changed(ticket, status="resolved", department="financial", priority="high", assignee=agent())
    (data,) = told()[1:]
    assert (data["status"], data["department"], data["priority"], "assignee" in data) == ("resolved", "financial", "high", False)


def test_whom_it_is_assigned_to_is_no_customers_business() -> None:
    ticket = opened()
    changed(ticket, assignee=agent())
    assert (len(told()), whole(ticket, internal=False).changes) == (1, [])


def test_what_is_so_already_is_no_change() -> None:
    ticket = opened()
    changed(ticket, status="open", department="technical", priority="regular", assignee=None)
    assert (whole(ticket).changes, len(told())) == ([], 1)


def test_what_does_not_exist_is_refused_as_a_whole() -> None:
    ticket = opened()
    with pytest.raises(Invalid) as found:
        changed(ticket, status="gone", department="sales", priority="high")
    assert wrong(found.value) == {
        "status": "must be one of open, waiting_for_customer, resolved, closed",
        "department": "must be one of technical, financial",
    }
    assert (read(ticket).priority, whole(ticket).changes) == ("regular", [])


def test_nobody_who_left_is_assigned() -> None:
    ticket, ada = opened(), agent()
    with transaction() as session:
        session.merge(ada).disabled_at = utcnow()
    with transaction() as session, pytest.raises(Invalid) as found:
        changes.change(session, ticket.number, By("staff"), {"assignee": session.merge(ada)}, utcnow())
    assert wrong(found.value) == {"assignee": "Ada Agent no longer works here"}


def test_a_ticket_is_taken_by_one() -> None:
    ticket, ada, bo = opened(), agent(), agent("bo@staff.example", name="Bo")
    with transaction() as session:
        changes.take(session, ticket.number, ada, utcnow())
        changes.take(session, ticket.number, ada, utcnow())  # again does no harm
    with transaction() as session, pytest.raises(changes.Taken, match="Ada Agent took this ticket before you"):
        changes.take(session, ticket.number, bo, utcnow())
    assert read(ticket).assignee_id == ada.id


def test_the_customer_resolves_it() -> None:
    ticket = opened()
    answered(ticket)
    assert ticket.account_id
    with transaction() as session:
        changes.resolve_by_customer(session, ticket.number, ticket.account_id, utcnow())
    assert read(ticket).status == "resolved"
    assert (whole(ticket).changes[-1].author, len(told())) == ("customer", 2)


def test_the_customer_resolves_neither_a_closed_one_nor_another_accounts() -> None:
    ticket, other = opened(), opened("C-2")
    changed(ticket, status="closed")
    assert ticket.account_id
    with transaction() as session:
        with pytest.raises(Conflict):
            changes.resolve_by_customer(session, ticket.number, ticket.account_id, utcnow())
        with pytest.raises(NotFound):
            changes.resolve_by_customer(session, other.number, ticket.account_id, utcnow())


def test_staff_open_a_closed_one_again() -> None:
    ticket = opened()
    answered(ticket, status="closed")
    changed(ticket, status="open")
    assert read(ticket).status == "open"
    assert told()[-1]["status"] == "open"


def test_the_audit_page_says_it_in_words(app: Flask) -> None:
    changed(opened(), status="waiting_for_customer")
    page = unescape(re.sub(r"<[^>]+>", "", Browser(app).as_staff("admin").get("/staff/audit?action=ticket.changed").text))
    for words in ("ticket: #1001", "changed: status", "before: open", "afterwards: waiting for customer"):
        assert words in page
