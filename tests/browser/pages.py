"""Every page that there is, and who sees it: walked by the tests of accessibility and layout, and by pictures.py."""

from __future__ import annotations

from typing import NamedTuple

from tests.browser.hub import Hub

WINDOW = {"starts_at": "2030-11-28T00:30:00+01:00", "ends_at": "2030-11-28T04:00:00+01:00"}


class Place(NamedTuple):
    name: str
    path: str
    who: str | None = None  # as tests.browser.hub.sign_in() wants it


CUSTOMER, OPS, ADMIN = "C-1042", "Olivia Ops", "Ada Admin"


def places(hub: Hub) -> list[Place]:
    item = hub.api("GET", "/v1/accounts/C-1042/inbox")["items"][0]
    announcement = item["source"]["id"]
    draft = hub.api("POST", "/v1/announcements", {
        "kind": "maintenance", "impact": "outage", **WINDOW, "audience": {"locations": ["fra1"]},
        "content": {"en": {"title": "A draft about the switches", "body": "Dear {{ account_name }},\n\n**more** soon."}},
    })["id"]  # fmt: skip
    return [
        Place("sign-in", "/sign-in"),
        Place("staff-sign-in", "/staff/sign-in"),
        Place("components", "/dev/components"),
        Place("status-public", "/status"),
        Place("inbox", "/inbox", CUSTOMER),
        Place("inbox-item", f"/inbox/{item['id']}", CUSTOMER),
        Place("send-email", "/settings/send-email", CUSTOMER),
        Place("settings", "/settings", CUSTOMER),
        Place("browsers", "/settings/sessions", CUSTOMER),
        Place("status", "/status", CUSTOMER),
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
        Place("audit", "/staff/audit", ADMIN),
        Place("staff-browsers", "/staff/sessions", OPS),
    ]
