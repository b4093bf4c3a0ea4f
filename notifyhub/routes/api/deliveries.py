from __future__ import annotations

import uuid
from typing import Any

from notifyhub import access, history
from notifyhub.database import db
from notifyhub.emails import parse_email
from notifyhub.errors import FieldError, Invalid, NotFound
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, page_of, read_cursor

blueprint = Blueprint("deliveries", __name__, url_prefix="/v1/deliveries", description="What went where, and why")


@blueprint.get("")
@access.key("reports")
@blueprint.arguments(schemas.DeliveriesQuery, location="query")
@blueprint.response(200, schemas.DeliveryPage)
def list_deliveries(query: dict[str, Any]) -> Any:
    """Newest first: every delivery and skip, of an account, at an address, in a state, in a lane."""
    wanted = history.Wanted(query["account"], query["state"], _key(query["address"]) if query["address"] else None, query["lane"])
    items = history.page(db.session(), wanted, read_cursor(query["cursor"]), query["limit"] + 1)
    return page_of(items, query["limit"], created_at="queued_at")


@blueprint.get("/<uuid:id>")
@access.key("reports")
@blueprint.response(200, schemas.Delivery)
def get_delivery(id: uuid.UUID) -> Any:
    """One delivery, with every attempt and the relay's own answers."""
    found = history.find(db.session(), id)
    if found is None:
        raise NotFound("There is no delivery with this id.")
    return found


def _key(text: str) -> str:
    try:
        return parse_email(text).key
    except ValueError as error:
        raise Invalid(FieldError("address", str(error))) from None
