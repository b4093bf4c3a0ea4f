"""Raw mails as objects that can be asked. Nothing here raises, whatever the bytes are."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

MOST_PARTS = 500
MOST_DEPTH = 30
MOST_TEXT = 64 * 1024  # characters of a part that are looked at


def parse(raw: bytes) -> Message:
    """The lenient parser of the old policy: the newer one raises on headers that are seen in the wild."""
    try:
        return email.message_from_bytes(raw)
    except Exception:  # such as a Content-Type nested deeper than the interpreter goes
        return Message()


def header(message: Message, name: str) -> str:
    """Decoded and on one line; empty where there is none."""
    return decoded(message.get(name))


def decoded(value: object) -> str:
    if value is None:
        return ""
    text = str(value)
    try:
        pieces = [
            piece.decode(charset or "ascii", "replace") if isinstance(piece, bytes) else piece for piece, charset in decode_header(text)
        ]
        text = "".join(pieces)
    except (LookupError, ValueError):  # an unknown charset, or broken base64
        pass
    return " ".join(text.encode("utf-8", "replace").decode("utf-8", "replace").split())


def addresses(message: Message, name: str) -> list[str]:
    try:
        return [address for _, address in getaddresses([str(value) for value in message.get_all(name, [])]) if "@" in address]
    except Exception:
        return []


def content_type(message: Message) -> str:
    try:
        return message.get_content_type()
    except Exception:
        return "application/octet-stream"


def parameter(message: Message, name: str) -> str:
    """Of the Content-Type, in lower case."""
    try:
        value = message.get_param(name)
    except Exception:
        return ""
    return str(value[2] if isinstance(value, tuple) else value or "").lower()


def parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """The message and all that is in it, without what was forwarded whole inside of it."""
    yield message
    payload = _payload(message, decode=False)
    if depth >= MOST_DEPTH or not isinstance(payload, list) or content_type(message).startswith("message/"):
        return
    for part in payload[:MOST_PARTS]:
        if isinstance(part, Message):
            yield from parts(part, depth + 1)


def fields(part: Message) -> list[Message]:
    """Of a part that holds blocks of header fields, such as message/delivery-status: a block each."""
    payload = _payload(part, decode=False)
    if isinstance(payload, list):
        return [block for block in payload if isinstance(block, Message)]
    return [parse(block.encode("utf-8", "replace")) for block in re.split(r"(?:\r?\n){2,}", text(part).strip())]


def text(part: Message) -> str:
    """Of a part with text: decoded as well as it can be, whatever its charset says."""
    data = _payload(part, decode=True)
    if not isinstance(data, bytes):
        data = _payload(part, decode=False)
    if isinstance(data, str):
        return data[:MOST_TEXT]
    if not isinstance(data, bytes):
        return ""
    data = data[: MOST_TEXT * 4]
    for charset in (parameter(part, "charset"), "utf-8"):
        try:
            return data.decode(charset)[:MOST_TEXT]
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")[:MOST_TEXT]


def _payload(part: Message, decode: bool) -> object:
    try:
        return part.get_payload(decode=True) if decode else part.get_payload()
    except Exception:  # a charset that is none, an encoding that is broken
        return None


def plain_text(message: Message) -> str:
    """All that a reader would see of its text parts."""
    return "\n".join(text(part) for part in parts(message) if content_type(part) in ("text/plain", "text/html"))[: MOST_TEXT * 2]
