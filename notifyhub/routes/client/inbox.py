"""The customer's inbox. No GET changes anything: an open item is marked as read by the script of the page, or by its button."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from notifyhub import access, inbox, items
from notifyhub.database import db, transaction, utcnow
from notifyhub.kinds import CATEGORIES
from notifyhub.models import Account, Notification
from notifyhub.routes import pages, streams
from notifyhub.routes.api.base import read_cursor, write_cursor
from notifyhub.signins import sessions

blueprint = Blueprint("inbox_pages", __name__, url_prefix="/inbox")

PAGE = 30
MOST_ROWS = 100
Q_CHARACTERS = 200


@blueprint.get("")
@access.customer
def page() -> str:
    return _show(None)


@blueprint.get("/<uuid:id>")
@access.customer
def item(id: uuid.UUID) -> ResponseReturnValue:
    """A script on the page that has the list already asks for the item alone."""
    row = inbox.find(db.session(), g.account, id)
    whole = items.whole(db.session(), pages.settings(), g.account, row)
    if "HX-Request" not in request.headers:
        return _show(whole)
    response = Response(render_template("client/_reading.html", open=whole, kept=_kept()))
    response.headers["Vary"] = "HX-Request"
    return response


def _show(open: items.Whole | None) -> str:
    wanted, cursor = _wanted(), request.args.get("cursor")
    before = inbox.Position(*place) if (place := read_cursor(cursor)) else None
    horizon = inbox.horizon(db.session(), g.account, wanted, before) if wanted.q else None
    rows = inbox.rows(db.session(), g.account, wanted, before, PAGE + 1, back_to=horizon)
    lines = items.lines(db.session(), pages.settings(), g.account, rows[:PAGE])
    kept = _kept()
    last = lines[-1] if len(rows) > PAGE else horizon
    older = kept | {"cursor": write_cursor(last.created_at, last.id)} if last else None
    searched = inbox.SEARCHED_AT_ONCE if last and last is horizon else None
    return render_template(
        "client/inbox.html", lines=lines, open=open, wanted=wanted, kept=kept, paged=before is not None,
        older=url_for("inbox_pages.page", **older) if older else None, searched=searched, categories=CATEGORIES,
    )  # fmt: skip


def _wanted() -> inbox.Filter:
    """What makes no sense in the address is left out: it may be a link from another version."""
    category, q = request.args.get("category"), request.args.get("q", "")
    q = "".join(filter(str.isprintable, q)).strip()[:Q_CHARACTERS]
    return inbox.Filter(
        category if category in CATEGORIES else None, request.args.get("unread") == "1", q or None, request.args.get("archived") == "1"
    )


def _kept() -> dict[str, Any]:
    """The list that an item was chosen from, for the links of the page."""
    wanted = _wanted()
    kept = {"category": wanted.category, "unread": "1" if wanted.unread else None, "archived": "1" if wanted.archived else None}
    kept |= {"q": wanted.q, "cursor": request.args.get("cursor")}
    return {name: value for name, value in kept.items() if value}


@blueprint.get("/rows")
@access.customer
def rows() -> str:
    """For the list that follows the stream: these items (?ids=) as they stand; with ?fit=1 those that belong into this list."""
    fits = request.args.get("fit") == "1"
    wanted = _wanted() if fits else inbox.Filter()
    return _rows(inbox.rows(db.session(), g.account, wanted, None, MOST_ROWS, _ids()))


def _ids() -> list[uuid.UUID]:
    ids = []
    for text in request.args.get("ids", "").split(",")[:MOST_ROWS]:
        try:
            ids.append(uuid.UUID(text))
        except ValueError:
            continue
    return ids


def _rows(found: Sequence[Notification]) -> str:
    lines = items.lines(db.session(), pages.settings(), g.account, found)
    return "".join(render_template("client/_row.html", line=line, kept=_kept(), open=None) for line in lines)


@blueprint.get("/stream")
@access.customer
def stream() -> Response:
    """Follows as long as the session holds. ?last=: as Last-Event-ID, for the first time."""
    token = request.cookies[access.CUSTOMER_COOKIE]
    follower = streams.Follower(
        g.account.id, _told, pages.MOST_UNREAD, lambda session: sessions.customer(session, token, utcnow()) is not None
    )
    return streams.answer(follower, request.headers.get("Last-Event-ID") or request.args.get("last"))


def _told(session: Session, account: Account, rows: Sequence[Notification]) -> list[dict[str, Any]]:
    said = inbox.rendered(session, pages.settings(), account, rows)
    return [
        {"id": row.id, "title": item.title, "read_at": row.read_at, "ticket": row.data.get("ticket")}
        for row, item in zip(rows, said, strict=True)
    ]


# --- what is done with items ------------------------------------------------------------------------------------------


@blueprint.post("/<uuid:id>/read")
@access.customer
def read(id: uuid.UUID) -> ResponseReturnValue:
    with transaction() as session:
        row = inbox.mark(session, g.account, id, utcnow())
    return _changed(row)


@blueprint.post("/<uuid:id>/unread")
@access.customer
def unread(id: uuid.UUID) -> ResponseReturnValue:
    with transaction() as session:
        row = inbox.mark(session, g.account, id, None)
    return _changed(row)


def _changed(row: Notification) -> ResponseReturnValue:
    if "HX-Request" not in request.headers:
        return redirect(_back(), 303)
    (line,) = items.lines(db.session(), pages.settings(), g.account, [row])
    answer = render_template("client/_row.html", line=line, kept=_kept(), open=None)
    if str(row.id) in request.headers.get("HX-Current-URL", str(row.id)):  # it is open beside the list, or the page's own script asks
        answer += render_template("client/_toggle.html", id=row.id, is_read=row.read_at is not None, kept=_kept(), oob=True)
    return answer


@blueprint.post("/<uuid:id>/archive")
@access.customer
def archive(id: uuid.UUID) -> ResponseReturnValue:
    with transaction() as session:
        inbox.archive(session, g.account, id, utcnow())
    undo = pages.Undo(url_for("inbox_pages.unarchive", id=id), {"return_to": _back()})
    pages.say(pages.words().gettext("Archived."), "archive", undo)
    return _gone()


@blueprint.post("/<uuid:id>/unarchive")
@access.customer
def unarchive(id: uuid.UUID) -> ResponseReturnValue:
    with transaction() as session:
        inbox.unarchive(session, g.account, id)
    pages.say(pages.words().gettext("Back in the inbox."), "archive-restore")
    return _gone()


def _gone() -> ResponseReturnValue:
    """Out of the list that it stood in."""
    if "HX-Request" not in request.headers:
        return redirect(_back(), 303)
    return render_template("macros/_toasts.html", oob=True)


@blueprint.post("/read-all")
@access.customer
def read_all() -> ResponseReturnValue:
    with transaction() as session:
        count = inbox.mark_all_read(session, g.account, utcnow())
    said = pages.words().ngettext("%(num)s item marked as read.", "%(num)s items marked as read.", count)
    pages.say(said % {"num": pages.number(count)}, "check-check")
    return redirect(_back(), 303)


def _back() -> str:
    """The list; what stood open beside it may be gone from it."""
    return pages.local_path(request.form.get("return_to"), url_for("inbox_pages.page", **_kept()))
