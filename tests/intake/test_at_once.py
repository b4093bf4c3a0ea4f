"""Several workers at the same mail, and several accounts, at the same moment."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict, NotFound
from notifyhub.intake import receiving, releasing
from notifyhub.models import Account, IncomingMail, Notification
from tests.accounts.concurrency import at_once
from tests.builders import service
from tests.conftest import Api
from tests.intake.people import STRANGER, last_mail, mail, outcome, results, tickets
from tests.tickets.steps import customer


@pytest.fixture(autouse=True)
def accounts(app: Flask, api: Api) -> None:
    customer(api)
    customer(api, "C-2", registered_email="two@two.example", services=[service(order_number="#222222")])


def worked(id: uuid.UUID) -> Callable[[Api], None]:
    def run(_: Api) -> None:
        with transaction() as session:
            receiving.work_on(session, current_app.extensions["settings"], id, utcnow())

    return run


def stored(raw: bytes, *recipients: str) -> list[uuid.UUID]:
    with transaction() as session:
        return [receiving.receive(session, raw, recipient, "owner@one.example", utcnow()).id for recipient in recipients]


def test_the_same_mail_to_two_addresses_is_one_ticket(app: Flask) -> None:
    ids = stored(mail(proof=results()), "support@provider.example", "sales@provider.example")
    db.session.remove()
    at_once(app, *(worked(id) for id in ids))
    assert len(tickets()) == 1
    assert sorted(db.session.scalars(select(IncomingMail.outcome))) == ["repeated", "ticket"]


def test_one_mail_in_the_hands_of_two_workers_is_one_ticket(app: Flask) -> None:
    (id,) = stored(mail(proof=results()), "support@provider.example")
    db.session.remove()
    at_once(app, worked(id), worked(id), worked(id))
    assert len(tickets()) == 1


def test_a_held_mail_is_whose_is_first(app: Flask, api: Api) -> None:
    assert outcome(api, mail("#123456 and #222222", STRANGER)) == "held"
    id = last_mail().id

    def release(external_id: str) -> Callable[[Api], Any]:
        def run(_: Api) -> str:
            try:
                with transaction() as session:
                    account = session.scalars(select(Account).where(Account.external_id == external_id)).one()
                    releasing.release(session, current_app.extensions["settings"], account, id, utcnow())
            except (Conflict, NotFound):
                return "late"
            return "released"

        return run

    db.session.remove()
    found = at_once(app, release("C-1"), release("C-2"), release("C-1"))
    assert sorted(found) == ["late", "late", "released"]
    assert len(tickets()) == 1


def test_answers_to_one_address_are_counted_right(app: Flask, api: Api) -> None:
    ids = [stored(mail(sender=STRANGER, id=f"<{number}@else.example>"), "support@provider.example")[0] for number in range(6)]
    db.session.remove()
    at_once(app, *(worked(id) for id in ids))
    db.session.remove()
    assert len(tickets()) == 6
    assert len(list(db.session.scalars(select(Notification.id)))) == 3
