"""Files of others: what they are is found in their content, and neither their names nor their claims are trusted."""

from __future__ import annotations

import hashlib
import re
import unicodedata
import uuid
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.database import among, new_id
from notifyhub.errors import NotFound
from notifyhub.languages import N_, said
from notifyhub.models import StoredFile
from notifyhub.words import DIRECTION_CONTROLS

PDF, PNG, JPEG, GIF, WEBP = "application/pdf", "image/png", "image/jpeg", "image/gif", "image/webp"
TEXT, ZIP, GZIP = "text/plain", "application/zip", "application/gzip"

DOCUMENTS = frozenset((PDF,))
IMAGES = frozenset((PNG, JPEG, GIF, WEBP))
ATTACHMENTS = DOCUMENTS | IMAGES | {TEXT, ZIP, GZIP}

NAME_CHARACTERS = 120
TRAILER_BYTES = 2048  # the end of a PDF is looked for in so many


class Checked(NamedTuple):
    name: str
    media_type: str
    content: bytes


class Type(NamedTuple):
    label: str
    extensions: tuple[str, ...]  # the first is given to a name without a fitting one
    matches: Callable[[bytes], bool]


def _begins(*signatures: bytes) -> Callable[[bytes], bool]:
    return lambda content: content.startswith(signatures)


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


# tab, line ends, page break, backspace and the escape that colours a log; of no particular encoding, as logs come in many
_NO_TEXT = re.compile(rb"[\x00-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f]")
_TEXT_16 = (b"\xff\xfe", b"\xfe\xff")


def _is_text(content: bytes) -> bool:
    if content.startswith(_TEXT_16):
        try:
            content = content.decode("utf-16").encode()
        except UnicodeError:
            return False
    return not _NO_TEXT.search(content)


# Libraries guess among hundreds of types; here it is asked whether it is one of these, by what each must begin with.
TYPES = {
    PDF: Type("PDF", (".pdf",), _begins(b"%PDF-")),
    PNG: Type("PNG", (".png",), _begins(b"\x89PNG\r\n\x1a\n")),
    JPEG: Type("JPEG", (".jpg", ".jpeg"), _begins(b"\xff\xd8\xff")),
    GIF: Type("GIF", (".gif",), _begins(b"GIF87a", b"GIF89a")),
    WEBP: Type("WebP", (".webp",), _is_webp),
    ZIP: Type("ZIP", (".zip",), _begins(b"PK\x03\x04", b"PK\x05\x06")),
    GZIP: Type("gzip", (".gz", ".tgz"), _begins(b"\x1f\x8b\x08")),
    # last, as it is what is left; a page or a picture made of text is given a name that no program runs
    TEXT: Type("TXT", (".txt", ".log", ".csv", ".json", ".conf", ".md", ".yaml", ".yml", ".eml", ".pem"), _is_text),
}


def check(name: str, content: bytes, allowed: Collection[str], most: int) -> Checked:
    """`allowed` media types, `most` bytes. Raises ValueError with a sentence."""
    if not content:
        raise ValueError(said("is empty"))
    if len(content) > most:
        raise ValueError(said("has %(count)s bytes; %(most)s are allowed", count=f"{len(content):,}", most=f"{most:,}"))
    media_type = type_of(content)
    if media_type is None or media_type not in allowed:
        wanted = ", ".join(type.label for name, type in TYPES.items() if name in allowed)
        if media_type is None:
            raise ValueError(said("is none of the files that are taken here: %(wanted)s", wanted=wanted))
        raise ValueError(said("is %(found)s by its content; taken are: %(wanted)s", found=TYPES[media_type].label, wanted=wanted))
    if media_type == PDF and b"%%EOF" not in content[-TRAILER_BYTES:]:
        raise ValueError(said("is a PDF that was cut off: its end is missing"))
    return Checked(safe_name(name, media_type), media_type, content)


def type_of(content: bytes) -> str | None:
    return next((name for name, type in TYPES.items() if type.matches(content)), None)


_UNSAFE = re.compile(r'[<>:"|?*]')  # what Windows takes in no name
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)
_REFUSED = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")


def safe_name(name: str, media_type: str) -> str:
    """The last part of a path, without what could act anywhere, and with an extension that says what it is."""
    last = re.split(r"[/\\]", name)[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in _REFUSED and c not in DIRECTION_CONTROLS)
    plain = " ".join(_UNSAFE.sub("_", unicodedata.normalize("NFC", kept)).split()).strip(". ")
    extensions = TYPES[media_type].extensions
    stem, _, extension = plain.rpartition(".")
    if not stem or f".{extension.lower()}" not in extensions:
        stem, extension = plain, extensions[0][1:]
    stem = f"_{stem}" if _DEVICES.match(stem) else stem
    return f"{stem[: NAME_CHARACTERS - len(extension) - 1].rstrip('. ') or 'file'}.{extension}"


# --- kept -------------------------------------------------------------------------------------------------------------


def keep(session: Session, checked: Checked, now: datetime, account_id: int | None) -> StoredFile:
    """`account_id`: whose it is, and who may fetch it; None: for staff alone."""
    file = StoredFile(
        id=new_id(), account_id=account_id, media_type=checked.media_type, name=checked.name, size=len(checked.content),
        sha256=hashlib.sha256(checked.content).digest(), content=checked.content, created_at=now,
    )  # fmt: skip
    session.add(file)
    return file


def find(session: Session, id: uuid.UUID, account_id: int | None) -> StoredFile:
    """`account_id`: who asks; None: staff, who may see all. Raises NotFound, for another account's files too."""
    file = session.get(StoredFile, id)
    if file is None or (account_id is not None and file.account_id != account_id):
        raise NotFound(N_("There is no such file."))
    return file


def described(file: StoredFile) -> dict[str, Any]:
    """As a notification carries it, in data["files"], and as it is shown."""
    return {"id": str(file.id), "name": file.name, "media_type": file.media_type, "size": file.size}


def contents(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, bytes]:
    query = select(StoredFile.id, StoredFile.content).where(among(session, StoredFile.id, ids))
    return dict(session.execute(query).all())
