"""Standard Webhooks: whether a message was signed with a secret of ours, just now.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from notifyhub.config import Settings

PREFIX = "whsec_"
SECRET_BYTES = 32
HEADERS = ("Webhook-Id", "Webhook-Timestamp", "Webhook-Signature")  # as WSGI spells them
TOLERANCE = timedelta(minutes=5)


class Signed(NamedTuple):
    """What the headers claim; matches() says whether it is true."""

    content_head: bytes  # what stands before the body in what was signed
    signatures: tuple[bytes, ...]  # several while the sender changes its secret


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def read(headers: Mapping[str, str], now: datetime) -> Signed:
    """Raises ValueError with a sentence."""
    id, timestamp, signature = (headers.get(name, "") for name in HEADERS)
    if not (id and timestamp and signature):
        raise ValueError("A signed message has the headers webhook-id, webhook-timestamp and webhook-signature.")
    try:
        at = datetime.fromtimestamp(int(timestamp), UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("The header webhook-timestamp is not a number of seconds since 1970.") from None
    if abs(now - at) > TOLERANCE:
        raise ValueError("This message was signed more than five minutes ago, or ahead of time; check the sender's clock.")
    found = (_decoded(part[3:]) for part in signature.split() if part.startswith("v1,"))
    return Signed(f"{id}.{timestamp}.".encode("utf-8", "replace"), tuple(part for part in found if part))


def _decoded(signature: str) -> bytes:
    try:
        return base64.b64decode(signature.encode(), validate=True)
    except (binascii.Error, ValueError):
        return b""


def matches(signed: Signed, body: bytes, secret: str) -> bool:
    expected = hmac.digest(base64.b64decode(secret.removeprefix(PREFIX)), signed.content_head + body, "sha256")
    return any(hmac.compare_digest(expected, signature) for signature in signed.signatures)


def seal(settings: Settings, secret: str) -> bytes:
    """Unlike a bearer key, of which a hash is enough, the secret itself is needed to verify with. It is kept encrypted by the first
    of the secret keys, so that a copy of the database alone signs nothing."""
    return _fernet(settings.secret_keys).encrypt(secret.encode())


@lru_cache(maxsize=256)  # decrypting takes longer than verifying
def _unsealed(secret_keys: tuple[str, ...], sealed: bytes) -> str | None:
    try:
        return _fernet(secret_keys).decrypt(sealed).decode()
    except InvalidToken:
        return None


def unseal(settings: Settings, sealed: bytes) -> str | None:
    """None where it was sealed with a secret key that is no longer configured."""
    return _unsealed(settings.secret_keys, sealed)


def _fernet(secret_keys: tuple[str, ...]) -> MultiFernet:
    keys = (hmac.digest(key.encode(), b"notifyhub.webhook-secret", "sha256") for key in secret_keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(key)) for key in keys])
