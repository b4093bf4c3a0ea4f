"""One connection to the relay, as fast as RFC 2920 allows: the end of a message goes out together with the next envelope.

    C: MAIL RCPT DATA (1)
    S: 250 250 354
    C: message (1), MAIL RCPT DATA (2)        one write, and one round trip a message
    S: 250 (1: taken over), 250 250 354
    C: message (2), …

aiosmtplib has set the connection up; from there on this protocol reads it. A relay that does not offer PIPELINING gets one
command at a time, by the same rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Protocol, cast

import aiosmtplib

from notifyhub.channels.contract import Keep, Letter, Report, Tell
from notifyhub.channels.email import replies
from notifyhub.logs import log

COMMAND_SECONDS = 120  # RFC 5321 section 4.5.3.2 asks for more; a relay of one's own that takes as long is of no use
DATA_SECONDS = 600  # section 4.5.3.2.6: a server may think for ten minutes at the final dot
MOST_REPLY_BYTES = 64 * 1024
RSET = b"RSET\r\n"
END = b".\r\n"  # of a message; alone it is an empty one


class Transfer:
    """One letter on its way, and whom to tell what became of it."""

    __slots__ = ("content", "failure", "keep", "letter", "refusal", "report")

    def __init__(self, letter: Letter, report: Tell, keep: Keep) -> None:
        self.letter, self.report, self.keep = letter, report, keep
        self.content = b""  # with its end, as it is sent after DATA; made before its turn, so that nothing can go wrong then
        self.failure: Exception | None = None  # it could not be made
        self.refusal: Report | None = None  # of its recipient, while the answer to DATA is still to come

    @property
    def id(self) -> uuid.UUID:
        return self.letter.delivery_id


class Work(Protocol):
    """Where letters come from, with their content made, and who hears how a conversation ended."""

    def take(self) -> Transfer | None: ...
    def give_back(self, transfer: Transfer) -> None: ...
    def ended(self, conversation: Conversation, why: str) -> None:
        """Called once, with why where it was not our own will."""


class Conversation(asyncio.Protocol):
    def __init__(self, client: aiosmtplib.SMTP, work: Work) -> None:
        self.take, self.give_back, self.ended = work.take, work.give_back, work.ended
        self.pipelining = client.supports_extension("pipelining")
        self.utf8 = client.supports_extension("smtputf8")
        self.taken_over = 0  # messages, on this connection
        self.refused = False  # the relay said that it wants no more
        self.broken: BaseException | None = None  # of ours: nothing more may go out
        self.expected: deque[Callable[[int, str], None]] = deque()  # who reads the next replies
        self.waiting: deque[bytes] = deque()  # not sent yet, where the relay wants one command at a time
        self.current: Transfer | None = None  # its envelope is out
        self.at_dot: Transfer | None = None  # its message is out, and not answered yet
        self.buffer = b""
        self.lines: list[str] = []
        self.why = ""
        self.open = True
        assert client.transport is not None
        self.transport = cast(asyncio.Transport, client.transport)  # uvloop's is none by name
        self.transport.set_protocol(self)
        client.protocol = client.transport = None  # ours from here on
        self.heard = time.monotonic()
        self.watchdog = asyncio.get_running_loop().call_later(COMMAND_SECONDS, self._watch)

    @property
    def idle(self) -> bool:
        return self.open and self.current is None and self.at_dot is None and not self.expected

    def go(self) -> None:
        """Takes up work, if it has none."""
        if self.idle:
            self._write(self._envelope())

    def quit(self) -> None:
        if self.open:
            with contextlib.suppress(OSError):
                self.transport.write(b"QUIT\r\n")
            self._close("")

    # --- what goes out

    def _envelope(self) -> list[bytes]:
        """MAIL, RCPT and DATA of the next letter that can be sent; nothing where there is none."""
        while transfer := self.take():
            letter = transfer.letter
            if hindrance := self._hindrance(letter):
                transfer.report(Report(transfer.id, "refused", hindrance))
                continue
            if time.monotonic() > letter.deadline:
                transfer.report(Report(transfer.id, "unsent", ""))
                continue
            if error := transfer.failure:  # of ours: it is tried again, and does not keep the others waiting
                log.error("a mail could not be made", delivery=str(transfer.id), exc_info=error)
                transfer.report(Report(transfer.id, "deferred", f"not sent: the mail could not be made ({type(error).__name__})"))
                continue
            self.current = transfer
            self.expected += (self._on_mail, self._on_rcpt, self._on_data)
            options = b"" if letter.address.isascii() else b" SMTPUTF8 BODY=8BITMIME"
            return [
                b"MAIL FROM:<%s>%s\r\n" % (letter.envelope_sender.encode(), options),
                b"RCPT TO:<%s>\r\n" % letter.address.encode(),
                b"DATA\r\n",
            ]
        self.current = None
        return []

    def _hindrance(self, letter: Letter) -> str | None:
        if not letter.address:
            return "not sent: the address was erased"
        if not letter.address.isascii() and not self.utf8:
            return "the relay does not offer SMTPUTF8, which this address needs (RFC 6531)"
        if not (fits_envelope(letter.envelope_sender) and fits_envelope(letter.address)):
            return "not sent: this address cannot stand in an envelope"
        return None

    def _write(self, parts: list[bytes]) -> None:
        if not self.open or not parts:
            return
        if self.pipelining:
            first, *others = parts
            self.transport.writelines((first, b"".join(others)))  # the first may be a message, which is long: it is not copied once more
            return
        self.waiting += parts
        self._write_one()

    def _write_one(self) -> None:
        if self.waiting and len(self.expected) == len(self.waiting):  # all that was sent is answered
            self.transport.write(self.waiting.popleft())

    # --- what comes in, in the order in which it was asked

    def _on_mail(self, code: int, text: str) -> None:
        if code != 250:
            self.refused = True
            self._close(replies.shown(code, text))  # the sender is ours: whatever is wrong with it concerns all letters

    def _on_rcpt(self, code: int, text: str) -> None:
        if code in (250, 251):
            return
        assert self.current is not None
        self.current.refusal = replies.refused(self.current.id, code, text)
        if not self.pipelining:  # DATA has not been asked yet
            self.expected.clear()
            self.waiting.clear()
            self._refused(self.current, self.current.refusal)

    def _on_data(self, code: int, text: str) -> None:
        transfer = self.current
        assert transfer is not None
        if code != 354:
            self._refused(transfer, transfer.refusal or replies.refused(transfer.id, code, text))
        elif transfer.refusal is not None:  # it waits for a message all the same; without a recipient an empty one goes to nobody
            transfer.report(transfer.refusal)
            self.expected.append(self._on_nothing)
            self._write([END, *self._envelope()])
        elif time.monotonic() > transfer.letter.deadline:  # somebody else may have it by now
            self._close("the lease ended before the relay was ready")
        else:
            self.at_dot = transfer
            self.expected.append(self._on_dot)
            self._write([transfer.content, *self._envelope()])

    def _refused(self, transfer: Transfer, report: Report) -> None:
        transfer.report(report)
        self.expected.append(self._on_nothing)
        self._write([RSET, *self._envelope()])

    def _on_dot(self, code: int, text: str) -> None:
        transfer, self.at_dot = self.at_dot, None
        assert transfer is not None
        if not 200 <= code < 300:
            transfer.report(replies.refused(transfer.id, code, text))
            return
        self.taken_over += 1
        reply = replies.shown(code, text)
        transfer.report(Report(transfer.id, "accepted", reply))
        try:
            transfer.keep(transfer.id, reply)
        except BaseException as error:  # where it cannot be put on record, nothing else goes out here
            self.broken = error
            self._close(f"no record can be written: {error}")

    def _on_nothing(self, code: int, text: str) -> None:
        """Whatever it is: RSET, or a message to nobody."""

    def data_received(self, data: bytes) -> None:
        self.heard = time.monotonic()
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        for line in lines:
            if not self.open:
                return
            self._read(line)
        if len(self.buffer) > MOST_REPLY_BYTES or len(self.lines) > 1000:
            self._close("the relay's answer does not end")

    def _read(self, raw: bytes) -> None:
        line = replies.line(raw)
        if line is None:
            self._close(f"the relay does not speak SMTP: {raw[:100].decode('utf-8', 'replace').rstrip()}")
            return
        code, text, last = line
        if self.lines or not last:
            self.lines.append(text)
            if not last:
                return
            text, self.lines = " ".join(self.lines), []
        if code == 421 or not self.expected:
            self.refused = True
            self._close(replies.shown(code, text))
            return
        self.expected.popleft()(code, text)
        if self.waiting:
            self._write_one()
        elif not self.expected:
            self.go()  # with what came while it was at its last letter

    # --- how it ends

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        self._close(f"{type(error).__name__}: {error}" if error else "the relay closed the connection")

    def _watch(self) -> None:
        limit = DATA_SECONDS if self.at_dot is not None else COMMAND_SECONDS
        left = self.heard + limit - time.monotonic()
        if left <= 0 and self.expected:
            self._close(f"no answer for {limit} seconds")
            return
        self.watchdog = asyncio.get_running_loop().call_later(max(left, 1), self._watch)

    def _close(self, why: str) -> None:
        """Of what was under way nothing is known: it may have arrived, and it costs the letter nothing."""
        if not self.open:
            return
        self.open, self.why = False, why
        self.watchdog.cancel()
        self.transport.abort() if why else self.transport.close()
        concerned, lined_up = (self.at_dot, self.current) if self.at_dot else (self.current, None)
        self.at_dot = self.current = None
        if lined_up is not None and lined_up.refusal is None:  # its envelope is out, if that: another connection may take it
            self.give_back(lined_up)
            lined_up = None
        self.ended(self, why)
        for transfer in (concerned, lined_up):
            if transfer is not None:
                transfer.report(transfer.refusal or Report(transfer.id, "unsent", why))


def after_data(content: bytes) -> bytes:
    """A message as it is sent (RFC 5321 section 4.5.2). Nearly none has a line to be stuffed, and looking for one takes a quarter of
    the time of replacing."""
    return (content.replace(b"\r\n.", b"\r\n..") if b"\r\n." in content else content) + END


def fits_envelope(address: str) -> bool:
    """Nothing in it could end its path, or its line."""
    return address.isprintable() and "<" not in address and ">" not in address and " " not in address
