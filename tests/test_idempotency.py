"""The same POST twice does its work once."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub import access
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Confirmation, Idempotency
from tests.accounts.concurrency import at_once
from tests.builders import account
from tests.conftest import Api

AGAIN = "/v1/accounts/C-1/send-email/confirmations"
DESK = {"email": "desk@one.example"}


@pytest.fixture
def owner(api: Api) -> Api:
    """An account with two addresses that wait for confirmations nobody has mailed yet."""
    api.put("/v1/accounts/C-1", account(send_email={"abuse": ["desk@one.example", "noc@one.example"]}))
    return api


def post(api: Api, document: Any = DESK, key: str = "once", path: str = AGAIN) -> Any:
    return api.post(path, document, headers={"Idempotency-Key": key})


def asked() -> int:
    count = db.session.scalar(select(func.count(Confirmation.id)))
    db.session.remove()
    return count or 0


def test_the_same_request_again_is_answered_the_same_and_says_so(owner: Api) -> None:
    first, second = post(owner), post(owner)
    assert (second.status_code, second.json) == (first.status_code, first.json) == (202, DESK)
    assert [answer.headers.get("Idempotent-Replayed") for answer in (first, second)] == [None, "true"]
    assert asked() == 1


def test_another_key_does_it_again(owner: Api) -> None:
    assert [post(owner, key=key).status_code for key in ("a", "b")] == [202, 202]
    assert asked() == 2


def test_a_key_that_was_used_for_another_body_is_refused(owner: Api) -> None:
    post(owner)
    answer = post(owner, {"email": "noc@one.example"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")
    assert asked() == 1


def test_a_key_that_was_used_for_another_address_is_refused(owner: Api) -> None:
    owner.put("/v1/accounts/C-2", account(send_email={"abuse": ["desk@one.example"]}))
    post(owner)
    assert post(owner, path="/v1/accounts/C-2/send-email/confirmations").status_code == 422


def test_a_request_that_failed_leaves_its_key_free(owner: Api) -> None:
    unknown = {"email": "later@one.example"}
    assert post(owner, unknown).status_code == 404
    owner.put("/v1/accounts/C-1", account(send_email={"abuse": ["later@one.example"]}))
    answer = post(owner, unknown)
    assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (202, None)


def test_keys_are_each_callers_own(app: Flask, owner: Api) -> None:
    with transaction() as session:
        _, token = access.create_key(session, "billing", ["accounts"], utcnow())
    post(owner)
    assert post(Api(app.test_client(), token)).headers.get("Idempotent-Replayed") is None
    assert asked() == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "\xa0"])
def test_what_can_be_no_key_is_refused(owner: Api, key: str) -> None:
    answer = post(owner, key=key)
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_the_same_request_several_times_at_once_is_done_once(app: Flask, owner: Api) -> None:
    answers = at_once(app, *[lambda api: post(api).headers.get("Idempotent-Replayed", "first")] * 4)
    assert sorted(answers) == ["first", "true", "true", "true"]
    assert asked() == 1


def test_an_unreadable_body_leaves_the_key_free(owner: Api) -> None:
    answer = owner.post(AGAIN, data=b"{", content_type="application/json", headers={"Idempotency-Key": "once"})
    assert answer.status_code == 400
    assert db.session.scalar(select(func.count()).select_from(Idempotency)) == 0
