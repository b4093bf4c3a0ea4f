"""What a customer decides in the settings, above all under "Send email", and what it comes to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifyhub import addresses, audit, confirmations, recipients, routing
from notifyhub.accounts import lookup
from notifyhub.accounts.document import MOST_ADDRESSES, WantedAddress
from notifyhub.emails import Email, parse_email
from notifyhub.errors import Conflict, FieldError, Invalid, NotFound
from notifyhub.kinds import CATEGORIES, OPTIONAL_KINDS, TYPICAL_KIND
from notifyhub.languages import N_, said
from notifyhub.models import Account, Confirmation, DeliveryAddress, Mailbox, SpentToken

UNDO_WITHIN = timedelta(minutes=10)


def choose(session: Session, account: Account, document: Mapping[str, list[WantedAddress]], muted: list[str] | None, now: datetime) -> None:
    """What a customer decided under "Send email": new addresses wait for their owners' confirmation, which is mailed to them."""
    lookup.lock(session, account)
    ids = addresses.mailbox_ids(session, (address.email for wanted in document.values() for address in wanted))
    known = _known_mailboxes(session, account)
    changes: list[addresses.Change] = []
    for category, listed in document.items():
        wanted = [addresses.Wanted(ids[address.email.key], ids[address.email.key] in known) for address in listed]
        changes += addresses.set_category(session, account, category, wanted, now)
    if muted is not None:
        mute(session, account, muted)
    fields = {ids[address.email.key]: f"{category}.{index}" for category, items in document.items() for index, address in enumerate(items)}
    _ask_owners(session, account, {id: fields[id] for id in _added(changes) - known}, now)
    addresses.give_notice(session, account, changes, now)


def _added(changes: Iterable[addresses.Change]) -> set[int]:
    return {change.mailbox_id for change in changes if change.action == "added"}


def _ask_owners(session: Session, account: Account, fields: Mapping[int, str], now: datetime) -> None:
    """`fields`: by mailbox, what an error is said of."""
    for mailbox_id in sorted(fields):  # locked in one order
        confirmations.request(session, account, mailbox_id, fields[mailbox_id], now)


# --- one address at a time


def read_list(text: str) -> list[Email]:
    """Addresses as people paste them: separated by commas, spaces or lines, with names before them. Raises Invalid, all errors at once."""
    found: dict[str, Email] = {}
    errors = []
    pieces = [piece for part in re.split(r"[,;\r\n]", text) for piece in _pieces(part)]
    if not pieces:
        raise Invalid(FieldError("", N_("Type an address first.")))
    if len({piece.casefold() for piece in pieces}) > MOST_ADDRESSES:
        raise Invalid(_too_many(len(pieces)))
    for piece in pieces:
        try:
            email = parse_email(piece)
        except ValueError as error:
            errors.append(FieldError(piece if len(piece) <= 60 else piece[:59] + "…", error.args[0]))
        else:
            found.setdefault(email.key, email)
    if errors:
        raise Invalid(*errors)
    return list(found.values())


def _pieces(part: str) -> list[str]:
    _, bracket, rest = part.partition("<")
    return [rest.partition(">")[0].strip()] if bracket else part.split()


def _too_many(count: int) -> FieldError:
    message = N_("That would be %(count)s addresses; a category holds up to %(most)s. Nothing was added.")
    return FieldError("", said(message, count=count, most=MOST_ADDRESSES))


class Added(NamedTuple):
    asked: list[str]  # their owners were mailed a link to confirm them
    confirmed: list[str]  # known to be this account's already


def add(session: Session, account: Account, category: str, emails: Sequence[Email], now: datetime) -> Added:
    """All of them or none. Raises Invalid, TooMany; their errors name the address, or nothing where they concern the list."""
    lookup.lock(session, account)
    ids = addresses.mailbox_ids(session, emails)
    known = _known_mailboxes(session, account)
    listed = set(session.scalars(_listed(account, category).where(DeliveryAddress.state != "replaced")))
    new = [email for email in emails if ids[email.key] not in listed]
    if not new:
        raise Invalid(*(FieldError(email.address, N_("is in this list already")) for email in emails))
    if len(listed) + len(new) > MOST_ADDRESSES:
        raise Invalid(_too_many(len(listed) + len(new)))
    wanted = [addresses.Wanted(ids[email.key], ids[email.key] in known) for email in new]
    changes = addresses.add(session, account, category, wanted, now)
    asked = {ids[email.key]: email.address for email in new if ids[email.key] not in known}
    _ask_owners(session, account, asked, now)
    addresses.give_notice(session, account, changes, now)
    return Added(list(asked.values()), [email.address for email in new if ids[email.key] in known])


class Removal(NamedTuple):
    removed: addresses.Removed
    email: str
    serves_on: bool  # until one of those that wait is confirmed


def remove(session: Session, account: Account, category: str, mailbox_id: int, now: datetime) -> Removal:
    """Raises NotFound."""
    lookup.lock(session, account)
    done = addresses.remove(session, account, category, mailbox_id)
    if done is None:
        raise NotFound(N_("This account has no such address."))
    removed, changes = done
    addresses.give_notice(session, account, changes, now)
    return Removal(removed, session.get_one(Mailbox, mailbox_id).email, changes[0].action == "replaced")


def undo_removal(session: Session, account: Account, removed: addresses.Removed, once: str, now: datetime) -> str:
    """Answers the address. `once` is what this undo is known by. Raises Conflict, Invalid."""
    lookup.lock(session, account)
    try:
        with session.begin_nested():
            session.add(SpentToken(audience="undo", jti=once, expires_at=now + UNDO_WITHIN))
    except IntegrityError:
        raise Conflict(N_("This was undone already.")) from None
    # against erasure, which empties mailboxes that nobody uses
    mailbox = session.execute(select(Mailbox).where(Mailbox.id == removed.mailbox_id).with_for_update(read=True, key_share=True)).scalar()
    if mailbox is None or not mailbox.email:
        raise Conflict(N_("This cannot be undone any more. Add the address again."))
    listed = set(session.scalars(_listed(account, removed.category)))
    if len(listed - {mailbox.id}) >= MOST_ADDRESSES:
        raise Invalid(_too_many(len(listed) + 1))
    addresses.give_notice(session, account, addresses.restore(session, account, removed), now)
    return mailbox.email


def _listed(account: Account, category: str) -> Any:
    mine = select(DeliveryAddress.mailbox_id).where(DeliveryAddress.account_id == account.id)
    return mine.where(DeliveryAddress.category == category)


def confirm_again(session: Session, account: Account, mailbox_id: int, now: datetime) -> str:
    """Mails the link again, also to one that bounces; answers the address. Raises NotFound, Conflict, Invalid, TooMany."""
    mailbox = held(session, account, mailbox_id)
    confirmations.request_again(session, account, mailbox.key, now)
    return mailbox.email


def held(session: Session, account: Account, mailbox_id: int) -> Mailbox:
    """One that this account set, or is registered with. Raises NotFound, for another account's too."""
    mine = select(DeliveryAddress.mailbox_id).where(DeliveryAddress.account_id == account.id, DeliveryAddress.mailbox_id == mailbox_id)
    if mailbox_id != account.registered_mailbox_id and session.execute(mine.limit(1)).first() is None:
        raise NotFound(N_("This account has no such address."))
    return session.get_one(Mailbox, mailbox_id)


# --- everything else


def choose_display(session: Session, account: Account, locale: str, time_zone: str, now: datetime) -> None:
    """Language and time zone, for pages and mails. A sync of the provider leaves them alone until they change there."""
    lookup.lock(session, account)
    if (locale, time_zone) != (account.locale, account.time_zone):
        account.locale, account.time_zone, account.updated_at = locale, time_zone, now
        audit.record(session, "display.changed", f"account:{account.id}", account.id, locale=locale, time_zone=time_zone)


def mute(session: Session, account: Account, kinds: list[str]) -> None:
    """These optional kinds, and no others, are not mailed to it."""
    muted = sorted(set(kinds))
    if muted != sorted(account.muted):
        audit.record(session, "muted.changed", f"account:{account.id}", account.id, muted=muted)
        account.muted = muted


def _known_mailboxes(session: Session, account: Account) -> set[int]:
    """Those that need no confirmation: confirmed for another category, or registered with the provider."""
    rows = select(DeliveryAddress.mailbox_id).where(DeliveryAddress.account_id == account.id, DeliveryAddress.state != "pending")
    return {*session.scalars(rows), account.registered_mailbox_id or 0}


def read_muted(items: Any) -> list[str]:
    """Raises Invalid."""
    if not isinstance(items, list):
        raise Invalid(FieldError("muted", "must be a list"))
    for index, item in enumerate(items):
        if item not in OPTIONAL_KINDS:
            raise Invalid(FieldError(f"muted.{index}", f"only optional kinds can be muted: {', '.join(OPTIONAL_KINDS)}"))
    return sorted(set(items))


def send_email(session: Session, account: Account, now: datetime) -> dict[str, Any]:
    """What the account set, and where mail of each category goes right now: asked of the routing core."""
    answer: dict[str, Any] = {}
    for category in CATEGORIES:
        loaded, decisions = _asked(session, account, category, now)
        answer[category] = {
            "addresses": [
                {"email": address.mailbox.email, "state": _state(address.state, address.mailbox)} for address in loaded.addresses
            ],
            "now": [
                {"email": decision.mailbox.email if decision.mailbox else None, "rule": decision.rule, "reason": decision.reason}
                for decision in decisions
                if decision.channel == "email" and (decision.action == "send" or decision.mailbox is None)
            ],
        }
    return answer | {"muted": account.muted}


def _asked(session: Session, account: Account, category: str, now: datetime) -> tuple[recipients.Loaded, list[routing.Decision]]:
    question = routing.Notification(TYPICAL_KIND[category], category)
    loaded = recipients.load(session, [account.id], question)
    if not loaded:
        raise NotFound(N_("There is no account with this external id."))  # erased at this moment
    return loaded[0], routing.route(question, *loaded[0], now)


def _state(state: str, mailbox: routing.Mailbox | Mailbox) -> str:
    """A mailbox that bounces is no use, confirmed or not: that is the state to show."""
    return "bouncing" if mailbox.status == "bouncing" else state


class Listed(NamedTuple):
    """An address with what its owner wants to know of it."""

    mailbox_id: int
    email: str
    state: str  # a key of labels.ADDRESS_STATES
    since: datetime | None
    reply: str | None  # what its server said, where it bounces
    complained: bool
    asked_at: datetime | None  # when a confirmation was mailed last, if it has not been used
    asked_until: datetime | None  # until when its link works


class Setting(NamedTuple):
    category: str
    addresses: list[Listed]
    decisions: list[routing.Decision]  # of the routing core, on mail of this category


class Overview(NamedTuple):
    registered: Listed | None
    settings: list[Setting]


def overview(session: Session, account: Account, now: datetime, categories: Sequence[str] = CATEGORIES) -> Overview:
    """The same as send_email() with since when and why, for who may mend it."""
    asked = _confirmations(session, account)
    rows = select(DeliveryAddress, Mailbox).join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
    rows = rows.where(DeliveryAddress.account_id == account.id, DeliveryAddress.category.in_(categories))
    listed: dict[str, list[Listed]] = {category: [] for category in categories}
    for row, mailbox in session.execute(rows.order_by(DeliveryAddress.position)):
        since = row.created_at if row.state == "pending" else row.usable_since
        listed[row.category].append(_listing(mailbox, row.state, since, asked))
    registered = session.get(Mailbox, account.registered_mailbox_id) if account.registered_mailbox_id else None
    return Overview(
        _listing(registered, "verified", None, asked) if registered else None,
        [Setting(category, listed[category], _asked(session, account, category, now)[1]) for category in categories],
    )


def _listing(mailbox: Mailbox, state: str, since: datetime | None, asked: Mapping[int, tuple[datetime, datetime]]) -> Listed:
    state, (asked_at, asked_until) = _state(state, mailbox), asked.get(mailbox.id, (None, None))
    bounces = state == "bouncing"
    return Listed(
        mailbox.id, mailbox.email, state, mailbox.status_at if bounces else since, mailbox.status_reason if bounces else None,
        mailbox.status == "complained", asked_at, asked_until,
    )  # fmt: skip


def _confirmations(session: Session, account: Account) -> dict[int, tuple[datetime, datetime]]:
    """By mailbox, the last one that its owner has not followed yet."""
    rows: Iterable[Any] = session.execute(
        select(Confirmation.mailbox_id, Confirmation.created_at, Confirmation.expires_at)
        .where(Confirmation.account_id == account.id, Confirmation.used_at.is_(None))
        .order_by(Confirmation.created_at)
    )
    return {mailbox_id: (created_at, expires_at) for mailbox_id, created_at, expires_at in rows}
