"""Reports as abuse desks and mail operators send them, with good defaults."""

from __future__ import annotations

import base64
from typing import Any

import xarf

CONTACT = {"org": "Example Desk", "contact": "abuse@desk.example", "domain": "desk.example"}
CONNECTION = {"first_seen": "2026-11-20T10:00:00Z", "protocol": "tcp", "source_port": 40000, "evidence_source": "honeypot"}
SPAM = {"protocol": "smtp", "smtp_from": "win@spam.example", "subject": "You won", "source_port": 25, "evidence_source": "spamtrap"}

# category, type, and what its schema wants besides
CLASSES: list[tuple[str, str, dict[str, Any]]] = [
    ("messaging", "spam", SPAM),
    ("messaging", "bulk_messaging", SPAM | {"recipient_count": 5000, "evidence_source": "user_complaint"}),
    ("connection", "login_attack", CONNECTION | {"destination_port": 22}),
    ("connection", "ddos", CONNECTION | {"attack_vector": "syn_flood", "peak_bps": 10**10}),
    ("connection", "port_scan", CONNECTION),
    ("content", "phishing", {"url": "https://login.evil.example/bank", "target_brand": "Example Bank"}),
    ("content", "malware", {"url": "http://203.0.113.7/loader.exe"}),
    ("content", "csam", {"url": "https://evil.example/x", "classification": "baseline", "detection_method": "hash_match"}),
    ("copyright", "p2p", {"p2p_protocol": "bittorrent", "swarm_info": {"info_hash": "a" * 40}}),
    ("infrastructure", "botnet", {"compromise_evidence": "C2 traffic", "malware_family": "mirai"}),
    ("vulnerability", "cve", {"cve_id": "CVE-2026-12345", "service": "nginx", "service_port": 443}),
    ("vulnerability", "open_service", {"service": "memcached"}),
    ("reputation", "blocklist", {"threat_type": "spam source"}),
]


def report(category: str = "connection", type: str = "login_attack", address: str = "203.0.113.7", **changes: Any) -> dict[str, Any]:
    """By the package that abuse desks use; what is ... is left out."""
    wanted = next(fields for known, of, fields in CLASSES if (known, of) == (category, type))
    made = xarf.create_report(category=category, type=type, source_identifier=address, reporter=CONTACT, sender=CONTACT, **wanted)
    assert made.report is not None, made.errors
    assert made.errors == []
    return changed(made.report.model_dump(by_alias=True, exclude_none=True), changes)


def changed(document: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (document | changes).items() if value is not ...}


def evidence(content_type: str, payload: bytes, description: str | None = None) -> dict[str, Any]:
    return xarf.create_evidence(content_type, payload, description=description).model_dump(exclude_none=True)


FIELDS = {
    "Feedback-Type": "abuse",
    "User-Agent": "SomeGenerator/1.0",
    "Version": "1",
    "Source-IP": "203.0.113.7",
    "Arrival-Date": "Fri, 20 Nov 2026 10:00:00 +0000",
}
REPORTED = """\
Received: from mail.one.example (vps-1.one.example [203.0.113.7]) by mx.isp.example with ESMTP id 1;
 Fri, 20 Nov 2026 10:00:00 +0000
From: <win@spam.example>
To: someone@isp.example
Subject: =?utf-8?q?Schn=C3=A4ppchen?=
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Click http://evil.example/win now.
"""


def arf(
    fields: dict[str, str] | None = None,
    reported: str | bytes | None = REPORTED,
    reported_type: str = "message/rfc822",
    sender: str = "Feedback Loop <fbl@isp.example>",
    message_id: str = "<report-1@isp.example>",
    introduction: str = "This is an email abuse report.",
    report_type: str = "feedback-report",
    feedback_head: str = "Content-Type: message/feedback-report",
    **changes: str | None,
) -> bytes:
    """`changes` of fields by their names with _ for -; None leaves one out."""
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    listed = {name: value for name, value in ((FIELDS if fields is None else fields) | named).items() if value is not None}
    head = (
        f"From: {sender}\nTo: abuse@provider.example\nDate: Fri, 20 Nov 2026 10:05:00 +0000\nSubject: FW: You won\n"
        f"Message-ID: {message_id}\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={report_type};\n boundary="part"\n\n'
        f"--part\nContent-Type: text/plain; charset=us-ascii\n\n{introduction}\n\n"
    )
    machine = f"--part\n{feedback_head}\n\n" + "".join(f"{name}: {value}\n" for name, value in listed.items()) + "\n"
    mail = (head + machine).encode()
    if reported is not None:
        content = reported.encode() if isinstance(reported, str) else reported
        mail += f"--part\nContent-Type: {reported_type}\nContent-Disposition: inline\n\n".encode() + content + b"\n"
    return (mail + b"--part--\n").replace(b"\n", b"\r\n")


def base64_lines(text: str | bytes) -> str:
    return base64.encodebytes(text.encode() if isinstance(text, str) else text).decode()
