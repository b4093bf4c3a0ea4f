"""Accounts as staff look them up: found by what is at hand, and all there is to know about one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, current_app, g, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, audit_log, history, inbox, languages, preferences
from notifyhub.accounts import lookup, search, services
from notifyhub.database import db, utcnow
from notifyhub.errors import Invalid, NotFound
from notifyhub.languages import N_
from notifyhub.models import Account, Mailbox
from notifyhub.routes import pages
from notifyhub.routes.staff import audit, paging
from notifyhub.routes.staff.deliveries import listed, read_state
from notifyhub.routes.staff.paging import FIRST_ROWS, PAGE
from notifyhub.tickets import listing, rights
from notifyhub.tickets.states import DEPARTMENTS

blueprint = Blueprint("staff_accounts", __name__, url_prefix="/staff/accounts")

# What was typed, as it was taken.
TAKEN_FOR = {
    "external_id": N_("Accounts whose id begins with %(value)s"),
    "address": N_("Accounts that use the address %(value)s, registered or for a category"),
    "mailbox_start": N_("Accounts that use an address that begins with %(value)s"),
    "domain": N_("Accounts that use an address at %(value)s"),
    "network": N_("Accounts with an IP address or network in or around %(value)s"),
    "order": N_("Accounts with the order number %(value)s"),
    "name": N_("Accounts whose name contains %(value)s"),
}


@blueprint.get("")
@access.staff()
def search_page() -> ResponseReturnValue:
    q, session = request.args.get("q", ""), db.session()
    try:
        understood = search.understand(session, q, as_name=request.args.get("as") == "name")
    except Invalid as error:
        return render_template("staff/accounts.html", q=q, errors=pages.by_field(error), understood=search.Understood("none")), 422
    found = search.page(session, understood, paging.before_id(), PAGE)
    return render_template(
        "staff/accounts.html", q=q, errors={}, understood=understood, taken_for=TAKEN_FOR, found=found,
        older=paging.next_url("staff_accounts.search_page", found.next),
    )  # fmt: skip


@blueprint.get("/<external_id:external_id>")
@access.staff()
def overview(external_id: str) -> str:
    account = _find(external_id)
    return _page(account, None, {name: SECTIONS[name](account, FIRST_ROWS, True) for name in _sections()})


@blueprint.get("/<external_id:external_id>/<name>")
@access.staff()
def section(external_id: str, name: str) -> str:
    account = _find(external_id)
    if name not in _pages():
        raise NotFound(N_("There is no such page of an account."))
    return _page(account, name, {name: SECTIONS[name](account, PAGE, False)})


def _sections() -> list[str]:
    """What the reader's roles include."""
    return [name for name in SECTIONS if name != "tickets" or rights.readable(g.staff.roles)]


def _pages() -> list[str]:
    return [name for name in _sections() if name not in WHOLE]


def _find(external_id: str) -> Account:
    try:
        return lookup.find(db.session(), external_id)
    except NotFound:
        raise NotFound(N_("There is no account with this id. It may have been erased.")) from None


def _page(account: Account, current: str | None, sections: dict[str, Any]) -> str:
    session = db.session()
    mailbox = session.get(Mailbox, account.registered_mailbox_id) if account.registered_mailbox_id else None
    spoken = languages.formats(account.locale).get_language_name(languages.formats(pages.language()))
    return render_template(
        "staff/account.html", shown=account, spoken=spoken, mailbox=mailbox, current=current, sections=sections, pages=_pages()
    )


# Each answers what its template shows. `first`: it begins, whatever cursor the address has, which is another list's.


def _services(account: Account, limit: int, first: bool) -> dict[str, Any]:
    session, ended = db.session(), not first and request.args.get("ended") == "1"
    after = "" if first else request.args.get("cursor", "")
    rows, last = paging.cut(services.page(session, account.id, ended, after, limit + 1), limit)
    active, over = services.counts(session, account.id)
    older = last.service.order_number if last else None
    return {"rows": rows, "active": active, "over": over, "ended": ended, "older": _older(account, "services", older)}


def _addresses(account: Account, limit: int, first: bool) -> dict[str, Any]:
    return preferences.send_email(db.session(), account, utcnow())


def _tickets(account: Account, limit: int, first: bool) -> dict[str, Any]:
    """Of the departments whose tickets the reader may see."""
    departments = rights.readable(g.staff.roles)
    wanted = listing.Wanted(account.id, departments=departments)
    rows, last = paging.cut(listing.page(db.session(), wanted, None if first else paging.before_time(), limit + 1), limit)
    older = paging.time_cursor({"created_at": last.ticket.created_at, "id": last.ticket.id}, "created_at") if last else None
    only = departments if len(departments) < len(DEPARTMENTS) else ()
    return {"rows": rows, "only": only, "older": _older(account, "tickets", older)}


def _notifications(account: Account, limit: int, first: bool) -> dict[str, Any]:
    before = None if first else paging.before_time()
    position = inbox.Position(*before) if before else None
    items = inbox.page(db.session(), current_app.extensions["settings"], account, inbox.Filter(), position, limit + 1)
    rows, last = paging.cut(items, limit)
    return {"rows": rows, "older": _older(account, "notifications", paging.time_cursor(last, "created_at"))}


def _deliveries(account: Account, limit: int, first: bool) -> dict[str, Any]:
    state = None if first else read_state()
    items = history.page(db.session(), history.Wanted(account.external_id, state), None if first else paging.before_time(), limit + 1)
    rows, last = paging.cut(items, limit)
    return {"rows": listed(rows), "state": state, "older": _older(account, "deliveries", paging.time_cursor(last, "queued_at"))}


def _changes(account: Account, limit: int, first: bool) -> dict[str, Any]:
    wanted = audit_log.Wanted(account_id=account.id)
    rows, last = paging.cut(audit_log.page(db.session(), wanted, None if first else paging.before_entry(), limit + 1), limit)
    older = paging.entry_cursor(last.row.at, last.row.id) if last else None
    made = any(entry.row.action == "account.created" for entry in rows)  # an import says so once for all its accounts
    return {"rows": [audit.shown(entry) for entry in rows], "made": made, "older": _older(account, "changes", older)}


def _older(account: Account, name: str, cursor: Any) -> str | None:
    return paging.next_url("staff_accounts.section", cursor, external_id=account.external_id, name=name)


SECTIONS = {
    "services": _services,
    "addresses": _addresses,
    "tickets": _tickets,
    "notifications": _notifications,
    "deliveries": _deliveries,
    "changes": _changes,
}
WHOLE = ("addresses",)  # what stands in the overview as a whole; the others go on
