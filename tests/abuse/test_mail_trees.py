"""Whatever tree of parts a stranger sends: it is read, or refused, and nothing else happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.abuse import arf as arf_reports
from notifyhub.errors import Refused
from tests.abuse.reports import REPORTED, arf, base64_lines

ODD = st.one_of(st.binary(max_size=40), st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")))
CONTENT_TYPES = st.sampled_from(
    [
        b"text/plain", b"text/html; charset=utf-8", b"text/plain; charset=punycode", b"text/plain; charset*=utf-9'x'%ff",
        b"image/png; name*0*=a''%e2",
        b"message/rfc822", b"message/feedback-report", b"text/rfc822-headers", b"message/delivery-status", b"message/external-body",
        b"multipart/mixed; boundary=b0", b"multipart/alternative; boundary=\"b1\"",
        b"multipart/report; report-type=feedback-report; boundary=b0",
        b"multipart/digest; boundary=b1", b"multipart/signed; boundary=b2", b"multipart/mixed", b"multipart/", b"/", b";;;=",
    ]
)  # fmt: skip
ENCODINGS = st.sampled_from([b"7bit", b"8bit", b"base64", b"quoted-printable", b"x-uuencode", b"binary", b"nonsense"])
NAMES = st.sampled_from(
    [b"From", b"Subject", b"Date", b"Message-ID", b"Received", b"Feedback-Type", b"Source-IP", b"Version", b"Arrival-Date", b"To", b"X"]
)
VALUES = st.one_of(
    ODD,
    st.sampled_from(
        [b"abuse", b"not-spam", b"1", b"203.0.113.7", b"[IPv6:2001:db8::1]", b"Fri, 20 Nov 2026 10:00:00 +0000",
         b"Mon, 99 Foo 0 99:99 +9999999",
         b"=?utf-8?q?=41?=", b"=?utf-8?b?!?=", b"=?x?q?=FF?=", b"from a (b [203.0.113.7]) by c; Fri, 20 Nov 2026 10:00:00 +0000",
         b"<a@b.example>", b'"a" <b@[c]>', b"a,b;c:d(e", b"\r\n folded", b"\r\nInjected: yes"]
    ),
)  # fmt: skip
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=5).map(lambda pairs: b"".join(b"%s: %s\r\n" % pair for pair in pairs))
ENDS = st.sampled_from([b"\r\n", b"\n", b"\r", b""])


@st.composite
def part(draw: st.DrawFn, inner: st.SearchStrategy[bytes]) -> bytes:
    head = draw(HEADERS) + b"Content-Type: %s\r\n" % draw(CONTENT_TYPES)
    if draw(st.booleans()):
        head += b"Content-Transfer-Encoding: %s\r\n" % draw(ENCODINGS)
    body = b"".join(b"--b%d%s" % (draw(st.integers(0, 2)), draw(ENDS)) + child for child in draw(st.lists(inner, max_size=4)))
    return head + b"\r\n" + body + draw(st.sampled_from([b"", b"--b0--\r\n", b"--b1--", b"\r\n--b2--\r\n"]))


TREES = st.recursive(st.one_of(ODD, HEADERS, st.just(REPORTED.encode()), st.just(base64_lines(REPORTED).encode())), part, max_leaves=12)


def read_or_refused(raw: bytes) -> None:
    try:
        found = arf_reports.read(raw)
    except Refused:
        return
    for text in (found.type, found.reporter, found.contact, found.address):
        assert not {"\r", "\n", "\0"} & set(text)
    assert len(found.evidence) <= 6000
    "".join([found.evidence, found.reporter, found.address, found.contact]).encode()  # no half of a surrogate pair
    assert "://" not in found.evidence.replace("hxxp://", "").replace("hxxps://", "").replace("fxp://", "").replace("[:]//", "")
    assert found.occurred_at is None or found.occurred_at.tzinfo is not None


@settings(max_examples=300, deadline=None)
@given(TREES)
def test_any_tree_of_parts_is_read_or_refused(raw: bytes) -> None:
    read_or_refused(raw)


@settings(max_examples=150, deadline=None)
@given(TREES, HEADERS, CONTENT_TYPES, ENCODINGS)
def test_whatever_is_reported_is_read_or_refused(reported: bytes, headers: bytes, content_type: bytes, encoding: bytes) -> None:
    head = f"{content_type.decode()}\nContent-Transfer-Encoding: {encoding.decode()}"
    read_or_refused(arf(reported=headers + b"\r\n" + reported))
    read_or_refused(arf(reported=reported, reported_type=head))
    read_or_refused(
        arf(feedback_head=f"Content-Type: message/feedback-report\nContent-Transfer-Encoding: {encoding.decode()}", reported=reported)
    )


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1200), st.integers(0, 60), ODD)
def test_a_report_with_a_piece_missing_or_replaced_is_read_or_refused(start: int, length: int, other: bytes) -> None:
    raw = arf()
    read_or_refused(raw[:start] + other + raw[start + length :])
