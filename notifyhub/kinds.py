"""What can be told: categories, lanes, and the table of kinds. A new kind of notification is one row here and one template."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

CATEGORIES = ("invoices", "support", "abuse", "announcements")


class Lane(IntEnum):
    """How urgent a delivery is; a smaller number leaves first."""

    immediate = 0
    urgent = 1
    normal = 2
    bulk = 3


class Kind(NamedTuple):
    name: str
    category: str
    lane: Lane
    optional: bool = False  # may be muted, and carries List-Unsubscribe
    replaces: bool = False  # a later revision takes the place of earlier ones, where those have not been sent
    inbox: bool = True  # rule 0 only: whether it is an item of the account's inbox besides


KINDS = {
    kind.name: kind
    for kind in (
        Kind("maintenance", "announcements", Lane.bulk, replaces=True),
        Kind("emergency", "announcements", Lane.urgent, replaces=True),
        Kind("outage", "announcements", Lane.urgent, replaces=True),
        Kind("service_change", "announcements", Lane.bulk, replaces=True),
        Kind("news", "announcements", Lane.bulk, optional=True, replaces=True),
        Kind("confirmation", "abuse", Lane.immediate, inbox=False),
        Kind("sign_in", "abuse", Lane.immediate, inbox=False),
        Kind("test", "support", Lane.immediate, inbox=False),
        Kind("addresses_changed", "abuse", Lane.immediate),
        Kind("repair", "abuse", Lane.normal),
        Kind("invoice", "invoices", Lane.normal),
        Kind("invoice_paid", "invoices", Lane.normal),
        Kind("invoice_overdue", "invoices", Lane.normal),
        Kind("order", "invoices", Lane.normal),
        Kind("service_suspended", "support", Lane.urgent),  # or what it was suspended for
        Kind("security_login", "abuse", Lane.immediate),
        Kind("abuse", "abuse", Lane.immediate),
        Kind("monitoring_down", "announcements", Lane.urgent),
        Kind("monitoring_recovered", "announcements", Lane.urgent),
        Kind("custom", "support", Lane.normal),  # or the category that it names
        Kind("ticket", "support", Lane.normal),
        Kind("ticket_contact", "support", Lane.normal, inbox=False),  # the same, told to someone without an account
        Kind("mail_held", "support", Lane.normal, inbox=False),
        Kind("ticket_alert", "support", Lane.urgent, inbox=False),
    )
}

ANNOUNCEMENT_KINDS = ("maintenance", "emergency", "outage", "service_change", "news")
OPTIONAL_KINDS = tuple(kind.name for kind in KINDS.values() if kind.optional)

# whoever asks "where would mail of this category go?" asks it of this kind
TYPICAL_KIND = {"invoices": "invoice", "support": "ticket", "abuse": "abuse", "announcements": "maintenance"}
