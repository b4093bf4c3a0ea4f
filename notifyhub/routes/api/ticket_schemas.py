"""What the API takes and gives about tickets."""

from __future__ import annotations

from flask_smorest.fields import Upload
from marshmallow import fields, validate

from notifyhub.fields import Line, Schema, Time
from notifyhub.routes.api.base import Paging
from notifyhub.routes.api.schemas import File
from notifyhub.tickets import attachments, incident
from notifyhub.tickets.opening import BODY_CHARACTERS, SUBJECT_CHARACTERS
from notifyhub.tickets.states import DEPARTMENTS, PRIORITIES, STATUSES

SIDES = ("customer", "staff")


class AsAccount(Schema):
    account = Line(128, 1, load_default=None, metadata={"description": "as this account may see it: another account's ticket is not found"})


class TicketQuery(AsAccount):
    internal = fields.Boolean(load_default=False, metadata={"description": "with the notes among staff; never as an account"})


class TicketsQuery(Paging):
    account = Line(128, 1, load_default=None)
    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    department = fields.String(load_default=None, validate=validate.OneOf(DEPARTMENTS))
    priority = fields.String(load_default=None, validate=validate.OneOf(PRIORITIES))


class NewIncident(Schema):
    order_number = fields.String(allow_none=True, metadata={"example": "#123456", "description": "this, or `address`, or both"})
    address = fields.String(allow_none=True, metadata={"example": "203.0.113.7"})
    service_name = fields.String(allow_none=True, metadata={"maxLength": incident.NAME_CHARACTERS})
    started_at = Time(allow_none=True)
    diagnostics = fields.String(allow_none=True, metadata={"maxLength": incident.DIAGNOSTICS_CHARACTERS})


class NewTicket(Schema):
    account = Line(128, 1, required=True)
    department = fields.String(required=True, validate=validate.OneOf(DEPARTMENTS))
    priority = fields.String(load_default="regular", validate=validate.OneOf(PRIORITIES))
    subject = fields.String(required=True, metadata={"minLength": 1, "maxLength": SUBJECT_CHARACTERS})
    body = fields.String(required=True, metadata={"minLength": 1, "maxLength": BODY_CHARACTERS, "description": "plain text"})
    incident = fields.Nested(NewIncident, allow_none=True, load_default=None, metadata={"description": "needed at high priority"})


class TicketChange(Schema):
    status = fields.String(validate=validate.OneOf(STATUSES))
    department = fields.String(validate=validate.OneOf(DEPARTMENTS))
    priority = fields.String(validate=validate.OneOf(PRIORITIES))
    assignee = Line(254, 1, allow_none=True, metadata={"description": "e-mail address of a member of staff; null: nobody"})
    staff = Line(254, 1, metadata={"description": "e-mail address of the member of staff who changes it, where that is known"})


class NewMessage(Schema):
    from_ = fields.String(required=True, data_key="from", attribute="from", validate=validate.OneOf(SIDES))
    body = fields.String(
        required=True,
        metadata={"minLength": 1, "maxLength": BODY_CHARACTERS, "description": "of customers plain text, of staff Markdown"},
    )
    internal = fields.Boolean(load_default=False, metadata={"description": "a note among staff, which no customer sees"})
    staff = Line(254, 1, metadata={"description": "e-mail address of the member of staff who writes, where that is known"})
    status = fields.String(
        validate=validate.OneOf(STATUSES),
        metadata={
            "description": "what the ticket is after a reply of staff; where it is absent, it waits for the customer, or stays resolved"
        },
    )


class NewFilesForm(NewMessage):
    """The same as parts of a form, with files; there may be no words."""

    body = fields.String(load_default="", metadata={"maxLength": BODY_CHARACTERS})


class NewFiles(Schema):
    file = fields.List(
        Upload(),
        required=True,
        validate=validate.Length(1),
        metadata={
            "maxItems": attachments.MOST,
            "description": f"up to {attachments.MOST} files, {attachments.MOST_BYTES // 1024 // 1024} MB each and "
            f"{attachments.MOST_BYTES_TOGETHER // 1024 // 1024} MB together: PDF, PNG, JPEG, GIF, WebP, plain text, ZIP, gzip",
        },
    )


class Person(Schema):
    name = fields.String()
    email = fields.String()


class Incident(Schema):
    order_number = fields.String(allow_none=True)
    address = fields.String(allow_none=True)
    service_name = fields.String()
    started_at = fields.String(metadata={"format": "date-time"})
    diagnostics = fields.String(allow_none=True)


class Ticket(Schema):
    number = fields.Integer()
    id = fields.UUID()
    account = fields.String(allow_none=True)
    contact = fields.Nested(Person, allow_none=True, metadata={"description": "of someone without an account: where answers go"})
    department = fields.String(metadata={"enum": list(DEPARTMENTS)})
    priority = fields.String(metadata={"enum": list(PRIORITIES)})
    status = fields.String(metadata={"enum": list(STATUSES)})
    subject = fields.String()
    incident = fields.Nested(Incident, allow_none=True)
    assignee = fields.Nested(Person, allow_none=True)
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    promised_at = fields.AwareDateTime(metadata={"description": "by when the first response is promised"})
    first_response_at = fields.AwareDateTime(allow_none=True)
    breached_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when it was noticed that the promise was not kept"})


class TicketPage(Schema):
    items = fields.List(fields.Nested(Ticket))
    next = fields.String(allow_none=True)


class Message(Schema):
    id = fields.UUID()
    author = fields.String(data_key="from", metadata={"enum": [*SIDES, "system"]})
    staff = fields.Nested(Person, allow_none=True)
    internal = fields.Boolean()
    body = fields.String()
    html = fields.String()
    via = fields.String(metadata={"enum": ["page", "api", "mail"]})
    created_at = fields.AwareDateTime()
    files = fields.List(fields.Nested(File))
    left_out = fields.List(fields.String(), metadata={"description": "names of files that came by mail and were not taken over"})


class Change(Schema):
    at = fields.AwareDateTime()
    author = fields.String(data_key="by", metadata={"enum": [*SIDES, "system"]})
    staff = fields.Nested(Person, allow_none=True)
    field = fields.String(metadata={"enum": ["status", "department", "priority", "assignee"]})
    before = fields.String(allow_none=True)
    after = fields.String(allow_none=True)


class WholeTicket(Ticket):
    messages = fields.List(fields.Nested(Message))
    history = fields.List(fields.Nested(Change))
