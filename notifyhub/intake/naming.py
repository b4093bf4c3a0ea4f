"""Which services a mail is about, by the order numbers and IP addresses that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from ipaddress import ip_address

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.accounts import holders
from notifyhub.database import among
from notifyhub.models import Account, Service
from notifyhub.networks import parse_network

LOOKED_AT = 20_000  # characters
MOST_NUMBERS = 200
MOST_ADDRESSES = 20
FEWEST_DIGITS = 5  # of an order number that stands there without its #: shorter ones are years, prices and ports
_WORD = re.compile(r"#?[^\W_][\w.-]{0,62}[^\W_]")
_V4 = re.compile(r"(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d]|\.\d)", re.ASCII)
_V6 = re.compile(r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])", re.IGNORECASE)


def owners(session: Session, text: str, now: datetime) -> list[int]:
    """Ids of the accounts whose services it names."""
    text = text[:LOOKED_AT]
    return sorted({*_by_number(session, text), *_by_address(session, text, now)})


def _by_number(session: Session, text: str) -> list[int]:
    spellings = list(dict.fromkeys(spelling for word in _WORD.findall(text) for spelling in _spellings(word)))[:MOST_NUMBERS]
    if not spellings:
        return []
    query = select(Service.account_id).join(Account, Account.id == Service.account_id)
    return list(session.scalars(query.where(among(session, Service.order_number, spellings), Service.ended_at.is_(None))))


def _spellings(word: str) -> Iterator[str]:
    """With or without the #, as people write it."""
    bare = word.removeprefix("#")
    if word.startswith("#") or sum(character.isdigit() for character in bare) >= FEWEST_DIGITS:
        yield f"#{bare}"
        yield bare


def _by_address(session: Session, text: str, now: datetime) -> Iterator[int]:
    for address in list(dict.fromkeys([*_V4.findall(text), *_V6.findall(text)]))[:MOST_ADDRESSES]:
        try:
            if ip_address(address).is_loopback:
                continue
            network = parse_network(address)
        except ValueError:
            continue
        holding = holders.holding(session, network, None, now)
        if holding and not holding.terminated and holding.until is None:
            yield holding.account_id
