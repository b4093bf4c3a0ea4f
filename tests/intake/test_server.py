"""`notifyhub intake` as mail servers meet it: a real process on a real socket. 250 means that the mail is stored."""

from __future__ import annotations

import contextlib
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, text

from notifyhub import ROOT
from notifyhub.database import db
from notifyhub.intake.receiving import MOST_BYTES
from notifyhub.models import IncomingMail
from tests.conftest import Api
from tests.intake.people import STRANGER, SUPPORT, mail

Start = Callable[..., "Process"]


class Process:
    def __init__(self, environ: dict[str, str], url: str) -> None:
        self.url = url
        self.process = subprocess.Popen(
            [sys.executable, "-m", "notifyhub", "intake"],
            env=os.environ | environ | {"NOTIFYHUB_INTAKE_URL": url},
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 30
        while not self.answers():
            assert self.process.poll() is None, "it ended"
            assert time.monotonic() < deadline, "it does not listen"
            time.sleep(0.05)

    def answers(self) -> bool:
        try:
            with self.connected(timeout=2):
                return True
        except OSError:
            return False

    @contextlib.contextmanager
    def connected(self, timeout: float = 30) -> Iterator[socket.socket]:
        path = self.url.partition("://")[2]
        with socket.socket(socket.AF_UNIX if path.startswith("/") else socket.AF_INET) as connection:
            connection.settimeout(timeout)
            connection.connect(path if path.startswith("/") else ("127.0.0.1", int(path.partition(":")[2])))
            yield connection

    def lmtp(self) -> smtplib.LMTP:
        return smtplib.LMTP(self.url.partition("://")[2])

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def start(app: Flask, environ: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    db.session.remove()
    running: list[Process] = []

    def begin(url: str = f"lmtp://{tmp_path}/in.sock", **changes: str) -> Process:
        running.append(Process(environ | changes, url))
        return running[-1]

    yield begin
    for process in running:
        process.kill()


def stored() -> list[tuple[str, str, bytes]]:
    db.session.remove()
    rows: Any = db.session.execute(select(IncomingMail.rcpt, IncomingMail.mail_from, IncomingMail.raw).order_by(IncomingMail.id))
    return [tuple(row) for row in rows]


def dialogue(process: Process, *lines: bytes) -> list[bytes]:
    """What is answered to all of it, sent in one go (PIPELINING)."""
    with process.connected() as connection:
        connection.sendall(b"\r\n".join([b"LHLO mx.provider.example", *lines, b"QUIT", b""]))
        answers = b""
        while found := connection.recv(65536):
            answers += found
    return [line for line in answers.split(b"\r\n") if line and line[3:4] != b"-"]


def test_a_mail_is_stored_as_it_came_before_it_is_answered(start: Start, work: Callable[[], None], api: Api) -> None:
    raw = mail("Hello\n.\n..dots\nş", STRANGER) + b"\r\n"
    with start().lmtp() as client:
        assert client.sendmail("jane@else.example", [SUPPORT], raw) == {}
    assert stored() == [(SUPPORT, "jane@else.example", raw)]
    work()
    assert [ticket["subject"] for ticket in api.get("/v1/tickets").json["items"]] == ["The shop is slow"]


def test_every_recipient_has_an_answer_and_a_row_of_its_own(start: Start) -> None:
    answers = dialogue(start(), b"MAIL FROM:<>", b"RCPT TO:<a@provider.example>", b"RCPT TO:<b@provider.example>", b"DATA", mail(), b".")
    assert [line[:3] for line in answers] == [b"220", b"250", b"250", b"250", b"250", b"354", b"250", b"250", b"221"]
    assert [(rcpt, sender) for rcpt, sender, _ in stored()] == [("a@provider.example", ""), ("b@provider.example", "")]


def test_by_smtp_too(start: Start) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    start(f"smtp://127.0.0.1:{port}")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("jane@else.example", ["a@provider.example", "b@provider.example"], mail())
    assert len(stored()) == 2


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestWithOneDatabase:
    def test_what_is_too_large_is_refused_for_every_recipient(self, start: Start) -> None:
        large = b"Subject: large\r\n\r\n" + (b"x" * 998 + b"\r\n") * (MOST_BYTES // 1000 + 1)
        answers = dialogue(start(), b"MAIL FROM:<a@b.example>", b"RCPT TO:<a@p.example>", b"RCPT TO:<b@p.example>", b"DATA", large + b".")
        assert [line[:3] for line in answers[-3:]] == [b"552", b"552", b"221"]
        assert stored() == []

    def test_a_size_that_is_announced_is_refused_before_it_is_sent(self, start: Start) -> None:
        answers = dialogue(start(), b"MAIL FROM:<a@b.example> SIZE=%d" % (MOST_BYTES + 1))
        assert answers[-2].startswith(b"552")

    def test_lines_may_be_longer_than_they_should(self, start: Start) -> None:
        with start().lmtp() as client:
            client.sendmail("a@b.example", [SUPPORT], b"Subject: long\r\n\r\n" + b"x" * 200_000 + b"\r\n")
        assert len(stored()) == 1

    @pytest.mark.parametrize("lines", [[b"\r\n."], [b"  ", b"."]], ids=["nothing", "spaces"])
    def test_nothing_is_no_mail(self, lines: list[bytes], start: Start) -> None:
        answers = dialogue(start(), b"MAIL FROM:<a@b.example>", b"RCPT TO:<a@p.example>", b"DATA", *lines)
        assert answers[-2].startswith(b"554 5.6.0")

    def test_nonsense_ends_nothing(self, start: Start) -> None:
        process = start()
        for rubbish in (b"\x00\xff" * 500, b"DATA", b"RCPT TO:<a@b.example>", b"MAIL FROM:<" + b"a" * 5000, b"\r\n" * 200):
            with process.connected() as connection:
                connection.sendall(rubbish + b"\r\n")
        with process.lmtp() as client:
            client.sendmail("a@b.example", [SUPPORT], mail())
        assert len(stored()) == 1

    def test_a_port_that_is_taken_is_said(self, environ: dict[str, str]) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"lmtp://127.0.0.1:{taken.getsockname()[1]}"
            taken.listen()
            command = [sys.executable, "-m", "notifyhub", "intake"]
            found = subprocess.run(
                command, env=os.environ | environ | {"NOTIFYHUB_INTAKE_URL": url}, cwd=ROOT, capture_output=True, text=True
            )
        assert found.returncode == 2
        assert f"NOTIFYHUB_INTAKE_URL: cannot listen on {url}" in found.stderr

    def test_it_ends_when_it_is_asked_to(self, start: Start) -> None:
        process = start()
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(timeout=20) == 0

    def test_a_socket_that_was_left_lying_is_no_hindrance(self, start: Start) -> None:
        start().kill()
        with start().lmtp() as client:
            client.sendmail("a@b.example", [SUPPORT], mail())
        assert len(stored()) == 1


def test_with_the_database_away_it_asks_to_try_again_later(start: Start, app: Flask, environ: dict[str, str]) -> None:
    process = start()
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE incoming_mail RENAME TO elsewhere"))
    with process.lmtp() as client, pytest.raises(smtplib.SMTPResponseException) as refused:
        client.sendmail("a@b.example", [SUPPORT], mail())
    assert refused.value.smtp_code == 451
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO incoming_mail"))
    with process.lmtp() as client:
        client.sendmail("a@b.example", [SUPPORT], mail())
    assert len(stored()) == 1


def test_killed_in_mid_stream_it_has_all_that_it_said_250_to(start: Start) -> None:
    process = start()
    accepted: list[str] = []

    def send(sender: int) -> None:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            client = process.lmtp()
            for number in range(100_000):
                address = f"{sender}.{number}@b.example"
                client.sendmail(address, [SUPPORT], mail(id=f"<{address}>"))
                accepted.append(address)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for thread in senders:
        thread.start()
    deadline = time.monotonic() + 60
    while len(accepted) < 40 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    for thread in senders:
        thread.join()
    assert len(accepted) >= 40
    db.session.remove()
    found = set(db.session.scalars(select(IncomingMail.mail_from)))
    assert set(accepted) <= found
    assert db.session.execute(select(func.count()).select_from(IncomingMail)).scalar_one() <= len(accepted) + len(senders)
