"""An SMTP server that takes every mail, keeps none, and records what it accepted: a relay for benchmarks and tests.

`python -m benchmarks.sink RECORD [--port 0] [--delay SECONDS] [--soft TRIES] [--hard]` prints its port, then serves until
it is told to stop. RECORD gets one line for each accepted recipient: recipient, Message-ID, octets, Unix time; by tabs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from benchmarks.processes import end_with_parent, stop

MAX_SIZE = 50 * 1024 * 1024
MAX_LINE = 4096
END = b"\r\n.\r\n"
MESSAGE_ID = re.compile(rb"(?im)^message-id:\s*(<[^>\r\n]*>)")
GREETING = b"220 sink ESMTP\r\n"
EXTENSIONS = b"250-sink\r\n250-PIPELINING\r\n250-SIZE %d\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 ENHANCEDSTATUSCODES\r\n" % MAX_SIZE


class Accepted(NamedTuple):
    recipient: str
    message_id: str
    size: int
    at: float


@contextmanager
def running(record: Path, *options: str) -> Iterator[int]:
    """A sink in a process of its own; its port."""
    command = [sys.executable, "-m", "benchmarks.sink", str(record), *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=Path(__file__).parent.parent, preexec_fn=end_with_parent(signal.SIGTERM)
    )
    try:
        assert process.stdout
        yield int(process.stdout.readline())
    finally:
        stop(process, signal.SIGTERM, 5)


def accepted(record: Path, after: int = 0) -> list[Accepted]:
    """What the record holds after so many bytes of it."""
    with record.open("rb") as file:
        file.seek(after)
        lines = file.read().decode("utf-8", "surrogateescape").split("\n")[:-1]
    fields = (line.split("\t") for line in lines)
    return [Accepted(recipient, message_id, int(size), float(at)) for recipient, message_id, size, at in fields]


class Policy(NamedTuple):
    delay: float = 0.0
    soft: int = 0  # recipients named soft… are put off so many times
    hard: bool = False  # recipients named hard… do not exist


class Sink(asyncio.Protocol):
    """One connection. Whatever has arrived is worked off in one go, and answered in one write (RFC 2920)."""

    def __init__(self, policy: Policy, record: BinaryIO, tries: Counter[bytes]) -> None:
        self.policy, self.record, self.tries = policy, record, tries
        self.pending = b""
        self.searched = 0  # so far no end of message in `pending` before this
        self.in_data = False
        self.has_sender = self.utf8 = False
        self.recipients: list[bytes] = []
        self.late: deque[bytes] = deque()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.answer([GREETING])

    def data_received(self, data: bytes) -> None:
        buffer = self.pending + data if self.pending else data
        at, end, replies, lines = 0, len(buffer), list[bytes](), list[bytes]()
        while at < end:
            if self.in_data:
                stop = self.end_of_message(buffer, at)
                if stop < 0:
                    self.searched = max(0, end - at - len(END) + 1)
                    break
                replies.append(self.take_message(buffer, at, stop, lines))
                at = stop + (len(END) if buffer.startswith(END, stop) else 3)
                continue
            newline = buffer.find(b"\r\n", at)
            if newline < 0:
                break
            replies.append(self.command(buffer[at:newline]))
            at = newline + 2
        self.pending = buffer[at:]
        if lines:
            self.record.write(b"".join(lines))
            self.record.flush()
        if not self.in_data and len(self.pending) > MAX_LINE:
            replies.append(b"500 5.5.2 line too long\r\n")
            self.pending = b""
        if replies:
            self.answer(replies)

    def end_of_message(self, buffer: bytes, at: int) -> int:
        if buffer.startswith(b".\r\n", at):
            return at
        found = buffer.find(END, at + self.searched)
        self.searched = 0
        return found

    def take_message(self, buffer: bytes, at: int, stop: int, lines: list[bytes]) -> bytes:
        recipients, self.recipients = self.recipients, []
        self.in_data = self.has_sender = False
        if stop - at > MAX_SIZE:
            return b"552 5.3.4 message too big\r\n"
        now = time.time()
        message_id = _message_id(buffer, at, stop)
        lines += [b"%s\t%s\t%d\t%.6f\n" % (recipient, message_id, stop - at, now) for recipient in recipients]
        return b"250 2.0.0 accepted\r\n"

    def command(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"MAIL":
            return self.mail(line)
        if verb == b"RCPT":
            return self.rcpt(line)
        if verb == b"DATA":
            if not self.recipients:
                return b"554 5.5.1 no valid recipients\r\n"
            self.in_data = True
            return b"354 end with a dot\r\n"
        if verb in (b"EHLO", b"HELO", b"RSET"):
            self.has_sender, self.recipients = False, []
            return {b"EHLO": EXTENSIONS, b"HELO": b"250 sink\r\n"}.get(verb, b"250 2.0.0 reset\r\n")
        if verb in (b"NOOP", b"QUIT"):
            return b"250 2.0.0 here\r\n" if verb == b"NOOP" else b"221 2.0.0 bye\r\n"
        return b"500 5.5.2 unknown command\r\n"

    def mail(self, line: bytes) -> bytes:
        if self.has_sender:
            return b"503 5.5.1 nested MAIL\r\n"
        parameters = line[line.rfind(b">") + 1 :].upper().split()
        size = next((parameter[5:] for parameter in parameters if parameter.startswith(b"SIZE=")), b"0")
        if not size.isdigit():
            return b"501 5.5.4 SIZE takes a number\r\n"
        if int(size) > MAX_SIZE:
            return b"552 5.3.4 message too big\r\n"
        self.utf8 = b"SMTPUTF8" in parameters
        if not (self.utf8 or line.isascii()):
            return b"553 5.6.7 needs SMTPUTF8\r\n"
        self.has_sender, self.recipients = True, []
        return b"250 2.1.0 sender ok\r\n"

    def rcpt(self, line: bytes) -> bytes:
        if not self.has_sender:
            return b"503 5.5.1 MAIL first\r\n"
        recipient = line[line.find(b"<") + 1 : line.rfind(b">")]
        if not (self.utf8 or line.isascii()):
            return b"553 5.6.7 needs SMTPUTF8\r\n"
        if self.policy.hard and recipient.startswith(b"hard"):
            return b"550 5.1.1 no such mailbox\r\n"
        if self.policy.soft and recipient.startswith(b"soft"):
            self.tries[recipient] += 1
            if self.tries[recipient] <= self.policy.soft:
                return b"451 4.7.1 come back later\r\n"
        self.recipients.append(recipient)
        return b"250 2.1.5 recipient ok\r\n"

    def answer(self, replies: list[bytes]) -> None:
        if not self.policy.delay and not self.late:
            self.send(b"".join(replies))
            return
        self.late.append(b"".join(replies))
        asyncio.get_running_loop().call_later(self.policy.delay, lambda: self.send(self.late.popleft()))

    def send(self, replies: bytes) -> None:
        if self.transport.is_closing():
            return
        self.transport.write(replies)
        if b"221 2.0.0 bye\r\n" in replies:
            self.transport.close()


def _message_id(buffer: bytes, at: int, stop: int) -> bytes:
    end_of_headers = buffer.find(b"\r\n\r\n", at, stop)
    headers_end = end_of_headers if end_of_headers >= 0 else stop
    found = buffer.find(b"\nMessage-ID: <", at, headers_end)  # as nearly everyone writes it; ten times as fast as the expression
    if found >= 0:
        return buffer[found + 13 : buffer.find(b">", found) + 1]
    match = MESSAGE_ID.search(buffer[at:headers_end])
    return match[1] if match else b"-"


async def serve(port: int, policy: Policy, record: BinaryIO) -> None:
    tries: Counter[bytes] = Counter()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(policy, record, tries), "127.0.0.1", port, backlog=512)
    print(server.sockets[0].getsockname()[1], flush=True)
    stopped = asyncio.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(sign, stopped.set)
    await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--soft", type=int, default=0, help="put off recipients named soft… so many times")
    parser.add_argument("--hard", action="store_true", help="refuse recipients named hard… for good")
    options = parser.parse_args()
    with options.record.open("ab") as record:
        serving = serve(options.port, Policy(options.delay, options.soft, options.hard), record)
        try:
            import uvloop
        except ImportError:
            asyncio.run(serving)
        else:
            uvloop.run(serving)
    os._exit(0)  # open connections are of no interest any more


if __name__ == "__main__":
    main()
