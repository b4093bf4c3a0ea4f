"""What the product is compared with: the same mails, to the same sink, in the same run."""

from __future__ import annotations

import asyncio
import json
import smtplib
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import uvloop
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from benchmarks import postgres
from notifyhub.config import Brand
from notifyhub.rendering import Content, Parts, Reader, Stamp, compile_content

BRAND = Brand("Provider", "#0b6e4f", "Provider Support", "support@provider.example", "https://notify.provider.example", None)
ZONES = ("Europe/Istanbul", "Europe/Berlin", "America/New_York", "Asia/Kolkata")
SENDER = "bounces+7mejmriurc47kgufy7v475xyiibedaajx2fzpi@provider.example"


class Mail(NamedTuple):
    to: str
    parts: Parts
    headers: dict[str, str]
    content: bytes


def mails(content: dict[str, dict[str, str]], count: int) -> list[Mail]:
    """Such as the product sends: personal, with the unsubscribe headers of news."""
    compiled = compile_content(Content("news", texts=content), "en", BRAND)
    return [_mail(compiled, number) for number in range(count)]


def _mail(compiled: Any, number: int) -> Mail:
    services = [(f"#{100_000 + number * 3 + place}", f"srv-{number}-{place}.customer.example") for place in range(1 + number % 3)]
    reader = Reader(f"Customer {number}", ZONES[number % len(ZONES)], services)
    url = f"https://notify.provider.example/unsubscribe/WzEyMzQ1NiwibmV3cyJd.{number:027d}"
    stamp = Stamp(f"owner{number}@customer.example", f"<{number:039d}@provider.example>", datetime.now(UTC), 4, "announcements", None, url)
    headers = {"Message-ID": stamp.message_id, "List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    return Mail(stamp.to, compiled.parts(reader, stamp), headers, compiled.mail(reader, stamp))


def post_office(port: int, cluster: str, folder: Path, mails: Sequence[Mail], processes: Sequence[int]) -> float:
    """Mails a second with its best number of processes."""
    file = folder / "post_office.ndjson"
    with file.open("w") as lines:
        for mail in mails:
            subject, text, html = mail.parts
            lines.write(json.dumps({"to": mail.to, "subject": subject, "text": text, "html": html, "headers": mail.headers}) + "\n")
    url = postgres.database(cluster, "post_office")
    command = [sys.executable, "-m", "benchmarks.post_office", url, str(port), str(file), *map(str, processes)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent.parent)
    if done.returncode:
        raise RuntimeError(f"post_office: {done.stderr[-2000:]}")
    return len(mails) / min(float(line) for line in done.stdout.split())


def by_smtplib(port: int, mails: Sequence[Mail]) -> float:
    """Mails a second of a loop on one connection."""
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
        started = time.monotonic()
        for mail in mails:
            client.sendmail(SENDER, [mail.to], mail.content)
        return len(mails) / (time.monotonic() - started)


def raw_wire(port: int, mails: Sequence[Mail], connections: int = 4) -> float:
    """Mails a second of a bare loop that has all bytes already: one in flight on each connection, as we send them."""
    wire = [
        (b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (SENDER.encode(), mail.to.encode()), mail.content + b".\r\n") for mail in mails
    ]
    return len(mails) / uvloop.run(_all(port, [wire[start::connections] for start in range(connections)]))


async def _all(port: int, shares: list[list[tuple[bytes, bytes]]]) -> float:
    pairs = [await asyncio.open_connection("127.0.0.1", port) for _ in shares]
    for reader, writer in pairs:
        await reader.readline()
        writer.write(b"EHLO benchmark\r\n")
        while not (await reader.readline()).startswith(b"250 "):
            pass
    started = time.monotonic()
    await asyncio.gather(*(_one(reader, writer, share) for (reader, writer), share in zip(pairs, shares, strict=True)))
    seconds = time.monotonic() - started
    for _, writer in pairs:
        writer.close()
    return seconds


async def _one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, share: list[tuple[bytes, bytes]]) -> None:
    writer.write(share[0][0])
    for place, (_, content) in enumerate(share):
        await reader.readuntil(b"354 end with a dot\r\n")
        following = share[place + 1][0] if place + 1 < len(share) else b""
        writer.write(content + following)
    await reader.readuntil(b"250 2.0.0 accepted\r\n")


def rsa_signatures(cores: int, seconds: float = 3.0) -> float:
    """How many RSA-2048 signatures a second all cores make together, with nothing else to do."""
    with get_context("spawn").Pool(cores) as pool:
        return sum(pool.map(_sign_for, [seconds] * cores))


def _sign_for(seconds: float) -> float:
    key = generate_private_key(65537, 2048)
    count, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        key.sign(b"x" * 500, padding.PKCS1v15(), hashes.SHA256())
        count += 1
    return count / (time.monotonic() - started)
