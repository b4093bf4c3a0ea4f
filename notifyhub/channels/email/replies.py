"""Whose failure is it? What the answers of a mail server mean for one letter (RFC 5321 section 4.2, RFC 3463)."""

from __future__ import annotations

import re
import uuid
from functools import lru_cache
from typing import NamedTuple

from notifyhub.channels.contract import Report

SHOWN = re.compile(r"[2-5]\d\d ")
SUBJECTS = "01234567"  # RFC 3463 section 3
LONGEST_START = len("250 2.1.5 ")
ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)")  # and no part of an IP address


class Line(NamedTuple):
    code: int
    text: str
    last: bool  # of its reply


@lru_cache(maxsize=1024)  # most of what a relay says, it says to each mail
def line(raw: bytes) -> Line | None:
    """RFC 5321 section 4.2.1; None where it is not one."""
    read = raw.rstrip(b"\r").decode("utf-8", "replace")
    code, mark, text = read[:3], read[3:4], read[4:]
    return Line(int(code), text, mark != "-") if code.isdecimal() and mark in ("", " ", "-") else None


def refused(delivery_id: uuid.UUID, code: int, text: str) -> Report:
    """An answer of 4xx or 5xx to RCPT or DATA. Those to MAIL, and 421 anywhere, are the relay's own and come elsewhere."""
    reply = shown(code, text)
    if 400 <= code < 500:
        return Report(delivery_id, "deferred", reply)
    return Report(delivery_id, "refused", reply, mailbox_gone=mailbox_gone(text))


def mailbox_gone(text: str) -> bool:
    """Only 5.1.x (no such mailbox or domain) and 5.2.1 (disabled). 5.7.x is about us or the message, 5.2.2 a full mailbox.

    5.1.7 and 5.1.8 are about the sender's address (RFC 3463 section 3.2), and relays give them as answers to RCPT too.
    """
    found = ENHANCED.search(text)
    if found is None or found[1] != "5":
        return False
    return (found[2] == "1" and found[3] not in ("7", "8")) or (found[2], found[3]) == ("2", "1")


def shown(code: int, text: str) -> str:
    return f"{code} {' '.join(text.split())}"[:500]


def answer_class(reply: str) -> str:
    """Of what is shown: its class, and where it has an enhanced status code that one's class and subject, as in "5xx 5.1"."""
    # what is accepted carries a number of its own, mostly, and is all of one kind
    return _class(reply[:LONGEST_START] if reply.startswith("2") else reply)


@lru_cache(maxsize=1024)
def _class(reply: str) -> str:
    if not SHOWN.match(reply):
        return ""  # no server said that
    found = ENHANCED.search(reply, 4)
    enhanced = f" {found[1]}.{found[2] if found[2] in SUBJECTS else 0}" if found else ""
    return f"{reply[0]}xx{enhanced}"
