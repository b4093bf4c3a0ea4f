"""What comes back after the relay had taken it over: reports on deliveries, with proof of which one they are about.

Whoever calls this has the proof: a signed envelope sender, or a Message-ID of ours with its MAC.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import update
from sqlalchemy.orm import Session

from notifyhub import audit, deliveries
from notifyhub.database import changed
from notifyhub.deliveries import MOST_ATTEMPTS_KEPT
from notifyhub.models import Delivery, Mailbox

Verdict = Literal["gone", "temporary", "refused"]
"""gone: there is no such mailbox, or it is disabled · temporary: it could not be reached, or was full · refused: this mail was not
wanted, which says nothing about the mailbox."""

SOFT_COUNTED = timedelta(days=14)
SOFT_MANY, SOFT_DAYS = 5, 3  # so many temporary ones, on so many days, are as good as a mailbox that is gone
SOFT_KEPT = 20


class TooEarly(Exception):
    """The report overtook our own record of the delivery: it is still being sent."""


def came_back(session: Session, delivery_id: uuid.UUID, verdict: Verdict, reply: str, now: datetime) -> bool:
    """The delivery did not arrive: routed anew, and the mailbox judged. False where that was known, or it never left. Raises TooEarly."""
    delivery = session.get(Delivery, delivery_id, with_for_update=True)
    if delivery is None:
        return False
    if delivery.state == "sending":
        raise TooEarly
    reply = reply[:500]
    attempts = [*delivery.attempts, {"at": now.isoformat(), "reply": f"came back: {reply}"}][-MOST_ATTEMPTS_KEPT:]
    session.expunge(delivery)  # the guarded update has the last word on its row
    if not deliveries.move(session, Delivery.id == delivery_id, "bounced", reason=f"came back: {reply}", attempts=attempts):
        return False
    _judge(session, delivery, verdict, reply, now)
    deliveries.reroute(session, delivery.notification_id, now)
    return True


def _judge(session: Session, delivery: Delivery, verdict: Verdict, reply: str, now: datetime) -> None:
    mailbox = session.get(Mailbox, delivery.mailbox_id, with_for_update=True)
    if mailbox is None or (mailbox.usable_since and delivery.sent_at and delivery.sent_at < mailbox.usable_since):
        return  # its owner has confirmed it since then
    if verdict == "temporary":
        since = (now - SOFT_COUNTED).isoformat()
        mailbox.soft_bounces = [*(at for at in mailbox.soft_bounces if at >= since), now.isoformat()][-SOFT_KEPT:]
        days = {at[:10] for at in mailbox.soft_bounces}
        if len(mailbox.soft_bounces) < SOFT_MANY or len(days) < SOFT_DAYS:
            return
        mailbox.soft_bounces = []
    if verdict != "refused":
        session.flush()
        deliveries.mark_bouncing(session, mailbox.id, reply, now)


def complained(session: Session, delivery_id: uuid.UUID, now: datetime) -> bool:
    """Its reader reported our mail as unwanted: no optional kinds go to that mailbox any more. False where that was known."""
    delivery = session.get(Delivery, delivery_id)
    if delivery is None:
        return False
    marked = update(Mailbox).where(Mailbox.id == delivery.mailbox_id, Mailbox.status == "ok")
    reason = "its owner reported our mail as unwanted"
    if not changed(session, marked.values(status="complained", status_reason=reason, status_at=now)):
        return False
    audit.record(session, "mailbox.complained", f"mailbox:{delivery.mailbox_id}", None)
    return True
