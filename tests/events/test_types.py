"""The table of types: what each takes, and what it says of what it does not."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from notifyhub import labels
from notifyhub.events.types import DOCUMENT_BYTES, TYPES
from notifyhub.fields import currencies
from notifyhub.kinds import KINDS
from tests import files
from tests.builders import account, service
from tests.conftest import Api, Templates
from tests.events.steps import document, event, inbox, refused, report
from tests.smtp import Server

SERVICE = service(order_number="#100412", name="vps-12.one.example")


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: what is taken does not depend on it."""
    return templates.copy("sqlite")


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[SERVICE]))


@pytest.mark.parametrize("type", TYPES.values(), ids=TYPES)
def test_a_row_is_whole(type: Any) -> None:
    data = type.schema().load(copy.deepcopy(type.example))
    assert type.kind_for(data).category in labels.CATEGORIES
    assert type.kind in KINDS
    if "texts" not in data:
        template = Path("templates/mail") / f"{type.kind}.html"
        assert all(f"block {name} %" in template.read_text() for name in ("title", "facts", "body", "button", "after"))


@pytest.mark.parametrize("type", TYPES)
def test_each_documented_example_is_taken_as_it_stands(api: Api, type: str) -> None:
    api.put("/v1/accounts/C-1042", account(services=[SERVICE]))
    assert report(api, event(type) | {"data": TYPES[type].example}).status_code == 202


@pytest.mark.parametrize("type", TYPES)
def test_nothing_is_taken_that_is_not_known(api: Api, type: str) -> None:
    assert refused(report(api, event(type, {"amout": "1"}))) == {"data.amout": "unknown field"}


@pytest.mark.parametrize("type", TYPES)
def test_what_is_required_is_named(api: Api, type: str) -> None:
    required = {f"data.{name}" for name, field in TYPES[type].schema().fields.items() if field.required}
    assert set(refused(report(api, event(type) | {"data": {"account": "C-1"}}))) == required


class TestMoney:
    @pytest.mark.parametrize(
        "amount",
        ["NaN", "Infinity", "-1", "-0.00", "1e3", "1,50", "12.", ".5", "", " 1", "1 ", "١٢", "0x1", "1_000", "1" * 13, "+1", "1.\u0661"],
    )
    def test_is_a_decimal(self, api: Api, amount: str) -> None:
        assert refused(report(api, event(data={"amount": amount}))) == {"data.amount": 'is not a decimal such as "12.50"'}

    @pytest.mark.parametrize("amount", [12.5, 12, None, True, ["12.50"], {"value": "1"}])
    def test_is_a_string_which_nobody_rounds(self, api: Api, amount: Any) -> None:
        assert list(refused(report(api, event(data={"amount": amount})))) == ["data.amount"]

    @pytest.mark.parametrize("currency", ["eur", "EURO", "€", "", "XXX", "DEM", "BTC", " EUR", "EUR ", "ЕUR"])
    def test_has_a_currency_of_today(self, api: Api, currency: str) -> None:
        found = refused(report(api, event(data={"currency": currency})))
        assert found == {"data.currency": "is not the ISO 4217 code of a currency in use, such as EUR"}

    @pytest.mark.parametrize(("amount", "currency"), [("12.505", "EUR"), ("1000.5", "JPY"), ("1.2345", "KWD")])
    def test_is_no_finer_than_the_currency(self, api: Api, amount: str, currency: str) -> None:
        said = refused(report(api, event(data={"amount": amount, "currency": currency})))["data.amount"]
        assert said.startswith(f"has more digits after the point than {currency} has")

    def test_knows_all_money_there_is(self) -> None:
        assert currencies() > {"EUR", "USD", "TRY", "GBP", "CHF", "JPY", "PLN", "KWD"}
        assert len(currencies()) > 140

    @pytest.mark.parametrize(
        ("locale", "shown"),
        [("en", "12,500.50 €"), ("en_US", "€12,500.50"), ("tr", "€12.500,50"), ("de", "12,500.50 €"), ("tr_TR", "€12.500,50")],
    )
    def test_is_shown_as_the_account_writes_it(self, api: Api, locale: str, shown: str) -> None:
        api.put("/v1/accounts/C-1", account(locale=locale))
        report(api, event(data={"amount": "12500.50"}))
        assert shown in inbox(api)[0]["title"].replace("\u00a0", " ")

    def test_of_an_item_is_checked_too(self, api: Api) -> None:
        items = [{"name": "VPS", "amount": "1.00"}, {"name": "IP", "amount": "0.505"}]
        assert list(refused(report(api, event("order.confirmed", {"items": items})))) == ["data.items.1.amount"]


class TestTimes:
    @pytest.mark.parametrize(
        "day", ["2026-02-30", "01.12.2026", "20261201", "2026-W49-2", "1999-12-31", "2200-01-01", "", "2026-12-01T00:00"]
    )
    def test_a_date_is_one(self, api: Api, day: str) -> None:
        assert refused(report(api, event(data={"due_on": day})))["data.due_on"].startswith("is not a date such as")

    @pytest.mark.parametrize("time", ["2026-11-22T14:02:00", "2026-11-22", "now", "", 17, "9999-12-31T23:59:59+00:00"])
    def test_a_time_has_an_offset(self, api: Api, time: Any) -> None:
        assert list(refused(report(api, event("monitoring.service_down", {"down_at": time})))) == ["data.down_at"]

    def test_a_time_is_shown_in_the_zone_of_the_account(self, api: Api) -> None:
        report(api, event("monitoring.service_down", {"down_at": "2026-11-22T23:30:00-05:00"}))
        assert "Mon, 23 Nov 2026, 07:30 (Europe/Istanbul, UTC+03:00) = Mon, 23 Nov 2026, 04:30 UTC" in inbox(api)[0]["text"]


class TestDocument:
    def encoded(self, content: bytes) -> str:
        return base64.b64encode(content).decode()

    @pytest.mark.parametrize("content", [files.HTML, files.SVG, files.PNG, files.zipped(), files.HTML + files.pdf(), b" " + files.pdf()])
    def test_that_is_no_pdf_is_refused(self, api: Api, content: bytes) -> None:
        said = refused(report(api, event(data={"document": self.encoded(content)})))["data.document"]
        assert "by its content; taken are: PDF" in said

    def test_that_is_nothing_known_is_refused(self, api: Api) -> None:
        assert "is none of the files" in refused(report(api, event(data={"document": self.encoded(files.EXE)})))["data.document"]

    @pytest.mark.parametrize("text", ["%PDF-1.4", "JVBERi0xLjQ", "JVBERi0xLjQ*", "JVBE=Ri0xLjQ=", "é"])
    def test_that_is_no_base_64_is_refused(self, api: Api, text: str) -> None:
        assert refused(report(api, event(data={"document": text}))) == {"data.document": "is not base 64, or was cut off"}

    def test_whose_end_is_missing_is_refused(self, api: Api) -> None:
        whole = document()
        assert "cut off" in refused(report(api, event(data={"document": whole[: len(whole) // 8 * 4]})))["data.document"]
        assert "cut off" in refused(report(api, event(data={"document": whole[:-3]})))["data.document"]

    def test_beyond_the_limit_is_refused_with_the_limit(self, api: Api) -> None:
        large = files.pdf().replace(b"%%EOF", b"%" + b" " * DOCUMENT_BYTES + b"\n%%EOF")
        assert "5,000,000 are allowed" in refused(report(api, event(data={"document": self.encoded(large)})))["data.document"]

    def test_of_the_largest_size_is_taken(self, api: Api) -> None:
        padding = DOCUMENT_BYTES - len(files.pdf()) - 2
        large = files.pdf().replace(b"%%EOF", b"%" + b" " * padding + b"\n%%EOF")
        assert len(large) == DOCUMENT_BYTES
        assert report(api, event(data={"document": self.encoded(large)})).status_code == 202

    @pytest.mark.parametrize("value", [7, None, "", [], {}])
    def test_that_is_no_text_is_refused(self, api: Api, value: Any) -> None:
        assert list(refused(report(api, event(data={"document": value})))) == ["data.document"]

    def test_in_lines_is_taken(self, api: Api) -> None:
        assert report(api, event(data={"document": base64.encodebytes(files.pdf()).decode()})).status_code == 202


@pytest.mark.parametrize("number", ["INV-1\r\nBcc: all@one.example", "x" * 65, "", "a\x00b", "a\u202eb", "\u2028"])
def test_a_number_is_one_line(api: Api, number: str) -> None:
    assert list(refused(report(api, event(data={"number": number})))) == ["data.number"]


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://", "https:// x", "mailto:a@b.example", "/x"]
)
def test_a_link_leads_to_the_web(api: Api, link: str) -> None:
    assert list(refused(report(api, event(data={"url": link})))) == ["data.url"]


def test_nothing_of_the_data_acts_in_a_mail(api: Api, work: Callable[[], None], smtp: Server) -> None:
    evil = '"><script>alert(1)</script> {{ 7*7 }} %(x)s <b>'
    report(api, event(data={"number": evil, "url": 'https://x.example/"onmouseover="alert(1)'}))
    work()
    (mail,) = smtp.mails
    assert "<script" not in mail.html
    assert 'onmouseover="' not in mail.html
    assert "{{ 7*7 }}" in mail.text
    assert evil in " ".join(mail.message["Subject"].split())


def test_the_button_leads_where_the_event_says(api: Api, work: Callable[[], None], smtp: Server) -> None:
    report(api, event(data={"url": "https://my.provider.example/invoices/1?a=1&b=2"}))
    report(api, event("invoice.paid"))
    work()
    first, second = sorted(smtp.mails, key=lambda mail: "Paid" in mail.message["Subject"])
    assert 'href="https://my.provider.example/invoices/1?a=1&amp;b=2"' in first.html
    paid = next(item for item in inbox(api) if item["kind"] == "invoice_paid")
    assert f"https://notify.provider.example/inbox/{paid['id']}" in second.text


class TestAbuse:
    def test_evidence_is_shown_and_harmless(self, api: Api, work: Callable[[], None], smtp: Server) -> None:
        evidence = "Received: from x\r\n\tby <b>y</b>\x00\x1b[31m\n\n<script>alert(1)</script>"
        report(api, event("abuse.reported", {"evidence": evidence}))
        (item,) = inbox(api)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in item["html"]
        assert "Received: from x\n\tby <b>y</b>" in item["text"]
        work()
        assert "<script" not in smtp.mails[0].html

    def test_needs_no_service(self, api: Api) -> None:
        said = event("abuse.reported")
        del said["data"]["service"]
        assert report(api, said).status_code == 202

    def test_takes_an_address_of_either_family(self, api: Api) -> None:
        assert report(api, event("abuse.reported", {"address": "2001:DB8::1"})).status_code == 202
        assert "2001:db8::1" in inbox(api)[0]["text"]
        assert list(refused(report(api, event("abuse.reported", {"address": "203.0.113.0/24"})))) == ["data.address"]


class TestCustom:
    def content(self, body: str = "Text.", title: str = "Title", locale: str = "en") -> dict[str, Any]:
        return {"content": {locale: {"title": title, "body": body}}}

    def test_speaks_the_language_of_the_account(self, api: Api, work: Callable[[], None], smtp: Server) -> None:
        api.put("/v1/accounts/C-1", account(locale="tr"))
        report(api, event("notification.custom"))
        (item,) = inbox(api)
        assert item["title"] == "Yedek alanınız %90 dolu"
        work()
        assert smtp.mails[0].message["Subject"] == "Yedek alanınız %90 dolu"
        assert "<strong" in smtp.mails[0].html

    @pytest.mark.parametrize("category", ["invoices", "support", "abuse", "announcements"])
    def test_goes_where_its_category_goes(self, api: Api, category: str, work: Callable[[], None], smtp: Server) -> None:
        other = "other@one.example"
        api.put("/v1/accounts/C-1", account(send_email={category: [{"email": other, "state": "verified"}]}))
        smtp.reset()
        work()
        smtp.reset()
        report(api, event("notification.custom", {"category": category}))
        assert inbox(api)[0]["category"] == category
        work()
        assert other in {mail.to for mail in smtp.mails}

    def test_two_of_them_say_what_each_says(self, api: Api, work: Callable[[], None], smtp: Server) -> None:
        report(
            api, event("notification.custom", self.content("One.", "First")), event("notification.custom", self.content("Two.", "Second"))
        )
        assert {(item["title"], item["text"].strip()) for item in inbox(api)} == {("First", "One."), ("Second", "Two.")}
        work()
        assert {mail.message["Subject"] for mail in smtp.mails} == {"First", "Second"}

    def test_markdown_is_made_safe(self, api: Api) -> None:
        report(
            api,
            event("notification.custom", self.content("<script>x</script> <img src=x onerror=y> **bold** ![a](https://b.example/c.png)")),
        )
        html = inbox(api)[0]["html"]
        assert "<script" not in html
        assert "<img" not in html
        assert "<strong>bold</strong>" in html

    @pytest.mark.parametrize(
        ("content", "field"),
        [
            ({}, "data.content"),
            ({"xx-yy-zz-9": {"title": "t", "body": "b"}}, "data.content.xx-yy-zz-9"),
            ({"en": {"title": "t"}}, "data.content.en.body"),
            ({"en": {"title": "t", "body": "[x](javascript:alert(1))"}}, "data.content.en.body"),
            ({"en": {"title": "t", "body": "{{ secret }}"}}, "data.content.en.body"),
            ({"en": {"title": "t\nu", "body": "b"}}, "data.content.en.title"),
            ({"en": {"title": "t", "body": "b" * 20_001}}, "data.content.en.body"),
            ({"en": "text"}, "data.content.en"),
            ([], "data.content"),
        ],
    )
    def test_words_that_are_wrong_are_named(self, api: Api, content: Any, field: str) -> None:
        assert list(refused(report(api, event("notification.custom", {"content": content})))) == [field]

    def test_names_the_account_and_the_service(self, api: Api) -> None:
        body = {"service": "#100412"} | self.content("Dear {{ account_name }}, about {{ services }}")
        report(api, event("notification.custom", body))
        assert inbox(api)[0]["text"].strip() == "Dear One Ltd, about vps-12.one.example (#100412)"


def test_an_erased_account_takes_its_words_along(api: Api) -> None:
    report(api, event("notification.custom"))
    api.delete("/v1/accounts/C-1")
    api.put("/v1/accounts/C-1", account())
    assert inbox(api) == []
