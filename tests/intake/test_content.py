"""What a mail says: its text and its files. Whatever it claims about itself, nothing here raises."""

from __future__ import annotations

from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyhub.intake import authentication, content, parsing
from notifyhub.intake.content import Content
from notifyhub.tickets.opening import BODY_CHARACTERS, SUBJECT_CHARACTERS
from notifyhub.words import one_line
from tests.files import PNG
from tests.intake.test_any_mail import mails


def read(raw: bytes) -> Content:
    return content.read(parsing.parse(raw))


def composed(text: str | None = "Hello", html: str | None = None, files: Any = ()) -> bytes:
    message = EmailMessage()
    message["Subject"] = "Test"
    if text is not None:
        message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html") if text is not None else message.set_content(html, subtype="html")
    for name, data, kind in files:
        maintype, _, subtype = kind.partition("/")
        message.add_attachment(data, maintype, subtype, filename=name)
    return message.as_bytes()


class TestText:
    def test_the_plain_one_of_two(self) -> None:
        assert read(composed("Plain", "<p>Rich</p>")).text == "Plain"

    def test_the_other_one_where_the_plain_one_says_nothing(self) -> None:
        assert read(composed(" ", "<p>Rich</p>")).text == "Rich"

    def test_of_html_what_it_says(self) -> None:
        html = "<style>p{}</style><p>One &amp; <b>two</b><br>three</p><script>x()</script><a href='https://x.example'>four</a>"
        assert read(composed(None, html)).text == "One & two\nthree\n\nfour (https://x.example)"

    @pytest.mark.parametrize(
        ("charset", "octets", "text"),
        [
            ("utf-8", "Çağ".encode(), "Çağ"),
            ("iso-8859-9", "Çağ".encode("iso-8859-9"), "Çağ"),
            ("us-ascii", "Çağ".encode(), "Çağ"),
            ("utf-8", "Çağ".encode("latin-1", "replace"), "Ça?"),
            ("nonsense", "Çağ".encode(), "Çağ"),
            ("utf-7", b"+AMc-a", "+AMc-a"),
            ("utf-16", b"abc", "abc"),
            ("idna", b"xn--a", "xn--a"),
        ],
    )
    def test_charsets_that_lie(self, charset: str, octets: bytes, text: str) -> None:
        assert read(b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n" + octets).text == text

    def test_what_nobody_sees_is_left_out(self) -> None:
        assert read(composed("a\x00b\u202ec\x1b[31m")).text == "abc[31m"

    def test_a_long_one_is_cut_and_says_so(self) -> None:
        text = read(composed("word " * 40_000)).text
        assert len(text) == BODY_CHARACTERS
        assert text.endswith("[…]")

    @pytest.mark.parametrize("raw", [b"Subject: x\r\n\r\n", b"Subject: x", b"\r\n\r\nwords", b"x"])
    def test_missing_parts(self, raw: bytes) -> None:
        assert isinstance(read(raw).text, str)


class TestFiles:
    def test_are_what_their_content_is(self) -> None:
        found = read(composed(files=[("shot.png", PNG, "image/png"), ("log.txt", b"GET / 200", "text/plain")]))
        assert [(file.name, file.media_type) for file in found.files] == [("shot.png", "image/png"), ("log.txt", "text/plain")]
        assert found.left_out == []

    def test_those_that_are_not_taken_are_named(self) -> None:
        found = read(composed(files=[("virus.exe", b"MZ\x00\x01\x02", "application/pdf"), ("empty.txt", b"", "text/plain")]))
        assert (found.files, found.left_out) == ([], ["virus.exe", "empty.txt"])

    def test_no_more_than_a_message_may_have(self) -> None:
        found = read(composed(files=[(f"{number}.txt", b"x", "text/plain") for number in range(12)]))
        assert (len(found.files), found.left_out) == (10, ["10.txt", "11.txt"])

    def test_no_more_bytes_than_a_message_may_have(self) -> None:
        large = b"x" * (9 * 1024 * 1024)
        found = read(composed(files=[(f"{number}.txt", large, "text/plain") for number in range(3)]))
        assert (len(found.files), found.left_out) == (2, ["2.txt"])

    @pytest.mark.parametrize("name", ["../../etc/passwd", "a\r\nX-Evil: 1.txt", "<script>.txt", "con.txt", "\u202etxt.exe"])
    def test_their_names_are_harmless(self, name: str) -> None:
        raw = b'Content-Type: text/plain\r\nContent-Disposition: attachment; filename="' + name.encode() + b'"\r\n\r\nhello'
        (file,) = read(raw).files
        assert not set(file.name) & set("/\\<>\r\n\u202e")
        assert file.name.endswith(".txt")

    def test_what_was_forwarded_whole_is_one_file(self) -> None:
        inner = EmailMessage()
        inner.set_content("the forwarded words")
        outer = EmailMessage()
        outer.set_content("see below")
        outer.add_attachment(inner)
        found = read(outer.as_bytes())
        assert (found.text, [file.name for file in found.files]) == ("see below", ["mail.eml"])
        assert b"the forwarded words" in found.files[0].content

    def test_an_invitation_is_one_too(self) -> None:
        found = read(b"Content-Type: text/calendar; name=a.ics\r\n\r\nBEGIN:VCALENDAR")
        assert [file.name for file in found.files] == ["a.ics.txt"]


class TestTheOriginal:
    @pytest.mark.parametrize(
        "html",
        [
            "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>", "<a href='javascript:alert(1)'>x</a>",
            "<iframe src='https://evil.example'></iframe>", "<p style='background:url(https://evil.example/x)'>x</p>",
            "<style>@import 'https://evil.example'</style>", "<form action='https://evil.example'><input></form>",
            "<link rel=stylesheet href=https://evil.example>", "<base href=https://evil.example>", "<math><mtext><script>alert(1)</script>",
            "<img src=https://evil.example/pixel.png>", "<video poster=https://evil.example/x>", "<table background=https://evil.example>",
        ],
    )  # fmt: skip
    def test_nothing_in_it_acts_or_fetches(self, html: str) -> None:
        safe = content.safe_html(parsing.parse(composed(None, f"<p>Hi</p>{html}")))
        assert safe is not None
        assert "<p>Hi</p>" in safe
        for word in ("alert", "evil", "script", "onerror", "style", "<img", "<form"):
            assert word not in safe

    def test_links_lead_elsewhere_without_saying_from_where(self) -> None:
        safe = content.safe_html(parsing.parse(composed(None, "<a href='https://x.example'>x</a>")))
        assert safe is not None
        assert 'rel="noopener noreferrer nofollow"' in safe
        assert 'target="_blank"' in safe


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(raw=mails())
def test_any_tree_of_parts(raw: bytes) -> None:
    message = parsing.parse(raw)
    found = content.read(message)
    assert len(found.text) <= BODY_CHARACTERS
    assert one_line(found.subject, SUBJECT_CHARACTERS) == found.subject
    content.safe_html(message)
    authentication.author(message)


@settings(max_examples=300, deadline=None)
@given(sender=st.text(alphabet=st.sampled_from('ab@.<>()[]",:;\\= \t\x00é='), max_size=60))
def test_any_from(sender: str) -> None:
    message = parsing.parse(b"From: " + sender.encode() + b"\r\n\r\n")
    found = authentication.author(message)
    if found:
        assert sender.lower().count("@") - found.name.count("@") >= 1
        assert found.email.key in sender.lower()


@settings(max_examples=300, deadline=None)
@given(header=st.text(alphabet=st.sampled_from('mx.p;=()"\\/ 1dmarcpheon'), max_size=80))
def test_any_results(header: str) -> None:
    authentication.read_results(header)


@pytest.mark.parametrize(
    "raw",
    [
        b"Subject: large\r\n\r\n" + b"> quoted line 203.0.113.7 #123456\r\n" * 800_000,
        b"Content-Type: text/html\r\n\r\n" + b"<div>" * 6_000_000,
        b"Content-Type: text/html\r\n\r\n" + b"<p>words <b>and</b> more" * 1_200_000,
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + b"QUJD\r\n" * 5_000_000,
        b"From: " + b"a" * 30_000_000 + b"\r\n\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 60_000,
    ],
    ids=["text", "nested", "html", "base64", "a header", "parts"],
)
def test_thirty_megabytes(raw: bytes) -> None:
    message = parsing.parse(raw)
    found = content.read(message)
    content.safe_html(message)
    authentication.author(message)
    assert len(found.text) <= BODY_CHARACTERS
