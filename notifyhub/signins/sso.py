"""Tokens by which the provider's own client area hands a customer over (JWT, RFC 7519): signed by it, short, good for once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifyhub.config import SsoKey
from notifyhub.errors import Conflict, NotFound, Refused
from notifyhub.languages import N_, said
from notifyhub.models import Account, SpentToken

LONGEST = timedelta(seconds=60)
CLAIMS = ("sub", "aud", "exp", "iat", "jti")
MOST_CHARACTERS = 200  # of a jti


class NotOurs(Refused):
    """It is not signed by the provider, not for us, or not as was agreed."""


class Expired(Conflict):
    pass


class Spent(Conflict):
    pass


def read(token: str, key: SsoKey, audience: str, now: datetime) -> dict[str, Any]:
    """The claims. Raises NotOurs, Expired. The algorithm is that of the key, whatever the token says."""
    try:
        claims = jwt.decode(
            token, key.key, algorithms=[key.algorithm], audience=audience,
            # the times are compared below, with a clock that is an argument
            options={"require": list(CLAIMS), "strict_aud": True, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )  # fmt: skip
    except jwt.InvalidAudienceError:
        raise NotOurs(N_("The sign-in token is for another site.")) from None
    except jwt.MissingRequiredClaimError as error:
        raise NotOurs(said("The sign-in token lacks something it must say: %(claim)s.", claim=error.claim)) from None
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        raise NotOurs(N_("The sign-in token is not signed as agreed, or it was cut off.")) from None
    _check_times(claims, now)
    if not _is_text(claims["sub"]) or not _is_text(claims["jti"]):
        raise NotOurs(N_("The sign-in token is not signed as agreed, or it was cut off."))
    return claims


def _check_times(claims: dict[str, Any], now: datetime) -> None:
    try:
        expires_at, issued_at = (datetime.fromtimestamp(float(claims[name]), UTC) for name in ("exp", "iat"))
    except (TypeError, ValueError, OverflowError, OSError):
        raise NotOurs(N_("The times in the sign-in token cannot be read.")) from None
    if expires_at <= now:
        raise Expired(N_("The sign-in token has expired."))
    if expires_at - now > LONGEST:
        raise NotOurs(N_("The sign-in token would be good for more than a minute, which is not accepted."))
    if issued_at > now + LONGEST:
        raise NotOurs(N_("The sign-in token comes from the future."))


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MOST_CHARACTERS and value.isprintable()


def accept(session: Session, claims: dict[str, Any], now: datetime) -> Account:
    """Spends the token. Raises NotFound, Spent."""
    account = session.execute(select(Account).where(Account.external_id == claims["sub"], Account.erased_at.is_(None))).scalar()
    if account is None:
        raise NotFound(N_("Your account is not known here yet."))
    spent = SpentToken(audience=claims["aud"], jti=claims["jti"], expires_at=datetime.fromtimestamp(float(claims["exp"]), UTC))
    try:
        with session.begin_nested():
            session.add(spent)
    except IntegrityError:
        raise Spent(N_("The sign-in token has been used already.")) from None
    return account


def prune(session: Session, now: datetime) -> None:
    session.execute(delete(SpentToken).where(SpentToken.expires_at < now))
