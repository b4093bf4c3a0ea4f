from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, false, text
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import Json, Key, db

WAITING = "rank < 6"  # neither resolved nor closed: the queue that agents work through
CONTACTS = ("contact_mailbox_id", "created_at")
OF_A_CONTACT = "contact_mailbox_id IS NOT NULL"
BY_MAIL = "mail_id IS NOT NULL"


class Ticket(db.Model):  # type: ignore[name-defined]
    """What a customer asked support, as it stands now. What was said is in its messages, what was changed in its changes."""

    __tablename__ = "ticket"
    __table_args__ = (
        Index("ix_ticket_account", "account_id", "created_at", "id"),
        Index("ix_ticket_created", "created_at", "id"),
        Index("ix_ticket_updated", "status", "updated_at", "id"),
        Index("ix_ticket_queue", "rank", "waiting_at", "id", postgresql_where=text(WAITING), sqlite_where=text(WAITING)),
        Index("ix_ticket_alert", "alert_at", postgresql_where=text("alert_at IS NOT NULL"), sqlite_where=text("alert_at IS NOT NULL")),
        Index("ix_ticket_contact", *CONTACTS, postgresql_where=text(OF_A_CONTACT), sqlite_where=text(OF_A_CONTACT)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(BigInteger, unique=True)  # what people call it by
    account_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("account.id"))
    # of someone without an account: where answers go, and what they call themselves
    contact_mailbox_id: Mapped[int | None] = mapped_column(BigInteger)
    contact_name: Mapped[str | None]
    department: Mapped[str] = mapped_column(Key)  # technical, financial
    priority: Mapped[str] = mapped_column(Key)  # regular, high
    status: Mapped[str] = mapped_column(Key)  # open, waiting_for_customer, resolved, closed
    subject: Mapped[str]
    # at high priority: {order_number, address, service_name, started_at, diagnostics}
    incident: Mapped[dict[str, Any] | None] = mapped_column(Json)
    assignee_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    revision: Mapped[int] = mapped_column(default=0)  # the number of the newest thing that the customer was told about it
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    promise_minutes: Mapped[int]  # as it was promised to this customer
    promised_at: Mapped[datetime]  # by when the first response has to be there
    first_response_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    alert_at: Mapped[datetime | None]  # when staff have to be warned, or told of the breach; null: no clock runs
    rank: Mapped[int] = mapped_column(SmallInteger)  # its place in the queue (tickets/states.py), and there the longest wait first
    seems_urgent: Mapped[bool] = mapped_column(default=False, server_default=false())  # by its words: a hint to staff, and no more
    waiting_at: Mapped[datetime]  # while the clock runs, its end; afterwards, since when it waits


class TicketMessage(db.Model):  # type: ignore[name-defined]
    """One thing that was said in a ticket. Never changed; erasure empties it."""

    __tablename__ = "ticket_message"
    __table_args__ = (
        Index("ix_ticket_message_ticket", "ticket_id", "id"),
        Index("ix_ticket_message_mail", "mail_id", unique=True, postgresql_where=text(BY_MAIL), sqlite_where=text(BY_MAIL)),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ticket.id"))
    author: Mapped[str] = mapped_column(Key)  # customer, staff, system
    staff_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))  # null for staff that other systems speak for
    body: Mapped[str]
    internal: Mapped[bool]  # a note among staff
    via: Mapped[str] = mapped_column(Key)  # page, api, mail
    created_at: Mapped[datetime]
    mail_id: Mapped[uuid.UUID | None]  # the incoming mail that it came as, for as long as that is kept
    left_out: Mapped[list[str]] = mapped_column(Json, default=list, server_default="[]")  # names of attachments that were not taken


class TicketFile(db.Model):  # type: ignore[name-defined]
    """A stored file that belongs to a message."""

    __tablename__ = "ticket_file"

    message_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ticket_message.id"), primary_key=True)
    file_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("stored_file.id"), primary_key=True, index=True)


class TicketChange(db.Model):  # type: ignore[name-defined]
    """Who changed what of a ticket, from what to what."""

    __tablename__ = "ticket_change"
    __table_args__ = (Index("ix_ticket_change_ticket", "ticket_id", "id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    ticket_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("ticket.id"))
    author: Mapped[str] = mapped_column(Key)  # customer, staff, system
    staff_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("staff.id"))
    field: Mapped[str] = mapped_column(Key)  # status, priority, department, assignee
    before: Mapped[str | None]  # of an assignee, the id
    after: Mapped[str | None]
    at: Mapped[datetime]
