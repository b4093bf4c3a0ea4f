"""Tokens of ours: signed, scoped, short. The first secret key signs, all verify."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from typing import Any

from itsdangerous import BadSignature, URLSafeSerializer

from notifyhub.config import Settings
from notifyhub.errors import NotFound
from notifyhub.languages import N_

MAC_BYTES = 8  # of a forged envelope sender or Message-ID: one chance in 2^64, and each try costs a mail


def sign(settings: Settings, scope: str, value: Any) -> str:
    return _serializer(settings, scope).dumps(value)


def read(settings: Settings, scope: str, token: str) -> Any:
    """Raises NotFound."""
    try:
        return _serializer(settings, scope).loads(token)
    except BadSignature:
        raise NotFound(N_("This link is not one of ours, or it was cut off.")) from None


def _serializer(settings: Settings, scope: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        list(reversed(settings.secret_keys)), salt=f"notifyhub.{scope}", signer_kwargs={"digest_method": hashlib.sha256}
    )


def delivery_token(settings: Settings, scope: str, delivery_id: uuid.UUID) -> str:
    """39 characters of a local part: the delivery and a MAC of it, in base 32."""
    return _base32(delivery_id.bytes + _mac(settings.secret_keys[0], scope, delivery_id.bytes))


def read_delivery_token(settings: Settings, scope: str, token: str) -> uuid.UUID | None:
    """None where it is not one of ours."""
    try:
        data = base64.b32decode(token.upper() + "=")
    except ValueError:
        return None
    id, mac = data[:16], data[16:]
    known = any(hmac.compare_digest(mac, _mac(key, scope, id)) for key in settings.secret_keys)
    return uuid.UUID(bytes=id) if known else None


def _mac(key: str, scope: str, data: bytes) -> bytes:
    return hmac.digest(key.encode(), scope.encode() + data, "sha256")[:MAC_BYTES]


def _base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()
