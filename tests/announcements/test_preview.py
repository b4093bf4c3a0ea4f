from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from sqlalchemy import func, select, update

from notifyhub.database import reading, transaction
from notifyhub.models import Delivery, Mailbox, Notification
from notifyhub.routing import INBOX_REASONS
from tests.announcements.steps import drafted
from tests.builders import account, service
from tests.conftest import Api


def verified(*emails: str) -> dict[str, Any]:
    return {"announcements": [{"email": email, "state": "verified"} for email in emails]}


def pending(*emails: str) -> dict[str, Any]:
    return {"announcements": [{"email": email, "state": "pending"} for email in emails]}


def spoil(email: str, status: str = "bouncing") -> None:
    with transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.email == email).values(status=status))


@pytest.fixture
def mixed(api: Api) -> None:
    """One account of each sort."""
    api.put("/v1/accounts/plain", account(registered_email="plain@one.example"))
    api.put("/v1/accounts/own", account(send_email=verified("noc@two.example", "ops@two.example")))
    api.put("/v1/accounts/waiting", account(send_email=pending("new@three.example")))
    api.put("/v1/accounts/fallback", account(send_email=verified("gone@four.example")))
    api.put("/v1/accounts/unreachable", account(registered_email="dead@five.example"))
    api.put("/v1/accounts/muted", account())
    api.put("/v1/accounts/muted/send-email", {"muted": ["news"]})
    api.put("/v1/accounts/elsewhere", account(services=[service(location="ams2")]))
    spoil("gone@four.example")
    spoil("dead@five.example")


def stored() -> Counter[tuple[Any, ...]]:
    with reading() as session:
        rows = session.execute(
            select(Delivery.channel, Delivery.state, Delivery.rule, Delivery.reason, func.count())
            .join(Notification, Notification.id == Delivery.notification_id)
            .where(Notification.source == "announcement")
            .group_by(Delivery.channel, Delivery.state, Delivery.rule, Delivery.reason)
        )
        mails = {(channel, "skip" if state == "skipped" else "send", rule, reason): count for channel, state, rule, reason, count in rows}
        in_inbox = select(func.count()).where(Notification.source == "announcement", Notification.inbox_rule == 1)
        return Counter(mails | {("inbox", "send", 1, INBOX_REASONS[1]): session.execute(in_inbox).scalar_one()})


@pytest.mark.parametrize("kind", ["maintenance", "news"])
def test_the_preview_counts_what_the_publication_then_decides(api: Api, mixed: None, work: Callable[[], None], kind: str) -> None:
    id = drafted(api, kind=kind)
    preview = api.post(f"/v1/announcements/{id}/preview").json
    api.post(f"/v1/announcements/{id}/publish", {})
    work()
    counted = {(item["channel"], item["action"], item["rule"], item["reason"]): item["count"] for item in preview["decisions"]}
    assert counted == stored()


def test_the_preview_counts_accounts_and_services(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(), service(), service(location="ams2")]))
    api.put("/v1/accounts/C-2", account())
    preview = api.post(f"/v1/announcements/{drafted(api)}/preview").json
    assert (preview["accounts"], preview["services"]) == (2, 3)


def test_the_sample_names_account_services_addresses_and_rule(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#7")], send_email=verified("noc@one.example")))
    (sampled,) = api.post(f"/v1/announcements/{drafted(api)}/preview").json["sample"]
    assert {name: sampled[name] for name in ("account", "services", "to", "rule")} == {
        "account": "C-1",
        "services": ["#7"],
        "to": ["noc@one.example"],
        "rule": 3,
    }


def test_the_mail_is_shown_in_every_language_it_is_written_in(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    id = drafted(api, content={"en": {"title": "Maintenance", "body": "b"}, "tr": {"title": "Bakım", "body": "b"}})
    rendered = api.post(f"/v1/announcements/{id}/preview").json["rendered"]
    assert {locale: mail["subject"] for locale, mail in rendered.items()} == {"en": "Maintenance", "tr": "Bakım"}


def test_the_first_of_the_sample_reads_the_mail(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(name="Özgür & Oğulları"))
    id = drafted(api, content={"en": {"title": "Maintenance", "body": "Dear {{ account_name }}"}})
    assert "Dear Özgür & Oğulları" in api.post(f"/v1/announcements/{id}/preview").json["rendered"]["en"]["text"]


def test_a_preview_of_nobody_is_shown_too(api: Api) -> None:
    preview = api.post(f"/v1/announcements/{drafted(api)}/preview").json
    assert (preview["accounts"], preview["sample"], preview["rendered"].keys()) == (0, [], {"en"})


def test_a_preview_leaves_no_trace(api: Api, mixed: None) -> None:
    api.post(f"/v1/announcements/{drafted(api)}/preview")
    assert stored() == Counter()


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[a](https://one.example 'x\" onmouseover=\"alert(1)')",
        "<a href='javascript:alert(1)'>a</a>",
        "`<script>`",
    ],
)
def test_what_could_run_comes_out_as_text(api: Api, body: str) -> None:
    id = drafted(api, content={"en": {"title": "<script>alert(0)</script>", "body": body}})
    found = Runnable()
    found.feed(api.post(f"/v1/announcements/{id}/preview").json["rendered"]["en"]["html"])
    assert found.things == []


class Runnable(HTMLParser):
    """What of a page a browser could run, or load from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.things: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.things += [tag] * (tag in ("script", "img", "iframe", "object", "embed", "form"))
        self.things += [name for name, value in attributes if name.startswith("on") or (value or "").startswith("javascript:")]


def test_a_link_that_runs_is_refused(api: Api) -> None:
    answer = api.post(
        "/v1/announcements",
        {"kind": "news", "audience": {"all": True}, "content": {"en": {"title": "a", "body": "[a](javascript:alert%281%29)"}}},
    )
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "content.en.body")
