"""The audit log: who changed what, when, from where."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, audit_log, labels, languages
from notifyhub.audit_log import Entry, Wanted, id_in
from notifyhub.database import db
from notifyhub.errors import FieldError, Invalid
from notifyhub.routes import pages
from notifyhub.routes.browsers import HOWS
from notifyhub.routes.staff import paging
from notifyhub.routes.staff.paging import PAGE

blueprint = Blueprint("staff_audit", __name__, url_prefix="/staff/audit")

FILTERS = ("actor", "action", "account", "from", "to")
NOT_SHOWN = ("sign_in",)  # ids that say nothing to a reader


@blueprint.get("")
@access.staff("admin")
def page() -> ResponseReturnValue:
    session, typed = db.session(), {name: request.args.get(name, "").strip() for name in FILTERS}
    form = {"typed": typed, "actors": audit_log.actors(session)}
    try:
        wanted = _read(typed)
    except Invalid as error:
        return render_template("staff/audit.html", **form, errors=pages.by_field(error), entries=()), 422
    rows, last = paging.cut(audit_log.page(session, wanted, paging.before_entry(), PAGE + 1), PAGE)
    older = paging.next_url("staff_audit.page", paging.entry_cursor(last.row.at, last.row.id) if last else None)
    return render_template("staff/audit.html", **form, errors={}, entries=[shown(entry) for entry in rows], older=older)


def _read(typed: dict[str, str]) -> Wanted:
    """Every error at once. Raises Invalid."""
    errors: list[FieldError] = []

    def read(name: str, parse: Any) -> Any:
        try:
            return parse(typed[name]) if typed[name] else None
        except Invalid as error:
            errors.extend(error.errors)
            return None

    session = db.session()
    wanted = Wanted(
        read("actor", lambda text: audit_log.understand_actor(session, text)),
        read("action", _action),
        read("account", lambda text: audit_log.account_id(session, text)),
        read("from", lambda text: _day(text, "from")),
        read("to", lambda text: _day(text, "to", after=1)),
    )
    if errors:
        raise Invalid(*errors)
    return wanted


def _action(text: str) -> str:
    if text not in labels.ACTIONS:
        raise Invalid(FieldError("action", languages.said("is not an action that is recorded")))
    return text


def _day(text: str, field: str, after: int = 0) -> datetime:
    """The begin of a day in the reader's zone, or of one after it."""
    try:
        day = date.fromisoformat(text)
        if not 2000 <= day.year < 2200:
            raise ValueError
    except ValueError:
        raise Invalid(FieldError(field, languages.said("is not a date such as 2027-03-28"))) from None
    return datetime.combine(day + timedelta(days=after), time(), ZoneInfo(pages.time_zone())).astimezone(UTC)


class Fact(NamedTuple):
    """One thing that an entry says beside its action."""

    name: str
    values: list[str]
    verbatim: bool = True  # names and addresses; else words, which are translated


class Shown(NamedTuple):
    entry: Entry
    sentence: str
    icon: str
    who: str
    facts: list[Fact]
    title: str  # of the announcement that it is about


WHO = {"staff": "user-cog", "account": "user", "key": "key-round", "command line": "monitor-smartphone"}


def shown(entry: Entry) -> Shown:
    row = entry.row
    kind = row.actor.partition(":")[0].partition(" (")[0]
    title = pages.in_page_language(entry.titles)
    return Shown(entry, labels.ACTIONS.get(row.action, row.action), WHO.get(kind, "settings"), _who(entry), list(_facts(entry)), title)


def _who(entry: Entry) -> str:
    """Without the id that stands before the name of a member of staff or of a key."""
    actor = entry.row.actor
    if entry.actor is not None and entry.actor.external_id:
        return entry.actor.name or entry.actor.external_id
    for kind in ("staff", "key"):
        if id_in(actor, kind) is not None:
            return actor.partition(" ")[2] or actor
    return actor


def _facts(entry: Entry) -> Iterator[Fact]:
    details = entry.row.details
    if id := id_in(entry.row.subject, "mailbox"):
        yield Fact("mailbox", [entry.mailboxes.get(id, "")])
    if changed := [name for name, value in details.items() if value is True]:
        yield Fact("changed", [labels.DETAILS.get(name, name) for name in changed], verbatim=False)
    for name, value in details.items():
        if value is not True and value is not None and name not in NOT_SHOWN:
            yield from _fact(entry, name, value)


def _fact(entry: Entry, name: str, value: Any) -> Iterator[Fact]:
    if name == "mailboxes":
        for what, ids in value.items():
            yield Fact(what, [entry.mailboxes.get(id, "") for id in ids])
    elif name in ("mailbox", "registered_mailbox", "registered_mailbox_before"):
        yield Fact(name, [entry.mailboxes.get(value, "")])
    elif name == "ids":
        yield Fact(name, [pages.number(len(value))])
    elif name == "category" and value in labels.CATEGORIES:
        yield Fact(name, [labels.CATEGORIES[value].text], verbatim=False)
    elif name == "muted":
        yield Fact(name, [labels.KINDS[kind].text if kind in labels.KINDS else kind for kind in value] or ["–"], verbatim=False)
    elif name == "fields":
        yield Fact(name, [labels.TICKET_FIELDS.get(field, field) for field in value], verbatim=False)
    elif name in ("before", "after") and value in labels.TICKET_WORDS:
        yield Fact(name, [labels.TICKET_WORDS[value].text], verbatim=False)
    elif name == "how":
        yield Fact(name, [HOWS.get(value, value)], verbatim=False)
    elif isinstance(value, int):
        yield Fact(name, [pages.number(value)])
    else:
        yield Fact(name, [str(item) for item in value] if isinstance(value, list) else [str(value)])
