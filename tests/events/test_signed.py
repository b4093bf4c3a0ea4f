"""Events signed as Standard Webhooks says, by the official package."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from standardwebhooks import Webhook

from notifyhub import access, webhooks
from notifyhub.config import Settings
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Invalid
from notifyhub.models import ApiKey, Event
from tests.builders import account
from tests.conftest import Api, Templates
from tests.events.steps import STRUCTURED, event, send


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: a signature does not depend on it."""
    return templates.copy("sqlite")


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    api.key = None


def new_secret(app: Flask, name: str = "billing") -> str:
    with transaction() as session:
        return access.create_webhook_key(session, app.extensions["settings"], name, ["events"], utcnow())[1]


def headers(secret: str, body: str, id: str = "msg_1", at: datetime | None = None) -> dict[str, str]:
    """`at` is by the clock, as the package turns it into seconds without a look at its zone."""
    at = at or datetime.now(UTC)
    signature = Webhook(secret).sign(id, at, body)
    return {"webhook-id": id, "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}


def test_a_signed_event_needs_no_key(app: Flask, api: Api) -> None:
    body = json.dumps(event())
    assert send(api, body, STRUCTURED, headers=headers(new_secret(app), body)).status_code == 202
    assert db.session.query(Event).one().reported_by == "key:1 billing"


def test_either_of_several_secrets_will_do(app: Flask, api: Api) -> None:
    old, new = new_secret(app, "old"), new_secret(app, "new")
    for secret in (old, new):
        body = json.dumps(event())
        assert send(api, body, STRUCTURED, headers=headers(secret, body)).status_code == 202


def test_a_sender_may_sign_with_both_while_it_changes_them(app: Flask, api: Api) -> None:
    known, body = new_secret(app), json.dumps(event())
    both = headers(known, body)
    foreign = headers(webhooks.new_secret(), body)["webhook-signature"]
    both["webhook-signature"] = f"v1a,xyz {foreign} {both['webhook-signature']}"
    assert send(api, body, STRUCTURED, headers=both).status_code == 202


def test_a_revoked_secret_signs_nothing(app: Flask, api: Api) -> None:
    secret, body = new_secret(app), json.dumps(event())
    with transaction() as session:
        access.revoke_key(session, 1, utcnow())
    assert send(api, body, STRUCTURED, headers=headers(secret, body)).status_code == 401


@pytest.mark.parametrize("minutes", [-6, 6, 60 * 24 * 365 * 20])
def test_what_was_signed_at_another_time_is_refused(app: Flask, api: Api, minutes: int) -> None:
    secret, body = new_secret(app), json.dumps(event())
    answer = send(api, body, STRUCTURED, headers=headers(secret, body, at=datetime.now(UTC) + timedelta(minutes=minutes)))
    assert answer.status_code == 401
    assert "five minutes" in answer.json["detail"]


@pytest.mark.parametrize("minutes", [-4, 4])
def test_clocks_may_differ_a_little(app: Flask, api: Api, minutes: int) -> None:
    secret, body = new_secret(app), json.dumps(event())
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    assert send(api, body, STRUCTURED, headers=headers(secret, body, at=at)).status_code == 202


@pytest.mark.parametrize(
    "changes",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": "9" * 30},
        {"webhook-timestamp": "nan"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,é"},
        {"webhook-signature": "v1,AAAA v1,BBBB"},
        {"webhook-signature": "v2,AAAA"},
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(app: Flask, api: Api, changes: dict[str, str]) -> None:
    secret, body = new_secret(app), json.dumps(event())
    answer = send(api, body, STRUCTURED, headers=headers(secret, body) | changes)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert db.session.query(Event).count() == 0


def test_a_body_that_was_changed_is_refused(app: Flask, api: Api) -> None:
    secret, body = new_secret(app), json.dumps(event())
    assert send(api, body.replace("12.50", "92.50"), STRUCTURED, headers=headers(secret, body)).status_code == 401


def test_without_any_secret_nothing_is_signed(api: Api) -> None:
    body = json.dumps(event())
    assert send(api, body, STRUCTURED, headers=headers(webhooks.new_secret(), body)).status_code == 401


def test_a_signature_is_good_for_nothing_else(app: Flask, api: Api) -> None:
    secret = new_secret(app)
    assert api.get("/v1/accounts/C-1", headers=headers(secret, "")).status_code == 401


def test_a_secret_is_no_bearer_key(app: Flask, api: Api) -> None:
    api.key = new_secret(app)
    assert send(api, json.dumps(event()), STRUCTURED).status_code == 401


def test_a_bearer_key_is_what_counts_where_there_are_both(app: Flask, api: Api) -> None:
    secret, body = new_secret(app), json.dumps(event())
    api.key = "nh_wrong"
    assert send(api, body, STRUCTURED, headers=headers(secret, body)).status_code == 401


def test_the_secret_itself_is_not_in_the_database(app: Flask) -> None:
    secret = new_secret(app)
    row = db.session.query(ApiKey).one()
    assert secret.removeprefix("whsec_").encode() not in row.sealed_secret
    assert secret not in (row.prefix, row.name)


class TestSecretKeysThatChange:
    def settings(self, environ: dict[str, str], keys: str) -> Settings:
        return Settings.from_environ(environ | {"NOTIFYHUB_SECRET_KEY": keys})

    def test_an_older_one_still_opens_what_it_sealed(self, environ: dict[str, str]) -> None:
        secret = webhooks.new_secret()
        sealed = webhooks.seal(self.settings(environ, "a" * 32), secret)
        assert webhooks.unseal(self.settings(environ, f"{'b' * 32},{'a' * 32}"), sealed) == secret

    def test_one_that_is_gone_opens_nothing(self, environ: dict[str, str]) -> None:
        sealed = webhooks.seal(self.settings(environ, "a" * 32), webhooks.new_secret())
        assert webhooks.unseal(self.settings(environ, "b" * 32), sealed) is None

    def test_then_its_webhooks_are_refused_and_others_are_not(self, app: Flask, api: Api, environ: dict[str, str]) -> None:
        with transaction() as session:
            other = self.settings(environ, "z" * 32)
            old = access.create_webhook_key(session, other, "old", ["events"], utcnow())[1]
        new, body = new_secret(app, "new"), json.dumps(event())
        assert send(api, body, STRUCTURED, headers=headers(old, body)).status_code == 401
        assert send(api, body, STRUCTURED, headers=headers(new, body)).status_code == 202


def test_a_secret_is_made_for_events_alone(app: Flask) -> None:
    with transaction() as session, pytest.raises(Invalid, match="cannot be accepted"):
        access.create_webhook_key(session, app.extensions["settings"], "x", ["accounts"], utcnow())


def test_a_key_without_the_scope_reports_nothing(app: Flask, api: Api) -> None:
    with transaction() as session:
        api.key = access.create_key(session, "sync", ["accounts"], utcnow())[1]
    assert send(api, json.dumps(event()), STRUCTURED).status_code == 403
    api.key = None
    assert send(api, json.dumps(event()), STRUCTURED).status_code == 401
