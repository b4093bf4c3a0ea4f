"""What an audience can be made of: the locations, nodes and products there are, with how many services each holds.

Counted from all services, so kept for a while: whoever chooses can live with figures that are minutes old.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notifyhub.announcements import audience
from notifyhub.database import among
from notifyhub.models import Account, Service

KEPT_SECONDS = 300
MOST_CHOICES = 2000  # of one sort: more are too many to look through, and can be typed
MOST_NAMED = 5

COUNTED = ("locations", "nodes", "products")


class Choice(NamedTuple):
    name: str
    services: int


class _Counted(NamedTuple):
    at: float
    choices: dict[str, dict[str, int]]  # services by name
    locales: dict[str, int]  # accounts by language


_counted: dict[str, _Counted] = {}  # by database


def choices(session: Session) -> dict[str, list[Choice]]:
    """The largest ones of each sort, by name."""
    return {key: sorted(map(Choice._make, Counter(found).most_common(MOST_CHOICES))) for key, found in _all(session).choices.items()}


def locales(session: Session) -> dict[str, int]:
    """The accounts' languages, the most frequent first."""
    return _all(session).locales


def _all(session: Session) -> _Counted:
    database = str(session.get_bind().engine.url)
    known = _counted.get(database)
    if known is None or time.monotonic() - known.at > KEPT_SECONDS:
        known = _counted[database] = _Counted(time.monotonic(), _count(session), _count_locales(session))
    return known


def _count(session: Session) -> dict[str, dict[str, int]]:
    columns = [audience.COLUMNS[key] for key in COUNTED]
    found: dict[str, dict[str, int]] = {key: Counter() for key in COUNTED}
    for *names, count in session.execute(select(*columns, func.count()).where(audience.RENTED).group_by(*columns)):
        for key, name in zip(COUNTED, names, strict=True):
            if name:
                found[key][name] = found[key].get(name, 0) + count
    return found


def _count_locales(session: Session) -> dict[str, int]:
    rows = session.execute(select(Account.locale, func.count()).where(Account.erased_at.is_(None)).group_by(Account.locale))
    return dict(sorted(((locale, count) for locale, count in rows), key=lambda item: -item[1]))


def forget() -> None:
    _counted.clear()


class Unknown(NamedTuple):
    key: str  # of the audience
    times: int
    named: Sequence[str]  # the first few


def unknown(session: Session, document: Mapping[str, Any]) -> list[Unknown]:
    """What the audience names and nobody has: a slip of the pen, mostly."""
    found = []
    for key in audience.LIST_KEYS:
        if key != "networks" and (wanted := document.get(key)):
            known = _known(session, key, wanted)
            missing = [name for name in wanted if name not in known]
            if missing:
                found.append(Unknown(key, len(missing), missing[:MOST_NAMED]))
    return found


def _known(session: Session, key: str, wanted: Sequence[str]) -> set[str]:
    if key in COUNTED:
        kept = _all(session).choices[key]
        if all(name in kept for name in wanted):
            return set(wanted)
        column: Any = audience.COLUMNS[key]
        return set(session.scalars(select(column).where(among(session, column, wanted), audience.RENTED).distinct()))
    if key == "accounts":
        return {str(id) for id in session.scalars(select(Account.external_id).where(among(session, Account.external_id, wanted)))}
    return set(session.scalars(select(Service.order_number).where(among(session, Service.order_number, wanted), audience.RENTED)))
