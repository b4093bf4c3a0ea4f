"""Accounts by the provider's own id."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.errors import NotFound
from notifyhub.languages import N_
from notifyhub.models import Account


def find(session: Session, external_id: str) -> Account:
    """Raises NotFound."""
    account = session.execute(select(Account).where(Account.external_id == external_id)).scalar()
    if account is None:
        raise NotFound(N_("There is no account with this external id."))
    return account


def lock(session: Session, account: Account) -> None:
    """It is as it stands now, and nobody else changes it from here on. Raises NotFound where it was erased meanwhile."""
    session.refresh(account, with_for_update=True)
    if account.erased_at is not None:
        raise NotFound(N_("There is no account with this external id."))
