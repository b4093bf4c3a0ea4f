"""Whether a mail may be answered automatically (RFC 3834): never one that was itself sent so, and never too often to one address."""

from __future__ import annotations

import re

from sqlalchemy.orm import Session

from notifyhub.intake import parsing
from notifyhub.intake.authentication import Author
from notifyhub.intake.case import Case
from notifyhub.signins import attempts

_NOBODY = re.compile(
    r"(no-?_?reply|do-?not-?reply|mailer-daemon|bounces?|daemon|listserv|majordomo)([+._-]|@)|owner-|[^@]*-request@", re.IGNORECASE
)
_LISTS = ("List-Id", "List-Post", "List-Unsubscribe", "List-Help", "Feedback-ID", "X-Loop", "X-Autoreply", "X-Mailing-List")
_ID = re.compile(r"<[!-;=?-~]{1,200}>")


def answered_id(session: Session, case: Case, author: Author | None) -> str | None:
    """The Message-ID that an answer refers to, empty where there is none; None: it gets no answer. One that may go is counted."""
    if author is None or not _invites_answers(case) or _NOBODY.match(author.email.key):
        return None
    if not attempts.may_answer_mail(session, attempts.key_of(author.email.key), case.now):
        return None
    id = parsing.header(case.message, "Message-ID")
    return id if _ID.fullmatch(id) else ""


def _invites_answers(case: Case) -> bool:
    message = case.message
    if not case.mail.mail_from or any(name in message for name in _LISTS):
        return False
    if parsing.header(message, "Precedence").lower() in ("bulk", "list", "junk"):
        return False
    suppressed = {word.strip() for word in parsing.header(message, "X-Auto-Response-Suppress").lower().split(",")}
    return not suppressed & {"all", "autoreply", "oof"}
