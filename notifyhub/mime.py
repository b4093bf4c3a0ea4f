"""Rendered parts to the bytes of a mail (RFC 5322, 2045–2047): what all readers share is encoded once.

Lines are at most 76 octets of US-ASCII, so no relay has to recode them, which would break a DKIM signature.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from binascii import b2a_qp
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote

LINE = 76
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_LONG = re.compile(rb"^(.{74,75})(=20|=09)\n", re.M)
_PLAIN_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+")


def quoted(texts: Sequence[str]) -> list[bytes]:
    """Each in quoted-printable, all in one go. One ends at the start of a line, with a soft break where its text does not, so that
    more may follow."""
    text = _BETWEEN.join((*texts, ""))
    if text.count(_MARK) != len(texts):
        return quoted([text.replace(_MARK, "") for text in texts])
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "")
    encoded = b2a_qp(text.encode("utf-8", "replace"), istext=True)
    if b"=20\n" in encoded or b"=09\n" in encoded:  # white space at a line's end, which b2a_qp encodes beyond the limit
        encoded = _LONG.sub(rb"\1=\n\2\n", encoded)
    parts = encoded.replace(b"\n", b"\r\n").split(_BETWEEN_ENCODED)[:-1]
    return [part + b"=\r\n" if part and part[-1] != _NEWLINE else part for part in parts]


_MARK = "\x01"  # stands in no text that anyone reads
_BETWEEN = f"a\n{_MARK}\n"  # the letter keeps room for a soft break on a text's last line
_BETWEEN_ENCODED = b"a\r\n=01\r\n"
_NEWLINE = ord("\n")


def phrase(text: str, first: int) -> bytes:
    """The value of an unstructured header: folded, and RFC 2047 encoded where it has to be. `first`: columns used already."""
    text = " ".join(_UNSAFE.sub(" ", text).split())
    if text.isascii() and "=?" not in text:
        folded = _folded(text, first)
        if folded is not None:
            return folded
    return b"\r\n ".join(b"=?utf-8?b?" + b64encode(chunk) + b"?=" for chunk in _chunks(text, 39))


def _folded(text: str, first: int) -> bytes | None:
    """None where a word alone is longer than a line."""
    lines, line, room = [], "", LINE - first
    for word in text.split(" "):
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = "", LINE - 1
        line = f"{line} {word}" if line else word
        if len(line) > room:
            return None
    return "\r\n ".join([*lines, line]).encode("ascii")


def _chunks(text: str, size: int) -> list[bytes]:
    """RFC 2047, section 5: every encoded word holds whole characters."""
    chunks, chunk = [], b""
    for character in text:
        octets = character.encode("utf-8")
        if len(chunk) + len(octets) > size:
            chunks.append(chunk)
            chunk = b""
        chunk += octets
    return [*chunks, chunk]


def header_text(text: str) -> str:
    """What can stand in a structured header: no control characters, so that it can begin neither a line nor a header."""
    if text.isprintable():
        return text.strip()
    return _UNSAFE.sub("", text).strip()


_date = lru_cache(maxsize=256)(format_datetime)  # many mails leave in the same second


def _message_id(id: str) -> str:
    return f"<{header_text(id).strip('<>')}>"


def _sender(name: str, address: str) -> bytes:
    address = header_text(address)
    if not name.strip():
        return address.encode()
    text = _UNSAFE.sub(" ", name).strip()
    if not text.isascii() or "=?" in text:
        encoded = phrase(text, len("From: "))
    elif _PLAIN_NAME.fullmatch(text):
        encoded = text.encode("ascii")
    else:
        encoded = b'"' + re.sub(r'([\\"])', r"\\\1", text).encode("ascii") + b'"'
    return encoded + b"\r\n <" + address.encode() + b">"


AUTO_GENERATED = "\r\nAuto-Submitted: auto-generated"
# RFC 3834; the other two are for those who know older marks only, and Exchange, which goes by its own
AUTO_REPLIED = "\r\nAuto-Submitted: auto-replied\r\nPrecedence: bulk\r\nX-Auto-Response-Suppress: All"


class Attachment(NamedTuple):
    name: str
    media_type: str
    content: bytes


def _mixed(body: Sequence[bytes], attachments: Sequence[Attachment]) -> list[bytes]:
    boundary = b"=_" + secrets.token_hex(12).encode()  # stands in no base 64 either
    between = b"\r\n--" + boundary + b"\r\n"
    parts = [b'Content-Type: multipart/mixed;\r\n boundary="', boundary, b'"\r\n', between, *body]
    for attachment in attachments:
        parts += (between, _attached(attachment))
    return [*parts, b"\r\n--" + boundary + b"--\r\n"]


def _attached(attachment: Attachment) -> bytes:
    charset = "; charset=utf-8" if attachment.media_type.startswith("text/") else ""
    head = f"Content-Type: {header_text(attachment.media_type)}{charset}\r\nContent-Transfer-Encoding: base64\r\n"
    encoded = b64encode(attachment.content)
    lines = b"\r\n".join([encoded[start : start + LINE] for start in range(0, len(encoded), LINE)])
    return head.encode() + b"Content-Disposition: attachment;\r\n " + _file_name(header_text(attachment.name)) + b"\r\n\r\n" + lines


def _file_name(name: str) -> bytes:
    """The parameter of Content-Disposition. What is too long for a line comes in numbered sections (RFC 2231, section 4.1)."""
    if _PLAIN_FILE_NAME.fullmatch(name):
        return b'filename="' + name.encode() + b'"'
    sections = ["utf-8''"]
    for character in name:
        encoded = quote(character, safe=_ATTRIBUTE)
        if len(sections[-1]) + len(encoded) > SECTION:
            sections.append("")
        sections[-1] += encoded
    if len(sections) == 1:
        return b"filename*=" + sections[0].encode()
    return ";\r\n ".join(f"filename*{number}*={section}" for number, section in enumerate(sections)).encode()


SECTION = 58  # leaves room on its line for the parameter's name
_PLAIN_FILE_NAME = re.compile(r"[A-Za-z0-9!#$&'()+,.=@^_`{}~ -]{1,60}")
_ATTRIBUTE = "!#$&+-.^_`{}~"  # RFC 5987: what needs no percent sign


class Envelope:
    """One mail, but for what differs between readers: multipart/alternative of text and HTML, with files in a multipart/mixed."""

    def __init__(self, sender_name: str, sender_address: str, language: str, text: Sequence[str], html: Sequence[str]) -> None:
        """`text` and `html` are the parts that all readers share; one varying string stands between each two."""
        # "=_" is no quoted-printable, so that no content can hold the boundary (RFC 2045, section 6.7)
        boundary = b"=_" + secrets.token_hex(12).encode()
        self._from = b"From: " + _sender(sender_name, sender_address) + b"\r\nTo: "
        self._rest = (
            b"\r\nMIME-Version: 1.0\r\nContent-Language: " + header_text(language).replace("_", "-").encode("ascii", "ignore") + b"\r\n"
        )
        alternative = b'Content-Type: multipart/alternative;\r\n boundary="' + boundary + b'"\r\n'
        opening = b"\r\n--" + boundary + b"\r\nContent-Type: text/%s; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        fixed_text, fixed_html = quoted(text), quoted(html)
        fixed_html[-1] += b"\r\n--" + boundary + b"--\r\n"
        fixed_text[0] = opening % b"plain" + fixed_text[0]
        fixed_text[-1] += opening % b"html" + fixed_html[0]
        self._body = [alternative, fixed_text[0]]  # what varies goes to every second place from the third on
        for fixed in (*fixed_text[1:], *fixed_html[1:]):
            self._body += (b"", fixed)

    def fill(
        self,
        *,
        to: str,
        subject: bytes,
        date: datetime,
        message_id: str,
        thread_id: str | None,
        unsubscribe_url: str | None,
        text: Sequence[str],
        html: Sequence[str],
        attachments: Sequence[Attachment] = (),
        reply_to: str | None = None,
        answers: str | None = None,
    ) -> bytes:
        """`subject` as phrase() gives it; `text` and `html` what differs, in order; `answers`: a mail that nobody but us answers (its
        Message-ID, or nothing where it has none)."""
        headers = f"\r\nDate: {_date(date)}\r\nMessage-ID: {_message_id(message_id)}"
        if earlier := [_message_id(id) for id in (answers, thread_id) if id]:
            references = "\r\n ".join(earlier)  # one a line: an id is nearly as long as one
            headers += f"\r\nIn-Reply-To: {earlier[0]}\r\nReferences: {references}"
        headers += AUTO_GENERATED if answers is None else AUTO_REPLIED
        if reply_to:
            headers += f"\r\nReply-To: {header_text(reply_to)}"
        if unsubscribe_url:
            url = header_text(unsubscribe_url).replace(" ", "%20").replace("<", "%3C").replace(">", "%3E")
            headers += f"\r\nList-Unsubscribe: <{url}>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click"
        head = (self._from, header_text(to).encode(), b"\r\nSubject: ", subject, headers.encode(), self._rest)
        body = self._body.copy()
        body[2::2] = quoted((*text, *html))
        return b"".join((*head, *(_mixed(body, attachments) if attachments else body)))
