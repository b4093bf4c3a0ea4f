"""How far an announcement has come, and who was told what, when, where, with the relay's answer."""

from __future__ import annotations

import csv
import io
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from notifyhub.channels.inbox import arrived
from notifyhub.database import among
from notifyhub.models import Account, Announcement, Delivery, Mailbox, Notification, Revision


def progress(session: Session, announcement: Announcement) -> dict[str, Any]:
    """Of its newest revision. `over`: everyone is told, and no mail waits any more."""
    revision = session.get(Revision, (announcement.id, announcement.revision))
    if revision is None:
        return {"accounts": 0, "fanned_out": 0, "by_state": {}, "first_at": None, "last_at": None, "rate": None, "over": False}
    rows = session.execute(
        select(Delivery.state, func.count(), func.min(Delivery.sent_at), func.max(Delivery.sent_at))
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(_told(announcement.id), Notification.revision == revision.number, Delivery.channel == "email")
        .group_by(Delivery.state)
    ).all()
    first = min((first for *_, first, _ in rows if first), default=None)
    last = max((last for *_, last in rows if last), default=None)
    sent = sum(count for _, count, first_of_state, _ in rows if first_of_state)
    seconds = (last - first).total_seconds() if first and last else 0
    return {
        "accounts": revision.accounts,
        "fanned_out": revision.fanned_out,
        "by_state": {state: count for state, count, *_ in sorted(rows)},
        "first_at": first,
        "last_at": last,
        "rate": round(sent / seconds, 1) if seconds else None,
        # whoever is concerned no more was left out: the count need not reach `accounts`
        "over": revision.fanned_out_at is not None and not {"queued", "sending"} & {state for state, *_ in rows},
    }


def _told(announcement_id: uuid.UUID) -> Any:
    return (Notification.source == "announcement") & (Notification.source_ref == str(announcement_id))


def recipients(session: Session, announcement_id: uuid.UUID, after: tuple[datetime, uuid.UUID] | None, limit: int) -> list[dict[str, Any]]:
    """In the order in which they were told, all revisions."""
    query = (
        select(Notification, Account.external_id).outerjoin(Account, Account.id == Notification.account_id).where(_told(announcement_id))
    )
    if after:
        query = query.where(tuple_(Notification.created_at, Notification.id) > tuple_(*after))
    rows = session.execute(query.order_by(Notification.created_at, Notification.id).limit(limit)).all()
    deliveries = _deliveries(session, [notification.id for notification, _ in rows])
    return [
        {
            "id": notification.id,
            "account": external_id,
            "revision": notification.revision,
            "services": [{"order_number": number, "name": name} for number, name in notification.services],
            "created_at": notification.created_at,
            "deliveries": [*_in_inbox(notification), *deliveries[notification.id]],
        }
        for notification, external_id in rows
    ]


def _in_inbox(notification: Notification) -> list[dict[str, Any]]:
    return [
        {"id": notification.id, **delivery, "rule": notification.inbox_rule, "at": notification.created_at, "reply": None}
        for delivery in arrived(notification.inbox_rule)
    ]


def _deliveries(session: Session, notification_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    rows = session.execute(
        select(Delivery, Mailbox.email)
        .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
        .where(among(session, Delivery.notification_id, notification_ids))
        .order_by(Delivery.id)
    )
    found: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for delivery, email in rows:
        found[delivery.notification_id].append(
            {
                "id": delivery.id,
                "channel": delivery.channel,
                "address": email or None,
                "state": delivery.state,
                "rule": delivery.rule,
                "reason": delivery.reason,
                "at": delivery.sent_at,
                "reply": delivery.attempts[-1]["reply"] if delivery.attempts else None,
            }
        )
    return found


CSV_PAGE = 1000
CSV_HEAD = ("account", "revision", "services", "told at", "channel", "address", "state", "rule", "reason", "sent at", "reply")


def as_csv(session: Session, announcement_id: uuid.UUID) -> Iterator[str]:
    """One line a delivery, in pieces, however many there are. The session is given back between them."""
    yield _line(CSV_HEAD)
    after = None
    while rows := recipients(session, announcement_id, after, CSV_PAGE):
        session.rollback()
        yield "".join(_lines(rows))
        after = (rows[-1]["created_at"], rows[-1]["id"])


def _lines(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        services = " ".join(service["order_number"] for service in row["services"])
        for delivery in row["deliveries"]:
            yield _line(
                (row["account"], row["revision"], services, row["created_at"].isoformat(), delivery["channel"], delivery["address"],
                 delivery["state"], delivery["rule"], delivery["reason"], delivery["at"] and delivery["at"].isoformat(), delivery["reply"])
            )  # fmt: skip


def _line(values: Sequence[Any]) -> str:
    out = io.StringIO()
    # what a spreadsheet would take for a formula is told apart by an apostrophe
    safe = ["'" + value if isinstance(value, str) and value[:1] in "=+-@\t" and value else value for value in values]
    csv.writer(out, lineterminator="\r\n").writerow(safe)
    return out.getvalue()
