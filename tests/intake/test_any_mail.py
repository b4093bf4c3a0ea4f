"""Whatever comes in, sorting it never raises."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyhub import labels
from notifyhub.config import Settings
from notifyhub.database import transaction
from notifyhub.intake import parsing, receiving, reports, sorting
from tests.intake import samples

SAMPLES = (
    samples.delivery_report(), samples.EXIM, samples.QMAIL, samples.FULL, samples.VACATION, samples.READ_RECEIPT, samples.PERSON,
    samples.complaint("Subject: News"),
)  # fmt: skip
TYPES = (
    "text/plain; charset=nonsense", "text/html; charset*=utf-8''%ff", "multipart/mixed; boundary=b", "multipart/report; boundary=\"b\"",
    "message/rfc822", "message/delivery-status", "message/feedback-report", "message/disposition-notification", "text/rfc822-headers",
    "nonsense", "/", "multipart/mixed", "text/plain; charset=\"\x00\"",
)  # fmt: skip
NAMES = (
    "Subject",
    "From",
    "To",
    "Auto-Submitted",
    "X-Failed-Recipients",
    "Message-ID",
    "Content-Transfer-Encoding",
    "Final-Recipient",
    "Status",
)
VALUES = st.one_of(
    st.text(max_size=60), st.sampled_from(("=?x?b?!!?=", "=?utf-8?q?=ff?=", "base64", "uuencode", "rfc822; a@b", "5.1.1", "failed"))
)


@st.composite
def mails(draw: Any, depth: int = 0) -> bytes:
    headers = [f"{name}: {draw(VALUES)}" for name in draw(st.lists(st.sampled_from(NAMES), max_size=4))]
    body = draw(st.binary(max_size=200))
    if depth < 4:
        parts = draw(st.lists(mails(depth=depth + 1), max_size=3))
        body += b"".join(b"\r\n--b\r\n" + part for part in parts) + draw(st.sampled_from((b"\r\n--b--\r\n", b"")))
    head = "\r\n".join([f"Content-Type: {draw(st.sampled_from(TYPES))}", *headers])
    return head.encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


@pytest.fixture(scope="module")
def configured(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.from_environ({"DATA_DIR": str(tmp_path_factory.mktemp("data"))})


def look(configured: Settings, raw: bytes) -> None:
    message = parsing.parse(raw)
    mail: Any = SimpleNamespace(raw=raw, rcpt="bounces+x@provider.example", mail_from="")
    case = sorting.Case(configured, mail, message, datetime.now(UTC))
    assert parsing.header(message, "Subject") is not None
    next(rule for rule in sorting.RULES if rule.fits(case))
    reports.failure(reports.statuses(message), message)
    reports.odd_failure(message)
    sorting._feedback_type(message)
    assert case.about() is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(raw=mails())
def test_any_tree_of_parts(configured: Settings, raw: bytes) -> None:
    look(configured, raw)


@settings(max_examples=150, deadline=None)
@given(sample=st.sampled_from(SAMPLES), start=st.integers(0, 1500), length=st.integers(0, 200), other=st.binary(max_size=40))
def test_any_damage_to_a_mail_that_is_known(configured: Settings, sample: bytes, start: int, length: int, other: bytes) -> None:
    look(configured, sample[:start] + other + sample[start + length :])


def test_parts_in_parts_in_parts(configured: Settings) -> None:
    look(configured, b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(3000)))


def test_a_very_large_mail(configured: Settings) -> None:
    look(configured, b"Subject: a\r\n\r\n" + b"user unknown 550 5.1.1 \r\n" * 1_200_000)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(raw=mails(), rcpt=st.sampled_from(("support@provider.example", "support+aaaa@provider.example", "")))
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_any_tree_of_parts_becomes_something(app: Flask, raw: bytes, rcpt: str) -> None:
    with transaction() as session:
        id = receiving.receive(session, b"From: jane@else.example\r\n" + raw, rcpt, "jane@else.example", datetime.now(UTC)).id
    with transaction() as session:
        mail = receiving.work_on(session, app.extensions["settings"], id, datetime.now(UTC))
        assert mail is not None
        assert mail.outcome in labels.OUTCOMES
