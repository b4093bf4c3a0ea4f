from __future__ import annotations

from typing import Any

from notifyhub import access, confirmations, preferences
from notifyhub.accounts import lookup
from notifyhub.accounts.document import Reader, json_type, read_addresses
from notifyhub.database import db, transaction, utcnow
from notifyhub.emails import parse_email
from notifyhub.errors import FieldError, Invalid
from notifyhub.kinds import CATEGORIES
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, body, idempotent

blueprint = Blueprint(
    "send-email", __name__, url_prefix="/v1/accounts/<external_id:external_id>/send-email", description="Which address gets what"
)


@blueprint.get("")
@access.key("accounts")
@blueprint.response(200, schemas.SendEmail)
def get_send_email(external_id: str) -> Any:
    """What the account set, and where mail of each category goes right now, and why."""
    return preferences.send_email(db.session(), lookup.find(db.session(), external_id), utcnow())


@blueprint.put("")
@access.key("accounts")
@blueprint.doc(requestBody={"required": True, "content": {"application/json": {"schema": schemas.SEND_EMAIL_CHANGE}}})
@blueprint.response(200, schemas.SendEmail)
def put_send_email(external_id: str) -> Any:
    """Set the addresses of one or more categories: a list, or {"addresses": […]}, of strings or objects. Categories that are
    absent stay. New addresses wait until their owners have confirmed them; the confirmation is mailed to them."""
    document = body()
    if not isinstance(document, dict):
        raise Invalid(FieldError("", f"must be an object, not {json_type(document)}"))
    read = Reader()
    read.known(document.keys(), {*CATEGORIES, "muted"})
    wanted = {category: read_addresses(read, document[category], category, states=False) for category in CATEGORIES if category in document}
    if read.errors:
        raise Invalid(*read.errors)
    muted = preferences.read_muted(document["muted"]) if "muted" in document else None
    with transaction() as session:
        account = lookup.find(session, external_id)
        now = utcnow()
        preferences.choose(session, account, wanted, muted, now)
        return preferences.send_email(session, account, now)


@blueprint.post("/confirmations")
@access.key("accounts")
@idempotent
@blueprint.arguments(schemas.ConfirmationRequest)
@blueprint.response(202, schemas.ConfirmationRequest)
def request_confirmation(document: dict[str, str], external_id: str) -> Any:
    """Mail the confirmation again, or mend an address that did not accept our mail."""
    try:
        email = parse_email(document["email"])
    except ValueError as error:
        raise Invalid(FieldError("email", str(error))) from None
    with transaction() as session:
        confirmations.request_again(session, lookup.find(session, external_id), email.key, utcnow())
    return {"email": email.address}
