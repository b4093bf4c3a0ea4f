"""Tokens of ours: signed, scoped, short. The first secret key signs, all verify."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from functools import lru_cache
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from notifyhub.config import Settings
from notifyhub.errors import NotFound
from notifyhub.languages import N_

MAC_BYTES = 8  # of a forged envelope sender or Message-ID: one chance in 2^64, and each try costs a mail
MARK_BYTES = 16


def sign(settings: Settings, scope: str, value: Any) -> str:
    return _serializer(settings.secret_keys, scope).dumps(value)


def read(settings: Settings, scope: str, token: str) -> Any:
    """Raises NotFound."""
    try:
        return _serializer(settings.secret_keys, scope).loads(token)
    except BadSignature:
        raise NotFound(NOT_OURS) from None


NOT_OURS = N_("This link is not one of ours, or it was cut off.")


def mark(settings: Settings, scope: str, text: str) -> str:
    """`text`, which is URL-safe, with a MAC of it: what each mail carries, since it takes a tenth of the time of sign()."""
    return f"{text}.{_mark(settings.secret_keys[0], scope, text)}"


def read_mark(settings: Settings, scope: str, token: str) -> str:
    """The text. Raises NotFound."""
    text, _, mac = token.rpartition(".")
    given = mac.encode("utf-8", "replace")
    if not any(hmac.compare_digest(given, _mark(key, scope, text).encode()) for key in settings.secret_keys):
        raise NotFound(NOT_OURS)
    return text


def _mark(key: str, scope: str, text: str) -> str:
    data = text.encode("utf-8", "replace")
    return hashlib.blake2b(data, key=_mac_key(key), digest_size=MARK_BYTES, person=_person(scope)).hexdigest()


@lru_cache
def _person(scope: str) -> bytes:
    """BLAKE2 keeps scopes apart by at most 16 bytes; "delivery" is taken, see _mac()."""
    return hashlib.sha256(scope.encode()).digest()[: hashlib.blake2b.PERSON_SIZE]


@lru_cache
def _serializer(keys: tuple[str, ...], scope: str) -> URLSafeSerializer:
    return URLSafeSerializer(list(reversed(keys)), salt=f"notifyhub.{scope}", signer_kwargs={"digest_method": hashlib.sha256})


def delivery_token(settings: Settings, delivery_id: uuid.UUID) -> str:
    """39 characters of a local part: the delivery and a MAC of it, in base 32. It stands in the envelope sender and in the Message-ID."""
    return _delivery_token(settings.secret_keys[0], delivery_id.bytes)


def read_delivery_token(settings: Settings, token: str) -> uuid.UUID | None:
    """None where it is not one of ours."""
    try:
        id = base64.b32decode(token.upper() + "=")[:16]
    except ValueError:
        return None
    known = any(hmac.compare_digest(token.lower().encode(), _delivery_token(key, id).encode()) for key in settings.secret_keys)
    return uuid.UUID(bytes=id) if known else None


def _delivery_token(key: str, id: bytes) -> str:
    return _base32(id + _mac(key, id))


def ticket_token(settings: Settings, number: int) -> str:
    """24 characters of a local part: the number and a MAC of it, in base 32. Whoever has it may find the ticket, and is nobody by it."""
    return _ticket_token(settings.secret_keys[0], number.to_bytes(NUMBER_BYTES))


def read_ticket_token(settings: Settings, token: str) -> int | None:
    """None where it is not one of ours."""
    try:
        number = base64.b32decode(token.upper())[:NUMBER_BYTES]
    except ValueError:
        return None
    known = any(hmac.compare_digest(token.lower().encode(), _ticket_token(key, number).encode()) for key in settings.secret_keys)
    return int.from_bytes(number) if known else None


def _ticket_token(key: str, number: bytes) -> str:
    return base64.b32encode(number + _mac(key, number, b"ticket")).decode().lower()


NUMBER_BYTES = 7  # with the MAC 15, which base 32 writes without padding


def _mac(key: str, data: bytes, what: bytes = b"delivery") -> bytes:
    """BLAKE2 takes a key by itself: a third of the time of an HMAC, and every mail has one."""
    return hashlib.blake2b(data, key=_mac_key(key), digest_size=MAC_BYTES, person=what).digest()


@lru_cache
def _mac_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


_DIGITS = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_PLACES = range(190, -1, -10)


def _base32(data: bytes) -> str:
    """Of 24 bytes: RFC 4648 in lower case and without padding, two digits at a time."""
    number = int.from_bytes(data, "big") << 8
    return "".join([_PAIRS[number >> place & 1023] for place in _PLACES])[:39]
