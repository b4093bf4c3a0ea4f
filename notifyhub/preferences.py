"""What a customer decides under "Send email", and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import addresses, audit, confirmations, recipients, routing
from notifyhub.accounts import lookup
from notifyhub.accounts.document import WantedAddress
from notifyhub.errors import FieldError, Invalid, NotFound
from notifyhub.kinds import CATEGORIES, OPTIONAL_KINDS, TYPICAL_KIND
from notifyhub.models import Account, DeliveryAddress


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
    for mailbox_id in sorted({change.mailbox_id for change in changes if change.action == "added"}):  # locked in one order
        if mailbox_id not in known:
            confirmations.request(session, account, mailbox_id, fields[mailbox_id], now)
    addresses.give_notice(session, account, changes, now)


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
        question = routing.Notification(TYPICAL_KIND[category], category)
        loaded = recipients.load(session, [account.id], question)
        if not loaded:
            raise NotFound("There is no account with this external id.")  # erased at this moment
        decisions = routing.route(question, *loaded[0], now)
        answer[category] = {
            "addresses": [_shown(address) for address in loaded[0].addresses],
            "now": [
                {"email": decision.mailbox.email if decision.mailbox else None, "rule": decision.rule, "reason": decision.reason}
                for decision in decisions
                if decision.channel == "email" and (decision.action == "send" or decision.mailbox is None)
            ],
        }
    return answer | {"muted": account.muted}


def _shown(address: routing.Address) -> dict[str, str]:
    """A mailbox that bounces is no use, confirmed or not: that is the state to show."""
    state = "bouncing" if address.mailbox.status == "bouncing" else address.state
    return {"email": address.mailbox.email, "state": state}
