"""Reports of abuse as staff see them."""

from __future__ import annotations

import re
import uuid
from html import unescape
from typing import Any

import pytest
from flask import Flask

from notifyhub.database import transaction
from notifyhub.models import AbuseReport
from tests.abuse.reports import CONTACT, arf, evidence, report
from tests.browserless import Browser
from tests.builders import account, service
from tests.conftest import Api, Templates

PATH = "/staff/abuse"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def database_url(templates: Templates, request: pytest.FixtureRequest) -> str:
    return templates.copy(getattr(request, "param", "sqlite"))


on_both = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def desk(app: Flask) -> Browser:
    return Browser(app).as_staff("abuse")


def text_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", "", page)).split())


def send(api: Api, document: Any) -> str:
    answer = (
        api.post("/v1/abuse/reports", document)
        if isinstance(document, dict)
        else api.post("/v1/abuse/reports", data=document, content_type="message/rfc822")
    )
    assert answer.status_code == 202, answer.json
    return str(answer.json["id"])


@pytest.fixture
def told(api: Api) -> str:
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#77", name="vps-77", addresses=["203.0.113.7"])]))
    return send(api, report(evidence=[evidence("text/plain", b"see http://evil.example/x")]))


@pytest.mark.parametrize("role", ["abuse", "ops", "admin"])
def test_those_who_deal_with_abuse_read_it(app: Flask, told: str, role: str) -> None:
    browser = Browser(app).as_staff(role)
    for path in (PATH, f"{PATH}/{told}", f"{PATH}/{told}/source"):
        assert browser.get(path).status_code == 200, path
    assert f'href="{PATH}"' in browser.get(PATH).text


@pytest.mark.parametrize("role", ["agent", "billing"])
def test_others_do_not(app: Flask, told: str, role: str) -> None:
    browser = Browser(app).as_staff(role)
    for path in (PATH, f"{PATH}/{told}", f"{PATH}/{told}/source"):
        assert browser.get(path).status_code == 403, path
    assert f'href="{PATH}"' not in browser.get("/staff/sessions").text


@on_both
def test_the_list_has_the_newest_first(api: Api, desk: Browser, told: str) -> None:
    send(api, report("messaging", "spam", address="198.51.100.9"))
    send(api, arf(Feedback_Type="not-spam"))
    page = text_of(desk.get(PATH).text)
    assert page.index("Mail that is no spam") < page.index("Spam 198.51.100.9") < page.index("Attack on log-ins 203.0.113.7")
    for expected in (
        "isp[.]example",
        "Example Desk (desk[.]example)",
        "One Ltd C-1 account told",
        "nobody’s address",
        "no complaint: nobody told",
    ):
        assert expected in page, expected


@on_both
def test_what_is_nobodys_can_be_seen_alone(api: Api, desk: Browser, told: str) -> None:
    send(api, report("messaging", "spam", address="198.51.100.9"))
    send(api, report("content", "phishing", address="evil.example"))
    page = desk.get(f"{PATH}?view=nobodys").text
    assert page.count('<td class="when">') == 2
    assert "203.0.113.7" not in page


def test_an_empty_list_says_so(desk: Browser) -> None:
    assert "No reports" in desk.get(PATH).text
    assert "Nothing is nobody’s" in desk.get(f"{PATH}?view=nobodys").text


@pytest.mark.parametrize(("query", "status"), [("view=else", 404), ("cursor=x", 422), ("cursor=", 422), ("view=nobodys&cursor=~", 422)])
def test_an_address_that_leads_nowhere_is_refused(desk: Browser, query: str, status: int) -> None:
    assert desk.get(f"{PATH}?{query}").status_code == status


@on_both
@pytest.mark.parametrize("view", ["all", "nobodys"])
def test_all_pages_together_hold_each_report_once(api: Api, desk: Browser, view: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("notifyhub.routes.staff.abuse.PAGE", 2)
    sent = [send(api, report(address=f"198.51.100.{number}")) for number in range(5)]
    seen, path = list[str](), f"{PATH}?view={view}"
    while path:
        page = desk.get(path).text
        seen += re.findall(rf'href="{PATH}/([0-9a-f-]+)"', page)
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = unescape(older[1]) if older else ""
    assert seen == sent[::-1]


def test_one_report_says_what_whose_when_by_whom_and_where_it_went(desk: Browser, told: str) -> None:
    page = desk.get(f"{PATH}/{told}").text
    text = text_of(page)
    for expected in ("Attack on log-ins", "account told", "203.0.113.7", "One Ltd C-1 · vps-77 #77",
                     "Example Desk (desk[.]example) abuse@desk.example",
                     "XARF · bootstrap key", "see hxxp://evil[.]example/x", "owner@one.example"):  # fmt: skip
        assert expected in text, expected
    assert 'href="/staff/accounts/C-1"' in page
    assert "evil.example" not in page


def test_one_that_is_nobodys_says_so(api: Api, desk: Browser) -> None:
    page = text_of(desk.get(f"{PATH}/{send(api, report())}").text)
    assert "No account of ours had it" in page
    page = text_of(desk.get(f"{PATH}/{send(api, arf(Source_IP=None, reported=None, Arrival_Date=None))}").text)
    assert "The report names no address." in page
    assert "not said" in page


def test_nothing_in_it_acts(api: Api, desk: Browser) -> None:
    id = send(
        api,
        report(
            description=f"{EVIL} https://evil.example/", source_identifier=f"{EVIL}.example",
            reporter=CONTACT | {"org": f'"><img src=x onerror=alert(2)>{EVIL}'},
            evidence=[evidence("text/html", b"<svg onload=alert(3)>"), evidence("text/plain", EVIL.encode()), evidence(EVIL, b"x", EVIL)],
        ),
    )  # fmt: skip
    for path in (PATH, f"{PATH}/{id}"):
        page = desk.get(path).text
        assert not any(word in page for word in ("<script>alert", "<img src=x", "<svg onload", "evil.example"))
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("raw", [arf(), b"X: <html><script>alert(1)</script>\r\n" + arf()], ids=["mail", "html"])
def test_the_source_is_saved_as_text_and_never_shown(api: Api, desk: Browser, raw: bytes) -> None:
    id = send(api, raw)
    answer = desk.get(f"{PATH}/{id}/source")
    assert (answer.status_code, answer.data) == (200, raw)
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Content-Disposition"] == f'attachment; filename="abuse-report-{id}.arf.txt"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_what_there_is_not_is_not_found(desk: Browser) -> None:
    for path in (f"{PATH}/{uuid.uuid4()}", f"{PATH}/{uuid.uuid4()}/source", f"{PATH}/x"):
        assert desk.get(path).status_code == 404, path


def test_of_an_erased_account_the_report_stays_without_what_it_said(api: Api, desk: Browser, told: str) -> None:
    api.delete("/v1/accounts/C-1")
    assert "an erased account" in text_of(desk.get(PATH).text)
    page = text_of(desk.get(f"{PATH}/{told}").text)
    assert "an erased account" in page
    assert "It was erased together with the account." in page
    assert "203.0.113.7" not in page
    assert desk.get(f"{PATH}/{told}/source").status_code == 404


def test_a_type_that_no_table_knows_is_shown_by_its_name(api: Api, desk: Browser, told: str) -> None:
    with transaction() as session:
        session.query(AbuseReport).update({"type": "new/kind"})
    assert "new/kind" in desk.get(PATH).text
    assert "new/kind" in desk.get(f"{PATH}/{told}").text
