"""What a mail carries: its headers, its envelope, its way to unsubscribe."""

from __future__ import annotations

import re
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from sqlalchemy import update

from notifyhub import signing, wake
from notifyhub.database import transaction, utcnow
from notifyhub.models import Delivery
from tests.announcements.steps import mails, published
from tests.builders import account
from tests.conftest import Api, Templates
from tests.smtp import Mail, Server

Send = Callable[..., Mail]
OPTIONAL = ("List-Unsubscribe", "List-Unsubscribe-Post")


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: a mail does not depend on it."""
    return templates.copy("sqlite")


@pytest.fixture
def send(api: Api, work: Callable[[], None], smtp: Server) -> Send:
    """Announces to one account; answers the mail."""

    def run(profile: dict[str, Any] | None = None, **changes: Any) -> Mail:
        api.put("/v1/accounts/C-1", account(**profile or {}))
        published(api, **changes)
        work()
        return smtp.mails[-1]

    return run


def test_the_usual_headers_are_there(send: Send) -> None:
    message = send().message
    assert message["From"] == "Provider <support@provider.example>"
    assert message["To"] == "owner@one.example"
    assert message["Subject"] == "Network maintenance"
    assert message["Auto-Submitted"] == "auto-generated"
    assert abs((parsedate_to_datetime(message["Date"]) - utcnow()).total_seconds()) < 60


def test_the_body_is_text_and_html(send: Send) -> None:
    mail = send()
    assert ("core switches" in mail.text, "<strong" in mail.html) == (True, True)


def test_no_line_is_longer_than_mail_allows(send: Send) -> None:
    assert max(map(len, send(content={"en": {"title": "m" * 200, "body": "ş" * 5000}}).raw.split(b"\r\n"))) <= 78


def test_a_mail_that_is_sent_again_has_the_same_message_id(send: Send, work: Callable[[], None], smtp: Server) -> None:
    send()
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.channel == "email").values(state="queued"))
    wake.now("drain")
    work()
    first, second = (mail.message["Message-ID"] for mail in smtp.mails)
    assert first == second


def test_the_message_id_names_the_delivery_and_cannot_be_made_up(app: Flask, send: Send) -> None:
    token = send().message["Message-ID"].strip("<>").partition("@")[0]
    ((_, id),) = mails("id")
    assert signing.read_delivery_token(app.extensions["settings"], token) == id
    forged = token[:20] + ("a" if token[20] != "a" else "b") + token[21:]
    assert signing.read_delivery_token(app.extensions["settings"], forged) is None


def test_the_envelope_sender_names_the_delivery(app: Flask, send: Send) -> None:
    local, _, domain = send().sender.rpartition("@")
    ((_, id),) = mails("id")
    base, _, token = local.partition("+")
    assert (base, domain, signing.read_delivery_token(app.extensions["settings"], token)) == ("bounces", "provider.example", id)
    assert (len(local) <= 64, local == local.lower()) == (True, True)


class TestLongBounceAddress:
    @pytest.fixture
    def environ(self, environ: dict[str, str]) -> dict[str, str]:
        return environ | {"NOTIFYHUB_BOUNCE_ADDRESS": f"{'b' * 24}@provider.example"}

    def test_the_local_part_has_64_octets_at_most(self, send: Send) -> None:
        assert len(send().sender.rpartition("@")[0]) == 64


def test_mails_about_one_announcement_are_one_thread(send: Send) -> None:
    message = send().message
    assert message["References"] == message["In-Reply-To"] != message["Message-ID"]


def test_another_announcement_is_another_thread(send: Send, smtp: Server) -> None:
    assert send().message["References"] != send().message["References"]


@pytest.mark.parametrize("kind", ["maintenance", "service_change"])
def test_what_cannot_be_muted_offers_no_way_to(send: Send, kind: str) -> None:
    assert [send(kind=kind).message[name] for name in OPTIONAL] == [None, None]


class TestNews:
    def link(self, mail: Mail) -> str:
        found = re.fullmatch(r"<(https://notify\.provider\.example/unsubscribe/\S+)>", mail.message["List-Unsubscribe"])
        assert found
        return urlsplit(found[1]).path

    def test_they_can_be_unsubscribed_with_one_click(self, send: Send) -> None:
        mail = send(kind="news")
        assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert self.link(mail) in mail.html

    def test_looking_at_the_link_mutes_nothing(self, api: Api, send: Send) -> None:
        api.get(self.link(send(kind="news")))
        assert api.get("/v1/accounts/C-1/send-email").json["muted"] == []

    def test_the_click_of_a_mail_program_mutes_them(self, api: Api, send: Send) -> None:
        link = self.link(send(kind="news"))
        api.key = None
        assert api.post(link, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        api.__init__(api.client)  # type: ignore[misc]
        assert api.get("/v1/accounts/C-1/send-email").json["muted"] == ["news"]

    def test_then_they_are_in_the_inbox_only(self, api: Api, send: Send, smtp: Server) -> None:
        api.post(self.link(send(kind="news")))
        smtp.mails.clear()
        with pytest.raises(IndexError):
            send(kind="news")
        assert len(api.get("/v1/accounts/C-1/inbox").json["items"]) == 2

    def test_a_link_that_is_not_ours_mutes_nothing(self, api: Api, send: Send) -> None:
        assert api.post(self.link(send(kind="news")) + "x").status_code == 404


@pytest.mark.parametrize("name", ["Provider\u2028Bcc: all@one.example", 'One "Ltd" <a@b>', "=?utf-8?q?Bcc?=", "Ö" * 150])
def test_a_name_makes_no_header(api: Api, send: Send, name: str) -> None:
    if api.put("/v1/accounts/C-1", account(name=name)).status_code == 422:
        return  # refused where it comes in
    message = send({"name": name}, content={"en": {"title": "For {{ account_name }}", "body": "b"}}).message
    assert (message["Bcc"], message["Subject"]) == (None, f"For {name}")


@pytest.mark.parametrize("title", ["a: b", "=?utf-8?q?Bcc?=", "Bakım " * 30, "%s %(x)s {0}"])
def test_a_title_arrives_as_it_was_written(send: Send, title: str) -> None:
    assert send(content={"en": {"title": title.strip(), "body": "b"}}).message["Subject"].split() == title.split()


class TestBeyondAscii:
    def test_an_international_address_gets_its_mail(self, send: Send, smtp: Server) -> None:
        send({"registered_email": "büro@bücher.example"})
        assert [mail.to for mail in smtp.mails] == ["büro@xn--bcher-kva.example"]
