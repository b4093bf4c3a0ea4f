"""Erasure: what names a person goes, from every table; proof and audit stay."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub.accounts import erasure, lookup
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import AuditEntry, Delivery, Mailbox
from tests.accounts.concurrency import meanwhile
from tests.builders import account, draft, service
from tests.conftest import Api
from tests.smtp import Server

PATH = "/v1/accounts/C-1"


def everything() -> str:
    """Every value of every table; binary ones in hexadecimal."""
    found = []
    for table in db.metadata.sorted_tables:
        for row in db.session.execute(select(table)):
            found += [value.hex() if isinstance(value, bytes) else str(value) for value in row]
    db.session.remove()
    return "\n".join(found).lower()


def erase(api: Api, path: str = PATH) -> None:
    assert api.delete(path).status_code == 204


def well_known(api: Api, work: Any, smtp: Server) -> list[str]:
    """An account that left traces everywhere; answers the words that name it."""
    first = service(order_number="#SECRET-1", name="secret-host.example.net", addresses=["203.0.113.77"])
    api.put(
        PATH, account(registered_email="first-owner@secret.example", services=[first], send_email={"support": ["never@secret.example"]})
    )
    api.put(PATH, account(registered_email="second-owner@secret.example", name="Secret Ltd", send_email={"support": []}))
    api.put(
        PATH, account(registered_email="third-owner@secret.example", name="Secret Ltd", services=[service(name="other-secret.example.net")])
    )
    api.put(f"{PATH}/send-email", {"abuse": ["Abuse@secret.example", "josé@secret.example"], "announcements": ["noc@secret.example"]})
    work()
    smtp.refuse("third-owner@secret.example", "550 5.1.1 <third-owner@secret.example>: no such user")
    smtp.refuse("abuse@secret.example", "450 4.2.1 abuse@secret.example is busy")
    api.post(f"{PATH}/send-email/confirmations", {"email": "abuse@secret.example"}, headers={"Idempotency-Key": "again"})
    api.post(f"{PATH}/send-email/confirmations", {"email": "josé@secret.example"}, headers={"Idempotency-Key": "once more"})
    id = api.post("/v1/announcements", draft()).json["id"]
    api.post(f"/v1/announcements/{id}/publish", {})
    work()
    return ["secret", ip_address("203.0.113.77").packed.hex(), "no such user"]


def test_nothing_that_names_the_person_is_left_in_any_table(api: Api, work: Any, smtp: Server) -> None:
    words = well_known(api, work, smtp)
    assert all(word in everything() for word in words)
    erase(api)
    left = everything()
    assert {word: left.count(word) for word in words} == dict.fromkeys(words, 0)


def test_proof_and_audit_stay(api: Api, work: Any) -> None:
    api.put(PATH, account())
    api.put(f"{PATH}/send-email", {"abuse": ["abuse@one.example"]})
    work()
    sent = select(func.count()).select_from(Delivery).where(Delivery.state == "sent")
    audited = select(func.count()).select_from(AuditEntry)
    before = db.session.scalar(sent), db.session.scalar(audited)
    assert before[0] == 2
    db.session.remove()
    erase(api)
    assert (db.session.scalar(sent), db.session.scalar(audited)) == (before[0], before[1] + 1)


@pytest.mark.parametrize("path", ["", "/export", "/send-email", "/inbox"])
def test_an_erased_account_is_not_found(api: Api, path: str) -> None:
    api.put(PATH, account())
    erase(api)
    assert api.get(PATH + path).status_code == 404


def test_erasing_twice_is_not_found_the_second_time(api: Api) -> None:
    api.put(PATH, account())
    erase(api)
    assert api.delete(PATH).status_code == 404


def test_an_account_that_comes_back_is_a_new_one(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": ["abuse@one.example"]}))
    erase(api)
    assert api.put(PATH, account()).status_code == 201
    assert api.get(PATH).json["send_email"] == {}
    assert api.get(f"{PATH}/inbox").json["items"] == []


def test_what_waits_to_be_sent_to_it_is_not_sent(api: Api, work: Any, smtp: Server) -> None:
    api.put(PATH, account())
    api.put(f"{PATH}/send-email", {"abuse": ["abuse@one.example"]})
    erase(api)
    work()
    assert smtp.mails == []


@pytest.mark.parametrize("use", [{"registered_email": "shared@one.example"}, {"send_email": {"abuse": ["Shared@one.example"]}}])
def test_a_mailbox_that_another_account_uses_keeps_its_address(api: Api, use: dict[str, Any]) -> None:
    api.put(PATH, account(registered_email="shared@one.example"))
    api.put("/v1/accounts/C-2", account(**({"registered_email": "other@one.example"} | use)))
    before = api.get("/v1/accounts/C-2").json
    erase(api)
    assert api.get("/v1/accounts/C-2").json == before


def test_other_accounts_are_left_as_they_are(api: Api) -> None:
    other = account(registered_email="other@one.example", send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]})
    api.put(PATH, account())
    api.put("/v1/accounts/C-2", other)
    before = api.get("/v1/accounts/C-2/export").json | {"exported_at": None}
    erase(api)
    assert api.get("/v1/accounts/C-2/export").json | {"exported_at": None} == before


def test_an_address_of_an_erased_account_can_be_used_again(api: Api) -> None:
    api.put(PATH, account(registered_email="owner@one.example"))
    erase(api)
    assert api.put("/v1/accounts/C-2", account(registered_email="owner@one.example")).json["registered_email"] == "owner@one.example"


@pytest.fixture
def on_postgresql(database_url: str) -> None:
    if not database_url.startswith("postgresql"):
        pytest.skip("SQLite has one writer at a time")


@pytest.mark.usefixtures("on_postgresql")
def test_a_choice_made_at_the_moment_of_erasure_is_not_found(app: Flask, api: Api) -> None:
    api.put(PATH, account())
    with transaction() as session:
        erasure.erase(session, lookup.find(session, "C-1"), utcnow())
        answer = meanwhile(app, lambda api: api.put(f"{PATH}/send-email", {"abuse": ["abuse@one.example"]}).status_code)
    assert answer.result(10) == 404


@pytest.mark.usefixtures("on_postgresql")
def test_a_mailbox_that_another_account_takes_at_the_moment_of_erasure_keeps_its_address(app: Flask, api: Api) -> None:
    api.put(PATH, account(registered_email="shared@one.example"))
    with transaction() as session:
        erasure.erase(session, lookup.find(session, "C-1"), utcnow())
        answer = meanwhile(app, lambda api: api.put("/v1/accounts/C-2", account(registered_email="shared@one.example")).json)
    assert answer.result(10)["registered_email"] == "shared@one.example"


@pytest.mark.usefixtures("on_postgresql")
def test_erasure_waits_for_an_account_that_is_taking_the_mailbox(app: Flask, api: Api) -> None:
    from notifyhub.accounts.document import read_account
    from notifyhub.accounts.sync import sync

    api.put(PATH, account(registered_email="shared@one.example"))
    with transaction() as session:
        sync(session, [read_account(account(registered_email="shared@one.example"), "C-2")], "en", utcnow())
        answer = meanwhile(app, lambda api: api.delete(PATH).status_code)
    assert answer.result(10) == 204
    assert api.get("/v1/accounts/C-2").json["registered_email"] == "shared@one.example"


def test_that_an_owner_wants_no_confirmations_outlives_the_account_that_asked(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": ["blocked@two.example"]}))
    with transaction() as session:
        session.scalars(select(Mailbox).where(Mailbox.key == "blocked@two.example")).one().blocked_at = utcnow()
    erase(api)
    assert "two.example" not in everything()
    api.put("/v1/accounts/C-2", account())
    answer = api.put("/v1/accounts/C-2/send-email", {"abuse": ["Blocked@two.example"]})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "abuse.0")


def test_erasure_names_the_account_by_internal_id_in_the_audit_log(api: Api) -> None:
    api.put(PATH, account())
    erase(api)
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.subject, entry.details) == ("account.erased", f"account:{entry.account_id}", {})
