"""What a mail is, and what follows from it: a table of rules, the first that fits decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from notifyhub import abuse, bounces
from notifyhub.config import Settings
from notifyhub.errors import Invalid
from notifyhub.intake import parsing, reports, support
from notifyhub.intake.case import Case, Outcome
from notifyhub.intake.parsing import Part
from notifyhub.languages import N_
from notifyhub.models import IncomingMail


class Rule(NamedTuple):
    sentence: str
    fits: Callable[[Case], bool]
    act: Callable[[Session, Case], Outcome]


def sort(session: Session, settings: Settings, mail: IncomingMail, now: datetime) -> Outcome | None:
    """None where it is too early to say."""
    message = parsing.parse(mail.raw)
    mail.subject, mail.sender = parsing.header(message, "Subject")[:200], parsing.header(message, "From")[:200]
    case = Case(settings, mail, message, now)
    rule = next(rule for rule in RULES if rule.fits(case))
    try:
        return rule.act(session, case)
    except bounces.TooEarly:
        return None


# --- feedback reports (RFC 5965) --------------------------------------------------------------------------------------


def is_feedback(case: Case) -> bool:
    return _has_part(case, "message/feedback-report")


def complain(session: Session, case: Case) -> Outcome:
    about, kind = case.about(), _feedback_type(case.message)
    if about is None:
        return _report_abuse(session, case, kind)
    if kind in ("not-spam", "auth-failure"):
        return Outcome("receipt", N_("A feedback report that complains of nothing."), about, kind)
    if bounces.complained(session, about, case.now):
        return Outcome("complaint", N_("Its reader does not want our mail: no optional kinds go there any more."), about, kind)
    return Outcome("repeated", N_("A complaint, of a mailbox that gets no optional kinds already."), about, kind)


def _report_abuse(session: Session, case: Case, kind: str) -> Outcome:
    """On a mail that is not ours, so perhaps on one that came from a customer's server."""
    try:
        accepted = abuse.accept_raw(session, case.mail.raw, "mail", case.now)
    except Invalid as error:
        return Outcome("unproven", N_("A feedback report, on no mail that is proven to be ours."), None, error.errors[0].message)
    if accepted.repeated:
        return Outcome("repeated", N_("A report of abuse that was here before."), None, kind)
    return Outcome("abuse", N_("A report of abuse; it stands with the others."), None, kind)


def _feedback_type(message: Part) -> str:
    for part in parsing.parts(message):
        if part.get_content_type() == "message/feedback-report":
            fields = parsing.fields(part)
            return parsing.header(fields[0], "Feedback-Type").lower()[:40] if fields else ""
    return ""


# --- delivery reports (RFC 3464), and what came before them -----------------------------------------------------------


def is_delivery_report(case: Case) -> bool:
    return _has_part(case, "message/delivery-status")


def note_delivery_report(session: Session, case: Case) -> Outcome:
    statuses = reports.statuses(case.message)
    failure = reports.failure(statuses, case.message)
    if failure is not None:
        return _bounce(session, case, failure)
    if any(status.action == "delayed" for status in statuses):
        return Outcome("delay", N_("A mail server is still trying."), case.about(), statuses[0].diagnostic)
    return Outcome("receipt", N_("A delivery report that tells of no failure."), case.about())


def names_failed_recipients(case: Case) -> bool:
    return "X-Failed-Recipients" in case.message and reports.odd_failure(case.message) is not None


def is_odd_report(case: Case) -> bool:
    """Only of what came back to an envelope sender, or has none itself: people write of failures too."""
    return (not case.mail.mail_from or ("+" in case.mail.rcpt and came_to_bounces(case))) and reports.odd_failure(case.message) is not None


def note_odd_report(session: Session, case: Case) -> Outcome:
    failure = reports.odd_failure(case.message)
    assert failure is not None
    return _bounce(session, case, failure)


def _bounce(session: Session, case: Case, failure: reports.Failure) -> Outcome:
    about = case.about()
    if about is None:
        return Outcome("unproven", N_("A report on a mail that came back, but on none that is proven to be ours."), None, failure.reply)
    if bounces.came_back(session, about, failure.verdict, failure.reply, case.now):
        return Outcome("bounce", MEANINGS[failure.verdict], about, failure.reply)
    return Outcome("repeated", N_("A mail that came back, which was known, or which had ended otherwise."), about, failure.reply)


MEANINGS = {
    "gone": N_("A mail came back: there is no such mailbox."),
    "temporary": N_("A mail came back: it could not be delivered at that time."),
    "refused": N_("A mail came back: it was not wanted there."),
}


# --- what machines answer ---------------------------------------------------------------------------------------------


def is_read_receipt(case: Case) -> bool:
    return _has_part(case, "message/disposition-notification")


def is_auto_reply(case: Case) -> bool:
    """RFC 3834, and what is seen besides."""
    message = case.message
    submitted = parsing.header(message, "Auto-Submitted").lower()
    return (
        (bool(submitted) and not submitted.startswith("no"))
        or any(name in message for name in ("X-Autoreply", "X-Autorespond", "X-Auto-Reply", "X-Vacation"))
        or parsing.header(message, "Precedence").lower() == "auto_reply"
        or parsing.header(message, "Subject").lower().startswith(AUTO_SUBJECTS)
    )


AUTO_SUBJECTS = (
    "out of office",
    "automatic reply",
    "auto:",
    "autoreply",
    "auto-reply",
    "abwesenheit",
    "automatische antwort",
    "otomatik yan",
)


# --- what goes round, and what is nobody's to answer ------------------------------------------------------------------

MOST_HOPS = 50  # RFC 5321 section 6.3 has servers refuse it after a hundred


def is_loop(case: Case) -> bool:
    sender = _bare(parsing.header(case.message, "From"))
    ours = {case.settings.intake_address, case.settings.bounce_address, case.settings.brand.sender_address.lower()}
    return (
        sender in ours
        or reports.is_ours(case.settings, parsing.header(case.message, "Message-ID"))
        or len(parsing.headers(case.message, "Received")) > MOST_HOPS
    )


def came_to_bounces(case: Case) -> bool:
    rcpt = case.mail.rcpt or parsing.header(case.message, "To")
    return _bare(rcpt) == case.settings.bounce_address


def _bare(text: str) -> str:
    """The address that is in it, without a plus-tag."""
    address = text.rpartition("<")[2].partition(">")[0].strip().lower()
    return re.sub(r"\+[^@]*@", "@", address)


def do_nothing(name: str, detail: str) -> Callable[[Session, Case], Outcome]:
    return lambda session, case: Outcome(name, detail, case.about())


def _has_part(case: Case, content_type: str) -> bool:
    return any(part.get_content_type() == content_type for part in parsing.parts(case.message))


ROUND = N_("A mail of ours, or one that goes round in circles.")
NOTHING = N_("Nothing that is acted on here.")

RULES = (
    Rule("A feedback report is a complaint of a reader of ours, or else a report of abuse.", is_feedback, complain),
    Rule("A delivery report tells what became of a mail of ours.", is_delivery_report, note_delivery_report),
    Rule("A read receipt changes nothing.", is_read_receipt, do_nothing("receipt", N_("A read receipt."))),
    Rule("What names failed recipients is a bounce, though it calls itself an automatic answer.", names_failed_recipients, note_odd_report),
    Rule("An automatic answer changes nothing.", is_auto_reply, do_nothing("auto_reply", N_("An automatic answer."))),
    Rule("What came back to an envelope sender and tells of a failure is a bounce, in whatever words.", is_odd_report, note_odd_report),
    Rule("A mail of ours that came back round is a loop.", is_loop, do_nothing("loop", ROUND)),
    Rule("What came to the address for bounces is kept, for people to read.", came_to_bounces, do_nothing("other", NOTHING)),
    Rule("Anything else is what people write to support.", lambda case: True, support.take),
)  # fmt: skip
