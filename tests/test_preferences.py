"""What customers decide under "Send email", and where mail goes right now."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub import recipients, routing
from notifyhub.database import db, transaction, utcnow
from notifyhub.kinds import CATEGORIES
from notifyhub.models import Account, AuditEntry, DeliveryAddress, Mailbox, Notification
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

PATH = "/v1/accounts/C-1"
SEND_EMAIL = f"{PATH}/send-email"
FALLBACK = [{"email": "owner@one.example", "rule": 4, "reason": "registered address: none is set for this category"}]


@pytest.fixture
def owner(api: Api) -> Api:
    api.put(PATH, account())
    return api


def put(api: Api, **send_email: Any) -> Any:
    answer = api.put(SEND_EMAIL, send_email)
    assert answer.status_code == 200, answer.text
    return answer.json


def shown(setting: dict[str, Any]) -> list[tuple[str, str]]:
    return [(item["email"], item["state"]) for item in setting["addresses"]]


def now(setting: dict[str, Any]) -> list[tuple[str | None, int]]:
    return [(item["email"], item["rule"]) for item in setting["now"]]


def mark(email: str, **values: Any) -> None:
    with transaction() as session:
        row = session.scalars(select(Mailbox).where(Mailbox.email == email)).one()
        for name, value in values.items():
            setattr(row, name, value)


def test_an_account_that_set_nothing_is_mailed_at_its_registered_address(owner: Api) -> None:
    nothing = {"addresses": [], "now": FALLBACK}
    assert owner.get(SEND_EMAIL).json == dict.fromkeys(CATEGORIES, nothing) | {"muted": []}


def test_a_new_address_waits_for_its_owner(owner: Api) -> None:
    invoices = put(owner, invoices=["new@one.example"])["invoices"]
    assert shown(invoices) == [("new@one.example", "pending")]
    assert now(invoices) == [("owner@one.example", 4)]


def test_the_registered_address_needs_no_confirmation(owner: Api) -> None:
    assert shown(put(owner, invoices=["Owner@one.example"])["invoices"]) == [("owner@one.example", "verified")]


def test_an_address_confirmed_for_one_category_needs_none_for_another(api: Api, work: Any, smtp: Server) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    assert shown(put(api, abuse=[], support=["desk@one.example"])["support"]) == [("desk@one.example", "verified")]
    work()
    assert not any("/confirm/" in mail.text for mail in smtp.mails)


def test_what_another_account_confirmed_is_not_confirmed_for_this_one(owner: Api) -> None:
    owner.put("/v1/accounts/C-2", account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    assert shown(put(owner, support=["desk@one.example"])["support"]) == [("desk@one.example", "pending")]


def test_a_replaced_address_serves_until_the_new_one_is_confirmed(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    abuse = put(api, abuse=["new@one.example"])["abuse"]
    assert shown(abuse) == [("new@one.example", "pending"), ("old@one.example", "replaced")]
    assert abuse["now"] == [{"email": "old@one.example", "rule": 3, "reason": "address in use until its replacement is confirmed"}]


@pytest.mark.parametrize("empty", [[], {"addresses": []}])
def test_an_emptied_list_takes_effect_at_once(api: Api, empty: Any) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    assert put(api, abuse=empty)["abuse"] == {"addresses": [], "now": FALLBACK}


def test_absent_categories_stay(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    assert shown(put(owner, support=["owner@one.example"])["abuse"]) == [("desk@one.example", "pending")]


def test_the_state_that_a_customer_writes_means_nothing(owner: Api) -> None:
    listed = [{"email": "a@one.example", "state": "verified"}, {"email": "b@one.example", "state": 7}]
    assert shown(put(owner, abuse=listed)["abuse"]) == [("a@one.example", "pending"), ("b@one.example", "pending")]


def test_the_answer_can_be_put_back_and_changes_nothing(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    put(api, abuse=["old@one.example", "new@one.example"], muted=["news"])
    before = api.get(SEND_EMAIL).json
    entries = db.session.scalar(select(func.count(AuditEntry.id)))
    assert put(api, **before) == before
    assert db.session.scalar(select(func.count(AuditEntry.id))) == entries


def test_the_order_is_the_customers(owner: Api) -> None:
    put(owner, abuse=["a@one.example", "b@one.example"])
    assert shown(put(owner, abuse=["c@one.example", "b@one.example", "a@one.example"])["abuse"])[0][0] == "c@one.example"


def test_ten_addresses_are_fine(api: Api) -> None:
    listed = [{"email": f"a{n}@one.example", "state": "verified"} for n in range(10)]
    api.put(PATH, account(send_email={"abuse": listed}))
    assert len(put(api, support=[item["email"] for item in listed])["support"]["now"]) == 10


# --- where mail goes right now


def test_a_bouncing_mailbox_is_shown_as_that_and_not_mailed(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    mark("desk@one.example", status="bouncing")
    abuse = api.get(SEND_EMAIL).json["abuse"]
    assert (shown(abuse), now(abuse)) == ([("desk@one.example", "bouncing")], [("owner@one.example", 4)])


def test_where_nothing_is_usable_that_is_said(owner: Api) -> None:
    mark("owner@one.example", status="bouncing")
    assert owner.get(SEND_EMAIL).json["invoices"]["now"] == [{"email": None, "rule": 5, "reason": "no usable address"}]


def test_a_fresh_abuse_address_is_shown_with_the_registered_one_beside_it(owner: Api) -> None:
    owner.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    assert now(owner.get(SEND_EMAIL).json["abuse"]) == [("desk@one.example", 3), ("owner@one.example", 6)]


def test_an_abuse_address_that_came_with_the_account_is_old(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    assert now(api.get(SEND_EMAIL).json["abuse"]) == [("desk@one.example", 3)]


def test_now_is_what_the_routing_core_answers(api: Api) -> None:
    api.put(PATH, account(registered_email="before@one.example", send_email={"support": [{"email": "s@one.example", "state": "verified"}]}))
    api.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    put(api, support=["new@one.example"], invoices=["later@one.example"])
    mark("s@one.example", status="complained")
    answer, at = api.get(SEND_EMAIL).json, utcnow()
    for category in CATEGORIES:
        question = routing.Notification("anything", category)
        ((recipient, addresses),) = recipients.load(
            db.session(), [db.session.query(Account.id).filter_by(external_id="C-1").scalar()], question
        )
        decided = routing.route(question, recipient, addresses, at)
        sent = [(d.mailbox.email, d.rule, d.reason) for d in decided if d.mailbox and d.action == "send"]
        assert [(item["email"], item["rule"], item["reason"]) for item in answer[category]["now"]] == sent


# --- muting


def test_an_optional_kind_can_be_muted_and_unmuted(owner: Api) -> None:
    assert [put(owner, muted=kinds)["muted"] for kinds in (["news", "news"], [])] == [["news"], []]


@pytest.mark.parametrize(
    ("muted", "field"),
    [(["maintenance"], "muted.0"), (["news", "invoice"], "muted.1"), ("news", "muted"), ([["news"]], "muted.0"), (None, "muted")],
)
def test_nothing_else_can_be_muted(owner: Api, muted: Any, field: str) -> None:
    answer = owner.put(SEND_EMAIL, {"muted": muted})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, field)


# --- what is refused, as a whole

NFD = unicodedata.normalize("NFD", "josé")
REFUSED = [
    ([f"a{n}@one.example" for n in range(11)], "abuse", "has 11 addresses; 10 are allowed"),
    (["a@one.example", "A@ONE.example"], "abuse.1", "is the same mailbox as a@one.example"),
    (["a@bücher.example", "a@xn--bcher-kva.example"], "abuse.1", "is the same mailbox as a@xn--bcher-kva.example"),
    (["josé@one.example", f"{NFD}@one.example"], "abuse.1", "is the same mailbox as josé@one.example"),
    (["a@one.example", {"email": "a@one.example"}], "abuse.1.email", "is the same mailbox as a@one.example"),
    (["a" * 288 + "@one.example"], "abuse.0", "is longer than 254 characters"),
    (["nobody"], "abuse.0", "is not an e-mail address: "),
    (["a@one.example\r\nBcc: b@one.example"], "abuse.0", "is not an e-mail address: "),
    ([{"address": "a@one.example"}], "abuse.0.address", "unknown field; known are email, state"),
    ([{}], "abuse.0.email", "is required"),
    ([7], "abuse.0", "must be a string, not a number"),
    ("a@one.example", "abuse", "must be a list of addresses, not a string"),
    ({}, "abuse", "must be a list of addresses, not an object"),
    (None, "abuse", "must be a list of addresses, not null"),
]


@pytest.mark.parametrize(("abuse", "field", "message"), REFUSED, ids=[message for *_, message in REFUSED])
def test_what_cannot_be_set_is_refused_and_nothing_of_the_request_is_kept(owner: Api, abuse: Any, field: str, message: str) -> None:
    answer = owner.put(SEND_EMAIL, {"support": ["fine@one.example"], "abuse": abuse, "muted": ["news"]})
    assert answer.status_code == 422
    assert answer.json["errors"][0]["field"] == field
    assert message in answer.json["errors"][0]["message"]
    assert owner.get(SEND_EMAIL).json["support"]["addresses"] == []


def test_an_unknown_category_is_refused(owner: Api) -> None:
    answer = owner.put(SEND_EMAIL, {"newsletter": []})
    assert answer.json["errors"] == [
        {"field": "newsletter", "message": "unknown field; known are abuse, announcements, invoices, muted, support"}
    ]


@pytest.mark.parametrize("document", [[], None, "abuse", 7])
def test_what_is_no_object_is_refused(owner: Api, document: Any) -> None:
    answer = owner.put(SEND_EMAIL, data=json.dumps(document), content_type="application/json")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "")


def test_a_refused_request_leaves_no_rows_and_mails_nothing(owner: Api, work: Any, smtp: Server) -> None:
    for n in range(3):
        mailbox = {"abuse": [f"flood{n}@one.example" for n in range(4 * n, 4 * n + 4)]}
        answer = owner.put(SEND_EMAIL, mailbox)
    assert answer.status_code == 429
    refused = DeliveryAddress.mailbox_id.in_(select(Mailbox.id).where(Mailbox.email == "flood8@one.example"))
    assert db.session.scalar(select(func.count()).select_from(DeliveryAddress).where(refused)) == 0
    told = db.session.scalar(select(func.count(Notification.id)).where(Notification.source == "confirmation"))
    db.session.remove()
    work()
    assert told == len([mail for mail in smtp.mails if "/confirm/" in mail.text]) == 8


def test_a_key_without_the_scope_may_not(app: Flask, owner: Api) -> None:
    from notifyhub import access

    with transaction() as session:
        _, token = access.create_key(session, "monitoring", ["events"], utcnow())
    answer = Api(app.test_client(), token).put(SEND_EMAIL, {})
    assert (answer.status_code, answer.json["detail"]) == (403, "This key does not have the scope 'accounts'.")
