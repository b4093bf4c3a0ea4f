"""Files of the account that is signed in: of its inbox, of its tickets."""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, g, request

from notifyhub import access, files
from notifyhub.database import db
from notifyhub.routes import downloads

blueprint = Blueprint("files", __name__, url_prefix="/files")


@blueprint.get("/<uuid:id>")
@access.customer
def file(id: uuid.UUID) -> Response:
    """?show=1: a picture, to be seen in a page."""
    return downloads.answer(files.find(db.session(), id, g.account.id), show=request.args.get("show") == "1")
