from __future__ import annotations

from typing import Any

from flask import g, request

from notifyhub import abuse, access
from notifyhub.abuse import arf, reading
from notifyhub.abuse.accepting import MOST_BYTES
from notifyhub.abuse.report import Report
from notifyhub.database import transaction, utcnow
from notifyhub.errors import Unreadable
from notifyhub.routes.api import schemas
from notifyhub.routes.api.base import Blueprint, body, idempotent

blueprint = Blueprint("abuse", __name__, url_prefix="/v1/abuse/reports", description="Reports of abuse, from those who see it")

CONTACT = {
    "type": "object",
    "required": ["org", "contact", "domain"],
    "properties": {"org": {"type": "string"}, "contact": {"type": "string", "format": "email"}, "domain": {"type": "string"}},
}
XARF = {
    "type": "object",
    "description": "XARF 4 (https://xarf.org); each category and type has more fields",
    "required": ["xarf_version", "report_id", "timestamp", "reporter", "sender", "source_identifier", "category", "type"],
    "properties": {
        "xarf_version": {"type": "string", "pattern": "^4\\.[0-9]+\\.[0-9]+$"},
        "report_id": {"type": "string", "format": "uuid"},
        "timestamp": {"type": "string", "format": "date-time"},
        "reporter": CONTACT,
        "sender": CONTACT,
        "source_identifier": {"type": "string", "description": "the IP address that it is about"},
        "category": {"type": "string"},
        "type": {"type": "string"},
    },
}
XARF_EXAMPLE = {
    "xarf_version": "4.2.0",
    "report_id": "550e8400-e29b-41d4-a716-446655440000",
    "timestamp": "2026-11-25T14:30:25Z",
    "reporter": {"org": "Example Desk", "contact": "abuse@desk.example", "domain": "desk.example"},
    "sender": {"org": "Example Desk", "contact": "abuse@desk.example", "domain": "desk.example"},
    "source_identifier": "203.0.113.7",
    "source_port": 52144,
    "category": "connection",
    "type": "login_attack",
    "first_seen": "2026-11-25T14:10:02Z",
    "protocol": "tcp",
    "destination_port": 22,
    "evidence": [{"content_type": "text/plain", "description": "Log", "payload": "RmFpbGVkIHBhc3N3b3JkIGZvciByb290"}],
}
BODY = {
    "required": True,
    "content": {
        "application/json": {"schema": XARF, "example": XARF_EXAMPLE},
        "message/rfc822": {"schema": {"type": "string", "format": "binary", "description": "a mail in ARF (RFC 5965)"}},
    },
}


@blueprint.post("")
@access.key("abuse")
@access.body_limit(MOST_BYTES)
@idempotent
@blueprint.doc(requestBody=BODY)
@blueprint.response(202, schemas.AcceptedReport)
def accept_report() -> Any:
    """Report abuse of an address, in XARF 4 or ARF. Whoever had it then is told at once; the same report again does nothing."""
    report, raw = _read(), request.get_data(cache=True)
    with transaction() as session:
        accepted = abuse.accept(session, report, raw, g.actor, utcnow())
    row, headers = accepted.report, {"Idempotent-Replayed": "true"} if accepted.repeated else {}
    answer = {
        "id": row.id,
        "status": "told" if row.notification_id else "kept",
        "format": row.format,
        "type": row.type,
        "address": row.address,
        "occurred_at": row.occurred_at,
        "received_at": row.received_at,
        "notification": row.notification_id,
    }
    return answer, 202, headers


def _read() -> Report:
    if request.mimetype == "message/rfc822":
        return arf.read(request.get_data(cache=True))
    if request.is_json:
        return reading.read(body())
    raise Unreadable("The body must be a report in XARF 4, sent as application/json, or in ARF, sent as message/rfc822.")
