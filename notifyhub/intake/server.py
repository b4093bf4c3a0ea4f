"""Takes mail from an MTA of this machine, by LMTP or SMTP. 250 means that it is committed, for each recipient; what cannot be stored now
is asked for again (451)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from notifyhub.config import ConfigError, Intake, Settings
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Invalid
from notifyhub.intake import receiving
from notifyhub.logs import log

LINE_BYTES = 1024 * 1024  # mails with lines of more than the 998 of RFC 5322 are common
MOST_RECIPIENTS = 100  # as many as a server must take (RFC 5321 section 4.5.3.1.8)
AT_ONCE = 8  # transactions; mails are held in memory until it is their turn
STOP_SECONDS = 8.0  # for what is being taken in
TRY_LATER = "451 4.3.0 cannot be stored at the moment, try again later"


def serve(app: Flask) -> None:
    """Until SIGTERM or SIGINT. Raises ConfigError where it cannot listen."""
    asyncio.run(_serve(app))


async def _serve(app: Flask) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    settings: Settings = app.extensions["settings"]
    taker = Taker(app)
    options: dict[str, Any] = {
        "data_size_limit": receiving.MOST_BYTES, "enable_SMTPUTF8": True, "hostname": settings.brand.mail_domain, "ident": "NotifyHub",
        "loop": loop,
    }  # fmt: skip
    kind = Lmtp if settings.intake.scheme == "lmtp" else Smtp

    def protocol() -> SMTP:
        return kind(taker, **options)

    try:
        server = await _listen(loop, protocol, settings.intake)
    except OSError as error:
        raise ConfigError(f"NOTIFYHUB_INTAKE_URL: cannot listen on {settings.intake}: {error.strerror}") from None
    log.info("mail is taken in", at=str(settings.intake))
    await asked.wait()
    server.close()
    await taker.finish()


async def _listen(loop: asyncio.AbstractEventLoop, protocol: Any, intake: Intake) -> asyncio.Server:
    if intake.socket_path is None:
        return await loop.create_server(protocol, intake.host, intake.port, backlog=256)
    Path(intake.socket_path).unlink(missing_ok=True)  # left by one that was killed
    server = await loop.create_unix_server(protocol, intake.socket_path, backlog=256)
    os.chmod(intake.socket_path, 0o660)
    return server


class Smtp(SMTP):
    line_length_limit = LINE_BYTES


class Lmtp(LMTP):
    """With an answer for each recipient (RFC 2033 section 4.2), which the library leaves out."""

    line_length_limit = LINE_BYTES
    answers = 1

    async def smtp_DATA(self, arg: str) -> None:
        self.answers = max(1, len(self.envelope.rcpt_tos) if self.envelope else 1)
        try:
            await super().smtp_DATA(arg)
        finally:
            self.answers = 1

    async def push(self, status: Any) -> None:
        text = status.decode() if isinstance(status, bytes) else str(status)
        await super().push(text if text.startswith("354") else "\r\n".join([text] * self.answers))


class Taker:
    """The handler of all connections."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.turns = asyncio.Semaphore(AT_ONCE)
        self.at_work: set[asyncio.Task[str]] = set()

    async def handle_EHLO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if len(envelope.rcpt_tos) >= MOST_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        async with self.turns:
            task = asyncio.create_task(asyncio.to_thread(self._store, envelope))
            self.at_work.add(task)
            task.add_done_callback(self.at_work.discard)
            return await asyncio.shield(task)

    async def handle_exception(self, error: Exception) -> str:
        log.exception("a mail could not be taken in")
        return TRY_LATER

    def _store(self, envelope: Envelope) -> str:
        raw = envelope.original_content or b""
        assert isinstance(raw, bytes)
        with self.app.app_context():
            try:
                self._commit(raw, envelope.rcpt_tos, (envelope.mail_from or "").removeprefix("<>"))
            except Invalid as error:
                field, message = error.errors[0]
                return f"554 5.6.0 {field} {message}"
            except SQLAlchemyError as error:  # the database is away, or full: a line for each mail is enough
                log.error("a mail could not be stored", size=len(raw), error=str(error).partition("\n")[0][:200])
                return TRY_LATER
            except Exception:
                log.exception("a mail could not be stored", size=len(raw))
                return TRY_LATER
            finally:
                db.session.remove()
        return "250 2.0.0 stored"

    def _commit(self, raw: bytes, recipients: Sequence[str], sender: str) -> None:
        """All of them, or none. Raises Invalid, and what databases raise."""
        with transaction() as session:
            for recipient in recipients:
                receiving.receive(session, raw, recipient, sender, utcnow())

    async def finish(self) -> None:
        if self.at_work:
            await asyncio.wait(self.at_work, timeout=STOP_SECONDS)
            await asyncio.sleep(0.1)  # for the answers to leave
