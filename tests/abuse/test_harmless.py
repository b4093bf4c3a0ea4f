"""What strangers wrote, shown so that it cannot act."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.abuse.harmless import CUT, from_html, harmless, one_line, plain


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("see http://evil.example/a?x=1", "see hxxp://evil[.]example/a?x=1"),
        ("HTTPS://User:pw@Sub.Evil.example:8080/x", "hxxps://User:pw@Sub[.]Evil[.]example:8080/x"),
        ("ftp://evil.example", "fxp://evil[.]example"),
        ("http://192.0.2.1/x", "hxxp://192[.]0[.]2[.]1/x"),
        ("http://localhost/x", "hxxp://localhost/x"),
        ("smb://server/share", "smb[:]//server/share"),
        ("1http://evil.example", "1hxxp://evil[.]example"),
        ("www.evil.example.", "www[.]evil[.]example."),
        ("write to win@evil.example", "write to win@evil[.]example"),
        ("пример.рф and evil。com and xn--e1afmkfd.xn--p1ai", "пример[.]рф and evil[.]com and xn--e1afmkfd[.]xn--p1ai"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("MAILTO:a@b", "MAILTO[:]a@b"),
        ("data:text/html,x", "data[:]text/html,x"),
        (r"\\evil\share", r"[\\]evil\share"),
        ("h\u200bttp://evil\u00ad.example", "hxxp://evil[.]example"),
        ("hxxp://evil[.]example", "hxxp://evil[.]example"),
    ],
)
def test_what_could_be_followed_is_made_unusable(written: str, shown: str) -> None:
    assert harmless(written) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sshd[812]: Failed password for root from 203.0.113.7 port 52144 ssh2",
        "20/Nov/2026:10:00:00.123 +0000",
        "OpenSSH_8.9p1, load 0.25, data: none",
        "2001:db8::7 → [2001:db8::1]:443",
        "<script>alert(1)</script> & <img src=x onerror=alert(1)>",
        "Merhaba dünya, ığüşöç",
    ],
)
def test_what_is_read_and_not_followed_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("character", ["\x00", "\x07", "\x1b", "\x7f", "\x9b", "\u200b", "\u202e", "\u2066", "\ufeff", "\ud800"])
def test_what_cannot_be_seen_is_left_out(character: str) -> None:
    assert harmless(f"a{character}b") == "ab"


def test_lines_end_in_one_way() -> None:
    assert harmless("a\r\nb\rc\u2028d\x0be") == "a\nb\nc\nd\ne"


def test_many_empty_lines_are_one() -> None:
    assert harmless("\n\na \n\n\n\n b\n\n") == "a\n\n b"


def test_a_line_has_no_line_break() -> None:
    assert one_line("Evil Corp\r\nBcc: victim@one.example") == "Evil Corp Bcc: victim@one[.]example"
    assert plain("Evil\r\nX: 1", 100) == "Evil X: 1"


def test_long_text_is_cut_and_says_so() -> None:
    cut = harmless("word " * 5000, 100)
    assert len(cut) <= 100
    assert cut.endswith(f"\n{CUT}")
    assert len(one_line("x" * 500, 50)) == 50


@given(st.text(alphabet=st.one_of(st.sampled_from(list("htps:/.\\-_[]@ \n\r\tevil。\u200bwww203")), st.characters()), max_size=200))
def test_nothing_that_is_left_can_be_followed(text: str) -> None:
    shown = harmless(text)
    assert harmless(shown) == shown
    assert not re.search(r"(?i)(https?|ftp|file|smb)://", shown)
    assert not re.search(r"[^\W_]\.[a-z]{2,}", shown)
    assert not re.search(r"(?i)\b(javascript|data|mailto):\S", shown)
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in shown if c not in "\n\t")


HTML = (
    '<p>Dear client,<br>press <a href="https://evil.example/login">here</a>.</p><style>p{}</style><script>alert(1)</script>'
    '<img src="https://evil.example/pixel.gif" onerror="alert(2)"><div style="padding-left: 99999999em">or else</div>'
)


def test_of_html_the_text_is_left_with_the_targets_of_its_links() -> None:
    text = harmless(from_html(HTML))
    assert "press here (hxxps://evil[.]example/login)." in text
    assert "or else" in text
    assert not any(word in text for word in ("alert", "pixel", "<", "padding", "  " * 10))


@pytest.mark.parametrize(
    "text",
    ["<b>" * 13_000, "<div>" * 8_000, "<table><tr><td>" * 3_000, "<blockquote>" * 3_000, "<a href='" * 4_000, "<![CDATA[" * 4_000,
     "<" * 40_000, "&#x0;" * 8_000, "<p>\ufffe\x00\ud800</p>", "<ul>" + "<li>a" * 8_000, "<svg><style><!--</style>" * 900],
)  # fmt: skip
def test_html_that_means_harm_takes_no_time(text: str) -> None:
    start = time.thread_time()
    assert isinstance(harmless(from_html(text)), str)
    assert time.thread_time() - start < 10


@pytest.mark.parametrize("text", ["a.", "a://", "-", "a", "data:", "\\", "http://", "+", ".", "a-", "xn--", "\u200b"])
def test_text_that_means_harm_takes_no_time(text: str) -> None:
    start = time.thread_time()
    harmless(text * 200_000)
    assert time.thread_time() - start < 10


@given(st.text())
def test_any_html_becomes_text(text: str) -> None:
    assert "<script" not in from_html(text).lower()
