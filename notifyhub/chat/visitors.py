"""Who a visitor is: the provider's web site says so by a short token that is good for once; ours lasts for as long as they look around."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import signing
from notifyhub.config import Settings
from notifyhub.errors import NotFound, Refused
from notifyhub.models import Account

SCOPE = "chat-visitor"
LASTS = timedelta(hours=12)


class NotKnown(Refused):
    """It is not signed by us, or no longer good."""


class Visitor(NamedTuple):
    """As they begin a conversation."""

    place: str  # the network that they come from, which limits are counted by
    account_id: int | None = None
    name: str = ""
    locale: str = "en"
    page: str = ""  # that they look at


def audience(settings: Settings) -> str:
    """Of the tokens that the provider's web site signs (signins/sso.py)."""
    return f"{settings.base_url}/chat"


def vouch(settings: Settings, account: Account, now: datetime) -> str:
    return signing.sign(settings, SCOPE, [account.id, int((now + LASTS).timestamp())])


def recognise(session: Session, settings: Settings, text: str, now: datetime) -> Account:
    """Raises NotKnown."""
    try:
        account_id, until = signing.read(settings, SCOPE, text)
    except NotFound:
        raise NotKnown("Nobody we know was handed over by that.") from None
    account = session.scalars(select(Account).where(Account.id == account_id, Account.erased_at.is_(None))).first()
    if account is None or until <= now.timestamp():
        raise NotKnown("This visitor was handed over too long ago. Load the page again.")
    return account
