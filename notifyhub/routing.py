"""Who is told, where, and why: the policy as a table, and the one function that interprets it.

Plain data in, plain data out. No database, no clock, no Flask: `now` is an argument.
A rule looks and answers; it never acts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Generic, Literal, NamedTuple, TypeVar

T = TypeVar("T")

HIJACK_WINDOW = timedelta(hours=72)


class Mailbox(NamedTuple):
    id: int
    email: str
    status: Literal["ok", "bouncing", "complained"] = "ok"
    usable_since: datetime | None = None  # None: since before anyone asks


class Address(NamedTuple):
    """A mailbox that an account set for one category."""

    category: str
    mailbox: Mailbox
    state: Literal["pending", "verified", "replaced"]
    usable_since: datetime | None = None


class Notification(NamedTuple):
    kind: str
    category: str
    optional: bool = False
    named: tuple[Mailbox, ...] | None = None  # rule 0: it names its recipients
    inbox: bool = True  # rule 0: its kind is an inbox item besides


class Recipient(NamedTuple):
    account_id: int | None
    registered: Mailbox | None
    previous_registered: Mailbox | None = None
    registered_changed_at: datetime | None = None
    muted: frozenset[str] = frozenset()


class Decision(NamedTuple):
    channel: Literal["inbox", "email"]
    action: Literal["send", "skip"]
    mailbox: Mailbox | None
    rule: int
    reason: str


class Case(NamedTuple):
    """What every rule looks at."""

    notification: Notification
    recipient: Recipient
    addresses: Sequence[Address]  # of the notification's category only
    usable: list[Mailbox]  # of those, what is confirmed and accepts this
    registered: Mailbox | None  # the registered address, if it accepts this
    now: datetime

    def fresh(self, since: datetime | None) -> bool:
        return since is not None and self.now - since < HIJACK_WINDOW


def accepts(mailbox: Mailbox | None, notification: Notification) -> bool:
    """A complaint silences optional kinds only: invoices, abuse and outages always go out."""
    if mailbox is None:
        return False
    return mailbox.status == "ok" or (mailbox.status == "complained" and not notification.optional)


def chosen(addresses: Sequence[Address]) -> list[Mailbox]:
    """What the account set for this category and confirmed; what is replaced serves on until a new one is confirmed."""
    return [address.mailbox for address in addresses if address.state != "pending"]


class Answer(NamedTuple):
    decisions: tuple[Decision, ...] | list[Decision] = ()
    stop: bool = False


class Rule(NamedTuple):
    number: int
    sentence: str
    look: Callable[[Case, Sequence[Decision]], Answer]


NOTHING = Answer()
INBOX_REASONS = {0: "its kind is shown in the inbox", 1: "every notification of an account is in its inbox"}
SKIPPED_STATES = {
    "pending": "address not confirmed yet",
    "bouncing": "mailbox does not accept our mail",
    "complained": "mailbox complained about mail like this",
}


def names_its_recipients(case: Case, _: Sequence[Decision]) -> Answer:
    notification, recipient = case.notification, case.recipient
    if notification.named is None:
        return NOTHING
    decisions = [Decision("email", "send", mailbox, 0, "the notification names this address") for mailbox in notification.named]
    if notification.inbox and recipient.account_id is not None:
        decisions.insert(0, Decision("inbox", "send", None, 0, INBOX_REASONS[0]))
    return Answer(decisions, stop=True)


def inbox_always(case: Case, _: Sequence[Decision]) -> Answer:
    if case.recipient.account_id is None:
        return NOTHING
    return INBOX


INBOX = Answer((Decision("inbox", "send", None, 1, INBOX_REASONS[1]),))


def muted_or_complained(case: Case, _: Sequence[Decision]) -> Answer:
    if not case.notification.optional:
        return NOTHING
    if case.notification.kind in case.recipient.muted:
        return Answer((Decision("email", "skip", None, 2, "the account muted this kind"),), stop=True)
    registered = case.recipient.registered
    targets = chosen(case.addresses) or ([registered] if registered else [])
    if targets and all(mailbox.status == "complained" for mailbox in targets):
        reason = SKIPPED_STATES["complained"]
        return Answer([Decision("email", "skip", mailbox, 2, reason) for mailbox in targets], stop=True)
    return NOTHING


def category_addresses(case: Case, _: Sequence[Decision]) -> Answer:
    if not case.addresses:
        return NOTHING
    decisions = []
    for address in case.addresses:
        mailbox = address.mailbox
        if address.state == "pending":
            decisions.append(Decision("email", "skip", mailbox, 3, SKIPPED_STATES["pending"]))
        elif mailbox not in case.usable:
            decisions.append(Decision("email", "skip", mailbox, 3, SKIPPED_STATES[mailbox.status]))
        elif address.state == "replaced":
            decisions.append(Decision("email", "send", mailbox, 3, "address in use until its replacement is confirmed"))
        else:
            decisions.append(Decision("email", "send", mailbox, 3, "confirmed address of this category"))
    return Answer(decisions)


def registered_address(case: Case, _: Sequence[Decision]) -> Answer:
    registered = case.registered
    if registered is None or case.usable:
        return NOTHING
    if not case.addresses:
        return Answer((Decision("email", "send", registered, 4, "registered address: none is set for this category"),))
    return Answer((Decision("email", "send", registered, 4, "registered address: none set for this category is usable"),))


def nothing_usable(case: Case, _: Sequence[Decision]) -> Answer:
    if case.usable or case.registered:
        return NOTHING
    return NOBODY


NOBODY = Answer((Decision("email", "skip", None, 5, "no usable address"),))


def fresh_abuse_address(case: Case, so_far: Sequence[Decision]) -> Answer:
    if case.notification.category != "abuse":
        return NOTHING
    recipient = case.recipient
    changed_lately = case.fresh(recipient.registered_changed_at)
    sent = {decision.mailbox.id for decision in so_far if decision.mailbox and decision.action == "send"}
    since = {address.mailbox.id: address.usable_since for address in case.addresses}
    fresh = any(case.fresh(since.get(id)) for id in sent) or any(
        case.fresh(decision.mailbox.usable_since) for decision in so_far if decision.mailbox and decision.action == "send"
    )
    if not fresh and not (changed_lately and recipient.registered and recipient.registered.id in sent):
        return NOTHING
    also = [(recipient.registered, "registered address: the address for abuse became usable less than 72 hours ago")]
    if changed_lately:
        also.append((recipient.previous_registered, "previous registered address: it changed less than 72 hours ago"))
    return Answer(
        [Decision("email", "send", mailbox, 6, reason) for mailbox, reason in also if mailbox and accepts(mailbox, case.notification)]
    )


# Rule 7 (the mail domain of the chosen address is hosted on a service that the announcement takes down) has its place here.
# Rule 8 (the same mailbox twice: once) concerns all decisions together, so route() itself applies it.
POLICY = (
    Rule(0, "A notification that names its recipients goes to exactly those.", names_its_recipients),
    Rule(1, "An account finds everything in its inbox.", inbox_always),
    Rule(2, "An optional kind is skipped where the account muted it or the mailbox complained.", muted_or_complained),
    Rule(3, "Mail goes to each confirmed address of the category that accepts our mail.", category_addresses),
    Rule(4, "Where there is none, it goes to the registered address.", registered_address),
    Rule(5, "Where nothing is usable, that is said, and an account gets a repair notice.", nothing_usable),
    Rule(6, "An abuse address that became usable less than 72 hours ago does not silence the registered one.", fresh_abuse_address),
)


def route(notification: Notification, recipient: Recipient, addresses: Sequence[Address], now: datetime) -> list[Decision]:
    """Every decision with its rule and reason, skips included.

    `addresses` may hold all categories of the account; `now` is aware, UTC.
    """
    category = notification.category
    addresses = [address for address in addresses if address.category == category]
    usable = [mailbox for mailbox in chosen(addresses) if accepts(mailbox, notification)]
    registered = recipient.registered if accepts(recipient.registered, notification) else None
    case = Case(notification, recipient, addresses, usable, registered, now)
    decisions: list[Decision] = []
    for rule in POLICY:
        answer = rule.look(case, decisions)
        decisions.extend(answer.decisions)
        if answer.stop:
            break
    one_mail_at_most = recipient.account_id is not None and notification.named is None and len(decisions) <= 2
    return decisions if one_mail_at_most else once_per_mailbox(decisions)


class Router(Generic[T]):
    """route() for many recipients with one question, and what is made of the decisions: both once for all that look alike to the
    policy. Most accounts have nothing but a registered address, and differ in no more than that: it is REGISTERED in their decisions."""

    def __init__(self, notification: Notification, now: datetime, make: Callable[[list[Decision]], T]) -> None:
        self.notification, self.now, self.make = notification, now, make
        self.by_looks: dict[tuple[Any, ...], T] = {}

    def route(self, recipient: Recipient, addresses: Sequence[Address]) -> T:
        asked = self.notification
        # rule 0 does not look at the account, and rule 6 looks at times
        if addresses or asked.named is not None or asked.category == "abuse":
            return self.make(route(asked, recipient, addresses, self.now))
        registered = recipient.registered
        looks = (recipient.account_id is None, registered.status if registered else None, asked.kind in recipient.muted)
        made = self.by_looks.get(looks)
        if made is None:
            alike = recipient._replace(registered=registered and registered._replace(id=REGISTERED, email=""))
            made = self.by_looks[looks] = self.make(route(asked, alike, addresses, self.now))
        return made


REGISTERED = -1  # stands for the id of the recipient's own registered mailbox


def once_per_mailbox(decisions: Sequence[Decision]) -> list[Decision]:
    """Rule 8: the same mailbox twice is told once. Sending wins over skipping, the earlier rule over the later."""
    kept: dict[tuple[str, int], Decision] = {}
    for decision in decisions:
        key = (decision.channel, decision.mailbox.id if decision.mailbox else 0)
        if key not in kept or (kept[key].action == "skip" and decision.action == "send"):
            kept[key] = decision
    return list(kept.values())
