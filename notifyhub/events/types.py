"""What can be reported: the table of types. A new one is a row here with the schema of its data, and a template in templates/mail.

A row's kind says category, lane and template (kinds.py, labels.py); several types may share one. The template's holes are the
names of the data, spelled as spelling.py says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import marshmallow as ma
from marshmallow import fields, validate

from notifyhub import markdown
from notifyhub.abuse.harmless import harmless
from notifyhub.accounts.document import read_locale
from notifyhub.fields import (
    Address,
    Amount,
    ByName,
    Day,
    File,
    Line,
    Lines,
    Link,
    Moment,
    Money,
    Schema,
    Text,
    Verbatim,
    check_digits,
)  # fmt: skip
from notifyhub.files import DOCUMENTS
from notifyhub.kinds import CATEGORIES, KINDS, Kind

DOCUMENT_BYTES = 5_000_000
MOST_ITEMS = 100
MOST_LANGUAGES = 20
BODY_CHARACTERS = 20_000
EVIDENCE_CHARACTERS = 20_000


class Data(Schema):
    """What the data of every type may have."""

    account = Line(128, 1, metadata={"description": "its external id; it may stand in the event's subject instead", "example": "C-1042"})
    url = Link(metadata={"description": "where the button of the mail leads; without it to the item in the inbox"})


class OfService(Data):
    service = Line(
        64, 1, required=True, metadata={"description": "the order number of one of the account's services", "example": "#123456"}
    )


class Document(Schema):
    document = File(DOCUMENTS, DOCUMENT_BYTES)


class Invoice(Money, Data):
    number = Line(64, 1, required=True, metadata={"example": "INV-2231"})


class InvoiceIssued(Invoice, Document):
    due_on = Day(required=True)


class InvoicePaid(Invoice, Document):
    paid_on = Day(required=True)
    method = Line(100, 1, metadata={"example": "Visa •••• 4242"})


class InvoiceOverdue(Invoice, Document):
    due_on = Day(required=True)
    suspends_on = Day(metadata={"description": "when its services stop if it stays open"})


class OrderItem(Schema):
    name = Line(200, 1, required=True)
    quantity = fields.Integer(strict=True, load_default=1, validate=validate.Range(1, 1_000_000))
    amount = Amount(required=True, metadata={"description": "of the whole line, in the order's currency"})


class OrderConfirmed(Money, Data, Document):
    number = Line(64, 1, required=True, metadata={"example": "#123456"})
    items = fields.List(fields.Nested(OrderItem), validate=validate.Length(1, MOST_ITEMS))

    @ma.post_load
    def _spread_currency(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        for number, item in enumerate(data.get("items", ())):
            try:
                check_digits(item["amount"], data["currency"])
            except ma.ValidationError as error:
                raise ma.ValidationError({"items": {number: {"amount": error.messages}}}) from None
            item["currency"] = data["currency"]
        return data


class ServiceSuspended(OfService):
    reason = fields.String(required=True, validate=validate.OneOf(("unpaid", "abuse", "other")))
    explanation = Line(1000, 1)
    suspended_at = Moment()


class SecurityLogin(Data):
    signed_in_at = Moment(required=True)
    address = Address(required=True)
    place = Line(200, 1, metadata={"example": "Berlin, Germany"})
    device = Line(200, 1, metadata={"example": "Firefox on Windows"})


class AbuseReported(Data):
    what = Line(200, 1, required=True, metadata={"example": "Spam sent from your server"})
    service = Line(64, 1, metadata={"description": "the order number of the service that it is about"})
    address = Address(metadata={"description": "the IP address that was reported"})
    happened_at = Moment()
    reporter = Line(200, 1)
    due_at = Moment(metadata={"description": "until when an answer is expected"})
    evidence = Verbatim(
        EVIDENCE_CHARACTERS, 1, metadata={"description": "what was reported, such as log lines; links in it are made unusable"}
    )

    @ma.post_load
    def _make_harmless(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return data | ({"evidence": harmless(data["evidence"], EVIDENCE_CHARACTERS)} if "evidence" in data else {})


class ServiceDown(OfService):
    down_at = Moment(required=True)
    check = Line(200, 1, metadata={"example": "HTTPS, port 443"})
    detail = Line(500, 1, metadata={"example": "no answer within 10 s"})


class Recovered(OfService):
    up_at = Moment(required=True)
    down_at = Moment()
    check = Line(200, 1, metadata={"example": "HTTPS, port 443"})


class Words(Schema):
    title = Line(200, 1, required=True)
    body = Lines(BODY_CHARACTERS, 1, required=True, metadata={"description": "Markdown, with the variables account_name and services"})

    @ma.validates_schema
    def _check_markdown(self, data: dict[str, Any], **_: Any) -> None:
        found: dict[str, list[str]] = {}
        for field, message in markdown.problems(data["title"], data["body"]):
            found.setdefault(field, []).append(message)
        if found:
            raise ma.ValidationError(found)


class Locale(Text):
    def read(self, text: str) -> Any:
        return read_locale(text)


class Custom(Data):
    category = fields.String(required=True, validate=validate.OneOf(CATEGORIES))
    service = Line(64, 1, metadata={"description": "the order number of the service that it is about"})
    content = ByName(
        Locale(metadata={"description": "locale"}), fields.Nested(Words), required=True, validate=validate.Length(1, MOST_LANGUAGES)
    )

    @ma.post_load
    def _bring_words(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        data["texts"] = data.pop("content")  # as a notification carries words of its own
        return data


class Type(NamedTuple):
    name: str
    kind: str
    says: str  # for whoever looks for the right one
    schema: type[Data]
    example: dict[str, Any]
    category: Callable[[dict[str, Any]], str] | None = None  # by its data; None: the kind's own

    def kind_for(self, data: dict[str, Any]) -> Kind:
        kind = KINDS[self.kind]
        return kind._replace(category=self.category(data)) if self.category else kind


TYPES = {
    type.name: type
    for type in (
        Type(
            "invoice.issued", "invoice", "An invoice was written. With its PDF, which travels with the mail.", InvoiceIssued,
            {"account": "C-1042", "number": "INV-2231", "amount": "12.50", "currency": "EUR", "due_on": "2026-12-01"},
        ),
        Type(
            "invoice.paid", "invoice_paid", "A payment settled an invoice.", InvoicePaid,
            {"account": "C-1042", "number": "INV-2231", "amount": "12.50", "currency": "EUR", "paid_on": "2026-11-24",
             "method": "Visa •••• 4242"},
        ),
        Type(
            "invoice.overdue", "invoice_overdue", "An invoice was not paid in time.", InvoiceOverdue,
            {"account": "C-1042", "number": "INV-2231", "amount": "12.50", "currency": "EUR", "due_on": "2026-12-01",
             "suspends_on": "2026-12-15", "url": "https://my.provider.example/invoices/INV-2231"},
        ),
        Type(
            "order.confirmed", "order", "An order came in.", OrderConfirmed,
            {"account": "C-1042", "number": "#123456", "amount": "1188.00", "currency": "TRY",
             "items": [{"name": "VPS M, 12 months", "quantity": 1, "amount": "1188.00"}]},
        ),
        Type(
            "service.suspended", "service_suspended", "A service was switched off. Its reason decides which addresses are told.",
            ServiceSuspended,
            {"account": "C-1042", "service": "#100412", "reason": "unpaid", "suspended_at": "2026-12-15T09:00:00+00:00"},
            category=lambda data: {"unpaid": "invoices", "abuse": "abuse", "other": "support"}[data["reason"]],
        ),
        Type(
            "security.login_from_new_place", "security_login", "Someone signed in to the account from a place not seen before.",
            SecurityLogin,
            {"account": "C-1042", "signed_in_at": "2026-11-22T14:02:00+00:00", "address": "203.0.113.7", "place": "Berlin, Germany",
             "device": "Firefox on Windows"},
        ),
        Type(
            "abuse.reported", "abuse", "Somebody reported abuse that comes from a service of the account.", AbuseReported,
            {"account": "C-1042", "what": "Spam sent from your server", "service": "#100412", "address": "203.0.113.7",
             "happened_at": "2026-11-22T03:10:00+00:00", "reporter": "abuse@mail.example", "due_at": "2026-11-24T12:00:00+00:00",
             "evidence": "Received: from vps-12.one.example (203.0.113.7)\n  by mx.mail.example; Sun, 22 Nov 2026 03:10:00 +0000"},
        ),
        Type(
            "monitoring.service_down", "monitoring_down", "Monitoring gets no answer from a service.", ServiceDown,
            {"account": "C-1042", "service": "#100412", "down_at": "2026-11-22T14:02:00+00:00", "check": "HTTPS, port 443",
             "detail": "no answer within 10 s"},
        ),
        Type(
            "monitoring.recovered", "monitoring_recovered", "Monitoring gets answers again.", Recovered,
            {"account": "C-1042", "service": "#100412", "up_at": "2026-11-22T14:11:00+00:00", "down_at": "2026-11-22T14:02:00+00:00",
             "check": "HTTPS, port 443"},
        ),
        Type(
            "notification.custom", "custom", "Anything else, in words of your own, in as many languages as you have.", Custom,
            {"account": "C-1042", "category": "support",
             "content": {
                 "en": {"title": "Your backup space is 90 % full", "body": "Please delete what you no longer need, or **order more**."},
                 "tr": {"title": "Yedek alanınız %90 dolu", "body": "Gerek duymadıklarınızı silin ya da **yer ekleyin**."},
             }},
            category=lambda data: str(data["category"]),
        ),
    )
}  # fmt: skip
