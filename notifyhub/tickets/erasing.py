"""What is left of the tickets of an account that is erased, and what is handed out of them before."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from notifyhub import deliveries, idempotency
from notifyhub.database import among
from notifyhub.models import Delivery, Notification, StoredFile, Ticket, TicketFile, TicketMessage
from notifyhub.tickets import finding, promise
from notifyhub.tickets.states import line_up, stop_clock


def forget(session: Session, account_id: int) -> None:
    """Words and files go; that there was a ticket, and how soon it was answered, stays."""
    tickets = session.scalars(select(Ticket).where(Ticket.account_id == account_id).order_by(Ticket.id).with_for_update()).all()
    for ticket in tickets:
        ticket.subject, ticket.incident, ticket.status = "", None, "closed"
        stop_clock(ticket)
        line_up(ticket)
    session.flush()
    mine = select(TicketMessage.id).join(Ticket, Ticket.id == TicketMessage.ticket_id).where(Ticket.account_id == account_id)
    attached = session.scalars(select(TicketFile.file_id).where(TicketFile.message_id.in_(mine))).all()
    session.execute(delete(TicketFile).where(TicketFile.message_id.in_(mine)))
    session.execute(delete(StoredFile).where(StoredFile.id.in_(attached)))
    sent = session.scalars(mine.where(TicketMessage.via == "api")).all()
    idempotency.forget(session, [str(id) for id in (*(ticket.id for ticket in tickets), *sent)])
    _forget_alerts(session, [str(ticket.id) for ticket in tickets])
    session.execute(update(TicketMessage).where(TicketMessage.id.in_(mine)).values(body=""))


def _forget_alerts(session: Session, refs: list[str]) -> None:
    """They went to staff, so they are no notifications of the account."""
    of_these = Notification.source == promise.SOURCE, among(session, Notification.source_ref, refs)
    deliveries.move(session, Delivery.notification_id.in_(select(Notification.id).where(*of_these)), "cancelled", reason=ERASED)
    session.execute(update(Notification).where(*of_these).values(data={}))


ERASED = "the account was erased"


def export(session: Session, account_id: int) -> list[dict[str, Any]]:
    """Everything, the notes among staff too."""
    return [
        _exported(finding.whole(session, ticket, internal=True))
        for ticket in session.scalars(select(Ticket).where(Ticket.account_id == account_id).order_by(Ticket.number))
    ]


OWN = (
    "number", "department", "priority", "status", "subject", "incident", "created_at", "updated_at", "promised_at", "first_response_at",
    "breached_at",
)  # fmt: skip


def _exported(whole: finding.Whole) -> dict[str, Any]:
    return {
        **{name: getattr(whole.ticket, name) for name in OWN},
        "messages": [
            {
                "from": message.author, "internal": message.internal, "body": message.body, "created_at": message.created_at,
                "files": [file._asdict() for file in message.files],
            }
            for message in whole.messages
        ],
        "changes": [
            {"by": change.author, "field": change.field, "before": change.before, "after": change.after, "at": change.at}
            for change in whole.changes
        ],
    }  # fmt: skip
