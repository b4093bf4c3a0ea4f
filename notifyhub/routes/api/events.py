from __future__ import annotations

from typing import Any

from flask import g, request

from notifyhub import access
from notifyhub.database import transaction, utcnow
from notifyhub.events import accepting, reading
from notifyhub.routes.api import event_document, schemas
from notifyhub.routes.api.base import Blueprint

blueprint = Blueprint("events", __name__, url_prefix="/v1/events", description="What other systems report")
EVENT_BYTES = 16 * 1024 * 1024  # a few invoices with their documents, or a thousand events without


@blueprint.post("")
@access.key("events", signed=True)
@access.body_limit(EVENT_BYTES)
@blueprint.doc(requestBody=event_document.BODY, parameters=event_document.PARAMETERS, security=event_document.SECURITY)
@blueprint.response(202, schemas.EventOutcomes)
def report() -> Any:
    """Report events, as CloudEvents 1.0: one in structured or binary form, or a batch. They are stored when the answer comes.

    The same event again (by its source and id) does nothing, and is answered with the same notification. Of a batch the good ones
    are kept; one event that cannot be accepted is answered with 422, or with 409 where its id was used for another.
    """
    message = reading.read(request.content_type or "", request.headers.items(), request.get_data(cache=True))
    with transaction() as session:
        if message.is_batch:
            outcomes = accepting.accept_many(session, message.events, g.actor, utcnow())
        else:
            outcomes = [accepting.accept(session, message.events[0], g.actor, utcnow())]
    return {"items": accepting.described(outcomes)}
