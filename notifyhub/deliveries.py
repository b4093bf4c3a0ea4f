"""Deliveries on their way: claimed for a while, settled by what became of them, routed anew where they failed."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Update, bindparam, func, select, update
from sqlalchemy.orm import Session

from notifyhub import audit, dispatch, recipients, relay, routing, tallies, wake
from notifyhub.channels import CHANNELS
from notifyhub.channels.contract import Report
from notifyhub.database import among, bulk_update, changed, clock, follow_indexes, new_id
from notifyhub.kinds import KINDS
from notifyhub.models import Delivery, Mailbox, Notification

# The states that a delivery may come to, and from which. What has ended does not begin again: a late or repeated report finds
# no row in a state that it could leave.
MAY_FOLLOW = {
    "sending": ("queued",),
    "sent": ("sending",),
    "queued": ("sending", "skipped"),  # skipped: routed anew, when what was chosen first has failed
    "failed": ("sending",),
    "cancelled": ("queued", "sending"),
    "superseded": ("queued",),
    "bounced": ("sent",),
}

COUNTED: dict[str, tallies.Name] = {
    "sent": "sent", "failed": "failed", "bounced": "bounced", "cancelled": "cancelled", "superseded": "superseded",
}  # fmt: skip

LEASE = timedelta(seconds=120)
GRACE = timedelta(minutes=5)  # for a host to come back and say what its workers had sent
GIVE_UP_AFTER = timedelta(hours=48)
MOST_ATTEMPTS_KEPT = 50
IN_FLIGHT = {"state": "sending"}


class Claimed(NamedTuple):
    id: uuid.UUID
    notification_id: uuid.UUID
    channel: str
    mailbox_id: int
    lane: int
    rule: int
    tries: int
    attempts: list[dict[str, str]]
    queued_at: datetime
    send_before: datetime | None
    address: str | None  # of the mailbox, as it is now; none where the delivery names no mailbox


def _claiming() -> Update:
    """Put together once: that takes as long as finding a single delivery does."""
    table = Delivery.__table__
    due = (
        select(table.c.id)
        .where(table.c.state == "queued", table.c.channel == bindparam("way"), table.c.due_at <= bindparam("now"))
        .where(~relay.left_alone(bindparam("now")))
        .order_by(table.c.lane, table.c.due_at)
        .limit(bindparam("size"))
        .with_for_update(skip_locked=True)
        .cte("due")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    address = select(Mailbox.email).where(Mailbox.id == table.c.mailbox_id).correlate(table).scalar_subquery()
    claimed = update(table).where(table.c.id.in_(select(due.c.id)))
    leased = claimed.values(state="sending", lease_until=bindparam("until"), lease_token=bindparam("token"))
    return leased.returning(*(table.c[name] for name in Claimed._fields[:-1]), address, table.c.due_at)


CLAIM = _claiming()


def claim(session: Session, channel: str, size: int, token: uuid.UUID) -> tuple[datetime, list[Claimed]]:
    """The most urgent `size` deliveries that are due now, for the time of a lease; none while the relay is left alone. `token` fences
    them against whoever had them before. Answers the moment too, by clock()."""
    now = follow_indexes(session)
    values = {"way": channel, "now": now, "size": size, "until": now + LEASE, "token": token}
    rows = session.connection().execute(CLAIM, values).all()
    return now, [Claimed(*row[:-1]) for row in sorted(rows, key=lambda row: (row.lane, row.due_at))]


def move(session: Session, which: ColumnElement[bool], state: str, **values: Any) -> int:
    """Brings those that may come there to `state`; answers how many did."""
    guarded = update(Delivery).where(which, Delivery.state.in_(MAY_FOLLOW[state]))
    moving = guarded.values(state=state, **values).execution_options(synchronize_session=False)
    if state not in COUNTED:
        return changed(session, moving)
    ways = Counter((lane, channel) for lane, channel in session.execute(moving.returning(Delivery.lane, Delivery.channel)))
    for (lane, channel), count in ways.items():
        tallies.add(session, COUNTED[state], tallies.way(lane, channel), count)
    return ways.total()


def renew(session: Session, token: uuid.UUID) -> None:
    """A server may think for ten minutes at the final dot (RFC 5321 section 4.5.3.2.6)."""
    until = clock(session) + LEASE
    session.execute(update(Delivery).where(Delivery.lease_token == token, Delivery.state == "sending").values(lease_until=until))


def release(session: Session, token: uuid.UUID) -> None:
    """What was claimed and not tried goes back, at no cost."""
    move(session, (Delivery.lease_token == token) & (Delivery.state == "sending"), "queued")


def release_lapsed(session: Session) -> int:
    """Leases whose holder is gone, and its host too: what died here is settled by its journal, long before the grace is over."""
    lapsed = move(session, (Delivery.state == "sending") & (Delivery.lease_until < clock(session) - GRACE), "queued")
    tallies.add(session, "lapsed", count=lapsed)
    return lapsed


def due(session: Session, channel: str) -> bool:
    query = select(Delivery.id).where(Delivery.state == "queued", Delivery.channel == channel, Delivery.due_at <= clock(session))
    return session.execute(query.limit(1)).first() is not None


def settle(
    session: Session, token: uuid.UUID, claimed: dict[uuid.UUID, Claimed], reports: Sequence[Report], retry_after: Sequence[int]
) -> None:
    """Writes down what became of claimed deliveries, and routes anew what failed for good."""
    now = clock(session)
    at = now.isoformat()
    sent, others, settled, failed = [], [], [], []
    for report in reports:
        delivery = claimed[report.delivery_id]
        if report.outcome == "accepted":
            sent.append((delivery.id, _with_attempt(delivery.attempts, at, report.reply)))
            settled.append((delivery, "sent", report))
            continue
        state, due_at, tries = _next(report, delivery, retry_after, now)
        attempts = delivery.attempts if report.outcome == "unsent" else _with_attempt(delivery.attempts, at, report.reply)
        others.append((delivery.id, state, due_at, tries, attempts))
        settled.append((delivery, state, report))
        if state == "failed":
            failed.append((delivery, report))
    held = _held(session, token, [delivery.id for delivery, _ in failed])
    table, mine = Delivery.__table__, IN_FLIGHT | {"lease_token": token}
    found = bulk_update(session, table, ("id",), ("attempts",), sent, mine, {"state": "sent", "sent_at": now})
    found += bulk_update(session, table, ("id",), ("state", "due_at", "tries", "attempts"), others, mine)
    if found < len(settled):
        written = _written(session, {id for id, _ in sent}, {id: due_at for id, _, due_at, *_ in others}, now)
        settled = [(delivery, state, report) for delivery, state, report in settled if delivery.id in written]
    _count(session, settled)
    failed = [(delivery, report) for delivery, report in failed if delivery.id in held]
    for delivery, report in failed:
        session.execute(update(Delivery).where(Delivery.id == delivery.id).values(reason=_reason(report, delivery, now)))
    for mailbox_id, reply in sorted((delivery.mailbox_id, report.reply) for delivery, report in failed if report.mailbox_gone):
        mark_bouncing(session, mailbox_id, reply, now)
    for notification_id in sorted({delivery.notification_id for delivery, _ in failed if not too_late(delivery, now)}):
        reroute(session, notification_id, now)


def _with_attempt(attempts: list[dict[str, str]], at: str, reply: str) -> list[dict[str, str]]:
    return [*attempts[1 - MOST_ATTEMPTS_KEPT :], {"at": at, "reply": reply}]


def _written(session: Session, sent: set[uuid.UUID], due: dict[uuid.UUID, datetime], now: datetime) -> set[uuid.UUID]:
    """Of these, the ones whose row says what was to be written at this moment: the others were no longer ours to change."""
    query = select(Delivery.id, Delivery.sent_at, Delivery.due_at).where(among(session, Delivery.id, [*sent, *due]))
    return {id for id, sent_at, due_at in session.execute(query) if (sent_at == now if id in sent else due_at == due[id])}


def _count(session: Session, settled: Sequence[tuple[Any, str, Report]]) -> None:
    """(what has lane and channel, the state that it came to, how it was answered)"""
    ways = Counter((state, report.outcome, delivery.lane, delivery.channel) for delivery, state, report in settled)
    for (state, outcome, lane, channel), count in ways.items():
        if name := COUNTED.get(state, "deferred" if outcome == "deferred" else None):
            tallies.add(session, name, tallies.way(lane, channel), count)
    answers = Counter(
        CHANNELS[delivery.channel].answer_class(report.reply) for delivery, _, report in settled if report.outcome != "unsent"
    )
    for answer, count in answers.items():
        if answer:
            tallies.add(session, "answer", answer, count)


def _held(session: Session, token: uuid.UUID, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Of these, the ones that this claim still holds: a report that comes late sets nothing off."""
    if not ids:
        return set()
    mine = select(Delivery.id).where(among(session, Delivery.id, ids), Delivery.lease_token == token, Delivery.state == "sending")
    return set(session.scalars(mine.with_for_update()))


def _reason(report: Report, delivery: Claimed, now: datetime) -> str:
    if too_late(delivery, now):
        return report.reply if report.outcome == "refused" else f"not sent in time to be of use: {report.reply}"
    return f"refused: {report.reply}" if report.outcome == "refused" else f"given up after 48 hours: {report.reply}"


def too_late(delivery: Claimed, now: datetime) -> bool:
    return delivery.send_before is not None and delivery.send_before <= now


def _next(report: Report, delivery: Claimed, retry_after: Sequence[int], now: datetime) -> tuple[str, datetime, int]:
    """State, due time, and how many tries count."""
    if report.outcome == "refused":
        return "failed", now, delivery.tries + 1
    if report.outcome == "unsent":
        return "queued", now, delivery.tries
    if now - delivery.queued_at >= GIVE_UP_AFTER or too_late(delivery, now):
        return "failed", now, delivery.tries + 1
    wait = retry_after[min(delivery.tries, len(retry_after) - 1)]
    return "queued", now + timedelta(seconds=wait * random.uniform(0.9, 1.1)), delivery.tries + 1


def mark_bouncing(session: Session, mailbox_id: int, reply: str, now: datetime) -> None:
    """The mailbox does not exist or is disabled: no account's mail goes there until its owner confirms it anew."""
    marked = update(Mailbox).where(Mailbox.id == mailbox_id, Mailbox.status != "bouncing")
    if not changed(session, marked.values(status="bouncing", status_reason=reply, status_at=now)):
        return
    accounts = recipients.choosing(session, mailbox_id)
    if accounts:
        dispatch.open_repairs(session, accounts, now)
    audit.record(session, "mailbox.bouncing", f"mailbox:{mailbox_id}", None, reply=reply[:3])


def reroute(session: Session, notification_id: uuid.UUID, now: datetime) -> None:
    """Asks the policy again, with what refused this notification taken as unusable; adds the deliveries that are new."""
    # two workers may each fail one address of it: who comes second sees what became of the first
    notification = session.get_one(Notification, notification_id, with_for_update=True)
    kind = KINDS[notification.kind]
    if notification.account_id is None or kind.name in ("confirmation", "sign_in", "test", "addresses_changed"):
        return  # rule 0: it goes to exactly those it names
    if dispatch.is_replaced(session, notification):
        return
    mine = (Delivery.notification_id == notification_id) & (Delivery.channel == "email")
    rows = session.execute(select(Delivery.mailbox_id, Delivery.state).where(mine)).all()
    send_before = session.execute(select(func.max(Delivery.send_before)).where(mine)).scalar()
    failed = {mailbox_id for mailbox_id, state in rows if state in ("failed", "bounced")}
    question = routing.Notification(kind.name, notification.category, kind.optional)
    for recipient, addresses in recipients.load(session, [notification.account_id], question):
        decisions = routing.route(
            question,
            recipient._replace(registered=_unusable(recipient.registered, failed)),
            [address._replace(mailbox=_unusable(address.mailbox, failed)) for address in addresses],
            now,
        )
        known = dict(rows)
        for channel, action, mailbox, rule, reason in decisions:
            if channel == "inbox":
                continue
            mailbox_id = mailbox.id if mailbox else 0
            if known.get(mailbox_id) == "skipped" and action == "send":
                move(session, mine & (Delivery.mailbox_id == mailbox_id), "queued", rule=rule, reason=reason, due_at=now)
            if mailbox_id in known:
                continue
            session.add(
                Delivery(
                    id=new_id(), notification_id=notification_id, channel=channel, mailbox_id=mailbox_id,
                    lane=notification.lane, state="queued" if action == "send" else "skipped", rule=rule, reason=reason,
                    queued_at=now, due_at=now, send_before=send_before, tries=0, attempts=[],
                )
            )  # fmt: skip
            if action == "skip":
                tallies.add(session, "skipped", tallies.way(notification.lane, channel))
            if rule == 5:
                dispatch.open_repairs(session, [notification.account_id], now)
    session.flush()
    wake.after_commit(session, "drain")


def _unusable(mailbox: Any, failed: set[int]) -> Any:
    return mailbox._replace(status="bouncing") if mailbox is not None and mailbox.id in failed else mailbox


def record_accepted(session: Session, accepted: Sequence[tuple[uuid.UUID, uuid.UUID, datetime, str]]) -> None:
    """From the journal of a dead process: (delivery, token, when, reply)."""
    mine = select(Delivery.id, Delivery.lease_token, Delivery.attempts, Delivery.lane, Delivery.channel).where(
        among(session, Delivery.id, [id for id, *_ in accepted]), Delivery.state == "sending"
    )
    held = {(row.id, row.lease_token): row for row in session.execute(mine.with_for_update())}
    rows, settled = [], []
    for id, token, at, reply in accepted:
        if row := held.pop((id, token), None):
            rows.append((id, token, _with_attempt(row.attempts, at.isoformat(), reply), at))
            settled.append((row, "sent", Report(id, "accepted", reply)))
    keys, columns = ("id", "lease_token"), ("attempts", "sent_at")
    bulk_update(session, Delivery.__table__, keys, columns, rows, IN_FLIGHT, {"state": "sent"})
    _count(session, settled)
    tallies.add(session, "spared", "journal", len(settled))
