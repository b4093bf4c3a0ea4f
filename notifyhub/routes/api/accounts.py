from __future__ import annotations

from typing import Any

from flask import request
from sqlalchemy.exc import IntegrityError

from notifyhub import access, addresses
from notifyhub.accounts import erasure, importing, lookup, reading
from notifyhub.accounts.document import read_account
from notifyhub.accounts.sync import sync
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Invalid
from notifyhub.models import Account
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, body, settings

blueprint = Blueprint("accounts", __name__, url_prefix="/v1/accounts", description="Clients of the provider, and what they rent")
ACCOUNT_BYTES = 8 * 1024 * 1024


@blueprint.put("/<external_id:external_id>")
@access.key("accounts")
@access.body_limit(ACCOUNT_BYTES)
@blueprint.doc(requestBody={"required": True, "content": {"application/json": {"schema": schemas.Account}}})
@blueprint.response(200, schemas.Account)
@blueprint.alt_response(201, schema=schemas.Account, description="Created")
def put_account(external_id: str) -> Any:
    """Create or replace an account. What is absent stays as it is; a part takes effect when it differs from what was said last."""
    document = read_account(body(), external_id)
    if document.dropped:
        raise Invalid(*document.dropped)
    try:
        created = _put(document)
    except IntegrityError:  # someone made the same account at this moment
        created = _put(document)
    account = lookup.find(db.session(), external_id)
    return reading.shown(db.session(), account), 201 if created else 200


def _put(document: Any) -> bool:
    with transaction() as session:
        now = utcnow()
        (result,) = sync(session, [document], settings().default_locale, now)
        if result.changes:
            addresses.give_notice(session, session.get_one(Account, result.account_id), result.changes, now)
        return result.outcome == "created"


@blueprint.post("/import")
@access.key("accounts")
@access.body_limit(None)
@blueprint.doc(requestBody={"required": True, "content": {"application/x-ndjson": {"schema": schemas.Account}}})
@blueprint.response(200, schemas.ImportSummary)
def import_accounts() -> Any:
    """Many accounts, one JSON object a line, any number of them. Good lines are kept. Mails nobody."""
    return vars(importing.import_accounts(importing.lines_of(request.stream.read), settings().default_locale))


@blueprint.get("/<external_id:external_id>")
@access.key("accounts")
@blueprint.response(200, schemas.Account)
def get_account(external_id: str) -> Any:
    """Read an account, as PUT takes it."""
    return reading.shown(db.session(), lookup.find(db.session(), external_id))


@blueprint.get("/<external_id:external_id>/export")
@access.key("accounts")
@blueprint.response(200)
def export_account(external_id: str) -> Any:
    """Everything that is held about an account."""
    return reading.export(db.session(), lookup.find(db.session(), external_id), utcnow())


@blueprint.delete("/<external_id:external_id>")
@access.key("accounts")
@blueprint.response(204)
def erase_account(external_id: str) -> Any:
    """Erase an account: names, addresses and texts go, for good."""
    with transaction() as session:
        erasure.erase(session, lookup.find(session, external_id), utcnow())
