"""The catching mailbox: an SMTP server on a Unix socket that keeps each message as a file, and what reads them again.

A file is the message as it came, below two header lines with its envelope. Its name is a UUIDv7, so names sort by time.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, message_from_string, policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import EmailMessage
from functools import lru_cache
from pathlib import Path

import uuid_utils
from aiosmtpd.smtp import SMTP, Envelope, Session

SIZE_LIMIT = 35 * 1024 * 1024
SEARCHED = 5000  # newest messages that a search looks at
HEAD = 64 * 1024  # enough for any header section

FROM, TO = "X-Envelope-From", "X-Envelope-To"


def serve(socket_path: str, folder: Path) -> None:
    """Takes mail until SIGTERM or SIGINT."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import uvloop
    except ImportError:
        asyncio.run(_serve(socket_path, folder))
    else:
        uvloop.run(_serve(socket_path, folder))


async def _serve(socket_path: str, folder: Path) -> None:
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    Path(socket_path).unlink(missing_ok=True)
    keeper = Keeper(folder)

    def protocol() -> SMTP:
        # without a name aiosmtpd asks DNS for one, for each connection
        return SMTP(keeper, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True, hostname="mailbox.localhost", ident="catches all", loop=loop)

    server = await loop.create_unix_server(protocol, socket_path, backlog=1024)
    os.chmod(socket_path, 0o600)
    await asked.wait()
    server.close()
    Path(socket_path).unlink(missing_ok=True)


class Keeper:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.original_content, bytes)
        try:
            name = keep(self.folder, (envelope.mail_from or "").removeprefix("<>"), envelope.rcpt_tos, envelope.original_content)
        except OSError as error:
            return f"452 4.3.1 not kept: {error.strerror}"
        return f"250 2.0.0 kept as {name}"


def keep(folder: Path, sender: str, recipients: Sequence[str], content: bytes) -> str:
    """Writes one message, visible only once it is whole. Returns its id."""
    name = str(uuid_utils.uuid7())
    envelope = f"{FROM}: {sender}\r\n{TO}: {', '.join(recipients)}\r\n".encode("utf-8", "surrogateescape")
    draft = f"{folder}/.{name}"
    with open(draft, "wb", buffering=0) as file:
        file.write(envelope + content)
    os.rename(draft, f"{folder}/{name}.eml")
    return name


@dataclass(frozen=True)
class Summary:
    id: str
    at: datetime
    sender: str
    recipients: tuple[str, ...]
    subject: str

    def matches(self, words: str) -> bool:
        return words in " ".join((*self.recipients, self.subject)).casefold()


@dataclass(frozen=True)
class Attachment:
    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True)
class Caught:
    """One message, taken apart for people to look at."""

    summary: Summary
    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    source: str
    attachments: tuple[Attachment, ...]


def newest(folder: Path, limit: int = 50, before: str | None = None, words: str = "") -> tuple[list[Summary], str | None]:
    """A page of the newest messages and the cursor of the next one. A search looks at the newest 5,000 only."""
    try:
        names = sorted((name for name in os.listdir(folder) if name.endswith(".eml")), reverse=True)
    except FileNotFoundError:
        return [], None
    words = words.strip().casefold()
    if words:
        names = names[:SEARCHED]
    found: list[Summary] = []
    for name in names:
        if before and name >= f"{before}.eml":
            continue
        summary = _summary(f"{folder}/{name}")
        if words and not summary.matches(words):
            continue
        if len(found) == limit:
            return found, found[-1].id
        found.append(summary)
    return found, None


def read(folder: Path, message_id: str) -> Caught | None:
    """None when there is no such message."""
    try:
        path = f"{folder}/{uuid.UUID(message_id)}.eml"
        with open(path, "rb") as file:
            _, _, source = file.read().split(b"\n", 2)
    except (ValueError, FileNotFoundError):
        return None
    message = message_from_bytes(source, policy=policy.default)
    return Caught(
        summary=_summary(path),
        headers=tuple((name, str(value)) for name, value in _headers(source).items()),
        html=_body(message, "html"),
        text=_body(message, "plain"),
        source=source.decode("utf-8", "replace"),
        attachments=tuple(_attachment(part, number) for number, part in enumerate(message.iter_attachments(), 1)),
    )


# a file never changes once it has its name
@lru_cache(maxsize=2 * SEARCHED)
def _summary(path: str) -> Summary:
    with open(path, "rb") as file:
        sender, recipients, head = file.read(HEAD).split(b"\n", 2)
    name = Path(path).stem
    return Summary(
        id=name,
        at=datetime.fromtimestamp(int(name.replace("-", "")[:12], 16) / 1000, UTC),  # RFC 9562: the first 48 bits are milliseconds
        sender=_value(sender),
        recipients=tuple(_value(recipients).split(", ")),
        subject=_subject(head),
    )


def _value(line: bytes) -> str:
    return line.partition(b":")[2].strip().decode("utf-8", "replace")


def _subject(source: bytes) -> str:
    """Without a parser of mails, which would make a search 20 times slower."""
    found = re.search(r"^subject:(.*(?:\n[ \t].*)*)", _header_section(source), re.IGNORECASE | re.MULTILINE)
    value = " ".join(found[1].split()) if found else ""
    try:
        return str(make_header(decode_header(value))) if "=?" in value else value
    except (ValueError, LookupError, MessageError):
        return value


def _headers(source: bytes) -> EmailMessage:
    return message_from_string(_header_section(source), policy=policy.default)


def _header_section(source: bytes) -> str:
    """Decoded before it is parsed: with SMTPUTF8 it may hold bare UTF-8 (RFC 6532), which the parser of bytes garbles."""
    return re.split(rb"\r?\n\r?\n", source, maxsplit=1)[0].decode("utf-8", "replace").replace("\r\n", "\n")


def _body(message: EmailMessage, kind: str) -> str | None:
    part = message.get_body((kind,))
    if part is None:
        return None
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, UnicodeError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _attachment(part: EmailMessage, number: int) -> Attachment:
    content = part.get_payload(decode=True)
    return Attachment(
        name=part.get_filename() or f"part-{number}",
        content_type=part.get_content_type(),
        content=content if isinstance(content, bytes) else b"",
    )
