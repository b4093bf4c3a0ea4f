"""The words that readers see for what the product calls by a name: kinds, states, statuses. Translated where they are shown.

A tone is good, warn, bad, info or quiet; it never stands without its word and icon.
"""

from __future__ import annotations

from typing import NamedTuple

from notifyhub.languages import N_


class Label(NamedTuple):
    text: str
    tone: str = "quiet"
    icon: str = "info"


class Impact(NamedTuple):
    text: str
    meaning: str
    mark: str  # where there are no icons: in mails
    tone: str
    icon: str


class Category(NamedTuple):
    text: str
    inline: str  # in the middle of a sentence
    holds: str
    icon: str


KINDS = {
    "maintenance": Label(N_("Planned maintenance"), "info", "wrench"),
    "emergency": Label(N_("Emergency maintenance"), "warn", "triangle-alert"),
    "outage": Label(N_("Outage"), "bad", "zap"),
    "service_change": Label(N_("Service change"), "info", "settings"),
    "news": Label(N_("News"), "quiet", "newspaper"),
    "confirmation": Label(N_("Address confirmation"), "quiet", "mail-check"),
    "sign_in": Label(N_("Sign-in link"), "quiet", "log-in"),
    "test": Label(N_("Test mail"), "quiet", "send"),
    "addresses_changed": Label(N_("Change of addresses"), "warn", "shield-alert"),
    "repair": Label(N_("Mail does not arrive"), "bad", "mail-warning"),
}

IMPACTS = {
    "no-impact": Impact(N_("No impact"), N_("Your services keep running."), "○", "good", "circle-check"),
    "reduced-redundancy": Impact(
        N_("Reduced redundancy"), N_("Your services keep running, with less protection against a failure."), "□", "info", "shield-alert"
    ),
    "degraded": Impact(N_("Degraded"), N_("Your services may be slower or interrupted for moments."), "■", "warn", "activity"),
    "outage": Impact(N_("Outage"), N_("Your services cannot be reached during this time."), "▲", "bad", "triangle-alert"),
}

CATEGORIES = {
    "invoices": Category(N_("Invoices/orders"), N_("invoices and orders"), N_("Invoice documents and order confirmations"), "receipt-text"),
    "support": Category(N_("Support"), N_("support"), N_("Ticket updates and replies"), "life-buoy"),
    "abuse": Category(N_("Abuse"), N_("abuse and security"), N_("Abuse reports and security notifications"), "shield-alert"),
    "announcements": Category(N_("Announcements"), N_("announcements"), N_("Maintenance, changes and outages"), "megaphone"),
}

ADDRESS_STATES = {
    "verified": Label(N_("confirmed"), "good", "circle-check"),
    "pending": Label(N_("waiting for confirmation"), "warn", "hourglass"),
    "replaced": Label(N_("in use until its replacement is confirmed"), "info", "history"),
    "bouncing": Label(N_("does not accept our mail"), "bad", "mail-warning"),
    "complained": Label(N_("asked for no optional mail"), "quiet", "ban"),
}

DELIVERY_STATES = {
    "queued": Label(N_("waiting"), "info", "clock"),
    "sending": Label(N_("being sent"), "info", "send"),
    "sent": Label(N_("sent"), "good", "check"),
    "bounced": Label(N_("came back"), "bad", "undo-2"),
    "failed": Label(N_("refused"), "bad", "circle-x"),
    "skipped": Label(N_("not sent"), "quiet", "ban"),
    "cancelled": Label(N_("cancelled"), "quiet", "ban"),
    "superseded": Label(N_("replaced by a newer one"), "quiet", "history"),
}

STATUSES = {
    "draft": Label(N_("draft"), "quiet", "pencil"),
    "scheduled": Label(N_("scheduled"), "info", "calendar-clock"),
    "published": Label(N_("published"), "good", "megaphone"),
    "in_progress": Label(N_("in progress"), "warn", "activity"),
    "completed": Label(N_("completed"), "good", "check-check"),
    "cancelled": Label(N_("cancelled"), "quiet", "ban"),
}

CHANNELS = {"inbox": Label(N_("inbox"), "quiet", "inbox"), "email": Label(N_("e-mail"), "quiet", "mail")}

LANES = {"immediate": N_("immediate"), "urgent": N_("urgent"), "normal": N_("normal"), "bulk": N_("bulk")}

# What the routing policy gives as reasons (notifyhub/routing.py knows no translations), and what stands in their place where
# something was never tried.
REASONS = (
    N_("every notification of an account is in its inbox"),
    N_("its kind is shown in the inbox"),
    N_("the notification names this address"),
    N_("the account muted this kind"),
    N_("mailbox complained about mail like this"),
    N_("mailbox does not accept our mail"),
    N_("address not confirmed yet"),
    N_("address in use until its replacement is confirmed"),
    N_("confirmed address of this category"),
    N_("registered address: none is set for this category"),
    N_("registered address: none set for this category is usable"),
    N_("no usable address"),
    N_("registered address: the address for abuse became usable less than 72 hours ago"),
    N_("previous registered address: it changed less than 72 hours ago"),
    N_("not sent: it came too late to be of use"),
    N_("not sent: the address was erased"),
)
