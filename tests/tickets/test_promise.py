"""The promise of a first response, and who hears when it is in danger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from notifyhub import audit
from notifyhub.database import db, transaction, utcnow
from notifyhub.jobs import sweep
from notifyhub.models import AuditEntry, Delivery, Mailbox, Notification, Staff, Ticket
from notifyhub.tickets import promise
from notifyhub.tickets.states import By
from tests.conftest import Api
from tests.smtp import Server
from tests.tickets.steps import agent, answered, asked, changed, customer, noted, opened, read, told


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)


def at(ticket: Ticket, minutes: float) -> datetime:
    return ticket.created_at + timedelta(minutes=minutes)


def look(now: datetime) -> int:
    """As the sweep does; answers how many alerts were due."""
    db.session.remove()
    ids = promise.due(db.session(), now)
    for id in ids:
        with transaction() as session:
            promise.alert(session, id, now)
    return len(ids)


def alerted() -> list[tuple[str, bool]]:
    """(address, whether it was a breach) of each, in the order of addresses."""
    db.session.remove()
    rows = db.session.execute(
        select(Mailbox.email, Notification.data, Notification.account_id, Notification.inbox_rule)
        .join(Delivery, Delivery.mailbox_id == Mailbox.id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Notification.kind == "ticket_alert")
        .order_by(Mailbox.email, Notification.revision)
    ).all()
    assert all((account_id, inbox_rule) == (None, None) for *_, account_id, inbox_rule in rows)
    return [(email, data["stage"] == "breach") for email, data, *_ in rows]


def test_nothing_is_due_before_seventy_per_cent_of_the_time() -> None:
    agent()
    ticket = opened()
    assert (look(at(ticket, 6.9)), alerted()) == (0, [])


def test_staff_are_warned_then_told_of_the_breach_and_each_once() -> None:
    agent()
    ticket = opened()
    assert [look(at(ticket, minutes)) for minutes in (7, 7.1, 9.9, 10, 10.1, 90)] == [1, 0, 0, 1, 0, 0]
    assert alerted() == [("ada@staff.example", False), ("ada@staff.example", True)]
    found = read(ticket)
    assert (found.warned_at, found.breached_at, found.alert_at) == (at(ticket, 7), at(ticket, 10), None)


def test_whoever_looks_too_late_tells_of_the_breach_alone() -> None:
    agent()
    assert look(at(opened(), 60)) == 1
    assert alerted() == [("ada@staff.example", True)]


@pytest.mark.parametrize(
    "act", [answered, lambda ticket: changed(ticket, status="resolved"), lambda ticket: changed(ticket, status="closed")]
)
def test_what_is_answered_or_over_needs_no_alert(act: Callable[[Ticket], object]) -> None:
    agent()
    ticket = opened()
    act(ticket)
    assert (look(at(ticket, 60)), alerted()) == (0, [])


@pytest.mark.parametrize("act", [asked, noted, lambda ticket: changed(ticket, assignee=agent("bo@staff.example")),
                                 lambda ticket: changed(ticket, status="waiting_for_customer")])  # fmt: skip
def test_what_is_no_answer_does_not_stop_the_clock(act: Callable[[Ticket], object]) -> None:
    agent()
    ticket = opened()
    act(ticket)
    assert look(at(ticket, 60)) == 1


def test_those_who_answer_such_tickets_are_told() -> None:
    for email, roles in {"a": ("agent",), "b": ("billing",), "both": ("agent", "billing"), "o": ("ops",), "x": ("admin",)}.items():
        agent(f"{email}@staff.example", *roles)
    gone = agent("gone@staff.example")
    with transaction() as session:
        session.get_one(Staff, gone.id).disabled_at = utcnow()
    look(at(opened(), 7))
    assert alerted() == [("a@staff.example", False), ("both@staff.example", False)]


def test_billing_is_told_of_financial_ones() -> None:
    agent("a@staff.example")
    agent("b@staff.example", "billing")
    look(at(opened(department="financial"), 7))
    assert alerted() == [("b@staff.example", False)]


def test_where_nobody_has_the_role_those_who_may_do_all_are_told() -> None:
    agent("x@staff.example", "admin")
    look(at(opened(), 7))
    assert alerted() == [("x@staff.example", False)]


def test_where_nobody_is_there_at_all_it_is_logged_and_done(capsys: pytest.CaptureFixture[str]) -> None:
    ticket = opened()
    look(at(ticket, 7))
    assert "nobody answers tickets" in capsys.readouterr().err
    assert read(ticket).warned_at == at(ticket, 7)


def test_the_audit_log_says_so() -> None:
    agent()
    ticket = opened()
    with audit.as_author(audit.SYSTEM):
        look(at(ticket, 7))
        look(at(ticket, 10))
    entries = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action.in_(("ticket.warned", "ticket.breached"))).order_by(AuditEntry.id)
    )
    assert [(entry.action, entry.actor, entry.account_id) for entry in entries] == [
        ("ticket.warned", "system", ticket.account_id),
        ("ticket.breached", "system", ticket.account_id),
    ]


def test_opened_again_after_a_warning_it_is_not_warned_of_twice() -> None:
    agent()
    ticket = opened()
    look(at(ticket, 7))
    changed(ticket, status="resolved", now=at(ticket, 8))
    asked(ticket, now=at(ticket, 100))
    assert [look(at(ticket, minutes)) for minutes in (108, 110)] == [0, 1]
    assert alerted() == [("ada@staff.example", False), ("ada@staff.example", True)]


def test_the_sweep_finds_it_and_the_mail_says_what_is_the_matter(work: Callable[[], None], smtp: Server) -> None:
    agent()
    ticket = opened(now=utcnow() - timedelta(minutes=8))
    work()
    smtp.reset()
    sweep.run()
    work()
    (mail,) = smtp.mails
    assert (mail.message["To"], mail.message["Subject"]) == (
        "ada@staff.example",
        f"Ticket #{ticket.number} waits for an answer: The shop is slow",
    )
    assert "Most of the time in which we promised a first answer is gone." in mail.text
    assert "Account: C-1 One Ltd" in mail.text
    assert f"https://notify.provider.example/staff/tickets/{ticket.number}" in mail.text


def test_the_mails_about_one_ticket_are_one_thread(work: Callable[[], None], smtp: Server) -> None:
    agent()
    ticket = opened(now=utcnow() - timedelta(minutes=30))
    look(at(ticket, 7))
    look(at(ticket, 10))
    work()
    first, second = (mail.message["References"] for mail in smtp.mails if mail.message["To"] == "ada@staff.example")
    assert first == second


def test_the_customer_hears_nothing_of_it() -> None:
    agent()
    ticket = opened()
    before = told()
    look(at(ticket, 7))
    assert told() == before


def test_who_answers_is_kept_even_at_the_last_moment() -> None:
    ada = agent()
    ticket = opened()
    (id,) = promise.due(db.session(), at(ticket, 10))
    answered(ticket, by=By("staff", ada), now=at(ticket, 9.9))
    with transaction() as session:
        promise.alert(session, id, at(ticket, 10))
    assert alerted() == []
