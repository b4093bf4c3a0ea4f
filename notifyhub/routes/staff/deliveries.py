"""Deliveries of all accounts: what went where, and why it did or did not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, history, labels, languages
from notifyhub.database import db
from notifyhub.emails import parse_email
from notifyhub.errors import FieldError, Invalid
from notifyhub.routes import pages
from notifyhub.routes.staff import paging
from notifyhub.routes.staff.paging import PAGE

blueprint = Blueprint("staff_deliveries", __name__, url_prefix="/staff/deliveries")


@blueprint.get("")
@access.staff()
def page() -> ResponseReturnValue:
    filters = {name: request.args.get(name, "").strip() for name in ("account", "address", "state", "lane")}
    try:
        wanted = history.Wanted(filters["account"] or None, read_state(), _key(filters["address"]), _read_lane())
    except Invalid as error:
        return render_template("staff/deliveries.html", filters=filters, errors=pages.by_field(error), rows=()), 422
    rows, last = paging.cut(history.page(db.session(), wanted, paging.before_time(), PAGE + 1), PAGE)
    older = paging.next_url("staff_deliveries.page", paging.time_cursor(last, "queued_at"))
    return render_template("staff/deliveries.html", filters=filters, errors={}, rows=listed(rows), older=older)


def read_state() -> str | None:
    """Raises Invalid."""
    state = request.args.get("state") or None
    if state and state not in labels.DELIVERY_STATES:
        raise Invalid(FieldError("state", languages.said("is not a state of deliveries")))
    return state


def _read_lane() -> str | None:
    lane = request.args.get("lane") or None
    if lane and lane not in labels.LANES:
        raise Invalid(FieldError("lane", languages.said("is not a lane")))
    return lane


def _key(text: str) -> str | None:
    try:
        return parse_email(text).key if text else None
    except ValueError as error:
        raise Invalid(FieldError("address", error.args[0])) from None


def listed(items: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the title of what was told, in the page's language where staff wrote it in that one, and with times as times."""
    titles = history.titles(db.session(), items)
    return [
        item
        | {
            "title": pages.in_page_language(titles.get(item["notification"], {})),
            "attempts": [{"at": datetime.fromisoformat(attempt["at"]), "reply": attempt["reply"]} for attempt in item["attempts"]],
        }
        for item in items
    ]
