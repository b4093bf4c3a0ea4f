"""A form that is sent twice, by an impatient finger or a browser that was restored, does its work once."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from notifyhub import idempotency
from notifyhub.database import utcnow
from notifyhub.errors import Conflict, Invalid
from notifyhub.tickets.attachments import Upload

FIELD = "once"  # hidden, with a new id in it each time the form is shown
NO_PART = (FIELD, "csrf_token")


class Different(Conflict):
    """The form was sent before, and has been changed since."""


def run(session: Session, actor: str, uploads: Sequence[Upload], act: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], bool]:
    """What `act` answers, or answered the first time; and whether this is the first time. In the caller's transaction.

    Raises Different.
    """
    try:
        id = uuid.UUID(request.form.get(FIELD, ""))
    except ValueError:
        return act(), True  # no browser with our form
    sent = [(name, value) for name, value in request.form.items(multi=True) if name not in NO_PART]
    sent += [(upload.name, hashlib.sha256(upload.content).hexdigest()) for upload in uploads]
    try:
        answer = idempotency.once(session, actor, f"form:{id}", repr((request.path, sent)).encode(), utcnow(), lambda: (200, act()))
    except Invalid as error:
        if error.errors and error.errors[0].field == "Idempotency-Key":
            raise Different("This form was sent before.") from None
        raise
    return answer.body, not answer.repeated
