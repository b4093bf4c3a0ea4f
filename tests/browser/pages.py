"""Every page that there is, and who sees it: walked by the tests of accessibility and layout, and by pictures.py."""

from __future__ import annotations

from base64 import b64encode
from typing import NamedTuple

from tests.browser.hub import Hub
from tests.intake.written import STRANGER, mail

WINDOW = {"starts_at": "2030-11-28T00:30:00+01:00", "ends_at": "2030-11-28T04:00:00+01:00"}

LOG = b"".join(
    b"Nov 20 10:%02d:07 trap sshd[812]: Failed password for root from 192.0.2.17 port 40022 ssh2\n" % minute for minute in range(9)
)
DESK = {"org": "Example Abuse Desk", "contact": "reports@desk.example", "domain": "desk.example"}
ABUSE_REPORT = {
    "xarf_version": "4.2.0", "report_id": "0198c0de-0000-4000-8000-000000000001", "timestamp": "2026-11-20T10:15:00Z",
    "reporter": DESK, "sender": DESK, "source_identifier": "192.0.2.17", "source_port": 40022, "category": "connection",
    "type": "login_attack", "first_seen": "2026-11-20T10:00:00Z", "protocol": "tcp", "destination_port": 22, "evidence_source": "honeypot",
    "description": "More than 4,000 log-ins tried in a quarter of an hour, see https://desk.example/cases/77 for all of them.",
    "evidence": [
        {"content_type": "text/plain", "description": "sshd", "payload": b64encode(LOG).decode()},
        {"content_type": "image/png", "description": "Map of what was tried", "payload": "iVBORw0KGgo="},
    ],
}  # fmt: skip
NOBODYS_REPORT = ABUSE_REPORT | {"report_id": "0198c0de-0000-4000-8000-000000000002", "source_identifier": "198.51.100.9"}


HTML = {"MIME-Version": "1.0", "Content-Type": "text/html; charset=utf-8"}
QUESTION = (
    "<p>Hello,</p><p>what does a server for a <b>small shop</b> cost? See <a href='https://shop.example/now'>our shop</a>.</p>"
    "<table><tr><td>Visitors</td><td>4,000 a day</td></tr></table><p>Jane</p>"
    "<p>On Mon, 23 Nov 2026, Example Hosting wrote:</p><blockquote><p>&gt; Ask us anything.</p></blockquote>"
)


class Place(NamedTuple):
    name: str
    path: str
    who: str | None = None  # as tests.browser.hub.sign_in() wants it


CUSTOMER, OPS, AGENT, ADMIN = "C-1042", "Olivia Ops", "Aylin Agent", "Ada Admin"


def places(hub: Hub) -> list[Place]:
    items = hub.api("GET", "/v1/accounts/C-1042/inbox")["items"]
    item = next(item for item in items if item["source"]["type"] == "announcement")
    tickets = hub.api("GET", "/v1/tickets")["items"]
    mine = next(ticket for ticket in tickets if ticket["account"] == CUSTOMER and ticket["status"] == "waiting_for_customer")
    urgent = next(ticket for ticket in tickets if ticket["priority"] == "high")
    announcement = item["source"]["id"]
    held = hub.mail(mail("Please tell me why #100412 was so slow on Monday.", STRANGER, "Why so slow?"))["id"]
    hub.mail(mail(QUESTION, STRANGER, "URGENT: a server for a shop", headers=HTML, id="<q@else.example>"))
    asked = next(ticket for ticket in hub.api("GET", "/v1/tickets")["items"] if ticket["contact"])
    message = hub.api("GET", f"/v1/tickets/{asked['number']}")["messages"][0]["id"]
    draft = hub.api("POST", "/v1/announcements", {
        "kind": "maintenance", "impact": "outage", **WINDOW, "audience": {"locations": ["fra1"]},
        "content": {"en": {"title": "A draft about the switches", "body": "Dear {{ account_name }},\n\n**more** soon."}},
    })["id"]  # fmt: skip
    abuse = hub.api("POST", "/v1/abuse/reports", ABUSE_REPORT)["id"]
    hub.api("POST", "/v1/abuse/reports", NOBODYS_REPORT)
    return [
        Place("sign-in", "/sign-in"),
        Place("staff-sign-in", "/staff/sign-in"),
        Place("components", "/dev/components"),
        Place("status-public", "/status"),
        Place("contact-public", "/contact"),
        Place("chat-demo", "/chat/demo"),
        Place("inbox", "/inbox", CUSTOMER),
        Place("inbox-item", f"/inbox/{item['id']}", CUSTOMER),
        Place("tickets", "/tickets", CUSTOMER),
        Place("ticket", f"/tickets/{mine['number']}", CUSTOMER),
        Place("held-mail", f"/tickets/mail/{held}", CUSTOMER),
        Place("ticket-new", "/tickets/new", CUSTOMER),
        Place("ticket-new-high", "/tickets/new?priority=high", CUSTOMER),
        Place("send-email", "/settings/send-email", CUSTOMER),
        Place("settings", "/settings", CUSTOMER),
        Place("browsers", "/settings/sessions", CUSTOMER),
        Place("status", "/status", CUSTOMER),
        Place("contact", "/contact", CUSTOMER),
        Place("announcements", "/staff/announcements", OPS),
        Place("composer", "/staff/announcements/new", OPS),
        Place("composer-draft", f"/staff/announcements/{draft}/edit", OPS),
        Place("publish", f"/staff/announcements/{draft}/publish", OPS),
        Place("delivery", f"/staff/announcements/{announcement}", OPS),
        Place("accounts", "/staff/accounts", OPS),
        Place("account", "/staff/accounts/C-1042", OPS),
        Place("deliveries", "/staff/deliveries", OPS),
        Place("mails", "/staff/mails", OPS),
        Place("sending", "/staff/sending", OPS),
        Place("abuse", "/staff/abuse", OPS),
        Place("abuse-nobodys", "/staff/abuse?view=nobodys", OPS),
        Place("abuse-report", f"/staff/abuse/{abuse}", OPS),
        Place("queue", "/staff/tickets", AGENT),
        Place("desk", f"/staff/tickets/{urgent['number']}", AGENT),
        Place("desk-by-mail", f"/staff/tickets/{asked['number']}", AGENT),
        Place("mail", f"/staff/tickets/{asked['number']}/mail/{message}", AGENT),
        Place("mails-held", "/staff/mails?outcome=held", AGENT),
        Place("desk-noted", f"/staff/tickets/{mine['number']}", AGENT),
        Place("desk-read-only", f"/staff/tickets/{urgent['number']}", OPS),
        Place("chats", "/staff/chat", AGENT),
        Place("audit", "/staff/audit", ADMIN),
        Place("staff-browsers", "/staff/sessions", OPS),
    ]
