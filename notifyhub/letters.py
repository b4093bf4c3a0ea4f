"""Claimed deliveries → letters: who they go to, what envelope they travel in, and how their bytes are made."""

from __future__ import annotations

import functools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from notifyhub import contents, files, signing
from notifyhub.channels.contract import Letter
from notifyhub.config import Settings
from notifyhub.database import among_given, reading
from notifyhub.deliveries import LEASE, Claimed
from notifyhub.kinds import KINDS
from notifyhub.mime import Attachment
from notifyhub.models import Account, Notification
from notifyhub.rendering import Compiled, Reader, Stamp

_told, _account = Notification.__table__.c, Account.__table__.c  # rows, not objects: there are many
FEATURES = (
    _told.id, _told.source, _told.source_ref, _told.revision, _told.kind, _told.category, _told.account_id, _told.services, _told.data,
    _account.name, _account.time_zone, _account.locale,
)  # fmt: skip
FILE_BYTES = 10_000_000  # of all files of a mail: base 64 adds a third, and many servers take no more than 15 to 25 MB
LEASE_MARGIN = 30  # seconds: no message is begun on a lease that is about to end


def read(session: Session, claimed: Sequence[Claimed]) -> dict[uuid.UUID, Any]:
    """What they tell, and whom, by the notification's id."""
    ids = {delivery.notification_id for delivery in claimed}
    rows = session.connection().execute(_reading(session.get_bind().dialect.name), {"ids": ids})
    return {row[0]: row for row in rows.all()}


@functools.cache
def _reading(dialect: str) -> Select[Any]:
    """Put together once: that takes as long as reading fifty."""
    joined = Notification.__table__.outerjoin(Account.__table__, _account.id == _told.account_id)
    return select(*FEATURES).select_from(joined).where(among_given(dialect, _told.id, "ids"))


def write(session: Session, settings: Settings, claimed: Sequence[Claimed], told: Mapping[uuid.UUID, Any], now: datetime) -> list[Letter]:
    """In the order of `claimed`; `told` is what was read for them. The bytes of a letter are made when it is its turn, so that a
    batch takes little memory."""
    batch = _Batch(session, settings, now)
    return [batch.letter(delivery, told[delivery.notification_id], delivery.address or "") for delivery in claimed]


class _Batch:
    """What the letters of one claim have in common."""

    def __init__(self, session: Session, settings: Settings, now: datetime) -> None:
        self.session, self.settings, self.now = session, settings, now
        self.deadline = time.monotonic() + LEASE.total_seconds() - LEASE_MARGIN
        self.local, _, self.domain = settings.bounce_address.rpartition("@")
        self.compiled: dict[tuple[Any, ...], Compiled] = {}

    def letter(self, delivery: Claimed, row: Any, address: str) -> Letter:
        token = signing.delivery_token(self.settings, delivery.id)
        sender = f"{self.local}+{token}@{self.domain}"
        try:
            compiled = self._compiled(row)
        except Exception as error:
            return Letter(delivery.id, address, sender, _failing(error))
        make = functools.partial(_make, self.settings, compiled, row, address, delivery.rule, token, self.now)
        return Letter(delivery.id, address, sender, make, self.deadline, delivery.lane)

    def _compiled(self, row: Any) -> Compiled:
        _, source, ref, revision, kind, *_, locale = row
        found = self.compiled.get((source, ref, revision, kind, locale))
        if found is None:
            locale = locale or self.settings.default_locale
            found = contents.compiled(self.session, self.settings, source, ref, revision, kind, row.data, locale)
            self.compiled[source, ref, revision, kind, row[-1]] = found
        return found


def _make(settings: Settings, compiled: Compiled, row: Any, address: str, rule: int, token: str, now: datetime) -> bytes:
    return compiled.mail(_reader(settings, row, address), _stamp(settings, row, address, rule, token, now))


def _failing(error: Exception) -> Callable[[], bytes]:
    """The other letters of a batch have nothing to do with it."""

    def make() -> bytes:
        raise error

    return make


def _stamp(settings: Settings, row: Any, address: str, rule: int, token: str, now: datetime) -> Stamp:
    kind = KINDS[row.kind]
    return Stamp(
        to=address,
        message_id=f"<{token}@{settings.brand.mail_domain}>",
        date=now,
        rule=rule,
        category=row.category,
        thread_id=_thread(settings, row),
        unsubscribe_url=unsubscribe_url(settings, row.account_id, row.kind) if kind.optional and row.account_id else None,
        reply_to=_reply_to(settings, row),
        answers=row.data.get("answers") if row.source in ANSWERING else None,
    )


def _reply_to(settings: Settings, row: Any) -> str | None:
    """Where answers to it find their ticket."""
    if row.source != "ticket" or "ticket" not in row.data:
        return None
    local, _, domain = settings.intake_address.rpartition("@")
    return f"{local}+{signing.ticket_token(settings, int(row.data['ticket']))}@{domain}"


ANSWERING = frozenset(("ticket", "mail"))  # sources that may be the automatic answer to a mail, which data["answers"] names


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
    """What a mail program shows as one conversation with one reader."""
    if row.source not in CONVERSATIONS:
        return None
    return f"<{row.source_ref}.{row.account_id or OTHERS[row.source]}@{settings.brand.mail_domain}>"


OTHERS = {"ticket": "contact", "ticket-alert": "staff"}  # readers without an account
CONVERSATIONS = frozenset(("announcement", "ticket", "ticket-alert"))  # sources whose revisions belong together


def unsubscribe_url(settings: Settings, account_id: int, kind: str) -> str:
    return f"{settings.base_url}/unsubscribe/{signing.mark(settings, UNSUBSCRIBE, f'{account_id}.{kind}')}"


def unsubscription(settings: Settings, token: str) -> tuple[int, str]:
    """The account and the kind. Raises NotFound."""
    account_id, kind = signing.read_mark(settings, UNSUBSCRIBE, token).split(".")
    return int(account_id), kind


UNSUBSCRIBE = "unsubscribe"
