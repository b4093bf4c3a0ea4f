"""The promise of a first response: staff are warned when most of the time is gone, and told when all of it is."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import addresses, audit, dispatch, routing
from notifyhub.emails import parse_email
from notifyhub.kinds import KINDS
from notifyhub.logs import log
from notifyhub.models import Account, Staff, Ticket
from notifyhub.tickets import telling

ROLES = {"technical": "agent", "financial": "billing"}
SOURCE = "ticket-alert"
WARNING, BREACH = 1, 2  # as the alerts are numbered, each of which comes once
MOST_AT_ONCE = 100


def due(session: Session, now: datetime) -> Sequence[uuid.UUID]:
    """Tickets whose clock has come to a point that staff have to know of."""
    return session.scalars(select(Ticket.id).where(Ticket.alert_at <= now).order_by(Ticket.alert_at).limit(MOST_AT_ONCE)).all()


def alert(session: Session, id: uuid.UUID, now: datetime) -> None:
    """Says so to those who answer such tickets. Answered meanwhile, or alerted by another sweep: nothing."""
    ticket = session.scalars(select(Ticket).where(Ticket.id == id).with_for_update(skip_locked=True)).first()
    if ticket is None or ticket.alert_at is None or ticket.alert_at > now:
        return
    if now < ticket.promised_at:
        what, ticket.warned_at, ticket.alert_at = WARNING, now, ticket.promised_at
    else:
        what, ticket.breached_at, ticket.alert_at = BREACH, now, None
    audit.record(
        session,
        "ticket.warned" if what == WARNING else "ticket.breached",
        f"ticket:{ticket.id}",
        ticket.account_id,
        ticket=f"#{ticket.number}",
    )
    _tell_staff(session, ticket, what, now)
    telling.signal(session, ticket)


def _tell_staff(session: Session, ticket: Ticket, what: int, now: datetime) -> None:
    account = session.get(Account, ticket.account_id) if ticket.account_id else None
    data = {
        "ticket": str(ticket.number),
        "subject": ticket.subject,
        "account": f"{account.external_id} {account.name}" if account else ticket.contact_name or "",
        "priority": ticket.priority,
        "department": ticket.department,
        "promised_at": ticket.promised_at.isoformat(),
        "stage": "breach" if what == BREACH else "warning",
        "path": f"/staff/tickets/{ticket.number}",
    }
    staff = answerers(session, ticket.department)
    if not staff:
        log.error("nobody answers tickets: no member of staff has the role", role=ROLES[ticket.department], ticket=ticket.number)
    emails = [parse_email(member.email) for member in staff]
    ids = addresses.mailbox_ids(session, emails)
    for email in emails:
        named = (routing.Mailbox(ids[email.key], email.address),)
        dispatch.accept(session, dispatch.Telling(KINDS["ticket_alert"], SOURCE, str(ticket.id), what, data, named=named), now)


def answerers(session: Session, department: str) -> list[Staff]:
    """Those with the role for it; where there is none, those who may do everything."""
    enabled = session.scalars(select(Staff).where(Staff.disabled_at.is_(None)).order_by(Staff.id)).all()
    return [row for row in enabled if ROLES[department] in row.roles] or [row for row in enabled if "admin" in row.roles]
