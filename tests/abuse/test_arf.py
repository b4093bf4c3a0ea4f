"""ARF in the shapes that it comes in, and in shapes that nobody should send."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from notifyhub.abuse import arf as arf_reports
from notifyhub.abuse.report import Report
from notifyhub.errors import Invalid
from tests.abuse.reports import FIELDS, REPORTED, arf, base64_lines

AT = datetime(2026, 11, 20, 10, tzinfo=UTC)


def read(raw: bytes) -> Report:
    return arf_reports.read(raw)


def refused(raw: bytes) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        read(raw)
    return {error.field: error.message for error in caught.value.errors}


@pytest.mark.parametrize(
    ("given", "type", "complaint"),
    [
        ("abuse", "feedback/abuse", True),
        ("ABUSE", "feedback/abuse", True),
        ("fraud", "feedback/fraud", True),
        ("virus", "feedback/virus", True),
        ("auth-failure", "feedback/auth-failure", True),
        ("not-spam", "feedback/not-spam", False),
        ("other", "feedback/other", True),
        ("opt-out", "feedback/other", True),
        ("<script>", "feedback/other", True),
    ],
)
def test_each_feedback_type_is_read(given: str, type: str, complaint: bool) -> None:
    found = read(arf(Feedback_Type=given))
    assert (found.format, found.type, found.complaint) == ("arf", type, complaint)
    assert (found.address, found.occurred_at, found.reporter, found.contact) == ("203.0.113.7", AT, "isp[.]example", "fbl@isp.example")
    assert f"Feedback-Type: {given}" in found.evidence


def test_the_fields_and_the_reported_mail_are_shown_as_text() -> None:
    found = read(
        arf(introduction="You get this as a member of our feedback loop: http://fbl.isp.example/", Reported_URI="http://evil.example/win")
    )
    for expected in (
        "Reported-URI: hxxp://evil[.]example/win",
        "You get this as a member of our feedback loop: hxxp://fbl[.]isp[.]example/",
        "Subject: Schnäppchen",
        "From: <win@spam[.]example>",
        "Click hxxp://evil[.]example/win now.",
    ):
        assert expected in found.evidence, expected


def test_a_failed_authentication_says_what_failed() -> None:
    found = read(
        arf(Feedback_Type="auth-failure", Auth_Failure="dmarc", Reported_Domain="one.example", Identity_Alignment="none", Version=None)
    )
    assert "Auth-Failure: dmarc\nReported-Domain: one[.]example" in found.evidence.replace("Identity", "\nIdentity")


@pytest.mark.parametrize(
    "raw",
    [
        arf(reported="From: win@spam.example\nSubject: You won\n", reported_type="text/rfc822-headers"),
        arf(reported="From: win@spam.example\nSubject: You won\n", reported_type="message/rfc822-headers"),
        arf(
            reported=base64_lines("From: win@spam.example\nSubject: You won\n\nHi"),
            reported_type="message/rfc822\nContent-Transfer-Encoding: base64",
        ),
        arf(
            reported=base64_lines("From: win@spam.example\nSubject: You won\n"),
            reported_type="text/rfc822-headers\nContent-Transfer-Encoding: base64",
        ),
        arf(reported="From: win@spam.example\nSubject: You won\n\n" + "Hi\n" * 50_000),
        arf(reported="From: win@spam.example\nSubject: You won\nContent-Type: text/plain\n\n " + "x " * 5_000),
        arf().replace(REPORTED.encode().replace(b"\n", b"\r\n"), b"From: win@spam.example\r\nSubject: You won\r\n\r\nHi"),
    ],
    ids=["headers only", "the same by another name", "base 64", "headers in base 64", "long", "indented", "no encoding"],
)
def test_the_reported_mail_comes_in_several_shapes(raw: bytes) -> None:
    found = read(raw)
    assert found.address == "203.0.113.7"
    assert "Subject: You won" in found.evidence
    assert "win@spam[.]example" in found.evidence


def test_without_the_reported_mail_the_fields_are_enough() -> None:
    assert read(arf(reported=None)).address == "203.0.113.7"


@pytest.mark.parametrize(
    "raw",
    [
        arf(feedback_head="Content-Type: message/feedback-report\n"),  # one empty line too much
        arf(feedback_head="Content-Type: MESSAGE/Feedback-Report; charset=us-ascii\nContent-Disposition: inline"),
        arf(report_type="abuse"),
        arf().replace(b"multipart/report; report-type=feedback-report", b"multipart/mixed"),
        arf().replace(b"\r\n", b"\n"),
        arf().replace(b"\r\n", b"\r"),
        arf() + b"\r\nA footer of a mailing list\r\n",
        arf(fields=FIELDS | {"Source-IP": "[203.0.113.7]"}),
        arf(fields=FIELDS | {"Source-IP": "IPv6:::ffff:203.0.113.7"}),
        arf(fields={name.upper(): value for name, value in FIELDS.items()}),
        arf(Version="0.1"),
        arf(Version=None, User_Agent=None),
    ],
)
def test_what_is_a_little_off_is_read_all_the_same(raw: bytes) -> None:
    found = read(raw)
    assert (found.type, found.address, found.occurred_at) == ("feedback/abuse", "203.0.113.7", AT)


def test_fields_in_base_64_are_read() -> None:
    fields = "".join(f"{name}: {value}\n" for name, value in FIELDS.items())
    raw = arf(
        fields={}, feedback_head=f"Content-Type: message/feedback-report\nContent-Transfer-Encoding: base64\n\n{base64_lines(fields)}"
    )
    assert read(raw).address == "203.0.113.7"


def test_a_report_that_was_passed_on_is_found_inside() -> None:
    inner = arf()
    outer = (
        b"From: Helpful Customer <someone@two.example>\r\nSubject: Fwd\r\nMIME-Version: 1.0\r\n"
        b"Content-Type: multipart/mixed; boundary=outer\r\n\r\n--outer\r\nContent-Type: text/plain\r\n\r\nSee below\r\n"
        b"--outer\r\nContent-Type: message/rfc822\r\n\r\n" + inner + b"\r\n--outer--\r\n"
    )
    found = read(outer)
    assert (found.address, found.contact) == ("203.0.113.7", "someone@two.example")


def test_what_is_reported_is_not_taken_for_the_report() -> None:
    """A spammer who sends a report of another address."""
    found = read(arf(reported=arf(fields=FIELDS | {"Source-IP": "198.51.100.99"})))
    assert found.address == "203.0.113.7"
    assert read(arf(Source_IP=None, reported=arf(fields=FIELDS | {"Source-IP": "198.51.100.99"}))).address == ""


# --- whose address


RECEIVED = {
    "postfix": "from mail.one.example (vps-1.one.example [203.0.113.7]) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "postfix without a name": "from [198.51.100.99] (unknown [203.0.113.7]) by mx.isp.example; Fri, 20 Nov 2026 11:00:00 +0100",
    "exim": "from vps-1.one.example ([203.0.113.7] helo=[198.51.100.99]) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "exim without a name": "from [203.0.113.7] (helo=[198.51.100.99]) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "postfix after a lying HELO": "from ([198.51.100.99]) (vps-1 [203.0.113.7]) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "exchange": "from vps-1.one.example (203.0.113.7) by mx.isp.example (10.1.1.1) with SMTP; Fri, 20 Nov 2026 10:00:00 +0000",
    "qmail": "from unknown (HELO (198.51.100.99)) (203.0.113.7) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "sendmail": "from x (vps-1 [203.0.113.7] (may be forged)) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "gmail": "from vps-1.one.example (vps-1.one.example. [203.0.113.7])\n by mx.isp.example with SMTP; Fri, 20 Nov 2026 02:00:00 -0800",
    "behind an inner hop": "from mx1.isp.example (mx1 [10.0.0.9]) by store.isp.example; Fri, 20 Nov 2026 10:00:09 +0000\n"
    "Received: from x (y [203.0.113.7]) by mx1.isp.example; Fri, 20 Nov 2026 10:00:00 +0000",
    "with forged ones below": "from x (y [203.0.113.7]) by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000\n"
    "Received: from bank (bank [198.51.100.99]) by x; Fri, 20 Nov 2026 09:00:00 +0000",
}


@pytest.mark.parametrize("received", RECEIVED.values(), ids=RECEIVED)
def test_without_the_field_the_address_is_what_the_reporters_server_noted(received: str) -> None:
    found = read(arf(Source_IP=None, Arrival_Date=None, reported=f"Received: {received}\nSubject: You won\n\nHi\n"))
    assert (found.address, found.occurred_at) == ("203.0.113.7", AT)


@pytest.mark.parametrize(
    "received",
    ["", "by mx.isp.example; Fri, 20 Nov 2026 10:00:00 +0000", "from a (b [127.0.0.1]) by c", "from a (b [fe80::1]) by c",
     "from a (b [999.1.1.1]) by c", "from a (helo=[203.0.113.7]) by c", "from a by [203.0.113.7]"],
)  # fmt: skip
def test_an_address_that_nobody_vouches_for_is_none(received: str) -> None:
    assert read(arf(Source_IP=None, reported=f"Received: {received}\nSubject: You won\n\nHi\n")).address == ""


def test_an_ipv6_address_is_spelled_in_one_way() -> None:
    assert read(arf(Source_IP="2001:DB8:0:0::7")).address == "2001:db8::7"
    assert read(arf(Source_IP=None, reported="Received: from a (b [IPv6:2001:db8::7]) by c\n\nHi")).address == "2001:db8::7"


@pytest.mark.parametrize(
    ("date", "at"),
    [
        ("Fri, 20 Nov 2026 11:00:00 +0100", AT),
        ("Fri, 20 Nov 2026 10:00:00 -0000", AT),
        ("20 Nov 2026 10:00 GMT", AT),
        ("yesterday", AT),  # as the server noted it
        ("Fri, 20 Nov 1926 10:00:00 +0000", AT),
        ("Fri, 20 Nov 99999999999999999999 10:00:00 +0000", AT),
        ("Fri, 31 Feb 2026 10:00:00 +9999", AT),
    ],
)
def test_the_time_is_read_as_far_as_it_is_one(date: str, at: datetime) -> None:
    assert read(arf(Arrival_Date=date)).occurred_at == at


def test_the_older_name_of_the_time_is_known_too() -> None:
    assert read(arf(Arrival_Date=None, Received_Date="Fri, 20 Nov 2026 10:00:00 +0000", reported=None)).occurred_at == AT
    assert read(arf(Arrival_Date=None, reported=None)).occurred_at is None


# --- who reports


@pytest.mark.parametrize(
    ("sender", "reporter", "contact"),
    [
        ("fbl@isp.example", "isp[.]example", "fbl@isp.example"),
        ('"Evil\r\n\tBcc: victim@one.example" <fbl@isp.example>', "isp[.]example", "fbl@isp.example"),
        ("=?utf-8?q?a=0D=0ABcc=3A_x?= <fbl@isp.example>", "isp[.]example", "fbl@isp.example"),
        ("<>", "", ""),
        ("nobody", "nobody", ""),
        ("<a@b@c d.example>", "", ""),
        ("\udcff\udcfe <fbl@isp.example>", "isp[.]example", "fbl@isp.example"),
        ("=?utf-8?b?!!!!?= <fbl@isp.example>", "isp[.]example", "fbl@isp.example"),
        ("=?nonsense?q?x?= <fbl@isp.example>", "isp[.]example", "fbl@isp.example"),
        ("=?utf-8?q?=FF=FE?= <fbl@isp.example>", "isp[.]example", "fbl@isp.example"),
    ],
)
def test_the_reporter_is_one_line(sender: str, reporter: str, contact: str) -> None:
    raw = arf(sender="FROM").replace(b"FROM", sender.encode("utf-8", "surrogateescape"))
    found = read(raw)
    assert (found.reporter, found.contact) == (reporter, contact)
    assert not {"\r", "\n"} & set(found.reporter + found.contact)


def test_two_mails_are_the_same_report_where_only_their_ways_differ() -> None:
    first = read(arf())
    assert read(b"Received: from a by b\r\nX-Spam: no\r\n" + arf()).key == first.key
    assert read(arf().replace(b"\r\n", b"\n") + b"\n").key == first.key
    assert read(arf(message_id="<report-2@isp.example>")).key != first.key
    assert read(arf(introduction="Another one")).key != first.key


# --- broken


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"Subject: hello\r\n\r\nThis is no report",
        arf(feedback_head="Content-Type: text/plain"),
        arf(feedback_head="Content-Type: message/delivery-status", report_type="delivery-status"),
        arf().replace(b"boundary=\"part\"", b"boundary=\"other\""),
        arf().replace(b"boundary=\"part\"", b""),
        arf()[:200],
        b'{"xarf_version": "4.2.0"}',
        b"\x00\xff" * 1000,
    ],
    ids=["empty", "blank", "a mail", "no fields", "a bounce", "another boundary", "no boundary", "cut off", "xarf", "noise"],
)  # fmt: skip
def test_what_is_no_report_is_refused_in_a_sentence(raw: bytes) -> None:
    assert refused(raw) == {"": "is no ARF report: no part of it has the type message/feedback-report (RFC 5965)"}


@pytest.mark.parametrize(
    ("raw", "field", "said"),
    [
        (arf(Feedback_Type=None), "Feedback-Type", "is missing"),
        (arf(Feedback_Type=""), "Feedback-Type", "is missing"),
        (arf(Version="2"), "Version", "is 2"),
        (arf(Version="banana"), "Version", "is banana"),
        (arf(Source_IP="unknown"), "Source-IP", "is not an IPv4 or IPv6 address"),
        (arf(Source_IP="203.0.113.777"), "Source-IP", "is not an IPv4 or IPv6 address"),
        (arf(Source_IP="203.0.113.7, 203.0.113.8"), "Source-IP", "is not an IPv4 or IPv6 address"),
    ],
)
def test_a_field_that_is_wrong_is_named(raw: bytes, field: str, said: str) -> None:
    assert said in refused(raw)[field]


@pytest.mark.parametrize(
    "content_type",
    ["text/plain; charset=utf-16", "text/plain; charset=punycode", "text/plain; charset=zlib", "text/plain; charset*=utf-9''x",
     "text/plain; charset=\"\\\"", "text/plain; name*0*=x'y'%zz; name*1=q", "; ; ;", "text", "multipart/mixed",
     "multipart/alternative; boundary=",
     "message/rfc822", "message/partial", "text/plain\nContent-Transfer-Encoding: base64",
     "text/plain\nContent-Transfer-Encoding: x-uuencode",
     "text/plain\nContent-Transfer-Encoding: nonsense", "text/html; charset=utf-7"],
)  # fmt: skip
def test_a_mail_that_lies_about_its_content_is_read(content_type: str) -> None:
    found = read(arf(reported=f"Subject: lies\nContent-Type: {content_type}\n\n+ADw-b+AD4- begin 644 x\nÿ=FF\n".encode("latin-1")))
    assert "Subject: lies" in found.evidence


def test_attachments_are_named_and_not_shown() -> None:
    reported = (
        "Subject: invoice\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=inner\n\n"
        "--inner\nContent-Type: multipart/alternative; boundary=two\n\n--two\nContent-Type: text/plain\n\nThe plain words\n"
        "--two\nContent-Type: text/html\n\n<b>The other words</b>\n--two--\n"
        f"--inner\nContent-Type: application/x-msdownload; name=\"pay\x07.exe\"\n"
        f"Content-Transfer-Encoding: base64\n\n{base64_lines('MZ' * 50)}"
        "--inner\nContent-Type: text/plain\nContent-Disposition: attachment; filename=list.txt\n\nsecret list\n--inner--\n"
    )  # fmt: skip
    text = read(arf(reported=reported)).evidence
    assert "The plain words" in text
    assert "[application/x-msdownload, 100 B: pay[.]exe]" in text
    assert "[text/plain, 11 B: list[.]txt]" in text
    assert not any(word in text for word in ("other words", "MZMZ", "secret list"))


def test_html_alone_is_shown_as_its_text() -> None:
    text = read(
        arf(reported='Subject: x\nContent-Type: text/html\n\n<p>Press <a href="http://evil.example/x">here</a><script>x()</script>')
    ).evidence
    assert "Press here (hxxp://evil[.]example/x)" in text
    assert "script" not in text


# --- large and tangled


def nested(depth: int, kind: str = "multipart/mixed") -> bytes:
    return b"".join(b"Content-Type: %s; boundary=b%d\r\n\r\n--b%d\r\n" % (kind.encode(), level, level) for level in range(depth))


@pytest.mark.parametrize(
    "raw",
    [nested(40), nested(5000), b"Content-Type: message/rfc822\r\n\r\n" * 5000, arf(reported=nested(2000)), b"\r" * 300_000, b"\n" * 300_000,
     arf(reported="x\n" * 250_000), arf(reported="Content-Type: text/plain; " + "a*0=b;" * 1_000_000)],
)  # fmt: skip
def test_a_mail_that_is_made_to_take_long_is_refused_at_once(raw: bytes) -> None:
    start = time.thread_time()
    assert "more than" in refused(raw)[""]
    assert time.thread_time() - start < 10


@pytest.mark.parametrize(
    "raw",
    [
        arf(reported=nested(25) + b"a\n" * 180_000),
        arf(reported=b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 90_000),
        arf(reported="A: b\n" * 190_000),
        arf(reported="Subject: " + "=?utf-8?q?=41?= " * 500_000),
        arf(reported=b"Subject: x\n\n" + b"x" * 8_000_000),
        arf(reported=b"Content-Type: text/html\n\n" + b"<b>" * 2_000_000),
        arf(reported=("Content-Type: text/plain; " + "a*0=b;" * 600 + "\n\n--part\n") * 2000, reported_type="text/plain"),
        arf(reported="".join(f"Received: from a (b [10.0.0.1]) by {'x' * 900}\n" for _ in range(8000))),
        arf(reported="Received: " + "(" * 4_000_000),
        arf(**{f"X-{number}": "y" * 100 for number in range(20_000)}),
    ],
    ids=["deep", "parts", "headers", "words", "a line", "html", "parameters of many", "hops", "brackets", "fields"],
)  # fmt: skip
def test_a_mail_of_the_largest_size_does_not_take_forever(raw: bytes) -> None:
    start = time.thread_time()
    found = read(raw)
    assert time.thread_time() - start < 20
    assert len(found.evidence) <= 6000
