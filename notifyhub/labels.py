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
    "invoice": Label(N_("Invoice"), "info", "receipt-text"),
    "invoice_paid": Label(N_("Payment"), "good", "circle-check"),
    "invoice_overdue": Label(N_("Invoice overdue"), "warn", "triangle-alert"),
    "order": Label(N_("Order"), "info", "receipt-text"),
    "service_suspended": Label(N_("Service suspended"), "bad", "pause"),
    "security_login": Label(N_("Sign-in from a new place"), "warn", "shield-alert"),
    "abuse": Label(N_("Abuse report"), "bad", "shield-alert"),
    "monitoring_down": Label(N_("Service does not respond"), "bad", "zap"),
    "monitoring_recovered": Label(N_("Service responds again"), "good", "activity"),
    "custom": Label(N_("Message"), "info", "message-square"),
    "ticket": Label(N_("Ticket"), "info", "life-buoy"),
    "ticket_contact": Label(N_("Ticket without an account"), "info", "life-buoy"),
    "mail_held": Label(N_("Answer to a mail that is held"), "warn", "shield-alert"),
    "ticket_alert": Label(N_("Ticket without an answer"), "warn", "clock"),
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

DEPARTMENTS = {
    "technical": Label(N_("Technical issues"), "quiet", "wrench"),
    "financial": Label(N_("Financial matters"), "quiet", "receipt-text"),
}

PRIORITIES = {"regular": Label(N_("regular"), "quiet", "info"), "high": Label(N_("high"), "bad", "triangle-alert")}

TICKET_STATUSES = {
    "open": Label(N_("open"), "info", "inbox"),
    "waiting_for_customer": Label(N_("waiting for customer"), "warn", "hourglass"),
    "resolved": Label(N_("resolved"), "good", "circle-check"),
    "closed": Label(N_("closed"), "quiet", "archive"),
}

CHAT_STATUSES = {
    "waiting": Label(N_("waits for an answer"), "warn", "hourglass"),
    "running": Label(N_("running"), "good", "message-square"),
    "unanswered": Label(N_("nobody answered in time"), "bad", "circle-alert"),
    "ticket": Label(N_("became a ticket"), "info", "life-buoy"),
    "ended": Label(N_("ended"), "quiet", "archive"),
}

# What happened to a conversation, as staff read it. Who ended it: CHAT_ENDS.
CHAT_EVENTS = {
    "nobody": N_("Nobody was there; the visitor was told so"),
    "late": N_("Nobody answered in time; the visitor was told so"),
    "ticket": N_("Became ticket #%(number)s"),
    "ended": N_("Ended"),
}
CHAT_ENDS = {
    "visitor": N_("Ended by the visitor"),
    "staff": N_("Ended by support"),
    "system": N_("Ended by itself: nobody said anything any more"),
}

TICKET_WORDS = {**TICKET_STATUSES, **PRIORITIES, **DEPARTMENTS}

# What a customer reads of them.
OWN_TICKET_STATUSES = TICKET_STATUSES | {"waiting_for_customer": Label(N_("waiting for your answer"), "warn", "message-square")}

# What a choice in the form of a new ticket means.
DEPARTMENT_HINTS = {
    "technical": N_("Servers, network, domains, mail"),
    "financial": N_("Invoices, payments, orders, contracts"),
}
PRIORITY_HINTS = {
    "regular": N_("A question, a wish, something that can wait a little"),
    "high": N_("A server or a service is down or badly disturbed; we ask for some facts about it below"),
}

# What changes about a ticket, and who did it or said something.
TICKET_FIELDS = {"status": N_("status"), "priority": N_("priority"), "department": N_("department"), "assignee": N_("assigned to")}
TICKET_AUTHORS = {"customer": N_("Customer"), "staff": N_("Support"), "system": N_("Automatic")}

CHANNELS = {"inbox": Label(N_("inbox"), "quiet", "inbox"), "email": Label(N_("e-mail"), "quiet", "mail")}

LANES = {"immediate": N_("immediate"), "urgent": N_("urgent"), "normal": N_("normal"), "bulk": N_("bulk")}

# What NotifyHub stands on (notifyhub/readiness.py), and how that is.
PARTS = {
    "database": Label(N_("Database"), icon="hard-drive"),
    "redis": Label(N_("Redis"), icon="server"),
    "relay": Label(N_("Relay"), icon="send"),
    "workers": Label(N_("Workers"), icon="users"),
    "scheduler": Label(N_("Scheduler"), icon="calendar-clock"),
}

PART_STATES = {
    "ok": Label(N_("ok"), "good", "circle-check"),
    "behind": Label(N_("not migrated"), "bad", "circle-x"),
    "away": Label(N_("cannot be used"), "bad", "circle-x"),
    "paused": Label(N_("left alone for a while"), "warn", "pause"),
    "held": Label(N_("mail is held back"), "bad", "pause"),
    "silent": Label(N_("not heard of"), "warn", "clock"),
    "missing": Label(N_("missing"), "bad", "circle-x"),
    "unknown": Label(N_("not known"), "quiet", "circle-question-mark"),
}

# The answers of mail servers, by their first digit; and what an enhanced status code is about, by its second number (RFC 3463 section 3).
ANSWERS = {
    "2": Label(N_("taken over"), "good", "check"),
    "4": Label(N_("refused for now"), "warn", "clock"),
    "5": Label(N_("refused for good"), "bad", "circle-x"),
}
ANSWER_SUBJECTS = {
    "0": N_("something else"),
    "1": N_("the address"),
    "2": N_("the mailbox"),
    "3": N_("the mail system"),
    "4": N_("the network"),
    "5": N_("the protocol"),
    "6": N_("the content"),
    "7": N_("security or policy"),
}

# What became of a report of abuse.
REPORT_STATES = {
    "told": Label(N_("account told"), "good", "check"),
    "nobodys": Label(N_("nobody’s address"), "warn", "circle-question-mark"),
    "kept": Label(N_("no complaint: nobody told"), "quiet", "info"),
}

# Of reports of abuse: what XARF 4 and ARF call them.
ABUSE_TYPES = {
    "messaging/spam": N_("Spam"),
    "messaging/bulk_messaging": N_("Unwanted bulk mail"),
    "connection/login_attack": N_("Attack on log-ins"),
    "connection/port_scan": N_("Port scan"),
    "connection/ddos": N_("Denial-of-service attack"),
    "connection/infected_host": N_("Infected host"),
    "connection/reconnaissance": N_("Reconnaissance"),
    "connection/scraping": N_("Scraping"),
    "connection/sql_injection": N_("SQL injection"),
    "connection/vulnerability_scan": N_("Vulnerability scan"),
    "content/phishing": N_("Phishing"),
    "content/malware": N_("Malware"),
    "content/csam": N_("Depiction of child sexual abuse"),
    "content/csem": N_("Sexual exploitation of children"),
    "content/exposed_data": N_("Exposed data"),
    "content/brand_infringement": N_("Brand infringement"),
    "content/fraud": N_("Fraud"),
    "content/remote_compromise": N_("Compromised web site"),
    "content/suspicious_registration": N_("Suspicious domain registration"),
    "copyright/copyright": N_("Copyright infringement"),
    "copyright/p2p": N_("Copyright infringement by file sharing"),
    "copyright/cyberlocker": N_("Copyright infringement by a file host"),
    "copyright/ugc_platform": N_("Copyright infringement on a platform"),
    "copyright/link_site": N_("Copyright infringement by links"),
    "copyright/usenet": N_("Copyright infringement in Usenet"),
    "infrastructure/botnet": N_("Part of a botnet"),
    "infrastructure/compromised_server": N_("Compromised server"),
    "vulnerability/cve": N_("Known vulnerability"),
    "vulnerability/open_service": N_("Open service"),
    "vulnerability/misconfiguration": N_("Misconfiguration"),
    "reputation/blocklist": N_("Listed on a blocklist"),
    "reputation/threat_intelligence": N_("Named by threat intelligence"),
    "feedback/abuse": N_("Mail marked as spam"),
    "feedback/fraud": N_("Fraudulent mail"),
    "feedback/virus": N_("Virus in a mail"),
    "feedback/not-spam": N_("Mail that is no spam"),
    "feedback/auth-failure": N_("Mail that failed authentication"),
    "feedback/other": N_("Complaint about a mail"),
}


def abuse_type(name: str) -> str:
    return ABUSE_TYPES.get(name) or name or N_("Abuse")


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
    N_("not sent: a newer one took its place"),
)

OUTCOMES = {
    "bounce": Label(N_("came back"), "bad", "undo-2"),
    "complaint": Label(N_("complaint"), "warn", "ban"),
    "abuse": Label(N_("report of abuse"), "warn", "shield-alert"),
    "delay": Label(N_("delayed"), "info", "clock"),
    "receipt": Label(N_("report"), "quiet", "check"),
    "ticket": Label(N_("new ticket"), "good", "life-buoy"),
    "reply": Label(N_("reply to a ticket"), "good", "message-square"),
    "held": Label(N_("held: not proven who wrote it"), "warn", "hourglass"),
    "discarded": Label(N_("not theirs"), "bad", "ban"),
    "auto_reply": Label(N_("automatic answer"), "quiet", "settings"),
    "loop": Label(N_("mail of ours, come back round"), "warn", "history"),
    "flood": Label(N_("too many"), "warn", "pause"),
    "repeated": Label(N_("known already"), "quiet", "history"),
    "unproven": Label(N_("without proof"), "warn", "shield-alert"),
    "other": Label(N_("other mail"), "quiet", "mail"),
    "failed": Label(N_("not worked on"), "bad", "triangle-alert"),
}

# What the audit log records, as a sentence; tests hold it to what is recorded.
ACTIONS = {
    "account.created": N_("Account made"),
    "account.updated": N_("Account changed"),
    "account.erased": N_("Account erased"),
    "accounts.created": N_("Accounts made by an import"),
    "accounts.imported": N_("Accounts imported"),
    "addresses.changed": N_("Delivery addresses changed"),
    "address.tested": N_("Test mail asked for"),
    "display.changed": N_("Language or time zone changed"),
    "address.confirmed": N_("Delivery address confirmed by its owner"),
    "muted.changed": N_("Muted kinds changed"),
    "mailbox.blocked": N_("Confirmations refused by the owner of a mailbox"),
    "mailbox.complained": N_("Owner of a mailbox reported our mail as unwanted"),
    "mail.run_again": N_("Incoming mail run again"),
    "mail.held": N_("Incoming mail held until its writer has signed in"),
    "mail.released": N_("Held mail released by its account"),
    "mail.discarded": N_("Held mail refused by its account: it is not from them"),
    "relay.held": N_("Mail held back: the relay refused too much of it"),
    "relay.resumed": N_("Mail let go again"),
    "mailbox.bouncing": N_("Mailbox no longer accepts our mail"),
    "announcement.drafted": N_("Announcement drafted"),
    "announcement.changed": N_("Announcement changed"),
    "announcement.dropped": N_("Draft of an announcement dropped"),
    "announcement.published": N_("Announcement published"),
    "key.created": N_("API key made"),
    "key.revoked": N_("API key revoked"),
    "staff.created": N_("Member of staff added"),
    "staff.disabled": N_("Member of staff disabled"),
    "staff.password_set": N_("Password of a member of staff set"),
    "ticket.opened": N_("Ticket opened"),
    "ticket.answered": N_("Ticket answered"),
    "ticket.noted": N_("Internal note added to a ticket"),
    "ticket.changed": N_("Ticket changed"),
    "ticket.warned": N_("Staff warned: a ticket still has no answer"),
    "ticket.breached": N_("A ticket had no answer within the promised time"),
    "chat.answered": N_("Live chat taken and answered"),
    "chat.ended": N_("Live chat ended"),
    "chat.handed_over": N_("Ticket made of a live chat"),
    "sign_in.signed_in": N_("Signed in"),
    "sign_in.signed_out": N_("Signed out"),
    "sign_in.others_ended": N_("Other sessions ended"),
    "sign_in.link_asked_for": N_("Sign-in link asked for"),
    "sign_in.locked": N_("Sign-in locked after wrong passwords"),
}

# What entries of the audit log say beside that.
DETAILS = {
    "accounts": N_("accounts"),
    "added": N_("added"),
    "after": N_("afterwards"),
    "before": N_("before"),
    "category": N_("category"),
    "changed": N_("changed"),
    "count": N_("number"),
    "created": N_("made"),
    "fields": N_("changed"),
    "how": N_("how"),
    "ids": N_("accounts"),
    "limit": N_("limit"),
    "locale": N_("language"),
    "mailbox": N_("address"),
    "muted": N_("muted"),
    "name": N_("name"),
    "registered_mailbox": N_("registered address"),
    "registered_mailbox_before": N_("registered address before"),
    "rejected_count": N_("rejected"),
    "removed": N_("removed"),
    "replaced": N_("in use until replaced"),
    "reply": N_("reply"),
    "roles": N_("roles"),
    "scopes": N_("scopes"),
    "send_email.abuse": N_("addresses for abuse"),
    "send_email.announcements": N_("addresses for announcements"),
    "send_email.invoices": N_("addresses for invoices"),
    "send_email.support": N_("addresses for support"),
    "services": N_("services"),
    "ticket": N_("ticket"),
    "time_zone": N_("time zone"),
    "unchanged": N_("unchanged"),
    "updated": N_("changed"),
    "verified": N_("confirmed"),
}

MAILBOX_STATES = {
    "ok": Label(N_("accepts our mail"), "good", "circle-check"),
    "bouncing": ADDRESS_STATES["bouncing"],
    "complained": ADDRESS_STATES["complained"],
}

SERVICE_STATES = {
    "active": Label(N_("active"), "good", "circle-check"),
    "suspended": Label(N_("suspended"), "warn", "pause"),
    "terminated": Label(N_("ended"), "quiet", "archive"),
}
