"""Where the words of a notification come from, and their compiled form, kept per process."""

from __future__ import annotations

import uuid
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import languages, signing
from notifyhub.config import Settings
from notifyhub.database import among, utcnow
from notifyhub.models import Account, DeliveryAddress, Mailbox, Revision
from notifyhub.rendering import Compiled, Content, Reader, Stamp, compile_content

MOST_COMPILED = 256

_compiled: OrderedDict[tuple[Any, ...], Compiled] = OrderedDict()


def compiled(
    session: Session, settings: Settings, source: str, ref: str, revision: int, kind: str, data: Mapping[str, Any], locale: str
) -> Compiled:
    """Revisions never change, nor do words that came along, and templates only with a new version: what is compiled once holds for
    the process."""
    own = (source, ref, revision) if source == "announcement" or "texts" in data else ("kind", kind)
    key = (*own, locale, settings.brand)
    found = _compiled.get(key)
    if found is None:
        found = _compiled[key] = compile_content(
            _content(session, source, ref, revision, kind, data), locale, settings.brand, settings.default_locale
        )
        while len(_compiled) > MOST_COMPILED:
            _compiled.popitem(last=False)
    else:
        _compiled.move_to_end(key)
    return found


def _content(session: Session, source: str, ref: str, revision: int, kind: str, data: Mapping[str, Any]) -> Content:
    if source != "announcement":
        return Content(kind, texts=data.get("texts"))
    row = session.get_one(Revision, (uuid.UUID(ref), revision))
    return Content(row.kind, row.impact, row.starts_at, row.ends_at, row.content, row.action)


def warm_up(settings: Settings) -> None:
    """Reads what all mails share (templates, style sheets, words), which takes longest for the first one: that may be urgent."""
    stamp = Stamp("nobody@localhost.example", "<warm-up@localhost.example>", utcnow(), 0, "support")
    for locale in languages.translated():
        compile_content(Content("test"), locale, settings.brand, settings.default_locale).mail(Reader("", "UTC", (), {"email": ""}), stamp)


def with_link(settings: Settings, notification_id: uuid.UUID, data: dict[str, Any]) -> dict[str, Any]:
    """For the mail alone: a link that grants something is never stored, and never shown in an inbox. Others lead to the item,
    or to what the notification says: a `url`, or a `path` of ours."""
    if not data:
        return data
    if "confirmation" in data:
        return data | {"link": f"{settings.base_url}/confirm/{signing.sign(settings, 'confirm', data['confirmation'])}"}
    if "sign_in" in data:
        return data | {"link": f"{settings.base_url}/sign-in/{signing.sign(settings, 'sign-in', data['sign_in'])}"}
    own = settings.base_url + data.get("path", f"/inbox/{notification_id}")
    return data | {"link": data.get("url") or own}


def bouncing_addresses(session: Session, account_ids: Sequence[int]) -> dict[int, list[str]]:
    """What a repair notice names: as things stand when it is read."""
    found: dict[int, list[str]] = {id: [] for id in account_ids}
    bouncing = Mailbox.status == "bouncing"
    registered = select(Account.id, Mailbox.email).join(Mailbox, Mailbox.id == Account.registered_mailbox_id)
    listed = select(DeliveryAddress.account_id, Mailbox.email).join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
    rows = [
        *session.execute(registered.where(bouncing, among(session, Account.id, account_ids))),
        *session.execute(listed.where(bouncing, among(session, DeliveryAddress.account_id, account_ids)).distinct()),
    ]
    for account_id, email in rows:
        if email not in found[account_id]:
            found[account_id].append(email)
    return found
