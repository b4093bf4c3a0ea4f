"""The catching mailbox: real SMTP over its real socket, and what people then see."""

from __future__ import annotations

import smtplib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from notifyhub import ROOT, catching, create_app, embedded
from notifyhub.config import Settings


class UnixSMTP(smtplib.SMTP):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(timeout)
        connection.connect(host)
        return connection


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="nh-") as folder:
        path, mails = f"{folder}/smtp.sock", Path(folder) / "mail"
        code = f"from pathlib import Path; from notifyhub import catching; catching.serve({path!r}, Path({str(mails)!r}))"
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
        try:
            deadline = time.monotonic() + 10
            while not embedded.mailbox_answers(path):
                assert process.poll() is None and time.monotonic() < deadline  # noqa: PT018
                time.sleep(0.02)
            yield path, mails
            process.terminate()
            assert process.wait(5) == 0
        finally:
            process.kill()
            process.wait()


@pytest.fixture
def client(running: tuple[str, Path]) -> Iterator[UnixSMTP]:
    with UnixSMTP(running[0], 25, timeout=10) as smtp:
        yield smtp


@pytest.fixture
def mails(running: tuple[str, Path]) -> Path:
    return running[1]


def a_mail(subject: str = "Planned maintenance", to: str = "a@one.example", **more: str) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Support <support@provider.example>", to, subject
    message.set_content(more.get("text", "Plain words.\n"))
    if "html" in more:
        message.add_alternative(more["html"], subtype="html")
    return message


def only(mails: Path, words: str) -> catching.Caught:
    (summary,), _ = catching.newest(mails, words=words)
    caught = catching.read(mails, summary.id)
    assert caught is not None
    return caught


def test_a_mail_is_kept_with_its_envelope_and_its_forms(client: UnixSMTP, mails: Path) -> None:
    message = a_mail("All of it", html="<p>Rich <b>words</b>.</p>")
    message.add_attachment(b"BEGIN:VCALENDAR", maintype="text", subtype="calendar", filename="window.ics")
    client.send_message(message, "bounces+1@provider.example", ["a@one.example", "b@two.example"])
    caught = only(mails, "all of it")
    assert caught.summary.sender == "bounces+1@provider.example"
    assert caught.summary.recipients == ("a@one.example", "b@two.example")
    assert caught.text == "Plain words.\n"
    assert caught.html == "<p>Rich <b>words</b>.</p>\n"
    assert [(part.name, part.content) for part in caught.attachments] == [("window.ics", b"BEGIN:VCALENDAR")]
    assert ("Subject", "All of it") in caught.headers
    assert caught.source.startswith("From: Support")


def test_dots_and_8bit_text_survive(client: UnixSMTP, mails: Path) -> None:
    body = "Subject: Dots\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n.Ağ bakımı\r\n..\r\n"
    client.sendmail("s@provider.example", ["dots@one.example"], body.encode(), ["BODY=8BITMIME"])
    assert only(mails, "dots@").text == ".Ağ bakımı\n..\n"


def test_an_address_and_a_subject_in_utf8_are_kept(client: UnixSMTP, mails: Path) -> None:
    body = "Subject: Ağ bakımı\r\nTo: müşteri@one.example\r\n\r\nx\r\n".encode()
    client.ehlo()
    client.sendmail("s@provider.example", ["müşteri@one.example"], body, ["SMTPUTF8"])
    summary = only(mails, "müşteri@").summary
    assert summary.recipients == ("müşteri@one.example",)
    assert summary.subject == "Ağ bakımı"


def test_a_null_sender_is_taken(client: UnixSMTP, mails: Path) -> None:
    client.sendmail("", ["null@one.example"], "Subject: x\r\n\r\nx")
    assert only(mails, "null@").summary.sender == ""


def test_commands_may_be_pipelined(running: tuple[str, Path], mails: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connection, connection.makefile("rwb") as lines:
        connection.connect(running[0])
        lines.readline()
        lines.write(b"EHLO here\r\n")
        lines.flush()
        offered = []
        while not (line := lines.readline()).startswith(b"250 "):
            offered.append(line.strip())
        assert b"250-PIPELINING" in offered
        assert b"250-SMTPUTF8" in offered
        one = b"MAIL FROM:<s@provider.example>\r\nRCPT TO:<pipe%d@one.example>\r\nDATA\r\nSubject: piped\r\n\r\nx\r\n.\r\n"
        lines.write(b"".join(one % number for number in range(20)) + b"QUIT\r\n")
        lines.flush()
        replies = [line[:3] for line in lines.readlines()]
    assert replies == [b"250", b"250", b"354", b"250"] * 20 + [b"221"]
    assert len(catching.newest(mails, words="piped")[0]) == 20


def test_what_is_too_large_is_refused_and_not_kept(client: UnixSMTP, mails: Path) -> None:
    client.ehlo()
    assert client.mail("s@provider.example", [f"SIZE={catching.SIZE_LIMIT + 1}"])[0] == 552


def test_pages_and_searches(tmp_path: Path) -> None:
    for number in range(25):
        catching.keep(tmp_path, "s@x", [f"r{number}@one.example"], b"Subject: =?utf-8?q?S=C3=BCbject?= %d\r\n\r\nx" % number)
    (tmp_path / ".unfinished").touch()
    first, cursor = catching.newest(tmp_path, 10)
    second, cursor = catching.newest(tmp_path, 10, cursor)
    third, end = catching.newest(tmp_path, 10, cursor)
    assert [mail.recipients[0] for mail in first + second + third] == [f"r{number}@one.example" for number in reversed(range(25))]
    assert end is None
    assert [mail.subject for mail in catching.newest(tmp_path, words="R13@")[0]] == ["Sübject 13"]
    assert len(catching.newest(tmp_path, words="sÜbject")[0]) == 25
    assert catching.newest(tmp_path, words="nobody") == ([], None)


def test_no_mailbox_yet_is_an_empty_one(tmp_path: Path) -> None:
    assert catching.newest(tmp_path / "none") == ([], None)


@pytest.mark.parametrize("name", ["", "..", "../secret_key", "x", "7c5788f5-0ad7-454e-8291-d68ef7ba8ca8"])
def test_what_is_not_a_mail_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret_key").write_text("a\nb\nc")
    (tmp_path / "mail").mkdir()
    assert catching.read(tmp_path / "mail", name) is None


@pytest.mark.parametrize(
    "source",
    [
        b"",
        b"\r\n",
        b"no header at all",
        b"Subject: \xff\xfe\r\n\r\n\xff",
        b"Content-Type: text/plain; charset=nonsense\r\n\r\n\xff",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html\r\n\r\n<p>never closed",
        b"To: \r\nSubject: =?utf-8?b?a?=\r\nDate: yesterday\r\n\r\nx",
    ],
)
def test_a_broken_mail_can_still_be_looked_at(tmp_path: Path, source: bytes) -> None:
    name = catching.keep(tmp_path, "s@x", ["r@y"], source)
    assert len(catching.newest(tmp_path, words="r@y")[0]) == 1
    caught = catching.read(tmp_path, name)
    assert caught is not None
    assert caught.source == source.decode("utf-8", "replace")


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    settings = Settings.from_environ({"DATA_DIR": str(tmp_path)})
    settings.mailbox_dir.mkdir()
    return create_app(settings)


def get(app: Flask, path: str, remote: str = "127.0.0.1", **headers: str) -> TestResponse:
    return app.test_client().get(path, environ_overrides={"REMOTE_ADDR": remote}, headers={"Host": "localhost:8000", **headers})


def test_its_pages_show_a_mail_and_let_nothing_in_it_run(app: Flask) -> None:
    message = a_mail("<b>Bold</b>", html="<p>Rich</p><script>alert(1)</script>")
    name = catching.keep(app.extensions["settings"].mailbox_dir, "s@x", ["a@one.example"], message.as_bytes())
    listed = get(app, "/dev/mail?q=bold")
    assert "&lt;b&gt;Bold&lt;/b&gt;" in listed.text
    assert "script-src" not in listed.headers["Content-Security-Policy"]
    assert "sandbox=" in get(app, f"/dev/mail/{name}").text
    assert "Plain words." in get(app, f"/dev/mail/{name}?view=text").text
    assert "Content-Type: text/html" in get(app, f"/dev/mail/{name}?view=source").text
    shown = get(app, f"/dev/mail/{name}/html")
    assert "<p>Rich</p>" in shown.text
    policy = shown.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "; sandbox" in policy
    assert "allow-scripts" not in policy


def test_an_attachment_is_always_a_download(app: Flask) -> None:
    message = a_mail()
    message.add_attachment("<script>alert(1)</script>", subtype="html", filename="page.html")
    name = catching.keep(app.extensions["settings"].mailbox_dir, "s@x", ["a@one.example"], message.as_bytes())
    found = get(app, f"/dev/mail/{name}/attachments/0")
    assert found.headers["Content-Disposition"] == "attachment; filename=page.html"
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert get(app, f"/dev/mail/{name}/attachments/1").status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Host": "127.0.0.1:8000"}, {"Host": "[::1]:8000"}, {"Host": "LOCALHOST"}])
def test_this_machine_sees_its_pages(app: Flask, headers: dict[str, str]) -> None:
    assert get(app, "/dev/mail", **headers).status_code == 200


@pytest.mark.parametrize(
    ("remote", "headers"),
    [
        ("203.0.113.7", {}),
        ("127.0.0.1", {"Host": "rebound.example:8000"}),
        ("127.0.0.1", {"Host": "127.0.0.1.rebound.example"}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),
    ],
)
def test_nobody_else_does(app: Flask, remote: str, headers: dict[str, str]) -> None:
    assert get(app, "/dev/mail", remote, **headers).status_code == 404


def test_there_are_no_such_pages_beside_a_relay_of_your_own(tmp_path: Path) -> None:
    settings = Settings.from_environ(
        {"DATA_DIR": str(tmp_path), "NOTIFYHUB_SMTP_URL": "smtp://mail.example", "NOTIFYHUB_MAIL_FROM": "s@p.example"}
    )
    assert get(create_app(settings), "/dev/mail").status_code == 404
