"""Mails as people write them, with what the provider's mail server found out about them."""

from __future__ import annotations

from collections.abc import Mapping

MX = "mx.provider.example"
OWNER = "owner@one.example"
SUPPORT = "support@provider.example"
STRANGER = "Jane Doe <jane@else.example>"


def results(domain: str = "one.example", dmarc: str = "pass", id: str = MX) -> str:
    return f"{id};\r\n dkim=pass (2048-bit key) header.d={domain};\r\n dmarc={dmarc} (p=none dis=none) header.from={domain}"


def mail(
    body: str = "The shop is slow since this morning.",
    sender: str = f"Owner <{OWNER}>",
    subject: str = "The shop is slow",
    proof: str | None = None,
    headers: Mapping[str, str] | tuple[tuple[str, str], ...] = (),
    id: str = "<m1@one.example>",
) -> bytes:
    """`proof`: the topmost Authentication-Results, as results() makes them."""
    others = headers.items() if isinstance(headers, Mapping) else headers
    lines = [
        *([("Authentication-Results", proof)] if proof else []),
        ("Received", "from mail.one.example (mail.one.example [192.0.2.9]) by mx.provider.example; Thu, 26 Nov 2026 10:00:00 +0000"),
        ("From", sender),
        ("To", SUPPORT),
        ("Subject", subject),
        ("Message-ID", id),
        ("Date", "Thu, 26 Nov 2026 10:00:00 +0000"),
        *others,
    ]
    return "".join(f"{name}: {value}\r\n" for name, value in lines).encode() + b"\r\n" + body.replace("\n", "\r\n").encode()
