"""Raw mails as objects that can be asked. Nothing here raises, whatever the bytes are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from notifyhub.abuse import mails
from notifyhub.abuse.mails import Part, decoded, file_name, header, headers

__all__ = ["Part", "decoded", "fields", "file_name", "header", "headers", "parse", "parts", "plain_text", "text"]

HEAD_BYTES = 64 * 1024  # of a mail that cannot be taken apart, so that it can be recognised at least
MOST_LINES = 600_000
MOST_TEXT = 128 * 1024  # characters, of all parts


def parse(raw: bytes) -> Part:
    """Of more lines than any attachment of 30 MB has, the first; of what cannot be taken apart at all, the headers."""
    try:
        return mails.parse(raw, MOST_LINES)
    except ValueError:
        pass
    try:
        return mails.parse(b"".join(raw.splitlines(keepends=True)[:MOST_LINES]), MOST_LINES)
    except ValueError:
        pass
    try:
        return mails.parse(re.split(rb"\r?\n\r?\n", raw[:HEAD_BYTES], maxsplit=1)[0] + b"\r\n\r\n")
    except ValueError:
        return Part()


def parts(message: Part) -> Iterator[Part]:
    """The message and all that is in it, without what was forwarded whole inside of it."""
    yield message
    if message.get_content_maintype() != "message":
        for part in mails.children(message):
            yield from parts(part)


def fields(part: Part) -> list[Part]:
    """Of a part that holds blocks of header fields, such as message/delivery-status: a block each."""
    if part.is_multipart():
        return mails.children(part)
    return [parse(block.encode("utf-8", "replace")) for block in re.split(r"(?:\r?\n){2,}", text(part).strip())]


def text(part: Part) -> str:
    return mails.decode(mails.octets_of(part)[: mails.TEXT_BYTES], mails.charset(part))


def plain_text(message: Part) -> str:
    """All that stands in its text parts."""
    found = (text(part) for part in parts(message) if part.get_content_type() in ("text/plain", "text/html"))
    return "\n".join(found)[:MOST_TEXT]
