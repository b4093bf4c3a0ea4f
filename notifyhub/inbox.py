"""The inbox of an account: what it was told, in its language, with where else it went and why."""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import String, and_, case, cast, exists, func, literal_column, or_, select, tuple_, update
from sqlalchemy.orm import Session

from notifyhub import contents, wake
from notifyhub.channels.inbox import arrived
from notifyhub.config import Settings
from notifyhub.database import among
from notifyhub.errors import NotFound
from notifyhub.kinds import Lane
from notifyhub.models import Account, Delivery, Mailbox, Notification, Revision
from notifyhub.rendering import Item, Reader

SEARCHED_AT_ONCE = 4000  # items, for one page


class Filter(NamedTuple):
    category: str | None = None
    unread: bool = False
    q: str | None = None
    archived: bool = False  # those alone


class Position(NamedTuple):
    created_at: datetime
    id: uuid.UUID


def page(
    session: Session, settings: Settings, account: Account, wanted: Filter, before: Position | None, limit: int
) -> list[dict[str, Any]]:
    """Newest first. Archived ones are out of sight, but for a search."""
    return shown(session, settings, account, rows(session, account, wanted, before, limit))


def rows(
    session: Session,
    account: Account,
    wanted: Filter,
    before: Position | None,
    limit: int,
    ids: Sequence[uuid.UUID] | None = None,
    back_to: Position | None = None,
) -> Sequence[Notification]:
    """`ids`: of these alone. `back_to`: none that is older."""
    query = select(Notification).where(*_listed(account, wanted, before))
    if ids is not None:
        query = query.where(among(session, Notification.id, ids))
    if wanted.q:
        query = query.where(_matches(session, wanted.q))
    if back_to:
        query = query.where(tuple_(Notification.created_at, Notification.id) >= tuple_(back_to.created_at, back_to.id))
    return session.scalars(query.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(limit)).all()


def horizon(session: Session, account: Account, wanted: Filter, before: Position | None) -> Position | None:
    """How far back a search looks at once, so that one in vain takes no longer in a large inbox; None: to the oldest."""
    found = session.execute(
        select(Notification.created_at, Notification.id)
        .where(*_listed(account, wanted, before))
        .order_by(Notification.created_at.desc(), Notification.id.desc())
        .offset(SEARCHED_AT_ONCE - 1)
        .limit(2)
    ).all()
    return Position(*found[0]) if len(found) == 2 else None


def _listed(account: Account, wanted: Filter, before: Position | None) -> list[Any]:
    """Before any search."""
    conditions = [*_in_inbox(account)]
    if wanted.category:
        conditions.append(Notification.category == wanted.category)
    if wanted.unread:
        conditions.append(Notification.read_at.is_(None))
    if wanted.archived:
        conditions.append(Notification.archived_at.is_not(None))
    elif not wanted.q:
        conditions.append(Notification.archived_at.is_(None))
    if before:
        conditions.append(tuple_(Notification.created_at, Notification.id) < tuple_(before.created_at, before.id))
    return conditions


def _in_inbox(account: Account) -> tuple[Any, ...]:
    return Notification.account_id == account.id, Notification.inbox_rule.is_not(None)


def _matches(session: Session, q: str) -> Any:
    """In the affected services, in what was reported (a number, the name of a file), and in the words that staff wrote, in any language."""
    # row by row, the newest first, so that the first page of what is found often costs nearly nothing
    told = select(_contains(session, Revision.content, q)).where(
        Revision.announcement_id == _announcement_id(session), Revision.number == Notification.revision
    )
    columns = (Notification.services, Notification.data)
    return or_(*(_contains(session, column, q) for column in columns), told.correlate(Notification).scalar_subquery())


def _announcement_id(session: Session) -> Any:
    """Of a notification, as the key of its revision is stored."""
    ref = Notification.source_ref if session.get_bind().dialect.name == "postgresql" else func.replace(Notification.source_ref, "-", "")
    return case((Notification.source == "announcement", cast(ref, Revision.announcement_id.type)))


def _contains(session: Session, column: Any, q: str) -> Any:
    """One of the strings in a JSON value; its keys and its punctuation are no words."""
    pattern = _pattern(q)
    if session.get_bind().dialect.name == "postgresql":
        strings: Any = literal_column("""'$.** ? (@.type() == "string")'::jsonpath""")
        found = func.jsonb_path_query(column, strings).table_valued("word").render_derived()
        exactly = exists(select(1).select_from(found).where(found.c.word.op("#>>")(literal_column("'{}'")).ilike(pattern, escape="\\")))
        return and_(_may_contain(column, q), exactly)
    found = func.json_tree(column).table_valued("type", "atom")
    return exists(select(1).select_from(found).where(found.c.type == "text", found.c.atom.ilike(pattern, escape="\\")))


def _may_contain(column: Any, q: str) -> Any:
    """Anywhere in the JSON's text: a quarter of the work, which leaves few to be taken apart. ASCII needs no rules of a language."""
    written: Any = cast(column, String)
    written = written.collate("C") if q.isascii() else written
    return written.ilike(_pattern(json.dumps(q, ensure_ascii=False)[1:-1]), escape="\\")


def _pattern(q: str) -> str:
    return "%" + q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def shown(session: Session, settings: Settings, account: Account, rows: Sequence[Notification]) -> list[dict[str, Any]]:
    carried = _carried(session, [row.id for row in rows])
    return [
        {
            "id": row.id,
            "category": row.category,
            "kind": row.kind,
            "lane": Lane(row.lane).name,
            "title": item.title,
            "text": item.text,
            "html": item.html,
            "services": [{"order_number": number, "name": name} for number, name in row.services],
            "files": row.data.get("files", []),
            "created_at": row.created_at,
            "read_at": row.read_at,
            "archived_at": row.archived_at,
            "source": {"type": row.source, "id": row.source_ref, "revision": row.revision},
            "sent_to": [*arrived(row.inbox_rule), *carried[row.id]],
        }
        for row, item in zip(rows, rendered(session, settings, account, rows), strict=True)
    ]


def rendered(session: Session, settings: Settings, account: Account, rows: Sequence[Notification]) -> Iterator[Item]:
    """What each says, to this account."""
    bouncing = contents.bouncing_addresses(session, [account.id]) if any(row.kind == "repair" for row in rows) else {}
    for row in rows:
        compiled = contents.compiled(session, settings, row.source, row.source_ref, row.revision, row.kind, row.data, account.locale)
        data = row.data | ({"addresses": bouncing[account.id]} if row.kind == "repair" else {})
        yield compiled.inbox(Reader(account.name, account.time_zone, row.services, data))


def _carried(session: Session, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, list[dict[str, Any]]]:
    rows: Iterable[Any] = session.execute(
        select(Delivery.notification_id, Delivery.channel, Mailbox.email, Delivery.state, Delivery.reason)
        .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
        .where(among(session, Delivery.notification_id, ids))
        .order_by(Delivery.id)
    )
    found: dict[uuid.UUID, list[dict[str, Any]]] = defaultdict(list)
    for notification_id, channel, email, state, reason in rows:
        found[notification_id].append({"channel": channel, "address": email or None, "state": state, "reason": reason})
    return found


def new_since(session: Session, account_id: int, since: datetime, known: Sequence[uuid.UUID]) -> list[Notification]:
    """Oldest first. Ids and times are not in the order of commits, so whoever follows looks back a little and leaves out `known`."""
    query = (
        select(Notification)
        .where(Notification.account_id == account_id, Notification.inbox_rule.is_not(None), Notification.archived_at.is_(None))
        .where(Notification.created_at >= since)
        .order_by(Notification.created_at, Notification.id)
    )
    return [row for row in session.scalars(query.limit(1000)) if row.id not in known]


def unread_count(session: Session, account_id: int, most: int | None = None) -> int:
    """`most`: so far and no further, for what is shown on every page."""
    unread = select(Notification.id).where(
        Notification.account_id == account_id,
        Notification.inbox_rule.is_not(None),
        Notification.read_at.is_(None),
        Notification.archived_at.is_(None),
    )
    return session.execute(select(func.count()).select_from(unread.limit(most).subquery())).scalar_one()


def unread_about(session: Session, account: Account, source: str, refs: Sequence[str]) -> set[str]:
    """Of these, those about which something is unread."""
    about = select(Notification.source_ref).where(*_about(account, source), among(session, Notification.source_ref, refs))
    return set(session.scalars(about.where(Notification.read_at.is_(None))))


def _about(account: Account, source: str) -> tuple[Any, ...]:
    """By the columns of the index that lets each be told once."""
    mine = Notification.recipient_key == f"account:{account.id}"
    return Notification.source == source, mine, Notification.inbox_rule.is_not(None)


def find(session: Session, account: Account, id: uuid.UUID) -> Notification:
    """Raises NotFound, for another account's items too."""
    row = session.execute(select(Notification).where(*_in_inbox(account), Notification.id == id)).scalar()
    if row is None:
        raise NotFound("This inbox has no such item.")
    return row


def mark(session: Session, account: Account, id: uuid.UUID, read_at: datetime | None) -> Notification:
    row = find(session, account, id)
    row.read_at = (row.read_at or read_at) if read_at else None
    wake.read_after_commit(session, account.id, [id], row.read_at.isoformat() if row.read_at else None)
    return row


def archive(session: Session, account: Account, id: uuid.UUID, now: datetime) -> Notification:
    row = find(session, account, id)
    row.archived_at = row.archived_at or now
    row.read_at = row.read_at or now
    wake.read_after_commit(session, account.id, [id], row.read_at.isoformat())
    return row


def unarchive(session: Session, account: Account, id: uuid.UUID) -> Notification:
    row = find(session, account, id)
    row.archived_at = None
    wake.read_after_commit(session, account.id, [id], row.read_at.isoformat() if row.read_at else None)
    return row


def mark_about(session: Session, account: Account, source: str, ref: str, now: datetime) -> None:
    """All that is unread about it is read."""
    ids = session.scalars(
        update(Notification)
        .where(*_about(account, source), Notification.source_ref == ref, Notification.read_at.is_(None))
        .values(read_at=now)
        .returning(Notification.id)
        .execution_options(synchronize_session=False)
    ).all()
    if ids:
        wake.read_after_commit(session, account.id, ids, now.isoformat())


def mark_all_read(session: Session, account: Account, now: datetime) -> int:
    ids = session.scalars(
        update(Notification)
        .where(*_in_inbox(account), Notification.read_at.is_(None))
        .values(read_at=now)
        .returning(Notification.id)
        .execution_options(synchronize_session=False)
    ).all()
    wake.read_after_commit(session, account.id, ids, now.isoformat())
    return len(ids)
