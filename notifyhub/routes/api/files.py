from __future__ import annotations

import uuid

from flask import Response

from notifyhub import access, files
from notifyhub.accounts import lookup
from notifyhub.database import db
from notifyhub.routes import downloads
from notifyhub.routes.api.base import Blueprint

blueprint = Blueprint(
    "account-files", __name__, url_prefix="/v1/accounts/<external_id:external_id>/files", description="Files of an account"
)


@blueprint.get("/<uuid:id>")
@access.key("accounts")
@blueprint.doc(
    responses={
        "200": {
            "description": "The file, as Content-Disposition: attachment.",
            "content": {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in sorted(files.ATTACHMENTS)},
        }
    }
)
def get_file(external_id: str, id: uuid.UUID) -> Response:
    """Fetch a file that an inbox item, or a ticket, names."""
    return downloads.answer(files.find(db.session(), id, lookup.find(db.session(), external_id).id))
