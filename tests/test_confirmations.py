"""Confirmation of addresses by their owners: what is mailed, how often, and what it sets off."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update

from notifyhub import signing
from notifyhub.database import db, transaction
from notifyhub.models import AuditEntry, Confirmation, Mailbox
from tests.accounts.concurrency import at_once
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Mail, Server

PATH = "/v1/accounts/C-1"
SEND_EMAIL = f"{PATH}/send-email"
AGAIN = f"{SEND_EMAIL}/confirmations"


@pytest.fixture
def owner(api: Api) -> Api:
    api.put(PATH, account())
    return api


def put(api: Api, path: str = PATH, **send_email: Any) -> Any:
    return api.put(f"{path}/send-email", send_email)


def states(api: Api, category: str = "abuse") -> dict[str, str]:
    return {item["email"]: item["state"] for item in api.get(SEND_EMAIL).json[category]["addresses"]}


def links(email: str) -> list[str]:
    """What was mailed to that address, read from the table to save the trip through the mail."""
    settings = current_app.extensions["settings"]
    ids = db.session.scalars(select(Confirmation.id).join(Mailbox).where(Mailbox.email == email).order_by(Confirmation.id)).all()
    db.session.remove()
    return [f"/confirm/{signing.sign(settings, 'confirm', str(id))}" for id in ids]


def link(email: str) -> str:
    return links(email)[0]


def mailed(smtp: Server, address: str) -> Mail:
    (mail,) = smtp.to(address)
    return mail


def press(api: Api, path: str, answer: str = "confirm") -> Any:
    return api.post(path, data={"answer": answer})


def age(by: timedelta) -> None:
    """Lets time pass for every confirmation."""
    with transaction() as session:
        for row in session.scalars(select(Confirmation)):
            row.created_at, row.expires_at = row.created_at - by, row.expires_at - by


def make_bounce(email: str) -> None:
    with transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.email == email).values(status="bouncing", status_reason="550 no such user"))


def test_the_button_behind_the_mailed_link_confirms(owner: Api, work: Any, smtp: Server) -> None:
    put(owner, abuse=["josé@bücher.example"])
    work()
    found = re.search(r"https://notify\.provider\.example(/confirm/\S+)", mailed(smtp, "josé@xn--bcher-kva.example").text)
    assert found
    assert press(owner, found[1]).status_code == 200
    assert states(owner) == {"josé@xn--bcher-kva.example": "verified"}


def test_one_confirmation_serves_all_categories(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"], support=["desk@one.example"])
    put(owner, invoices=["Desk@one.example"])
    press(owner, link("desk@one.example"))
    assert [states(owner, category) for category in ("abuse", "support", "invoices")] == [{"desk@one.example": "verified"}] * 3


def test_it_confirms_for_no_other_account(owner: Api) -> None:
    owner.put("/v1/accounts/C-2", account())
    for path in ("/v1/accounts/C-2", PATH):
        put(owner, path, abuse=["desk@one.example"])
    press(owner, link("desk@one.example"))
    answers = [owner.get(f"/v1/accounts/{id}/send-email").json["abuse"]["addresses"][0]["state"] for id in ("C-1", "C-2")]
    assert sorted(answers) == ["pending", "verified"]


def test_replaced_addresses_go_once_the_new_one_is_confirmed(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    put(api, abuse=["new@one.example", "other@one.example"])
    press(api, link("new@one.example"))
    assert states(api) == {"new@one.example": "verified", "other@one.example": "pending"}


def test_a_fresh_address_for_abuse_is_accompanied_by_the_registered_one(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    press(owner, link("desk@one.example"))
    assert [item["rule"] for item in owner.get(SEND_EMAIL).json["abuse"]["now"]] == [3, 6]


def test_a_confirmation_is_in_the_audit_log(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    press(owner, link("desk@one.example"))
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.actor, entry.origin) == ("address.confirmed", "confirmation link", "127.0.0.1")


def test_two_presses_at_once_confirm_once(app: Flask, owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    path = link("desk@one.example")
    assert sorted(at_once(app, *[lambda api: press(api, path).status_code] * 4)) == [200, 410, 410, 410]


# --- the mail


def test_the_mail_names_the_provider_and_the_address_and_carries_nothing_that_a_customer_wrote(api: Api, work: Any, smtp: Server) -> None:
    api.put(PATH, account(name="WIN A PRIZE http://evil.example"))
    put(api, abuse=["desk@one.example"])
    work()
    mail = mailed(smtp, "desk@one.example")
    assert "PRIZE" not in mail.text + mail.html + str(mail.message)
    assert "evil.example" not in mail.text + mail.html + str(mail.message)
    assert all(word in part for part in (mail.text, mail.html) for word in ("Provider", "desk@one.example"))


def test_a_link_is_in_no_inbox(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    assert "/confirm/" not in owner.get(f"{PATH}/inbox").text


# --- asking again


def test_the_same_address_again_mails_no_second_confirmation(owner: Api) -> None:
    for listed in (["desk@one.example"], [], ["desk@one.example"]):
        put(owner, abuse=listed)
    assert len(links("desk@one.example")) == 1


def test_what_was_never_confirmed_cannot_be_flooded_by_setting_and_removing_it(owner: Api, work: Any, smtp: Server) -> None:
    for _ in range(5):
        put(owner, abuse=["victim@one.example"])
        put(owner, abuse=[])
    work()
    assert len(smtp.to("victim@one.example")) == 1


def test_a_confirmation_can_be_mailed_again(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    answer = owner.post(AGAIN, {"email": "Desk@ONE.example"})
    assert answer.status_code == 202
    assert len(links("desk@one.example")) == 2


def test_what_the_provider_set_is_confirmed_when_the_customer_asks_for_it(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": ["desk@one.example"]}))
    assert api.post(AGAIN, {"email": "desk@one.example"}).status_code == 202
    press(api, link("desk@one.example"))
    assert states(api) == {"desk@one.example": "verified"}


@pytest.mark.parametrize(
    ("email", "status", "detail"),
    [
        ("nobody@one.example", 404, "This account has no such address."),
        ("owner@one.example", 409, "This address is confirmed already."),
        ("sure@one.example", 409, "This address is confirmed already."),
    ],
)
def test_only_what_waits_can_be_asked_for_again(api: Api, email: str, status: int, detail: str) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "sure@one.example", "state": "verified"}]}))
    answer = api.post(AGAIN, {"email": email})
    assert (answer.status_code, answer.json["detail"]) == (status, detail)


@pytest.mark.parametrize(
    "document",
    [{}, [], {"email": 7}, {"email": None}, {"email": "nobody"}, {"email": "a\r\nb@one.example"}, {"email": "a@one.example", "x": 1},
     {"email": "a" * 300 + "@one.example"}, {"email": "\x00"}],
    ids=repr,
)  # fmt: skip
def test_what_names_no_address_is_invalid(owner: Api, document: Any) -> None:
    assert owner.post(AGAIN, document).status_code == 422


# --- limits


def ask_again(api: Api, times: int) -> list[int]:
    return [api.post(AGAIN, {"email": "desk@one.example"}).status_code for _ in range(times)]


def test_a_mailbox_gets_three_a_day(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    assert ask_again(owner, 3) == [202, 202, 429]


def test_a_mailbox_gets_three_a_day_whoever_asks(api: Api) -> None:
    answers = []
    for n in range(4):
        api.put(f"/v1/accounts/C-{n}", account(registered_email=f"owner{n}@one.example"))
        answers.append(put(api, f"/v1/accounts/C-{n}", abuse=["desk@one.example"]))
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert api.get("/v1/accounts/C-3/send-email").json["abuse"]["addresses"] == []
    assert answers[3].json["errors"] == [{"field": "abuse.0", "message": "no more than 3 confirmations a day are mailed for this mailbox"}]


def test_an_account_causes_ten_a_day(owner: Api) -> None:
    assert put(owner, abuse=[f"a{n}@one.example" for n in range(10)]).status_code == 200
    answer = put(owner, support=["eleventh@one.example"])
    assert (answer.status_code, answer.json["errors"][0]["message"]) == (
        429, "no more than 10 confirmations a day are mailed for this account",
    )  # fmt: skip


def test_the_answer_says_when_to_come_back(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    age(timedelta(hours=23))
    ask_again(owner, 2)
    answer = owner.post(AGAIN, {"email": "desk@one.example"})
    assert 3590 <= int(answer.headers["Retry-After"]) <= 3601


def test_a_day_later_it_goes_on(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    ask_again(owner, 2)
    age(timedelta(hours=24))
    assert ask_again(owner, 1) == [202]


def test_two_accounts_that_ask_at_once_are_counted_together(app: Flask, api: Api) -> None:
    for n in range(6):
        api.put(f"/v1/accounts/C-{n}", account(registered_email=f"owner{n}@one.example"))
    listed = [["desk@one.example", "noc@one.example"], ["noc@one.example", "desk@one.example"]]
    calls = [lambda api, n=n: put(api, f"/v1/accounts/C-{n}", abuse=listed[n % 2]).status_code for n in range(6)]
    assert sorted(at_once(app, *calls)) == [200, 200, 200, 429, 429, 429]


# --- "I did not ask for this"


def blocked(api: Api, **send_email: Any) -> None:
    put(api, **(send_email or {"abuse": ["desk@one.example"]}))
    assert press(api, link("desk@one.example"), "not-me").status_code == 200


def test_it_takes_the_address_back(owner: Api) -> None:
    blocked(owner, abuse=["desk@one.example"], support=["desk@one.example"])
    assert (states(owner), states(owner, "support")) == ({}, {})


def test_it_blocks_further_confirmations_for_every_account(owner: Api) -> None:
    blocked(owner)
    owner.put("/v1/accounts/C-2", account(send_email={"support": ["desk@one.example"]}))
    answers = [put(owner, path, abuse=["Desk@one.example"]) for path in (PATH, "/v1/accounts/C-2")]
    answers.append(owner.post("/v1/accounts/C-2/send-email/confirmations", {"email": "desk@one.example"}))
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    assert answers[0].json["errors"] == [{"field": "abuse.0", "message": "the owner of this mailbox asked us to send it no confirmations"}]


def test_it_blocks_where_another_link_is_still_good(owner: Api) -> None:
    put(owner, abuse=["desk@one.example"])
    ask_again(owner, 1)
    press(owner, link("desk@one.example"), "not-me")
    assert put(owner, abuse=["desk@one.example"]).status_code == 422


def test_what_it_was_to_replace_is_no_longer_replaced(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    blocked(api)
    assert states(api) == {"old@one.example": "verified"}


def test_another_address_that_waits_keeps_it_replaced(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    blocked(api, abuse=["desk@one.example", "noc@one.example"])
    assert states(api) == {"noc@one.example": "pending", "old@one.example": "replaced"}


# --- mending a mailbox that bounced


def test_a_bouncing_address_is_mended_by_its_owner(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    make_bounce("desk@one.example")
    assert api.post(AGAIN, {"email": "desk@one.example"}).status_code == 202
    press(api, link("desk@one.example"))
    assert api.get(SEND_EMAIL).json["abuse"]["now"][0] == {
        "email": "desk@one.example", "rule": 3, "reason": "confirmed address of this category",
    }  # fmt: skip


def test_a_bouncing_registered_address_is_mended_and_the_repair_notice_goes(owner: Api, work: Any, smtp: Server) -> None:
    smtp.refuse("owner@one.example", "550 5.1.1 no such user")
    id = owner.post(
        "/v1/announcements", {"kind": "outage", "content": {"en": {"title": "t", "body": "b"}}, "audience": {"all": True}}
    ).json["id"]
    owner.post(f"/v1/announcements/{id}/publish", {})
    work()
    assert "repair" in [item["kind"] for item in owner.get(f"{PATH}/inbox").json["items"]]
    owner.post(AGAIN, {"email": "owner@one.example"})
    press(owner, link("owner@one.example"))
    assert "repair" not in [item["kind"] for item in owner.get(f"{PATH}/inbox").json["items"]]


def test_mending_what_serves_on_does_not_end_it(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": [{"email": "old@one.example", "state": "verified"}]}))
    put(api, abuse=["new@one.example"])
    make_bounce("old@one.example")
    api.post(AGAIN, {"email": "old@one.example"})
    press(api, link("old@one.example"))
    assert states(api) == {"new@one.example": "pending", "old@one.example": "replaced"}


def test_a_provider_that_vouches_does_not_lift_a_bounce(api: Api) -> None:
    api.put(PATH, account(send_email={"abuse": ["desk@one.example"]}))
    make_bounce("desk@one.example")
    api.put(PATH, account(send_email={"abuse": [{"email": "desk@one.example", "state": "verified"}]}))
    assert states(api) == {"desk@one.example": "bouncing"}
