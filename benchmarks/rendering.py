"""Compiled.mail() beside the standard library's way to the same mail, in the same run: the ratio holds on any machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr

from benchmarks.figures import Report
from notifyhub.config import Brand
from notifyhub.rendering import Compiled, Content, Reader, Stamp, compile_content

ROUNDS = 5
MAILS = 400
PARAGRAPH = "During the window we replace the core switches, one rack row after the other. "
CONTENT = Content(
    kind="maintenance",
    impact="outage",
    starts_at=datetime(2031, 3, 30, 0, 30, tzinfo=UTC),
    ends_at=datetime(2031, 3, 30, 4, 0, tzinfo=UTC),
    texts={
        "en": {"title": "Core network maintenance", "body": f"**What happens.** {PARAGRAPH * 4}\n\n- no action is needed\n- {PARAGRAPH}"}
    },
)
BRAND = Brand("Provider", "#0b6e4f", "Provider Support", "support@provider.example", "https://notify.provider.example")
ZONES = ("Europe/Berlin", "Europe/Istanbul", "America/St_Johns", "Asia/Kathmandu")


def run(report: Report) -> None:
    start = time.perf_counter()
    compiled = compile_content(CONTENT, "en", BRAND)
    report.add("compile a content", (time.perf_counter() - start) * 1e3, "ms")
    readers = [_reader(number) for number in range(MAILS)]
    _same(report, compiled, *readers[0])
    ours = microseconds(lambda reader, stamp: compiled.mail(reader, stamp), readers)
    theirs = microseconds(lambda reader, stamp: by_standard_library(compiled, reader, stamp), readers[: MAILS // 10])
    report.add("Compiled.mail()", ours, "µs")
    report.add("the same mail by EmailMessage", theirs, "µs")
    report.add("Compiled.mail() is faster", theirs / ours, "times")
    report.add("size of such a mail", len(compiled.mail(*readers[0])), "octets")


def _reader(number: int) -> tuple[Reader, Stamp]:
    services = [(f"#{100_000 + number * 3 + place}", f"srv-{number}-{place}.customer.example") for place in range(1 + number % 3)]
    reader = Reader(f"Zoë Åström {number}", ZONES[number % len(ZONES)], services)
    stamp = Stamp(
        to=f"owner{number}@customer.example",
        message_id=f"<{number:032x}@provider.example>",
        date=datetime(2031, 3, 20, 12, tzinfo=UTC),
        rule=4,
        category="announcements",
    )
    return reader, stamp


def by_standard_library(compiled: Compiled, reader: Reader, stamp: Stamp) -> bytes:
    parts = compiled.parts(reader, stamp)
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = formataddr((BRAND.sender_name, BRAND.sender_address))
    message["To"] = stamp.to
    message["Subject"] = parts.subject
    message["Date"] = format_datetime(stamp.date)
    message["Message-ID"] = stamp.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(parts.text, cte="quoted-printable")
    message.add_alternative(parts.html, subtype="html", cte="quoted-printable")
    return message.as_bytes()


def _same(report: Report, compiled: Compiled, reader: Reader, stamp: Stamp) -> None:
    """Only the same mail may be compared."""
    ours, theirs = (_read(content) for content in (compiled.mail(reader, stamp), by_standard_library(compiled, reader, stamp)))
    if ours != theirs:
        report.failures.append("rendering: Compiled.mail() and EmailMessage do not say the same")


def _read(content: bytes) -> list[str]:
    message = message_from_bytes(content, policy=policy.default)
    headers = [str(message[name]) for name in ("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted")]
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    return headers + [body.get_content().strip() for body in bodies if body]


def microseconds(call: Callable[[Reader, Stamp], object], readers: Sequence[tuple[Reader, Stamp]]) -> float:
    """Of one call, in the best of some rounds: others on the machine only ever make it slower."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for reader, stamp in readers:
            call(reader, stamp)
        best = min(best, (time.perf_counter() - start) / len(readers))
    return best * 1e6
