"""A mail of strangers, read without trust: whatever it claims, each function here answers, or says in a sentence why not."""

from __future__ import annotations

import codecs
import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header
from email.message import Message
from email.utils import parsedate_to_datetime
from ipaddress import ip_address, ip_network
from typing import TypeAlias

from notifyhub.abuse import harmless
from notifyhub.languages import said

# The parser takes a time that grows with the lines of a mail times the depth of its parts, and with the square of the length of
# such a header.
MOST_LINES = 200_000
MOST_NESTED = 30
MOST_HEADER_BYTES = 4_000
MOST_PARTS = 100  # of a mail are looked at
TEXT_BYTES = 65_536  # of a part are looked at
HEADER_CHARACTERS = 1_000
SHOWN_HEADERS = ("From", "Sender", "Reply-To", "To", "Cc", "Subject", "Date", "Message-ID", "Return-Path", "Received")
SHOWN_RECEIVED = 5  # the newest; who wants them all has the source

_NESTED = re.compile(rb"content-type:[^a-z/]*+(?:multipart|message)/", re.IGNORECASE)
_ABOUT_CONTENT = re.compile(rb"(?:^|(?<=[\r\n]))content-(?:type|disposition|transfer-encoding):", re.IGNORECASE)
_END_OF_HEADER = re.compile(rb"\r\n(?![ \t])|\r(?![ \t\n])|\n(?![ \t])")
# codecs that Python calls text and no mail is written in; some take a time that grows with the square of what they are given
_NO_CHARSETS = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "utf-7"}

Part: TypeAlias = "Message[str, str]"


def parse(raw: bytes, most_lines: int = MOST_LINES) -> Part:
    """Raises ValueError with a sentence."""
    lines = raw.count(b"\n") + raw.count(b"\r") - raw.count(b"\r\n")
    if lines > most_lines:
        raise ValueError(said("has more than %(most)s lines", most=f"{most_lines:,}"))
    if sum(1 for _ in _NESTED.finditer(raw)) > MOST_NESTED:
        raise ValueError(said("has more than %(most)s parts that hold others", most=MOST_NESTED))
    if any(_is_long(raw, found.end()) for found in _ABOUT_CONTENT.finditer(raw)):
        raise ValueError(said("has a header of more than %(most)s bytes", most=f"{MOST_HEADER_BYTES:,}"))
    try:
        return message_from_bytes(raw)
    except (RecursionError, ValueError):
        raise ValueError(said("cannot be taken apart: its parts are nested too deeply, or broken")) from None


def _is_long(raw: bytes, start: int) -> bool:
    return len(raw) - start > MOST_HEADER_BYTES and not _END_OF_HEADER.search(raw, start, start + MOST_HEADER_BYTES)


def children(part: Part) -> list[Part]:
    found = part.get_payload() if part.is_multipart() else []
    return [child for child in found if isinstance(child, Message)]


# --- headers ----------------------------------------------------------------------------------------------------------


def header(part: Part, name: str) -> str:
    """Decoded, in one line, with its dots."""
    return decoded(next(iter(headers(part, name)), ""))


def headers(part: Part, name: str) -> list[str]:
    """Each as it is written; octets beyond ASCII as halves of surrogate pairs (PEP 383)."""
    return [str(value) for known, value in part.raw_items() if known.lower() == name.lower()]


def decoded(value: str) -> str:
    value = value[: HEADER_CHARACTERS * 4]
    try:
        words = [_decoded(text, charset) for text, charset in decode_header(value)]
    except Exception:  # encoded words that are none; the library has no one error for them
        words = [_decoded(value, None)]
    return harmless.plain("".join(words), HEADER_CHARACTERS)


def _decoded(text: bytes | str, charset: str | None) -> str:
    octets = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    return decode(octets, charset)


def decode(octets: bytes, charset: str | None) -> str:
    """By the charset that is claimed, where that is one and fits; else as what most mail is."""
    for claimed in (charset, "utf-8"):
        try:
            known = codecs.lookup(claimed or "utf-8").name
            return _to_the_end(octets, known if known not in _NO_CHARSETS else "utf-8")
        except (LookupError, ValueError):  # a name with a NUL in it, a codec that is none of text, octets that do not fit
            pass
    return octets.decode("latin-1")


def _to_the_end(octets: bytes, charset: str) -> str:
    """Where they were cut within a character, up to that one."""
    try:
        return octets.decode(charset)
    except UnicodeDecodeError as error:
        if len(octets) < TEXT_BYTES or error.start < TEXT_BYTES - 4:
            raise
        return octets[: error.start].decode(charset)


def date(text: str) -> datetime | None:
    """Of a date as mails write it (RFC 5322 section 3.3); None where it is none."""
    try:
        found = parsedate_to_datetime(text)
        # "-0000" says that the zone is not known; it is UTC all the same
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except Exception:  # TypeError, ValueError, OverflowError, IndexError, by what is wrong with it
        return None
    return found if 2000 <= found.year < 2200 else None


def content_type(text: str) -> Part:
    """What stands in a Content-Type, for whoever has no more of a part than that."""
    part: Part = Message()
    part["Content-Type"] = text[:HEADER_CHARACTERS]
    return part


# --- where it came from -----------------------------------------------------------------------------------------------

# Postfix, Sendmail, Gmail: from HELO (name [address]); Exchange, qmail: from HELO (address); Exim: from name ([address] helo=HELO),
# or from [address] (helo=HELO). The HELO is what the sender claims: it may look like any of these, but has no spaces, and stands
# before what the server found out; where it stands behind that, in Exim, it can have no brackets.
_CLIENT = re.compile(r"\((?:(?:[^\s()\[\]]+ +)?\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]|([0-9A-Fa-f:.]{2,45})\))")
_BARE_CLIENT = re.compile(r"from\s+\[(?:IPv6:)?([0-9A-Fa-f:.]{2,45})\]", re.IGNORECASE)
_INSIDE = [
    ip_network(network)
    for network in ("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
                    "::1/128", "fc00::/7", "fe80::/10")
]  # fmt: skip


def client(mail: Part) -> tuple[str, datetime | None] | None:
    """The address that handed the mail over to whoever reports it, and when: by the newest Received header that names one from
    outside. Those below it may have been written by the sender."""
    for value in headers(mail, "Received"):
        address = _client(" ".join(value[: HEADER_CHARACTERS * 4].split()).partition(" by ")[0])
        if address and _is_outside(address):
            return address, date(value.rpartition(";")[2].strip())
    return None


def _client(said: str) -> str | None:
    """The last one that stands there."""
    *_, last = None, *_CLIENT.finditer(said)
    if last is not None:
        return last[1] or last[2]
    bare = _BARE_CLIENT.match(said)
    return bare[1] if bare else None


def _is_outside(text: str) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not any(address in network for network in _INSIDE if network.version == address.version)


# --- what it says -----------------------------------------------------------------------------------------------------


def lines(mail: Part) -> Iterator[str]:
    """Headers and text of a mail, and what else is in it by name. Not harmless yet."""
    yield from header_lines(mail)
    yield ""
    yield from body_lines(mail)


def header_lines(mail: Part) -> Iterator[str]:
    for name in SHOWN_HEADERS:
        for value in headers(mail, name)[:SHOWN_RECEIVED]:
            yield f"{name}: {decoded(value)}"


def body_lines(mail: Part) -> Iterator[str]:
    for part in itertools.islice(_leaves(mail), MOST_PARTS):
        text = text_of(part)
        yield text if text is not None else not_shown(part.get_content_type(), len(octets_of(part)), decoded(file_name(part)))


def not_shown(media_type: str, size: int, name: str) -> str:
    """What stands for something that is not passed on."""
    return f"[{media_type[:80]}, {size:,} B{': ' if name else ''}{name[:120]}]"


def _leaves(part: Part) -> Iterator[Part]:
    """The texts, and what is attached. Of the same in several forms (multipart/alternative) the plain one."""
    inner = children(part)
    if not inner:
        yield part
    elif part.get_content_type() == "multipart/alternative":
        yield from _leaves(next((child for child in inner if child.get_content_type() == "text/plain"), inner[0]))
    else:
        for child in inner:
            yield from _leaves(child)


def text_of(part: Part) -> str | None:
    """None where it is something else than text, or is attached."""
    kind = part.get_content_type()
    if part.get_content_maintype() != "text" or part.get_content_disposition() == "attachment":
        return None
    return shown_text(octets_of(part)[:TEXT_BYTES], kind, charset(part))


def shown_text(octets: bytes, media_type: str, charset: str | None) -> str:
    text = decode(octets, charset)
    return harmless.from_html(text) if media_type == "text/html" else text


def octets_of(part: Part) -> bytes:
    """Without the transfer encoding that it says it has; as it is written, where that is not so."""
    try:
        found = part.get_payload(decode=True)
    except Exception:  # what cannot be decoded at all; the library has no one error for it
        return b""
    return found if isinstance(found, bytes) else b""


def charset(part: Part) -> str | None:
    try:
        return part.get_content_charset()
    except Exception:  # a parameter in RFC 2231's form, with a charset of its own that is none
        return None


def file_name(part: Part) -> str:
    try:
        return part.get_filename() or ""
    except Exception:  # the same
        return ""
