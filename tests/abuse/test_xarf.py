"""XARF 4 as it is read: by the package that abuse desks make it with, and broken in many ways."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub import labels
from notifyhub.abuse import reading
from notifyhub.errors import Invalid, Refused
from tests.abuse.reports import CLASSES, CONTACT, arf, changed, evidence, report


def refused(document: Any) -> dict[str, str]:
    with pytest.raises(Invalid) as caught:
        reading.read(document)
    return {error.field: error.message for error in reversed(caught.value.errors)}


@pytest.mark.parametrize(("category", "type"), [(category, type) for category, type, _ in CLASSES])
def test_a_report_of_each_class_is_read(category: str, type: str) -> None:
    found = reading.read(report(category, type, timestamp="2026-11-20T12:00:00+02:00"))
    assert (found.format, found.type, found.address) == ("xarf", f"{category}/{type}", "203.0.113.7")
    assert (found.reporter, found.contact) == ("Example Desk (desk[.]example)", "abuse@desk.example")
    assert found.occurred_at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert found.complaint


def test_every_class_has_its_words() -> None:
    import xarf

    known = {f"{category}/{type}" for category, types in xarf.schema_registry.get_all_types().items() for type in types}
    assert known <= set(labels.ABUSE_TYPES)


@pytest.mark.parametrize(
    ("identifier", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:DB8:0::7", "2001:db8::7"),
        ("203.0.113.7\r\n", "203.0.113.7"),
        ("[2001:db8::7]", "2001:db8::7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("evil.example", "evil[.]example"),
        ("https://evil.example/x", "hxxps://evil[.]example/x"),
    ],
)
def test_the_address_is_spelled_in_one_way(identifier: str, address: str) -> None:
    assert reading.read(report(source_identifier=identifier)).address == address


def test_its_own_facts_and_its_evidence_are_shown_as_text() -> None:
    document = report(
        "content",
        "phishing",
        description="A page that asks for passwords: https://login.evil.example/",
        evidence=[
            evidence("text/plain", b"GET /login http://evil.example/", "Log of the crawler"),
            evidence("text/html", b"<p>Your <a href='https://evil.example/b'>bank</a><script>alert(1)</script>", "The page"),
            evidence("message/rfc822", b"Subject: =?utf-8?q?Konto_gesperrt?=\nFrom: b@evil.example\n\nOpen https://evil.example now"),
            evidence("image/png", b"\x89PNG\r\n\x1a\n" + b"x" * 1000, "Screenshot"),
            evidence("application/octet-stream", b"MZ..."),
        ],
        _internal={"ticket": "INTERNAL-1"},
    )
    text = reading.read(document).evidence
    for expected in (
        "A page that asks for passwords: hxxps://login[.]evil[.]example/",
        "url: hxxps://login[.]evil[.]example/bank",
        "target_brand: Example Bank",
        "Log of the crawler:\nGET /login hxxp://evil[.]example/",
        "Your bank (hxxps://evil[.]example/b)",
        "Subject: Konto gesperrt",
        "Open hxxps://evil[.]example now",
        "[image/png, 1,008 B: Screenshot]",
        "[application/octet-stream, 5 B]",
    ):
        assert expected in text, expected
    assert not any(word in text for word in ("INTERNAL", "alert", "PNG\r", "MZ", "http://"))


def test_evidence_of_crimes_against_children_is_named_and_not_shown() -> None:
    found = reading.read(report("content", "csam", evidence=[evidence("text/plain", b"the words of it", "Transcript")]))
    assert "[text/plain, 15 B: Transcript]" in found.evidence
    assert "the words" not in found.evidence


@pytest.mark.parametrize(
    ("content_type", "payload", "shown"),
    [
        ("text/plain; charset=iso-8859-9", "şğı".encode("iso-8859-9"), "şğı"),
        ("text/plain; charset=us-ascii", "şğı".encode(), "şğı"),
        ("text/plain; charset=utf-8", b"caf\xe9", "café"),
        ("text/plain; charset=nonsense", b"plain", "plain"),
        ("text/plain; charset=zlib", b"plain", "plain"),
        ("text/plain; charset=idna", b"plain", "plain"),
        ("text/plain; charset*=x'y'%ff", b"plain", "plain"),
        ("TEXT/PLAIN\r\nX: y", b"plain", "plain"),
        ("application/json", b'{"a": 1}', '{"a": 1}'),
    ],
)
def test_a_charset_is_believed_as_far_as_it_fits(content_type: str, payload: bytes, shown: str) -> None:
    assert shown in reading.read(report(evidence=[evidence(content_type, payload)])).evidence


def test_evidence_that_is_not_in_base_64_is_shown_as_it_is_written() -> None:
    found = reading.read(report(evidence=[{"content_type": "text/plain", "payload": "not base 64: http://evil.example"}]))
    assert "not base 64: hxxp://evil[.]example" in found.evidence


def test_evidence_that_is_a_broken_or_monstrous_mail_is_a_text() -> None:
    nested = b"Content-Type: multipart/mixed; boundary=b\n\n--b\n" * 40
    assert "Content-Type: multipart/mixed" in reading.read(report(evidence=[evidence("message/rfc822", nested)])).evidence


def test_evidence_is_cut() -> None:
    found = reading.read(report(evidence=[evidence("text/plain", b"line of a log\n" * 100_000)]))
    assert len(found.evidence) <= 6000
    assert found.evidence.endswith("[…]")


def test_two_reports_with_one_id_of_one_reporter_are_the_same_one() -> None:
    first = report()
    keys = [reading.read(first | change).key for change in ({}, {"description": "again"}, {"report_id": first["report_id"].upper()})]
    assert len(set(keys)) == 1
    assert reading.read(first | {"reporter": CONTACT | {"domain": "other.example"}}).key not in keys
    assert reading.read(report()).key not in keys


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"xarf_version": "3.0.0"}, "xarf_version", "does not match"),
        ({"xarf_version": "5.0.0"}, "xarf_version", "does not match"),
        ({"xarf_version": ...}, "xarf_version", "is required"),
        ({"report_id": "1"}, "report_id", "uuid"),
        ({"report_id": ...}, "report_id", "is required"),
        ({"timestamp": "yesterday"}, "timestamp", "is not a time"),
        ({"timestamp": "2026-11-20T10:00:00"}, "timestamp", "has no offset"),
        ({"timestamp": "1970-01-01T00:00:00Z"}, "timestamp", "2000"),
        ({"timestamp": "9999-12-31T23:59:59-12:00"}, "timestamp", "2199"),
        ({"timestamp": 1}, "timestamp", "string"),
        ({"reporter": ...}, "reporter", "is required"),
        ({"reporter": {"org": "A", "contact": "a@b.example"}}, "reporter.domain", "is required"),
        ({"reporter": CONTACT | {"contact": "nobody"}}, "reporter.contact", "email"),
        ({"reporter": CONTACT | {"contact": "a b@c d.example"}}, "reporter.contact", "e-mail address"),
        ({"reporter": CONTACT | {"org": "Desk\r\nBcc: victim@one.example"}}, "reporter.org", "line break"),
        ({"reporter": CONTACT | {"domain": "desk.example\nX: y"}}, "reporter.domain", "line break"),
        ({"reporter": CONTACT | {"org": "\u202eksed"}}, "reporter.org", "direction"),
        ({"reporter": CONTACT | {"org": "\ud800"}}, "reporter.org", "surrogate"),
        ({"reporter": "Desk"}, "reporter", "object"),
        ({"source_identifier": ...}, "source_identifier", "is required"),
        ({"source_identifier": ""}, "source_identifier", "empty"),
        ({"source_identifier": "a\nb"}, "source_identifier", "line break"),
        ({"source_identifier": "x" * 300}, "source_identifier", "255"),
        ({"category": "nonsense"}, "category", "must be one of connection"),
        ({"type": "nonsense"}, "type", "must be one of ddos"),
        ({"category": {"a": 1}}, "category", "string"),
        ({"type": ["ddos"]}, "type", "string"),
        ({"protocol": ...}, "protocol", "is required"),
        ({"protocol": "carrier pigeon"}, "protocol", "not one of"),
        ({"evidence": "x"}, "evidence", "array"),
        ({"evidence": [{"content_type": "text/plain"}]}, "evidence.0.payload", "is required"),
        ({"evidence": [{"content_type": "text/plain", "payload": 1}]}, "evidence.0.payload", "string"),
        ({"source_port": 0}, "source_port", "minimum"),
        ({"confidence": 7}, "confidence", "maximum"),
        ({"tags": ["X"]}, "tags.0", "does not match"),
        ({"protocol": "x" * 10_000}, "protocol", "not one of"),
        ({"category": "copyright", "type": "p2p", "p2p_protocol": "bittorrent"}, "", "the report is not valid"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], field: str, said: str) -> None:
    document = changed(report(), changes)
    errors = refused(document)
    assert said in errors[field]
    assert all(len(message) <= 300 for message in errors.values())


def test_everything_that_is_wrong_is_named_at_once() -> None:
    document = report(report_id=..., timestamp="x", source_port=-1, source_identifier="", reporter=CONTACT | {"org": "", "contact": 1})
    assert set(refused(document)) == {"report_id", "timestamp", "source_port", "source_identifier", "reporter.org", "reporter.contact"}
    assert set(refused(report(reporter=[], sender=..., evidence=1))) == {"reporter", "sender", "evidence"}


@pytest.mark.parametrize("document", [None, 1, "x", [], [report()], True])
def test_what_is_no_object_is_refused(document: Any) -> None:
    assert "object" in refused(document)[""]


def test_the_version_before_is_refused_by_its_name() -> None:
    old = {"Version": "3", "ReporterInfo": {"ReporterOrg": "Desk"}, "Report": {"ReportType": "Spam"}}
    assert "XARF 3" in refused(old)["xarf_version"]


def test_a_confidence_between_none_and_all_is_read() -> None:
    assert "confidence: 0.85" in reading.read(report(confidence=0.85)).evidence


@pytest.mark.parametrize(
    "document",
    [
        report() | {"stuff": list(range(300_000))},
        report() | {"evidence": [{"content_type": 1}] * 100_000},
        report() | {"evidence": [evidence("text/plain", b"x" * 100_000)] * 51},
        report() | {"evidence": [{}] * 50, "tags": [1] * 50, "reporter": [], "timestamp": {}, "source_identifier": 1},
        report() | {"type": "x" * 5_000_000},
        report() | {"protocol": "x" * 5_000_000},
    ],
    ids=["values", "errors", "items", "many errors", "type", "field"],
)
def test_a_report_that_is_made_to_take_long_does_not(document: dict[str, Any]) -> None:
    start = time.thread_time()
    errors = refused(document)
    assert time.thread_time() - start < 10
    assert len(errors) <= 20
    assert all(len(message) <= 400 for message in errors.values())


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from([*report(), "evidence", "description", "tags", "Version", "url", "x"]), anything))
def test_whatever_is_in_a_report_it_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        found = reading.read(report() | changes)
    except Refused:
        return
    assert "\0" not in found.evidence
    found.evidence.encode()


def test_a_mail_is_no_xarf() -> None:
    assert refused(arf().decode())
