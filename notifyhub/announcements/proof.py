"""How far an announcement has come, and who was told what, when, where, with the relay's answer."""

from __future__ import annotations

import csv
import io
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select, tuple_
from sqlalchemy.orm import Session

from notifyhub.channels.inbox import arrived
from notifyhub.database import among, seconds_after
from notifyhub.models import Account, Announcement, Delivery, Mailbox, Notification, Revision

UNREACHED = ("bounced", "failed", "skipped", "cancelled")
WAITING = ("queued", "sending")
MOST_POINTS = 60


class Why(NamedTuple):
    """What keeps mails from arriving."""

    state: str
    reason: str
    mails: int


def progress(session: Session, announcement: Announcement) -> dict[str, Any]:
    """Of its newest revision. `over`: everyone is told, and no mail waits any more."""
    revision = session.get(Revision, (announcement.id, announcement.revision))
    if revision is None:
        return NOTHING
    rows = session.execute(
        select(Delivery.state, Delivery.reason, func.count(), func.min(Delivery.sent_at), func.max(Delivery.sent_at))
        .where(*_mails(announcement.id, revision.number))
        .group_by(Delivery.state, Delivery.reason)
    ).all()
    by_state: dict[str, int] = defaultdict(int)
    for state, _, count, *_ in sorted(rows):
        by_state[state] += count
    first = min((first for *_, first, _ in rows if first), default=None)
    last = max((last for *_, last in rows if last), default=None)
    sent = sum(count for _, _, count, first_of_state, _ in rows if first_of_state)
    seconds = (last - first).total_seconds() if first and last else 0
    rate = round(sent / seconds, 1) if seconds else None
    waiting = sum(by_state.get(state, 0) for state in WAITING)
    return {
        "accounts": revision.accounts,
        "fanned_out": revision.fanned_out,
        "by_state": dict(by_state),
        "first_at": first,
        "last_at": last,
        "rate": rate,
        # whoever is concerned no more was left out: the count need not reach `accounts`
        "over": revision.fanned_out_at is not None and not waiting,
        "all_told": revision.fanned_out_at is not None,
        "mails": sum(by_state.values()) - by_state.get("skipped", 0),
        "waiting": waiting,
        "seconds_left": round(waiting / rate) if rate and waiting else None,
        "unreached": _whys([(state, reason, count) for state, reason, count, *_ in rows]),
    }


NOTHING: dict[str, Any] = {
    "accounts": 0, "fanned_out": 0, "by_state": {}, "first_at": None, "last_at": None, "rate": None, "over": False, "all_told": False,
    "mails": 0, "waiting": 0, "seconds_left": None, "unreached": [],
}  # fmt: skip


def _whys(rows: Iterable[tuple[str, str, int]]) -> list[Why]:
    """The most frequent first. Of what a server refused, the reason stands in its reply, not in how the address was chosen."""
    counts: Counter[tuple[str, str]] = Counter()
    for state, reason, count in rows:
        if state in UNREACHED:
            counts[state, reason if _says_why(state, reason) else ""] += count
    return [Why(state, reason, count) for (state, reason), count in counts.most_common()]


def _says_why(state: str, reason: str) -> bool:
    return state in ("skipped", "cancelled") or reason.startswith("not sent")


def _mails(announcement_id: uuid.UUID, number: int) -> tuple[Any, ...]:
    return (
        Notification.id == Delivery.notification_id,
        _told(announcement_id),
        Notification.revision == number,
        Delivery.channel == "email",
    )


class Pace(NamedTuple):
    """Mails sent, in steps of so many seconds from `start` on."""

    start: datetime
    step: int
    counts: list[int]


def pace(session: Session, announcement: Announcement, first: datetime | None, last: datetime | None) -> Pace | None:
    """At most sixty steps between the first mail and the last, as progress() told them."""
    if first is None or last is None:
        return None
    start = first.replace(microsecond=0)
    step = max(1, -(-(int((last - start) / timedelta(seconds=1)) + 1) // MOST_POINTS))
    bucket = seconds_after(session, Delivery.sent_at, start) // step
    rows = session.execute(
        select(bucket, func.count())
        .where(*_mails(announcement.id, announcement.revision), Delivery.sent_at.between(start, last))
        .group_by(bucket)
    ).all()
    counts = [0] * (max((at for at, _ in rows), default=0) + 1)
    for at, count in rows:
        counts[at] = count
    return Pace(start, step, counts)


class Watched(NamedTuple):
    counted_at: float
    kept: float  # seconds
    progress: dict[str, Any]
    pace: Pace | None


_watched: dict[uuid.UUID, Watched] = {}


def watched(session: Session, announcement: Announcement) -> Watched:
    """For all who look on at once: what takes long to count is counted less often."""
    found = _watched.get(announcement.id)
    if found is None or time.monotonic() - found.counted_at > found.kept or found.progress["revision"] != announcement.revision:
        started = time.monotonic()
        made = progress(session, announcement) | {"revision": announcement.revision}
        steps = pace(session, announcement, made["first_at"], made["last_at"])
        found = Watched(started, min((time.monotonic() - started) * COUNTING_SHARE, MOST_KEPT_SECONDS), made, steps)
        _watched.pop(announcement.id, None)
        _watched[announcement.id] = found
        while len(_watched) > MOST_WATCHED:
            del _watched[next(iter(_watched))]
    return found


def forget() -> None:
    _watched.clear()


COUNTING_SHARE = 20  # one twentieth of a process's time is spent on it at most
MOST_KEPT_SECONDS = 30
MOST_WATCHED = 100


def not_reached(
    session: Session, announcement: Announcement, state: str, reason: str | None, after: str | None, limit: int
) -> list[dict[str, Any]]:
    """Mails of the newest revision that did not arrive, in the order of `key`, which is where the next page goes on."""
    query = (
        select(Notification, Account.external_id, Account.name, Delivery, Mailbox.email)
        .select_from(Notification)
        .join(Delivery, Delivery.notification_id == Notification.id)
        .outerjoin(Account, Account.id == Notification.account_id)
        .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
        .where(_told(announcement.id), Notification.revision == announcement.revision, Delivery.channel == "email", Delivery.state == state)
    )
    if reason is not None:
        query = query.where(Delivery.reason == reason)
    if after:
        key, _, delivery = after.rpartition("/")
        query = query.where(tuple_(Notification.recipient_key, Delivery.id) > tuple_(key, uuid.UUID(delivery)))
    rows = session.execute(query.order_by(Notification.recipient_key, Delivery.id).limit(limit))
    return [
        {
            "key": f"{notification.recipient_key}/{delivery.id.hex}",
            "account": external_id,
            "name": name,
            "address": email or None,
            "state": delivery.state,
            "reason": delivery.reason,
            "at": delivery.attempts[-1]["at"] if delivery.attempts else None,
            "reply": delivery.attempts[-1]["reply"] if delivery.attempts else None,
        }
        for notification, external_id, name, delivery, email in rows
    ]


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
