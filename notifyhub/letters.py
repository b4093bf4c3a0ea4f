"""Claimed deliveries → letters: who they go to, what envelope they travel in, and how their bytes are made."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import contents, files, signing
from notifyhub.channels.contract import Letter
from notifyhub.config import Settings
from notifyhub.database import among, reading
from notifyhub.deliveries import LEASE, Claimed
from notifyhub.kinds import KINDS
from notifyhub.mime import Attachment
from notifyhub.models import Account, Mailbox, Notification
from notifyhub.rendering import Reader, Stamp

FEATURES = (
    Notification.id, Notification.source, Notification.source_ref, Notification.revision, Notification.kind, Notification.category,
    Notification.account_id, Notification.services, Notification.data, Account.name, Account.time_zone, Account.locale,
)  # fmt: skip
FILE_BYTES = 10_000_000  # of all files of a mail: base 64 adds a third, and many servers take no more than 15 to 25 MB
LEASE_MARGIN = 30  # seconds: no message is begun on a lease that is about to end


def write(session: Session, settings: Settings, claimed: Sequence[Claimed], now: datetime) -> list[Letter]:
    """In the order of `claimed`. The bytes of a letter are made when it is its turn, so that a batch takes little memory."""
    ids = {delivery.notification_id for delivery in claimed}
    rows = session.execute(
        select(*FEATURES).outerjoin(Account, Account.id == Notification.account_id).where(among(session, Notification.id, ids))
    )
    notifications = {row.id: row for row in rows}
    mailboxes = {delivery.mailbox_id for delivery in claimed}
    addresses = dict(session.execute(select(Mailbox.id, Mailbox.email).where(among(session, Mailbox.id, mailboxes))).all())
    deadline = time.monotonic() + LEASE.total_seconds() - LEASE_MARGIN
    return [
        _letter(session, settings, delivery, notifications[delivery.notification_id], addresses[delivery.mailbox_id], now, deadline)
        for delivery in claimed
    ]


def _letter(session: Session, settings: Settings, delivery: Claimed, row: Any, address: str, now: datetime, deadline: float) -> Letter:
    local, _, domain = settings.bounce_address.rpartition("@")
    sender = f"{local}+{signing.delivery_token(settings, 'bounce', delivery.id)}@{domain}"
    locale = row.locale or settings.default_locale
    try:
        compiled = contents.compiled(session, settings, row.source, row.source_ref, row.revision, row.kind, row.data, locale)
    except Exception as error:
        return Letter(delivery.id, address, sender, _failing(error))

    def make() -> bytes:
        return compiled.mail(_reader(settings, row, address), _stamp(settings, delivery, row, address, now))

    return Letter(delivery.id, address, sender, make, deadline, delivery.lane)


def _failing(error: Exception) -> Callable[[], bytes]:
    """The other letters of a batch have nothing to do with it."""

    def make() -> bytes:
        raise error

    return make


def _stamp(settings: Settings, delivery: Claimed, row: Any, address: str, now: datetime) -> Stamp:
    kind = KINDS[row.kind]
    return Stamp(
        to=address,
        message_id=f"<{signing.delivery_token(settings, 'message', delivery.id)}@{settings.brand.mail_domain}>",
        date=now,
        rule=delivery.rule,
        category=row.category,
        thread_id=_thread(settings, row),
        unsubscribe_url=unsubscribe_url(settings, row.account_id, row.kind) if kind.optional and row.account_id else None,
    )


def _reader(settings: Settings, row: Any, address: str) -> Reader:
    data = contents.with_link(settings, row.id, row.data) | ({"email": address} if row.kind in ("confirmation", "sign_in", "test") else {})
    listed = data.get("files")
    return Reader(row.name or "", row.time_zone or "UTC", row.services, data, *(_files(listed) if listed else ()))


def _files(listed: Sequence[dict[str, Any]]) -> tuple[list[Attachment], list[tuple[str, int]]]:
    """Those that travel with the mail, which are read when it is made; and those for which there is no room."""
    room, travelling, left_behind = FILE_BYTES, {}, []
    for file in listed:
        if file["size"] > room:
            left_behind.append((file["name"], file["size"]))
        else:
            room -= file["size"]
            travelling[uuid.UUID(file["id"])] = file
    with reading() as session:
        found = files.contents(session, list(travelling)) if travelling else {}
    return [Attachment(travelling[id]["name"], travelling[id]["media_type"], found[id]) for id in travelling if id in found], left_behind


def _thread(settings: Settings, row: Any) -> str | None:
    """All revisions of an announcement are one conversation in a mail program."""
    if row.source != "announcement":
        return None
    return f"<{row.source_ref}.{row.account_id}@{settings.brand.mail_domain}>"


def unsubscribe_url(settings: Settings, account_id: int, kind: str) -> str:
    return f"{settings.base_url}/unsubscribe/{signing.sign(settings, 'unsubscribe', [account_id, kind])}"
