"""Settings, Send email: which address gets what, one address at a time, so that no tab overwrites what another did."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from babel.dates import format_timedelta
from babel.lists import format_list
from flask import Blueprint, current_app, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, address_tests, addresses, confirmations, destinations, preferences, signing
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict, Invalid, NotFound, Refused, TooMany
from notifyhub.kinds import CATEGORIES
from notifyhub.languages import N_, said
from notifyhub.routes import pages

PAGE = "/settings/send-email"
CATEGORY = f"<any({','.join(CATEGORIES)}):category>"
BLOCK = f"<any({','.join(('registered', *CATEGORIES))}):block>"  # of the page: a category, or the registered address
LARGEST_ID = 2**63 - 1

blueprint = Blueprint("send_email", __name__, url_prefix=PAGE)


@blueprint.get("")
@access.customer
def page() -> str:
    return _page()


# --- actions: each concerns one address, or those that are added together


@blueprint.post(f"/{CATEGORY}/add")
@access.customer
def add(category: str) -> ResponseReturnValue:
    typed = request.form.get("addresses", "")
    try:
        emails = preferences.read_list(typed)
        with transaction() as session:
            added = preferences.add(session, g.account, category, emails, utcnow())
    except (Invalid, TooMany) as error:
        return _refused(category, {"addresses": _messages(error, "%(address)s: %(problem)s")}, typed)
    if added.asked:
        _say_asked(added.asked)
    if added.confirmed:
        _say(_("Added: %(addresses)s"), addresses=_listed(added.confirmed))
    return _done(category, focus="add")


@blueprint.post(f"/{CATEGORY}/remove")
@access.customer
def remove(category: str) -> ResponseReturnValue:
    with transaction() as session:
        removal = preferences.remove(session, g.account, category, _mailbox_id(), utcnow())
    text = _("%(address)s stays in use until an address that waits is confirmed.") if removal.serves_on else _("Removed: %(address)s")
    pages.say(text % {"address": removal.email}, "trash-2", pages.Undo(f"{PAGE}/undo", {"undo": _undo_token(removal.removed, utcnow())}))
    return _done(category, focus="summary")


@blueprint.post("/undo")
@access.customer
def undo() -> ResponseReturnValue:
    removed, once, until = _read_undo(request.form.get("undo", ""))
    try:
        if until <= utcnow():
            raise Conflict(N_("This cannot be undone any more. Add the address again."))
        with transaction() as session:
            email = preferences.undo_removal(session, g.account, removed, once, utcnow())
    except (Conflict, Invalid) as error:
        return _refused(removed.category, {"": _messages(error)})
    _say(_("%(address)s is back."), address=email)
    return _done(removed.category)


@blueprint.post(f"/{BLOCK}/confirmation")
@access.customer
def confirm_again(block: str) -> ResponseReturnValue:
    """Mails the link once more: for one that waits, and for one that bounces."""
    mailbox_id = _mailbox_id()
    try:
        with transaction() as session:
            email = preferences.confirm_again(session, g.account, mailbox_id, utcnow())
    except (Conflict, Invalid, TooMany) as error:
        return _refused(block, {f"mailbox-{mailbox_id}": _messages(error)})
    _say_asked([email])
    return _done(block)


@blueprint.post(f"/{BLOCK}/test")
@access.customer
def test(block: str) -> ResponseReturnValue:
    mailbox_id = _mailbox_id()
    try:
        with transaction() as session:
            email = address_tests.send(session, g.account, mailbox_id, utcnow())
    except (Conflict, TooMany) as error:
        return _refused(block, {f"mailbox-{mailbox_id}": _messages(error)})
    _say(_("A test mail is on its way to %(address)s."), "send", address=email)
    return _done(block)


def _mailbox_id() -> int:
    text = request.form.get("mailbox", "")
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_ID):
        raise NotFound(N_("This account has no such address."))
    return int(text)


# --- undoing: what a removal took away, in a token, so that nobody can bring back what never was


def _undo_token(removed: addresses.Removed, now: datetime) -> str:
    fields = removed._replace(
        usable_since=removed.usable_since and removed.usable_since.isoformat(),  # type: ignore[arg-type]
        created_at=removed.created_at.isoformat(),  # type: ignore[arg-type]
    )
    until = (now + preferences.UNDO_WITHIN).isoformat()
    return signing.sign(current_app.extensions["settings"], "undo-removal", [g.account.id, uuid.uuid4().hex, until, list(fields)])


def _read_undo(token: str) -> tuple[addresses.Removed, str, datetime]:
    """Raises NotFound, for another account's too."""
    account_id, once, until, fields = signing.read(current_app.extensions["settings"], "undo-removal", token)
    if account_id != g.account.id:
        raise NotFound(N_("This account has no such address."))
    removed = addresses.Removed(*fields)
    return (
        removed._replace(
            usable_since=datetime.fromisoformat(fields[4]) if fields[4] else None,
            created_at=datetime.fromisoformat(fields[5]),
            freed=tuple(fields[6]),
        ),
        once,
        datetime.fromisoformat(until),
    )


# --- what is answered


def _done(block: str, focus: str | None = None) -> ResponseReturnValue:
    if "HX-Request" in request.headers:
        return _fragment(block, focus=focus)
    return redirect(f"{PAGE}#{block}", 303)


def _refused(block: str, errors: dict[str, list[str]], typed: str = "") -> ResponseReturnValue:
    if "HX-Request" in request.headers:
        return _fragment(block, errors=errors, typed=typed), 422
    return _page(block, errors, typed), 422


def _page(block: str = "", errors: dict[str, list[str]] | None = None, typed: str = "") -> str:
    overview = preferences.overview(db.session(), g.account, utcnow())
    return render_template(
        "client/send_email.html", **_shared(overview), settings=overview.settings, refused=block, errors=errors or {}, typed=typed
    )


def _fragment(block: str, **values: Any) -> str:
    categories = () if block == "registered" else (block,)
    overview = preferences.overview(db.session(), g.account, utcnow(), categories)
    template = "client/_send_email_registered.html" if block == "registered" else "client/_send_email_block.html"
    shared = _shared(overview) | {"setting": next(iter(overview.settings), None), "refused": block, "errors": {}, "oob": True}
    return render_template(template, **(shared | values)) + render_template("macros/_toasts.html", oob=True)


def _shared(overview: preferences.Overview) -> dict[str, Any]:
    registered = overview.registered.email if overview.registered else None

    def now_goes(setting: preferences.Setting) -> list[destinations.Sentence]:
        return destinations.sentences(setting.decisions, setting.category, registered, pages.formats(), pages.words())

    return {"registered": overview.registered, "now_goes": now_goes, "now": utcnow()}


def _(text: str) -> str:
    return pages.words().gettext(text)


def _say(text: str, icon: str = "check", **values: str) -> None:
    pages.say(text % values, icon)


def _say_asked(emails: list[str]) -> None:
    days = confirmations.VALID_FOR.days
    text = pages.words().ngettext(
        "We mailed a link to %(addresses)s. Follow it within %(num)s day.",
        "We mailed a link to %(addresses)s. Follow it within %(num)s days.",
        days,
    )
    pages.say(text % {"addresses": _listed(emails), "num": days}, "mail-check")


def _listed(emails: list[str]) -> str:
    return str(format_list(emails, locale=pages.formats()))


def _messages(error: Refused, each: str = "%(problem)s") -> list[str]:
    """`each`: what is said of an address. Of a limit, when it is over."""
    found: list[str] = [said(each, address=field, problem=message) if field else message for field, message in error.errors]
    if isinstance(error, TooMany):
        wait = format_timedelta(timedelta(seconds=error.retry_after), add_direction=True, locale=pages.formats())
        found.append(said("It works again %(when)s.", when=wait))
    return found if error.errors else [error.message, *found]
