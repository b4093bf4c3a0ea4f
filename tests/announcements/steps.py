"""What tests about announcements do again and again."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select

from notifyhub.database import reading
from notifyhub.models import Account, Delivery, Mailbox, Notification, Revision
from tests.builders import draft
from tests.conftest import Api


def drafted(api: Api, **changes: Any) -> str:
    answer = api.post("/v1/announcements", draft(**changes))
    assert answer.status_code == 201, answer.json
    return str(answer.json["id"])


def published(api: Api, **changes: Any) -> str:
    id = drafted(api, **changes)
    answer = api.post(f"/v1/announcements/{id}/publish", {})
    assert answer.status_code == 200, answer.json
    return id


def refused(api: Api, **changes: Any) -> dict[str, str]:
    """The messages by field."""
    answer = api.post("/v1/announcements", draft(**changes))
    assert answer.status_code == 422, answer.json
    return {error["field"]: error["message"] for error in answer.json["errors"]}


def imported(api: Api, documents: list[dict[str, Any]]) -> None:
    lines = "\n".join(map(json.dumps, documents))
    answer = api.post("/v1/accounts/import", data=lines, content_type="application/x-ndjson")
    assert answer.json["rejected"] == []


def told(source: str = "announcement") -> list[str]:
    """External ids, once for each notification."""
    with reading() as session:
        query = select(Account.external_id).join(Notification, Notification.account_id == Account.id)
        return sorted(session.scalars(query.where(Notification.source == source)))


def mails(*columns: str) -> list[Any]:
    """The deliveries by e-mail as they are stored, the oldest first: (address, state), or these columns."""
    with reading() as session:
        query = select(Mailbox.email, *(getattr(Delivery, name) for name in columns or ("state",)))
        query = query.outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id).where(Delivery.channel == "email")
        return [tuple(row) for row in session.execute(query.order_by(Delivery.id))]


def revision(id: str) -> Revision:
    with reading() as session:
        row = session.get_one(Revision, (uuid.UUID(id), 1))
        session.expunge(row)
        return row
