"""What tests of tickets do again and again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Invalid
from notifyhub.files import Checked
from notifyhub.models import Account, Notification, Staff, Ticket, TicketMessage
from notifyhub.tickets import changes, conversation, finding, opening
from notifyhub.tickets.states import By
from tests.browserless import new_member
from tests.builders import account, service
from tests.conftest import Api

T = TypeVar("T")
PROMISE = 10  # minutes
STAFF = By("staff")


def customer(api: Api, external_id: str = "C-1", **changes: Any) -> None:
    """With one server: #123456 at 203.0.113.7."""
    servers = [service(order_number="#123456", name="shop", addresses=["203.0.113.7", "2001:db8:1::/64"])]
    assert api.put(f"/v1/accounts/{external_id}", account(**{"services": servers} | changes)).status_code in (200, 201)


def agent(email: str = "ada@staff.example", *roles: str, name: str = "Ada Agent") -> Staff:
    return apart(new_member(email, *(roles or ("agent",)), name=name))


def apart(row: T) -> T:
    """As it is now, whatever becomes of it."""
    db.session.remove()
    return row


def document(**changes: Any) -> dict[str, Any]:
    return {"department": "technical", "priority": "regular", "subject": "The shop is slow", "body": "Since this morning."} | changes


def incident(**changes: Any) -> dict[str, Any]:
    """As the subject takes it; the API takes times as text."""
    return {"order_number": "#123456", "service_name": "shop", "started_at": utcnow() - timedelta(hours=1)} | changes


def opened(external_id: str | None = "C-1", now: datetime | None = None, files: Sequence[Checked] = (), **changes: Any) -> Ticket:
    with transaction() as session:
        account = session.scalars(select(Account).where(Account.external_id == external_id)).one() if external_id else None
        ticket = opening.open_ticket(session, account, document(**changes), files, "page", PROMISE, now or utcnow())
    return apart(ticket)


def urgent(now: datetime | None = None, **options: Any) -> Ticket:
    now = now or utcnow()
    return opened(now=now, priority="high", incident=incident(started_at=now - timedelta(hours=1)), **options)


def answered(ticket: Ticket, body: str = "We look into it.", by: By = STAFF, now: datetime | None = None, **options: Any) -> TicketMessage:
    with transaction() as session:
        return conversation.reply_by_staff(session, ticket.number, by, body, options.pop("files", ()), "page", now or utcnow(), **options)


def asked(ticket: Ticket, body: str = "Any news?", now: datetime | None = None, files: Sequence[Checked] = ()) -> TicketMessage:
    with transaction() as session:
        return conversation.reply_by_customer(session, ticket.number, ticket.account_id, body, files, "page", now or utcnow())


def noted(ticket: Ticket, body: str = "Looks like the disk.", by: By = STAFF, files: Sequence[Checked] = ()) -> TicketMessage:
    with transaction() as session:
        return conversation.note(session, ticket.number, by, body, files, "page", utcnow())


def changed(ticket: Ticket, now: datetime | None = None, by: By = STAFF, **wanted: Any) -> None:
    with transaction() as session:
        changes.change(session, ticket.number, by, wanted, now or utcnow())


def read(ticket: Ticket) -> Ticket:
    """As it stands now."""
    with transaction() as session:
        return apart(finding.find(session, ticket.number))


def whole(ticket: Ticket, internal: bool = True) -> finding.Whole:
    db.session.remove()
    with transaction() as session:
        return finding.whole(session, finding.find(session, ticket.number), internal)


def told(source: str = "ticket") -> list[dict[str, Any]]:
    """What was told, oldest first."""
    db.session.remove()
    query = select(Notification.data).where(Notification.source == source).order_by(Notification.created_at, Notification.id)
    return list(db.session.scalars(query))


def wrong(error: Invalid) -> dict[str, str]:
    return {found.field: found.message for found in error.errors}
