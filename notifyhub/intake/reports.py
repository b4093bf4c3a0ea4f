"""Reports of mail servers on mails of ours: delivery status notifications (RFC 3464), and the odd formats from before them."""

from __future__ import annotations

import logging
import re
import uuid
from typing import NamedTuple

from flufl.bounce import all_failures

from notifyhub import signing
from notifyhub.bounces import Verdict
from notifyhub.config import Settings
from notifyhub.intake import parsing
from notifyhub.intake.parsing import Part
from notifyhub.intake.verdicts import verdict
from notifyhub.logs import log

logging.getLogger("flufl.bounce").disabled = True  # a page for each mail that a detector stumbles over; one line is enough

READ_BYTES = 1024 * 1024  # of a raw mail, in search of what is ours
TOKEN = re.compile(rb"(?<![A-Za-z0-9])([a-z2-7]{39})@", re.IGNORECASE)
REPLY = re.compile(r"(?<![\d.-])[45][0-5]\d[ -].{1,200}")
SAID_CHARACTERS = 4000  # of the text: what follows is mostly the mail that came back


class Status(NamedTuple):
    """What a report says about one address."""

    address: str
    action: str  # failed, delayed, delivered, relayed, expanded
    status: str
    diagnostic: str


class Failure(NamedTuple):
    verdict: Verdict
    reply: str


def statuses(message: Part) -> list[Status]:
    """Of the recipients in all delivery status parts."""
    found = []
    for part in parsing.parts(message):
        if part.get_content_type() != "message/delivery-status":
            continue
        for block in parsing.fields(part):
            address = _typed(block, "Final-Recipient") or _typed(block, "Original-Recipient")
            action = parsing.header(block, "Action").lower()
            if action or address:
                found.append(Status(address, action, parsing.header(block, "Status"), _typed(block, "Diagnostic-Code")))
    return found


def _typed(block: Part, name: str) -> str:
    """Without the type that stands before the semicolon (RFC 3464, section 2.1.2)."""
    return parsing.header(block, name).partition(";")[2].strip()


def failure(statuses: list[Status], message: Part) -> Failure | None:
    """Of the first address that failed; None where none did for good."""
    for found in statuses:
        if found.action == "failed":
            said = parsing.plain_text(message)[:SAID_CHARACTERS]
            reply = found.diagnostic or found.status or "no reason given"
            return Failure(verdict(found.status, found.diagnostic, said), reply)
    return None


def odd_failure(message: Part) -> Failure | None:
    """Of a report in no standard format. Which address it names matters little: the proof says which delivery it is about."""
    named = parsing.header(message, "X-Failed-Recipients") or _found(message)
    if not named:
        return None
    said = parsing.plain_text(message)[:SAID_CHARACTERS]
    reply = REPLY.search(" ".join(said.split()))
    return Failure(verdict("", "", said), reply[0].strip() if reply else "no reason given")


def _found(message: Part) -> bool:
    try:
        temporary, permanent = all_failures(message)
    except Exception as error:  # its detectors trust what they read
        log.info("a mail that cannot be searched for bounces", error=f"{type(error).__name__}: {error}"[:200])
        return False
    return bool(temporary or permanent)


def is_ours(settings: Settings, message_id: str) -> bool:
    return any(signing.read_delivery_token(settings, token.decode()) for token in TOKEN.findall(message_id.encode("utf-8", "replace")))


def subject(settings: Settings, rcpt: str, raw: bytes, message: Part) -> uuid.UUID | None:
    """The delivery that it is about, proven by the envelope sender that it came back to, or by a Message-ID of ours in it."""
    named = [rcpt, *(parsing.header(message, name) for name in ("To", "Delivered-To", "X-Original-To"))]
    texts = [parsing.text(part) for part in parsing.parts(message) if not part.is_multipart()]
    for place in (" ".join(named).encode("utf-8", "replace"), raw[:READ_BYTES], "\n".join(texts).encode("utf-8", "replace")):
        for token in TOKEN.findall(place):
            if id := signing.read_delivery_token(settings, token.decode()):
                return id
    return None
