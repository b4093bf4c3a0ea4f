"""The bytes of a mail, read back by the standard library."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.mime import Attachment, Envelope, phrase, quoted

# what a parser cannot tell apart: control characters are removed, line ends are one
printable = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=300)
lines = st.lists(printable, max_size=8).map("\n".join)


def mail(text: list[str] | None = None, html: list[str] | None = None, sender: str = "Provider", **values: Any) -> bytes:
    """Each of `text` and `html`: shared, varying, shared …"""
    text, html = text or ["Hello\n"], html or ["<p>Hello</p>\n"]
    envelope = Envelope(sender, "notify@provider.example", "en", text[::2], html[::2])
    stamp: dict[str, Any] = {
        "to": "noc@one.example",
        "subject": b"Subject",
        "date": datetime(2026, 11, 22, 12, 0, tzinfo=UTC),
        "message_id": "<m1@provider.example>",
        "thread_id": None,
        "unsubscribe_url": None,
    }
    return envelope.fill(**(stamp | values), text=text[1::2], html=html[1::2])


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default.clone(raise_on_defect=True))
    assert isinstance(message, EmailMessage)
    return message


def contents(raw: bytes) -> list[str]:
    return [part.get_payload(decode=True).decode().replace("\r\n", "\n") for part in read(raw).iter_parts()]  # type: ignore[union-attr]


@settings(max_examples=300, deadline=None)
@given(st.lists(lines, min_size=3, max_size=3), st.lists(lines, min_size=5, max_size=5))
def test_content_in_any_script_arrives_exactly(text: list[str], html: list[str]) -> None:
    raw = mail(text, html)
    assert raw.isascii()
    assert all(len(line) <= 76 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    assert contents(raw) == ["".join(text), "".join(html)]


@given(st.text(st.sampled_from("a \t.=ş\n"), max_size=160), st.text(st.sampled_from("a \t.=ş\n"), max_size=160))
def test_quoted_parts_can_be_joined(one: str, other: str) -> None:
    from quopri import decodestring

    joined = b"".join(quoted([one, other]))
    assert decodestring(joined).decode().replace("\r\n", "\n") == one + other
    assert all(len(line) <= 76 for line in joined.split(b"\r\n"))


@settings(max_examples=300, deadline=None)
@given(printable)
def test_a_subject_in_any_script_arrives_and_is_folded(title: str) -> None:
    raw = mail(subject=phrase(title, len("Subject: ")))
    head = raw.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert all(len(line) <= 76 for line in head.split(b"\r\n"))
    assert str(read(raw)["Subject"] or "").split() == title.split()


INJECTIONS = [
    f"x{mark}Bcc: evil@evil.example{mark}{mark}body" for mark in ("\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x85", "\u2028", "\r\n ")
]


@pytest.mark.parametrize("evil", INJECTIONS)
def test_no_value_can_begin_a_header_or_the_body(evil: str) -> None:
    honest = read(mail(thread_id="t", unsubscribe_url="https://x.example/u")).keys()
    raw = mail(
        text=["a", evil, "b"],
        html=["a", evil, "b"],
        sender=evil,
        to=evil,
        subject=phrase(evil, 9),
        message_id=evil,
        thread_id=evil,
        unsubscribe_url=evil,
    )
    message = message_from_bytes(raw, policy=policy.compat32)
    assert message.keys() == list(honest)
    assert len(message.get_payload()) == 2
    assert not any(line.startswith(b"Bcc") for line in raw.partition(b"\r\n\r\n")[0].splitlines())


@pytest.mark.parametrize(
    "name",
    ["Provider", "Anatolia Hosting & Co", "Müşteri Hizmetleri A.Ş.", 'Say "hi", Ltd. <x@y.example>', "a\\b", "=?utf-8?q?x?=", "شركة"],
)
def test_the_sender_is_named_in_any_script(name: str) -> None:
    sender = read(mail(sender=name))["From"].addresses[0]
    assert (sender.display_name, sender.addr_spec) == (name, "notify@provider.example")


def test_headers_of_every_mail() -> None:
    message = read(mail())
    assert message["To"] == "noc@one.example"
    assert message["Date"].datetime == datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert message["Message-ID"] == "<m1@provider.example>"
    assert message["MIME-Version"] == "1.0"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert not {"References", "In-Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"} & set(message.keys())


def test_a_thread_and_one_click_unsubscribing() -> None:
    message = read(mail(thread_id="thread@provider.example", unsubscribe_url="https://notify.provider.example/u/abc"))
    assert message["References"] == message["In-Reply-To"] == "<thread@provider.example>"
    assert message["List-Unsubscribe"] == "<https://notify.provider.example/u/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_only_an_address_that_is_not_ascii_makes_a_header_utf8() -> None:
    assert mail().isascii()
    assert "To: müşteri@one.example\r\n".encode() in mail(to="müşteri@one.example")


@given(st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1, max_size=120), st.binary(max_size=300))
def test_a_file_arrives_with_its_name(name: str, content: bytes) -> None:
    raw = mail(attachments=[Attachment(name, "application/pdf", content)])
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert raw.isascii()
    (part,) = read(raw).iter_attachments()
    assert (part.get_payload(decode=True), part.get_content_type()) == (content, "application/pdf")
    assert (part.get_filename() or "").strip() == name.strip()


def test_a_mail_with_files_keeps_its_text_and_html() -> None:
    body = read(mail(attachments=[Attachment("a.txt", "text/plain", b"a")] * 2)).get_body(("html",))
    assert body is not None
    assert body.get_content().strip() == "<p>Hello</p>"
