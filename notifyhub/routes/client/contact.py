"""Ways to contact support: what each is for, what we promise, and how it really was. Public, as whoever cannot sign in needs it most."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import NamedTuple

from babel.dates import format_timedelta
from flask import Blueprint, current_app, g, render_template

from notifyhub import access, response_times
from notifyhub.database import db
from notifyhub.response_times import Figure
from notifyhub.routes import pages

blueprint = Blueprint("contact", __name__, url_prefix="/contact")

CHAT = "chat_widget"  # the blueprint of the script that opens at a link to #chat


class Measured(NamedTuple):
    """One figure in the reader's words."""

    median: str
    number: int
    kept: bool | None  # the promise; None: it names no time


@blueprint.get("")
@access.public
def page() -> str:
    access.recognise_customer()
    figures = response_times.read(db.session())
    ticket_promise = timedelta(minutes=pages.settings().ticket_promise_minutes)
    email_promise = timedelta(minutes=pages.settings().mail_promise_minutes)
    return render_template(
        "client/contact.html",
        layout="layouts/client.html" if g.get("account") else "layouts/plain.html",
        ticket_promise=ticket_promise,
        chat=CHAT in current_app.blueprints,
        email_least=_least(pages.settings().mail_promise_minutes),
        email_promise=email_promise,
        measured={
            "ticket": _measured(figures.of("ticket"), ticket_promise),
            "chat": _measured(figures.of("chat")),
            "email": _measured(figures.of("email"), email_promise),
            "notification": _measured(figures.of("notification")),
        },
        measured_at=figures.measured_at,
        days=response_times.PERIOD.days,
    )


def _least(minutes: int) -> int | None:
    """Said as a range, since nobody reads mail by the minute; None where that would read oddly, as from an hour on."""
    return minutes // 2 if 1 < minutes < 60 else None


def _measured(figure: Figure, promise: timedelta | None = None) -> Measured | None:
    """None where there is too little to say."""
    if figure.median is None:
        return None
    return Measured(_spelled(figure.median), figure.number, figure.median <= promise if promise else None)


def _spelled(time: timedelta) -> str:
    """Rounded up: it never sounds quicker than it was."""
    if time < timedelta(seconds=1):
        return pages.words().gettext("less than a second")
    if time < timedelta(minutes=2):
        return format_timedelta(timedelta(seconds=math.ceil(time.total_seconds())), threshold=math.inf, locale=pages.formats())
    return pages.duration(time)
