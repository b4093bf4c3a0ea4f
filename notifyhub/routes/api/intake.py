from __future__ import annotations

import time
import uuid
from typing import Any

from flask import request

from notifyhub import access
from notifyhub.database import reading, transaction, utcnow
from notifyhub.errors import Unreadable
from notifyhub.intake import receiving
from notifyhub.models import IncomingMail, Ticket
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, settings

blueprint = Blueprint("intake", __name__, url_prefix="/v1/intake", description="Mail that came to addresses of ours")
WAIT_SECONDS = 5.0


@blueprint.post("/email")
@access.key("intake")
@access.body_limit(receiving.MOST_BYTES)
@blueprint.doc(requestBody={"required": True, "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}}})
@blueprint.arguments(schemas.IntakeQuery, location="query")
@blueprint.response(202, schemas.IncomingMail)
@blueprint.alt_response(200, schema=schemas.IncomingMail, description="With wait=1: what became of it")
def receive_email(query: dict[str, Any]) -> Any:
    """Pass on a raw mail (message/rfc822). It is stored whole before this is answered, and worked on after that."""
    if request.mimetype != "message/rfc822":
        raise Unreadable("The body must be a raw mail, sent as Content-Type: message/rfc822.")
    with transaction() as session:
        mail = receiving.receive(session, request.get_data(cache=False), query["rcpt"], query["mail_from"], utcnow())
    if not query["wait"]:
        return _shown(mail, None)
    return _worked_on(mail.id), 200


def _shown(mail: IncomingMail, ticket: int | None) -> dict[str, Any]:
    return {name: getattr(mail, name) for name in OWN} | {"ticket": ticket}


OWN = ("id", "received_at", "size", "outcome", "detail", "reply", "delivery_id")


def _worked_on(id: uuid.UUID) -> dict[str, Any]:
    """A worker may have been faster: then its outcome is waited for."""
    with transaction() as session:
        receiving.work_on(session, settings(), id, utcnow())
    until = time.monotonic() + WAIT_SECONDS
    while True:
        with reading() as session:
            mail = receiving.find(session, id)
            session.refresh(mail)
            ticket = session.get(Ticket, mail.ticket_id) if mail.ticket_id else None
            shown = _shown(mail, ticket.number if ticket else None)
        if shown["outcome"] is not None or time.monotonic() > until:
            return shown
        time.sleep(0.05)
