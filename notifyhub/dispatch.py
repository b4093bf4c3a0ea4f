"""The one call in which every module ends: what is to be told is recorded, routed, and on its way.

Nothing here commits. The edge (a request, a job) commits once, its own rows and these together, and the wake-up that is
asked for here fires after that commit.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifyhub import recipients, routing, tallies, wake
from notifyhub.database import Encoded, Rows, among, bulk_insert_all, clock, encode_json, new_hex_id
from notifyhub.kinds import KINDS, Kind
from notifyhub.models import Account, Delivery, Notification

NOTIFICATION = ("id", "recipient_key", "account_id", "services")
NOTIFICATIONS_ALIKE = ("inbox_rule", "source", "source_ref", "revision", "kind", "category", "lane", "data", "created_at")
DELIVERY = ("id", "notification_id", "mailbox_id")
DELIVERIES_ALIKE = ("channel", "state", "rule", "reason", "lane", "queued_at", "due_at", "send_before", "tries", "attempts")


Count = tuple[tallies.Name, str]


class Telling(NamedTuple):
    """What all recipients of one call are told."""

    kind: Kind
    source: str
    source_ref: str
    revision: int = 1
    data: Mapping[str, Any] = {}
    named: tuple[routing.Mailbox, ...] | None = None  # rule 0 of the policy
    send_before: datetime | None = None  # not worth sending later

    def question(self) -> routing.Notification:
        """As the routing core is asked."""
        return routing.Notification(self.kind.name, self.kind.category, self.kind.optional, self.named, self.kind.inbox)


class Addressed(NamedTuple):
    """What one account is told, where each is told something else."""

    telling: Telling
    account_id: int
    notification_id: str  # 32 hexadecimal digits, from new_hex_id()
    services: Encoded  # those that it is about, as record() takes them


def accept(
    session: Session, telling: Telling, now: datetime, account_id: int | None = None, services: Sequence[tuple[str, str]] = ()
) -> uuid.UUID:
    """Tells one recipient; answers the notification's id. The same telling again changes nothing and answers the same id.

    `services`: those of the account that it is about, as (order number, name).
    """
    if known := _known(session, telling, account_id):
        tallies.add(session, "spared", "repeated")
        return known
    if account_id is None:
        loaded = [recipients.Loaded(routing.Recipient(None, None), [])]
    else:
        loaded = recipients.load(session, [account_id], telling.question())
    affected = {account_id: Encoded(encode_json(services))} if account_id is not None and services else {}
    try:
        with session.begin_nested():
            record(session, telling, loaded, affected, now)
    except IntegrityError:  # someone else is telling the same at this moment, and was first
        tallies.add(session, "spared", "repeated")
    notification = _known(session, telling, account_id)
    assert notification is not None
    return notification


def accept_many(session: Session, all: Sequence[Addressed], now: datetime) -> int:
    """Many at once, each to an account and none a later revision; answers how many they are: erased accounts are left out.

    Raises IntegrityError where one was told already: whoever tells many has made sure that they are new.
    """
    of_question: dict[routing.Notification, list[Addressed]] = {}
    for one in all:
        of_question.setdefault(one.telling.question(), []).append(one)

    due_at = clock(session)

    def told() -> Iterator[_Told]:
        for question, asked in of_question.items():
            ids = sorted({one.account_id for one in asked})
            loaded = {each.recipient.account_id: each for each in recipients.load(session, ids, question)}
            for telling, account_id, id, services in asked:
                if found := loaded.get(account_id):
                    yield id, _Alike(telling, now, due_at), found, services

    return len(_write(session, list(told()), now))  # all is read before the writing begins: one connection does one thing at a time


def record(session: Session, telling: Telling, loaded: Iterable[recipients.Loaded], services: Mapping[int, Encoded], now: datetime) -> int:
    """Notifications and deliveries of many recipients, with the reason of every decision; answers how many accounts they are.

    `services` are the affected ones by account id, as JSON: [[order number, name], …]. Raises IntegrityError where one of them was
    told already; whoever tells many holds a lock against that.
    """
    alike = _Alike(telling, now, clock(session))
    all = ((new_hex_id(), alike, each, services.get(each.recipient.account_id or 0, NO_SERVICES)) for each in loaded)
    told = _write(session, all, now)
    if telling.kind.replaces and telling.revision > 1:
        supersede(session, telling, told)
    return len(told)


def _write(session: Session, all: Iterable[_Told], now: datetime) -> list[int]:
    """Answers the accounts."""
    deliveries: list[tuple[Any, ...]] = []
    told: list[int] = []
    unreachable: list[int] = []
    shapes: list[_Shape] = []

    def notifications() -> Iterator[tuple[Any, ...]]:
        # routes as it is read, so that the database takes in what is ready while the next ones are thought about
        for id, alike, (recipient, addresses), services in all:
            shape = alike.shape(recipient, addresses)
            if not shape.times:
                shapes.append(shape)
            shape.times += 1
            registered, account_id = recipient.registered, recipient.account_id
            for mailbox_id, common in shape.deliveries:
                own = registered.id if mailbox_id == routing.REGISTERED and registered else mailbox_id
                deliveries.append((new_hex_id(), id, own, common))
            if account_id:
                told.append(account_id)
                if shape.unreachable:
                    unreachable.append(account_id)
            yield id, _recipient_key(alike.telling, account_id), account_id, services, shape.notification

    bulk_insert_all(
        session,
        Rows(Notification.__table__, NOTIFICATION, notifications(), NOTIFICATIONS_ALIKE),
        Rows(Delivery.__table__, DELIVERY, deliveries, DELIVERIES_ALIKE),
    )
    if unreachable:
        open_repairs(session, unreachable, now)
    counts: Counter[Count] = Counter()
    for shape in shapes:
        for count in shape.counts:
            counts[count] += shape.times
    for (name, label), number in counts.items():
        tallies.add(session, name, label, number)
    wake.after_commit(session, "drain")
    wake.news_after_commit(session, told)
    return told


class _Shape:
    """What the rows of recipients with the same decisions are like."""

    __slots__ = ("counts", "deliveries", "notification", "times", "unreachable")

    def __init__(self, notification: tuple[Any, ...]) -> None:
        self.notification = notification  # its NOTIFICATIONS_ALIKE
        self.deliveries: list[tuple[int, tuple[Any, ...]]] = []  # each a mailbox, and its DELIVERIES_ALIKE
        self.counts: list[Count] = []  # what one recipient adds to the tallies
        self.unreachable = False
        self.times = 0  # recipients


class _Alike:
    """What the rows of many recipients have in common."""

    def __init__(self, telling: Telling, now: datetime, due_at: datetime) -> None:
        kind = telling.kind
        self.telling = telling
        self.shape = routing.Router(telling.question(), now, self._shape).route
        self.now, self.lane, self.send_before = now, int(kind.lane), telling.send_before
        self.due_at = due_at  # by the clock that claims go by: where this process's own is ahead, nothing waits for it
        common = (
            telling.source,
            telling.source_ref,
            telling.revision,
            kind.name,
            kind.category,
            self.lane,
            Encoded(encode_json(telling.data)),
            now,
        )
        self.notification = {rule: (rule, *common) for rule in (None, *routing.INBOX_REASONS)}
        self.deliveries: dict[tuple[Any, ...], tuple[Any, ...]] = {}

    def _shape(self, decisions: Sequence[routing.Decision]) -> _Shape:
        inbox_rule = next((decision.rule for decision in decisions if decision.channel == "inbox"), None)
        shape = _Shape(self.notification[inbox_rule])
        shape.counts.append(("told", self.telling.kind.name))
        for channel, action, mailbox, rule, reason in decisions:
            if channel == "inbox":
                shape.counts.append(("sent", tallies.way(self.lane, channel)))
                continue
            if action == "skip":
                shape.counts.append(("skipped", tallies.way(self.lane, channel)))
            shape.deliveries.append((mailbox.id if mailbox else 0, self._delivery(channel, action, rule, reason)))
            shape.unreachable |= rule == 5
        return shape

    def _delivery(self, *decision: Any) -> tuple[Any, ...]:
        found = self.deliveries.get(decision)
        if found is None:
            channel, action, rule, reason = decision
            state = "queued" if action == "send" else "skipped"
            found = (channel, state, rule, reason, self.lane, self.now, self.due_at, self.send_before, 0, NO_ATTEMPTS)
            self.deliveries[decision] = found
        return found


_Told = tuple[str, _Alike, recipients.Loaded, Encoded]  # the notification's id first


def supersede(session: Session, telling: Telling, account_ids: Sequence[int]) -> None:
    """Of what these accounts were told in earlier revisions, nothing leaves any more that is still waiting."""
    earlier = select(Notification.id).where(
        Notification.source == telling.source,
        Notification.source_ref == telling.source_ref,
        Notification.revision.in_(range(1, telling.revision)),  # each number is one look into an index; "less than" would walk it
        among(session, Notification.recipient_key, [_recipient_key(telling, id) for id in account_ids]),
    )
    waiting = update(Delivery).where(Delivery.notification_id.in_(earlier), Delivery.state == "queued")
    replaced = waiting.values(state="superseded", reason=SUPERSEDED).returning(Delivery.lane, Delivery.channel)
    ways = Counter((lane, channel) for lane, channel in session.execute(replaced.execution_options(synchronize_session=False)))
    for (lane, channel), count in ways.items():
        tallies.add(session, "superseded", tallies.way(lane, channel), count)


def is_replaced(session: Session, notification: Notification) -> bool:
    """Whether the same recipient was told a later revision that takes this one's place."""
    if not KINDS[notification.kind].replaces:
        return False
    later = select(Notification.id).where(
        Notification.source == notification.source,
        Notification.source_ref == notification.source_ref,
        Notification.revision > notification.revision,
        Notification.recipient_key == notification.recipient_key,
    )
    return session.execute(later.limit(1)).first() is not None


SUPERSEDED = "not sent: a newer one took its place"
NO_SERVICES = NO_ATTEMPTS = Encoded("[]")


def open_repairs(session: Session, account_ids: Sequence[int], now: datetime) -> None:
    """Asks accounts that no mail can reach to mend that: in the inbox only, and one open notice each."""
    # two at once take their turns, and in one order
    session.execute(select(Account.id).where(among(session, Account.id, account_ids)).order_by(Account.id).with_for_update(key_share=True))
    rows = session.execute(
        select(Notification.account_id, func.max(Notification.revision), func.count(Notification.id) - func.count(Notification.archived_at))
        .where(Notification.source == "repair", among(session, Notification.recipient_key, [f"account:{id}" for id in account_ids]))
        .group_by(Notification.account_id)
    )
    earlier = {account_id: (revision, open) for account_id, revision, open in rows}
    by_revision: dict[int, list[int]] = {}
    for account_id in dict.fromkeys(account_ids):
        revision, open = earlier.get(account_id, (0, 0))
        if not open:
            by_revision.setdefault(revision + 1, []).append(account_id)
    for revision, ids in by_revision.items():
        telling = Telling(KINDS["repair"], "repair", "mailboxes", revision, named=())
        record(session, telling, recipients.load(session, sorted(ids), telling.question()), {}, now)


def close_repairs(session: Session, account_ids: Sequence[int], now: datetime) -> None:
    """They can be reached again."""
    keys = [f"account:{id}" for id in account_ids]
    session.query(Notification).filter(
        Notification.source == "repair", among(session, Notification.recipient_key, keys), Notification.archived_at.is_(None)
    ).update({"archived_at": now}, synchronize_session=False)
    wake.news_after_commit(session, account_ids)


def _recipient_key(telling: Telling, account_id: int | None) -> str:
    if account_id is not None:
        return f"account:{account_id}"
    assert telling.named, "someone without an account is told at a named address"
    return f"mailbox:{telling.named[0].id}"


def _known(session: Session, telling: Telling, account_id: int | None) -> uuid.UUID | None:
    return session.execute(
        select(Notification.id).where(
            Notification.source == telling.source,
            Notification.source_ref == telling.source_ref,
            Notification.revision == telling.revision,
            Notification.recipient_key == _recipient_key(telling, account_id),
        )
    ).scalar()
