"""Tickets followed live by staff: which have changed, and how many need an answer now."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, Response
from sqlalchemy.orm import Session

from notifyhub import access
from notifyhub.models import Staff
from notifyhub.routes.staff import following
from notifyhub.tickets import alerts, listing, rights, telling

blueprint = Blueprint("staff_ticket_stream", __name__, url_prefix="/staff/tickets")


@blueprint.get("/stream")
@access.staff(*rights.READERS)
def stream() -> Response:
    return following.answer(TICKETS)


def _look(session: Session, member: Staff, since: datetime, now: datetime) -> following.Seen | None:
    departments = rights.readable(member.roles)
    if not departments:
        return None
    return following.Seen(listing.changed_since(session, departments, since), alerts.count(session, departments, now))


TICKETS = following.Followed(
    telling.QUEUE, "tickets", 0.5, _look, lambda numbers, all, count: {"numbers": numbers, "all": all, "alerts": count}
)
