"""What the API takes and gives, as marshmallow schemas: the validation of most input, and the source of /openapi.json."""

from __future__ import annotations

from marshmallow import fields, validate

from notifyhub.accounts import document
from notifyhub.fields import Line, Schema, Time
from notifyhub.files import ATTACHMENTS
from notifyhub.kinds import ANNOUNCEMENT_KINDS, CATEGORIES, OPTIONAL_KINDS, Lane
from notifyhub.routes.api.base import FieldProblem, Paging

IMPACTS = ("no-impact", "reduced-redundancy", "degraded", "outage")
STATES = ("queued", "sending", "sent", "bounced", "failed", "skipped", "cancelled", "superseded")


class Address(Schema):
    email = fields.String(required=True, metadata={"maxLength": 254})
    state = fields.String(metadata={"enum": ["pending", "verified", "replaced", "bouncing"]})


class Service(Schema):
    """Input of accounts is read by accounts/document.py, which this describes; a test holds the two together."""

    order_number = fields.String(required=True, metadata={"minLength": 1, "maxLength": 64, "example": "#123456"})
    name = fields.String(metadata={"maxLength": 200})
    product = fields.String(metadata={"maxLength": 200})
    location = fields.String(metadata={"maxLength": 200})
    node = fields.String(metadata={"maxLength": 200})
    addresses = fields.List(
        fields.String(), metadata={"maxItems": document.MOST_SERVICE_ADDRESSES, "example": ["203.0.113.7", "2001:db8::/64"]}
    )
    status = fields.String(metadata={"enum": list(document.SERVICE_STATUSES)})


class Categories(Schema):
    invoices = fields.List(fields.Nested(Address), metadata={"maxItems": document.MOST_ADDRESSES})
    support = fields.List(fields.Nested(Address), metadata={"maxItems": document.MOST_ADDRESSES})
    abuse = fields.List(fields.Nested(Address), metadata={"maxItems": document.MOST_ADDRESSES})
    announcements = fields.List(fields.Nested(Address), metadata={"maxItems": document.MOST_ADDRESSES})


class Account(Schema):
    external_id = fields.String(metadata={"maxLength": 128, "example": "C-1042"})
    registered_email = fields.String(required=True, metadata={"maxLength": 254})
    name = fields.String(metadata={"maxLength": document.NAME_CHARACTERS})
    locale = fields.String(metadata={"example": "tr"})
    time_zone = fields.String(metadata={"example": "Europe/Istanbul"})
    services = fields.List(fields.Nested(Service), metadata={"maxItems": document.MOST_SERVICES})
    send_email = fields.Nested(Categories)
    created_at = fields.AwareDateTime(dump_only=True)
    updated_at = fields.AwareDateTime(dump_only=True)


class Rejection(Schema):
    line = fields.Integer()
    field = fields.String()
    message = fields.String()


class ImportSummary(Schema):
    created = fields.Integer()
    updated = fields.Integer()
    unchanged = fields.Integer()
    rejected = fields.List(fields.Nested(Rejection), metadata={"description": "the first 1,000"})
    rejected_count = fields.Integer(metadata={"description": "how many there are in all"})


class Now(Schema):
    email = fields.String(allow_none=True)
    rule = fields.Integer()
    reason = fields.String()


class CategorySetting(Schema):
    addresses = fields.List(fields.Nested(Address))
    now = fields.List(fields.Nested(Now), metadata={"description": "where mail of this category goes right now, and why"})


class SendEmail(Schema):
    invoices = fields.Nested(CategorySetting)
    support = fields.Nested(CategorySetting)
    abuse = fields.Nested(CategorySetting)
    announcements = fields.Nested(CategorySetting)
    muted = fields.List(fields.String(metadata={"enum": list(OPTIONAL_KINDS)}))


_listed = {
    "type": "array",
    "maxItems": document.MOST_ADDRESSES,
    "items": {"anyOf": [{"type": "string"}, {"type": "object", "required": ["email"], "properties": {"email": {"type": "string"}}}]},
}
SEND_EMAIL_CHANGE = {
    "type": "object",
    "description": "what is absent stays",
    "properties": {
        category: {"anyOf": [_listed, {"type": "object", "required": ["addresses"], "properties": {"addresses": _listed}}]}
        for category in CATEGORIES
    }
    | {"muted": {"type": "array", "items": {"enum": list(OPTIONAL_KINDS)}}},
}


class ConfirmationRequest(Schema):
    email = Line(254, 1, required=True)


class InboxQuery(Paging):
    category = fields.String(load_default=None, validate=validate.OneOf(CATEGORIES))
    unread = fields.Boolean(load_default=False)
    q = Line(200, load_default=None)


class AffectedService(Schema):
    order_number = fields.String()
    name = fields.String()


class Source(Schema):
    type = fields.String()
    id = fields.String()
    revision = fields.Integer()


class SentTo(Schema):
    channel = fields.String()
    address = fields.String(allow_none=True)
    state = fields.String(metadata={"enum": list(STATES)})
    reason = fields.String()


class File(Schema):
    id = fields.UUID()
    name = fields.String()
    media_type = fields.String(metadata={"enum": sorted(ATTACHMENTS)})
    size = fields.Integer(metadata={"description": "bytes"})


class InboxItem(Schema):
    id = fields.UUID()
    category = fields.String(metadata={"enum": list(CATEGORIES)})
    kind = fields.String()
    lane = fields.String(metadata={"enum": [lane.name for lane in Lane]})
    title = fields.String()
    text = fields.String()
    html = fields.String()
    services = fields.List(fields.Nested(AffectedService))
    files = fields.List(fields.Nested(File))
    created_at = fields.AwareDateTime()
    read_at = fields.AwareDateTime(allow_none=True)
    archived_at = fields.AwareDateTime(allow_none=True)
    source = fields.Nested(Source)
    sent_to = fields.List(fields.Nested(SentTo))


class InboxPage(Schema):
    items = fields.List(fields.Nested(InboxItem))
    next = fields.String(allow_none=True)


class UnreadCount(Schema):
    unread = fields.Integer()


class MarkedRead(Schema):
    read = fields.Integer()


class Text(Schema):
    title = fields.String(required=True)
    body = fields.String(required=True, metadata={"description": "Markdown, with the variables account_name, services and window"})


WORDS = fields.List(Line(200, 1))


class Excluded(Schema):
    locations = WORDS
    nodes = WORDS
    products = WORDS
    services = WORDS
    accounts = WORDS
    networks = fields.List(fields.String())


class AudienceFilter(Excluded):
    all = fields.Boolean(validate=validate.Equal(True, error="is true or absent"))
    except_ = fields.Nested(Excluded, data_key="except", attribute="except")


LOCALE = fields.String(metadata={"description": "locale"})


class Draft(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(ANNOUNCEMENT_KINDS))
    impact = fields.String(allow_none=True, validate=validate.OneOf(IMPACTS))
    starts_at = Time(allow_none=True)
    ends_at = Time(allow_none=True)
    content = fields.Dict(LOCALE, fields.Nested(Text), required=True, validate=validate.Length(1, 50))
    audience = fields.Nested(AudienceFilter, required=True)


class DraftChange(Schema):
    kind = fields.String(validate=validate.OneOf(ANNOUNCEMENT_KINDS))
    impact = fields.String(allow_none=True, validate=validate.OneOf(IMPACTS))
    starts_at = Time(allow_none=True)
    ends_at = Time(allow_none=True)
    content = fields.Dict(LOCALE, fields.Nested(Text), validate=validate.Length(1, 50))
    audience = fields.Nested(AudienceFilter)


class Announcement(Draft):
    id = fields.UUID()
    status = fields.String(metadata={"enum": ["draft", "scheduled", "published", "in_progress", "completed", "cancelled"]})
    revision = fields.Integer()
    created_by = fields.String()
    created_at = fields.AwareDateTime()
    updated_at = fields.AwareDateTime()
    published_at = fields.AwareDateTime(allow_none=True)


class AnnouncementPage(Schema):
    items = fields.List(fields.Nested(Announcement))
    next = fields.String(allow_none=True)


class Publication(Schema):
    pass


class DecisionCount(Schema):
    channel = fields.String()
    action = fields.String(metadata={"enum": ["send", "skip"]})
    rule = fields.Integer()
    reason = fields.String()
    count = fields.Integer()


class Sampled(Schema):
    account = fields.String()
    services = fields.List(fields.String())
    to = fields.List(fields.String())
    rule = fields.Integer()
    reason = fields.String()


class RenderedMail(Schema):
    subject = fields.String()
    text = fields.String()
    html = fields.String()


class Preview(Schema):
    accounts = fields.Integer()
    services = fields.Integer()
    decisions = fields.List(fields.Nested(DecisionCount))
    sample = fields.List(fields.Nested(Sampled))
    rendered = fields.Dict(keys=fields.String(), values=fields.Nested(RenderedMail))


class Progress(Schema):
    accounts = fields.Integer(metadata={"description": "matched at publication"})
    fanned_out = fields.Integer()
    by_state = fields.Dict(
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "deliveries by e-mail; those to the inbox are as many as were fanned out"},
    )
    first_at = fields.AwareDateTime(allow_none=True, metadata={"description": "when the first mail was accepted"})
    last_at = fields.AwareDateTime(allow_none=True)
    rate = fields.Float(allow_none=True, metadata={"description": "mails a second, from the first to the last"})


class ToldBy(Schema):
    id = fields.UUID()
    channel = fields.String()
    address = fields.String(allow_none=True)
    state = fields.String()
    rule = fields.Integer()
    reason = fields.String()
    at = fields.AwareDateTime(allow_none=True)
    reply = fields.String(allow_none=True)


class RecipientRow(Schema):
    id = fields.UUID(metadata={"description": "of the notification"})
    account = fields.String(allow_none=True)
    revision = fields.Integer()
    services = fields.List(fields.Nested(AffectedService))
    created_at = fields.AwareDateTime()
    deliveries = fields.List(fields.Nested(ToldBy))


class RecipientPage(Schema):
    items = fields.List(fields.Nested(RecipientRow))
    next = fields.String(allow_none=True)


class EventOutcome(Schema):
    id = fields.String(allow_none=True)
    source = fields.String(allow_none=True)
    status = fields.String(metadata={"enum": ["accepted", "repeated", "rejected"]})
    notification = fields.UUID(metadata={"description": "what the account was told; not where the event was rejected"})
    errors = fields.List(fields.Nested(FieldProblem), metadata={"description": "why it was rejected"})


class EventOutcomes(Schema):
    items = fields.List(fields.Nested(EventOutcome), metadata={"description": "one for each event, in their order"})


class AcceptedReport(Schema):
    id = fields.UUID()
    status = fields.String(
        metadata={"enum": ["told", "kept"], "description": "told: the account that had the address; kept: for staff to see"}
    )
    format = fields.String(metadata={"enum": ["xarf", "arf"]})
    type = fields.String(metadata={"example": "messaging/spam"})
    address = fields.String(metadata={"description": "as it is looked up; empty where the report names none"})
    occurred_at = fields.AwareDateTime(allow_none=True)
    received_at = fields.AwareDateTime()
    notification = fields.UUID(allow_none=True)


class DeliveriesQuery(Paging):
    account = Line(128, 1, load_default=None)
    state = fields.String(load_default=None, validate=validate.OneOf(STATES))
    address = Line(254, 1, load_default=None)
    lane = fields.String(load_default=None, validate=validate.OneOf([lane.name for lane in Lane]))


class Attempt(Schema):
    at = fields.String()
    reply = fields.String()


class Delivery(Schema):
    id = fields.UUID()
    notification = fields.UUID()
    account = fields.String(allow_none=True)
    kind = fields.String()
    channel = fields.String()
    address = fields.String(allow_none=True)
    lane = fields.String()
    state = fields.String()
    rule = fields.Integer()
    reason = fields.String()
    attempts = fields.List(fields.Nested(Attempt))
    queued_at = fields.AwareDateTime()
    next_attempt_at = fields.AwareDateTime(allow_none=True)
    sent_at = fields.AwareDateTime(allow_none=True)


class DeliveryPage(Schema):
    items = fields.List(fields.Nested(Delivery))
    next = fields.String(allow_none=True)


class IntakeQuery(Schema):
    rcpt = fields.String(load_default="", metadata={"description": "The envelope's recipient, as RCPT TO had it"})
    mail_from = fields.String(load_default="", metadata={"description": "The envelope's sender; empty for reports"})
    wait = fields.Boolean(load_default=False, metadata={"description": "1: answer with what became of it"})


class IncomingMail(Schema):
    id = fields.UUID()
    received_at = fields.AwareDateTime()
    size = fields.Integer()
    outcome = fields.String(allow_none=True, metadata={"description": "null until it was worked on"})
    detail = fields.String(allow_none=True)
    reply = fields.String(allow_none=True, metadata={"description": "What the report itself says"})
    delivery = fields.UUID(attribute="delivery_id", allow_none=True)
    ticket = fields.Integer(allow_none=True, metadata={"description": "the number of what it became, or was added to"})
