"""E-mail addresses: what is accepted, and the form in which two spellings of one address compare equal."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from email_validator import EmailNotValidError, validate_email

from notifyhub.languages import N_, said

# RFC 5321 section 4.5.3.1: 64 octets, @, and 254 in all, so that the path with its brackets fits 256
MOST_CHARACTERS = 254
MOST_LOCAL_BYTES = 64
PLAIN_LOCAL = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*")

# the reasons of email-validator that typing errors lead to; they are translated with the sentence they stand in
REASONS = (
    N_("An email address must have an @-sign."),
    N_("There must be something before the @-sign."),
    N_("There must be something after the @-sign."),
    N_("The part after the @-sign is not valid. It should have a period."),
    N_("An email address cannot have two periods in a row."),
    N_("An email address cannot end with a period."),
)


class Email(NamedTuple):
    address: str  # as mail is sent to it: NFC, the domain as A-label (RFC 5890)
    key: str  # as it is compared: local part casefolded; dots and plus-tags are kept


def parse_email(text: str) -> Email:
    """Raises ValueError with a sentence for whoever typed it. Looks nothing up in DNS."""
    local, _, domain = text.partition("@")
    # an import has a million addresses and few domains: those are checked once
    if len(local) <= MOST_LOCAL_BYTES and PLAIN_LOCAL.fullmatch(local) and len(text) <= MOST_CHARACTERS:
        domain = _domain(domain)
        if len(local) + len(domain) < MOST_CHARACTERS:
            return Email(f"{local}@{domain}", f"{local.lower()}@{domain}")
    return _parse(text)


@lru_cache(maxsize=16384)
def _domain(text: str) -> str:
    return _parse(f"a@{text}").address[2:]


def _parse(text: str) -> Email:
    if len(text) > MOST_CHARACTERS:
        raise ValueError(said("is longer than %(most)s characters", most=MOST_CHARACTERS))
    try:
        valid = validate_email(text, check_deliverability=False, allow_smtputf8=True, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(said("is not an e-mail address: %(why)s", why=str(error)[:200])) from None
    address = f"{valid.local_part}@{valid.ascii_domain}"
    if len(valid.local_part.encode()) > MOST_LOCAL_BYTES:
        raise ValueError(said("is not an e-mail address: there are more than %(most)s bytes before the @", most=MOST_LOCAL_BYTES))
    if len(address.encode()) > MOST_CHARACTERS:
        raise ValueError(said("is longer than %(most)s bytes", most=MOST_CHARACTERS))
    return Email(address, f"{valid.local_part.casefold()}@{valid.ascii_domain}")
