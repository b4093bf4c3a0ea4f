"""Tickets of the demo: one that is over, one that waits for its customer, and one whose clock runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from notifyhub import staff
from notifyhub.accounts import lookup
from notifyhub.files import TEXT, Checked
from notifyhub.tickets import conversation, opening
from notifyhub.tickets.states import By

AGENT = "aylin@staff.example"

INVOICES = {
    "department": "financial",
    "subject": "Our address on the invoices",
    "body": "Hello,\n\nwe have moved. Could you change the address on our invoices to 12 Mill Lane, Leeds?",
}
INVOICES_ANSWER = "Hello,\n\nit is changed, from the **next invoice** on."

BACKUP = {
    "department": "technical",
    "subject": "The backup of ds-3 takes all night",
    "body": "Since we moved the database, the nightly backup of ds-3 runs until 9 in the morning. Is there anything we can do?",
}
BACKUP_NOTE = "It reads from the disk that the database writes to: see the I/O wait of last night."
BACKUP_ANSWER = (
    "Hello,\n\nit reads from the same disk as your database. You could\n\n1. move it to a quieter hour, or\n"
    "2. have a second disk built in: `ds-3` has a free bay.\n\nWhich one would you like?"
)

SHOP = {
    "department": "technical",
    "priority": "high",
    "subject": "Our shop cannot be reached",
    "body": "The shop on vps-7 has been down for some minutes: connection refused, while the server still answers ping.",
}
SHOP_INCIDENT = {
    "order_number": "#100777",
    "address": "192.0.2.17",
    "service_name": "vps-7.drei.example",
    "diagnostics": "64 bytes from 192.0.2.17: icmp_seq=1 ttl=57 time=11.2 ms\n64 bytes from 192.0.2.17: icmp_seq=2 ttl=57 time=11.0 ms",
}
SHOP_LOG = b"curl: (7) Failed to connect to vps-7.drei.example port 443 after 3066 ms: Connection refused\n"


def open_all(session: Session, promise_minutes: int, now: datetime) -> None:
    agent = By("staff", staff.find(session, AGENT))

    def opened(external_id: str, at: datetime, document: dict[str, Any], files: Sequence[Checked] = ()) -> int:
        return opening.open_ticket(session, lookup.find(session, external_id), document, files, "page", promise_minutes, at).number

    at = now - timedelta(days=4)
    number = opened("C-1042", at, INVOICES)
    conversation.reply_by_staff(session, number, agent, INVOICES_ANSWER, (), "page", at + timedelta(minutes=6), status="resolved")

    at = now - timedelta(days=1)
    number = opened("C-1042", at, BACKUP)
    conversation.note(session, number, agent, BACKUP_NOTE, (), "page", at + timedelta(minutes=5))
    conversation.reply_by_staff(session, number, agent, BACKUP_ANSWER, (), "page", at + timedelta(minutes=8))

    incident = SHOP_INCIDENT | {"started_at": now - timedelta(minutes=9)}
    opened("C-1044", now - timedelta(minutes=1), SHOP | {"incident": incident}, [Checked("curl.log", TEXT, SHOP_LOG)])
