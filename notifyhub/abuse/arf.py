"""ARF, the Abuse Reporting Format (RFC 5965), and its kin: not-spam (RFC 6430), auth-failure (RFC 6591).

Read in the many shapes that mail operators send it in. What is refused is only what could be misunderstood.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import parseaddr

from notifyhub.abuse import harmless, mails
from notifyhub.abuse.mails import Part
from notifyhub.abuse.report import Report
from notifyhub.emails import parse_email
from notifyhub.errors import FieldError, Invalid
from notifyhub.languages import said
from notifyhub.networks import parse_network

TYPES = ("abuse", "fraud", "virus", "not-spam", "auth-failure", "other")
REPORTED = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global", "message/global-headers")
MOST_FIELDS = 40
INTRODUCTION_CHARACTERS = 1_000
VERSION = re.compile(r"[01](\.\d{1,3})?")  # 0.1: of the drafts before the RFC, and still sent


def read(raw: bytes) -> Report:
    """`raw` is the whole mail. Raises Invalid."""
    try:
        mail = mails.parse(raw)
    except ValueError as error:
        raise Invalid(FieldError("", error.args[0])) from None
    feedback, reported = _parts(mail)
    type = _type(feedback)
    _check_version(feedback)
    address, occurred_at = _source(feedback, reported)
    contact = parseaddr(mails.header(mail, "From"))[1]
    return Report(
        format="arf",
        key=_key(mails.header(mail, "Message-ID"), raw),
        type=f"feedback/{type}",
        reporter=harmless.one_line(contact.rpartition("@")[2]),
        contact=_address(contact),
        address=address,
        occurred_at=occurred_at,
        evidence=harmless.gathered(_evidence(mail, feedback, reported)),
        complaint=type != "not-spam",
    )


# --- its parts --------------------------------------------------------------------------------------------------------


def _parts(mail: Part) -> tuple[Part, Part | None]:
    """The fields of the report, and the mail that it is about. Both may stand deeper, where someone passed the report on."""
    for part in mail.walk():
        inner = mails.children(part)
        for index, child in enumerate(inner):
            if child.get_content_type() == "message/feedback-report":
                reported = next((other for other in inner[index + 1 :] if other.get_content_type() in REPORTED), None)
                return _fields(child), _unwrapped(reported) if reported is not None else None
    raise Invalid(FieldError("", said("is no ARF report: no part of it has the type %(type)s (RFC 5965)", type="message/feedback-report")))


def _fields(part: Part) -> Part:
    found = _unwrapped(part)
    if "Feedback-Type" in found:
        return found
    return _parsed(mails.octets_of(found).lstrip(), found)  # an empty line too much before them


def _unwrapped(part: Part) -> Part:
    """The mail that this part is."""
    inner = mails.children(part)
    if not inner:
        return _parsed(mails.octets_of(part), part)
    found = inner[0]
    # RFC 2046 section 5.2.1 allows no encoding of such a part, which does not keep everyone from it
    if str(part.get("Content-Transfer-Encoding", "")).strip().lower() != "base64":
        return found
    try:
        return _parsed(base64.b64decode(mails.octets_of(found)), found)
    except ValueError:
        return found


def _parsed(raw: bytes, otherwise: Part) -> Part:
    try:
        return mails.parse(raw)
    except ValueError:
        return otherwise


# --- its fields -------------------------------------------------------------------------------------------------------


def _type(feedback: Part) -> str:
    given = mails.header(feedback, "Feedback-Type").lower()
    if not given:
        raise Invalid(FieldError("Feedback-Type", said("is missing; known are %(known)s", known=", ".join(TYPES))))
    return given if given in TYPES else "other"  # what it is called stands in the evidence


def _check_version(feedback: Part) -> None:
    given = mails.header(feedback, "Version")
    if given and not VERSION.fullmatch(given):
        raise Invalid(FieldError("Version", said("is %(given)s; this is read: %(known)s", given=given[:20], known="1")))


def _source(feedback: Part, reported: Part | None) -> tuple[str, datetime | None]:
    """Which address it is about, and when that was; the first as the reporter says it, else as the reporter's server noted it."""
    handed_over = mails.client(reported) if reported is not None else None
    given, arrived = mails.header(feedback, "Source-IP"), mails.date(_first(feedback, "Arrival-Date", "Received-Date"))
    if given:
        return _ip(given), arrived or (handed_over[1] if handed_over else None)
    if handed_over:
        return str(parse_network(handed_over[0])), arrived or handed_over[1]
    return "", arrived


def _first(feedback: Part, *names: str) -> str:
    return next(filter(None, (mails.header(feedback, name) for name in names)), "")


def _ip(text: str) -> str:
    bare = re.sub(r"^\[?(IPv6:)?|\]$", "", text, flags=re.IGNORECASE)
    try:
        return str(parse_network(bare))
    except ValueError:
        raise Invalid(FieldError("Source-IP", said("is not an IPv4 or IPv6 address"))) from None


def _address(text: str) -> str:
    try:
        return parse_email(text).address
    except ValueError:
        return ""


def _key(message_id: str, raw: bytes) -> str:
    """Without the headers, which every server on the way adds to: the same mail may arrive twice."""
    body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    return f"arf:{hashlib.sha256(message_id.encode('utf-8', 'replace') + bytes(1) + body.rstrip()).hexdigest()}"


# --- what of it is shown ----------------------------------------------------------------------------------------------


def _evidence(mail: Part, feedback: Part, reported: Part | None) -> Iterator[str]:
    for name, value in list(feedback.raw_items())[:MOST_FIELDS]:
        yield f"{harmless.plain(name, 80)}: {mails.decoded(str(value))}"
    yield ""
    if introduction := _introduction(mail):
        yield introduction
        yield ""
    if reported is not None:
        yield from mails.lines(reported)


def _introduction(mail: Part) -> str:
    """What the reporter wrote for people."""
    first = next((part for part in mail.walk() if not mails.children(part)), None)
    text = mails.text_of(first) if first is not None else None
    return (text or "").strip()[:INTRODUCTION_CHARACTERS]
