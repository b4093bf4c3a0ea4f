"""What is left of the tickets of an account that is erased, and what is handed out of them before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from notifyhub import deliveries, idempotency
from notifyhub.database import among
from notifyhub.models import Delivery, IncomingMail, Notification, StoredFile, Ticket, TicketFile, TicketMessage
from notifyhub.tickets import finding, promise, telling
from notifyhub.tickets.states import line_up, stop_clock


def forget(session: Session, account_id: int) -> None:
    """Words and files go; that there was a ticket, and how soon it was answered, stays."""
    _forget(session, Ticket.account_id == account_id)


def forget_contacts(session: Session, mailbox_ids: Sequence[int]) -> None:
    """The same of tickets without an account, of people who are gone with their address."""
    mine = Ticket.contact_mailbox_id.in_(mailbox_ids)
    told = Notification.recipient_key.in_([f"mailbox:{id}" for id in mailbox_ids]), Notification.account_id.is_(None)
    ids = select(Notification.id).where(*told, Notification.source.in_((telling.SOURCE, "mail")))
    deliveries.move(session, Delivery.notification_id.in_(ids), "cancelled", reason=ERASED)
    session.execute(update(Notification).where(Notification.id.in_(ids)).values(data={}))
    _forget(session, mine)


def _forget(session: Session, mine_are: ColumnElement[bool]) -> None:
    tickets = session.scalars(select(Ticket).where(mine_are).order_by(Ticket.id).with_for_update()).all()
    for ticket in tickets:
        ticket.subject, ticket.incident, ticket.status, ticket.contact_name = "", None, "closed", None
        stop_clock(ticket)
        line_up(ticket)
    session.flush()
    mine = select(TicketMessage.id).join(Ticket, Ticket.id == TicketMessage.ticket_id).where(mine_are)
    attached = session.scalars(select(TicketFile.file_id).where(TicketFile.message_id.in_(mine))).all()
    session.execute(delete(TicketFile).where(TicketFile.message_id.in_(mine)))
    session.execute(delete(StoredFile).where(StoredFile.id.in_(attached)))
    sent = session.scalars(mine.where(TicketMessage.via == "api")).all()
    idempotency.forget(session, [str(id) for id in (*(ticket.id for ticket in tickets), *sent)])
    _forget_alerts(session, [str(ticket.id) for ticket in tickets])
    mails = select(TicketMessage.mail_id).where(TicketMessage.id.in_(mine), TicketMessage.mail_id.is_not(None))
    digests = select(IncomingMail.digest).where(IncomingMail.id.in_(mails))  # the same may have come twice
    session.execute(update(IncomingMail).where(IncomingMail.digest.in_(digests)).values(EMPTIED))
    session.execute(update(TicketMessage).where(TicketMessage.id.in_(mine)).values(body="", mail_id=None, left_out=[]))


EMPTIED = {"raw": b"", "rcpt": "", "mail_from": "", "subject": None, "sender": None, "reply": None}  # of a mail that came in


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
                "from": message.author, "internal": message.internal, "via": message.via, "body": message.body,
                "created_at": message.created_at,
                "files": [file._asdict() for file in message.files],
            }
            for message in whole.messages
        ],
        "changes": [
            {"by": change.author, "field": change.field, "before": change.before, "after": change.after, "at": change.at}
            for change in whole.changes
        ],
    }  # fmt: skip
