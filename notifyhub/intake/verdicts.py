"""What a report of failed delivery means for the mailbox: by the enhanced status code, else the SMTP code, else the words."""

from __future__ import annotations

import re

from notifyhub.bounces import Verdict

# RFC 3463. Codes that end in 0.0 say nothing. The first pattern that fits decides.
BY_STATUS: tuple[tuple[str, Verdict], ...] = (
    (r"4\.", "temporary"),
    (r"5\.1\.[78]$", "refused"),  # about the sender's address
    (r"5\.1\.", "gone"),
    (r"5\.2\.1$", "gone"),
    (r"5\.2\.2$", "temporary"),  # full
    (r"5\.3\.4$", "refused"),  # the message is too big
    (r"5\.[34]\.", "temporary"),  # systems and routes that do not work
    (r"5\.", "refused"),
)
BY_WORDS: tuple[tuple[str, Verdict], ...] = (
    (r"spam|black ?list|block ?list|blocked|reputation|policy|dmarc|\bspf\b|dkim|banned|unsolicited|virus|content rejected", "refused"),
    (r"mailbox (is )?full|over ?quota|quota exceeded|exceeded .{0,30}(quota|storage)|(insufficient|out of) (system )?storage", "temporary"),
    (
        r"(user|recipient|account|address|mailbox)\W.{0,60}?(unknown|not found|does ?n[o']t exist|not exist|no longer|disabled|inactive|"
        r"deactivated|suspended|not (a )?valid|invalid|rejected)|"
        r"(unknown|no such|invalid|bad) (local )?(user|recipient|mailbox|address|account)|no mailbox here|not our customer",
        "gone",
    ),
    (r"timed? ?out|try again|temporar|deferred|too long|unreachable|refused to talk|could not (be )?connect|expired|loop", "temporary"),
)  # fmt: skip

STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
REPLY_STATUS = re.compile(r"(?<!\d)[45]\d\d[ -]+(?:\()?#?([45]\.\d{1,3}\.\d{1,3})(?!\.?\d)")  # in running text: behind an SMTP code only
SMTP_CODE = re.compile(r"(?<![\d.-])([45][0-5]\d)(?=[ \-:]|$)")


def verdict(status: str, diagnostic: str, text: str = "") -> Verdict:
    """`status` and `diagnostic` are the fields of a delivery report, as far as there is one; `text` is what it says to people."""
    for found in (STATUS.match(status.strip()), STATUS.search(diagnostic), REPLY_STATUS.search(text)):
        if found and not found[1].endswith(".0.0"):
            return next(verdict for pattern, verdict in BY_STATUS if re.match(pattern, found[1]))
    words = f"{diagnostic}\n{text}".lower()
    code = SMTP_CODE.search(diagnostic) or SMTP_CODE.search(text)
    if code and (code[1].startswith("4") or code[1] == "552"):
        return "temporary"
    for pattern, verdict in BY_WORDS:
        if re.search(pattern, words):
            return verdict
    return "temporary" if status.strip().startswith("4") else "refused"
