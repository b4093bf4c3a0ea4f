"""Hands letters to the relay over a few kept connections."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator

import aiosmtplib

from notifyhub.channels.contract import Keep, Letter, RelayDown, Report, Stale
from notifyhub.channels.email import replies
from notifyhub.channels.email.connection import connect, fits_envelope, hand_over
from notifyhub.config import Settings
from notifyhub.logs import log


class EmailCarrier:
    def __init__(self, settings: Settings, keep: Keep) -> None:
        self.settings = settings
        self.keep = keep
        self.idle: list[aiosmtplib.SMTP] = []

    async def carry(self, letters: Iterable[Letter]) -> AsyncIterator[Report]:
        """One report for each letter, in any order. Raises RelayDown once all letters that were begun are reported."""
        waiting = iter(letters)
        reports: asyncio.Queue[Report | None] = asyncio.Queue()
        workers = [asyncio.create_task(self._work(waiting, reports)) for _ in range(self.settings.smtp_connections)]
        everyone = asyncio.gather(*workers, return_exceptions=True)
        everyone.add_done_callback(lambda _: reports.put_nowait(None))
        try:
            while (report := await reports.get()) is not None:
                yield report
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        down = [worker.exception() for worker in workers if not worker.cancelled() and worker.exception()]
        for letter in waiting:  # nobody took them
            yield Report(letter.delivery_id, "unsent", str(down[0]) if down else "")
        for error in down:
            if error is not None and (not isinstance(error, RelayDown) or len(down) == len(workers)):
                raise error

    async def _work(self, letters: Iterator[Letter], reports: asyncio.Queue[Report | None]) -> None:
        client: aiosmtplib.SMTP | None = None
        for letter in letters:
            if client is None or not client.is_connected:
                try:
                    client = self.idle.pop() if self.idle else await connect(self.settings.relay, self.settings.brand.mail_domain)
                except RelayDown as error:
                    reports.put_nowait(Report(letter.delivery_id, "unsent", str(error)))
                    raise
            try:
                report = await self._send(client, letter)
            except (aiosmtplib.SMTPException, OSError) as error:
                client.close()
                reports.put_nowait(Report(letter.delivery_id, "unsent", f"{type(error).__name__}: {error}"))
                if isinstance(error, aiosmtplib.SMTPResponseException):  # its own words to MAIL, or 421: it wants no more
                    raise RelayDown(replies.shown(error.code, error.message)) from error
                continue
            reports.put_nowait(report)
            if report.outcome == "accepted":
                self.keep(letter.delivery_id, report.reply)  # where it cannot be put on record, nothing else goes out here
        if client is not None and client.is_connected:
            self.idle.append(client)

    async def _send(self, client: aiosmtplib.SMTP, letter: Letter) -> Report:
        """Raises what is the relay's or the connection's failure."""
        if not letter.address:
            return Report(letter.delivery_id, "refused", "not sent: the address was erased")
        if not letter.address.isascii() and not client.supports_extension("smtputf8"):
            return Report(letter.delivery_id, "refused", "the relay does not offer SMTPUTF8, which this address needs (RFC 6531)")
        if not (fits_envelope(letter.envelope_sender) and fits_envelope(letter.address)):
            return Report(letter.delivery_id, "refused", "not sent: this address cannot stand in an envelope")
        try:
            content = letter.content()
        except Stale:
            return Report(letter.delivery_id, "unsent", "")
        except Exception as error:  # of ours: it is tried again, and does not keep the others waiting
            log.exception("a mail could not be made", delivery=str(letter.delivery_id))
            return Report(letter.delivery_id, "deferred", f"not sent: the mail could not be made ({type(error).__name__})")
        response = await hand_over(client, letter.envelope_sender, letter.address, content)
        if 200 <= response.code < 300:
            return Report(letter.delivery_id, "accepted", replies.shown(response.code, response.message))
        with contextlib.suppress(aiosmtplib.SMTPException, OSError):  # the next letter notices
            await client.rset()
        return replies.refused(letter.delivery_id, response.code, response.message)

    async def close(self) -> None:
        for client in self.idle:
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
                await asyncio.wait_for(client.quit(), 2)


@contextlib.asynccontextmanager
async def open_carrier(settings: Settings, keep: Keep) -> AsyncIterator[EmailCarrier]:
    carrier = EmailCarrier(settings, keep)
    try:
        yield carrier
    finally:
        await carrier.close()
