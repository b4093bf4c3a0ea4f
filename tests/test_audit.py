"""The record of changes: who, what, when, from where; and nobody rewrites it."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import AuditEntry
from tests.builders import account
from tests.conftest import Api


def entries() -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


def test_an_entry_says_who_did_what_when_and_from_where(app: Flask, api: Api) -> None:
    with transaction() as session:
        key, token = access.create_key(session, "billing", ["accounts"], utcnow())
    before = utcnow()
    Api(app.test_client(), token).put("/v1/accounts/C-1", account(), environ_base={"REMOTE_ADDR": "192.0.2.9"})
    _, done = entries()
    assert (done.action, done.actor, done.origin) == ("account.created", f"key:{key.id} billing", "192.0.2.9")
    assert before <= done.at <= utcnow()


def test_a_change_that_fails_leaves_no_entry(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(send_email={"abuse": ["desk@one.example"]}))
    answers = [api.post("/v1/accounts/C-1/send-email/confirmations", {"email": "desk@one.example"}).status_code for _ in range(4)]
    assert answers == [202, 202, 202, 429]
    assert [entry.action for entry in entries()] == ["account.created"]


@pytest.mark.parametrize("statement", ["UPDATE audit_entry SET actor = 'nobody'", "DELETE FROM audit_entry"])
def test_an_entry_can_be_neither_changed_nor_deleted(api: Api, statement: str) -> None:
    api.put("/v1/accounts/C-1", account())
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(statement))
    db.session.rollback()
    assert [entry.actor for entry in entries()] == ["bootstrap key"]


def test_reading_leaves_no_entry(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    for path in ("", "/export", "/send-email", "/inbox"):
        api.get(f"/v1/accounts/C-1{path}")
    assert len(entries()) == 1
