"""PUT, GET and DELETE of an account over HTTP, on both databases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from notifyhub.database import db
from notifyhub.models import Account, AuditEntry, Service, ServiceAddress
from notifyhub.networks import Network
from tests.accounts.concurrency import at_once
from tests.builders import account, draft, service
from tests.conftest import Api
from tests.smtp import Server

PATH = "/v1/accounts/C-1"


def put(api: Api, **changes: Any) -> Any:
    answer = api.put(PATH, account(**changes))
    assert answer.status_code in (200, 201), answer.text
    return answer


def given(answer: dict[str, Any]) -> dict[str, Any]:
    """What the answer says of the account, without when."""
    return {name: value for name, value in answer.items() if name not in ("created_at", "updated_at")}


def actions() -> list[str]:
    return list(db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)))


def history() -> list[tuple[str, str, bool]]:
    """(order number, address, whether it is had now) of everything that anyone ever had."""
    rows = db.session.execute(
        select(Service.order_number, ServiceAddress.network, ServiceAddress.prefix_length, ServiceAddress.valid_to)
        .join(Service, Service.id == ServiceAddress.service_id)
        .order_by(ServiceAddress.valid_from, ServiceAddress.network)
    )
    return [(number, str(Network(bytes(network), length)), until is None) for number, network, length, until in rows]


# --- create and replace


def test_a_new_account_is_created_and_then_replaced(api: Api) -> None:
    assert [api.put(PATH, account(name=name)).status_code for name in ("One", "Two")] == [201, 200]
    assert api.get(PATH).json["name"] == "Two"


def test_what_was_put_is_read(api: Api) -> None:
    document = account(
        name="İki Bilişim 株式会社",
        locale="pt_BR",
        services=[service(addresses=["203.0.113.7", "2001:db8::/64"], status="suspended"), service()],
        send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}, {"email": "b@one.example", "state": "pending"}]},
    )
    assert given(api.put(PATH, document).json) == document | {"external_id": "C-1"}


def test_what_is_put_back_as_it_was_read_changes_nothing(api: Api) -> None:
    put(api, send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]}, services=[service(addresses=["203.0.113.7"])])
    api.put(f"{PATH}/send-email", {"abuse": ["new@one.example"], "support": ["help@one.example"]})
    before = api.get(PATH).json, api.get(f"{PATH}/send-email").json
    assert api.put(PATH, before[0]).status_code == 200
    assert (given(api.get(PATH).json), api.get(f"{PATH}/send-email").json) == (given(before[0]), before[1])


def test_a_new_account_takes_defaults_for_what_is_absent(api: Api) -> None:
    assert given(api.put(PATH, {"registered_email": "owner@one.example"}).json) == {
        "external_id": "C-1", "registered_email": "owner@one.example", "name": "", "locale": "en", "time_zone": "UTC", "services": [],
        "send_email": {},
    }  # fmt: skip


def test_absent_parts_stay_as_they_are(api: Api) -> None:
    before = put(api, send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]}).json
    assert given(api.put(PATH, {"registered_email": "owner@one.example"}).json) == given(before)


def test_an_external_id_may_be_any_line_of_text(api: Api) -> None:
    assert api.put("/v1/accounts/M%C3%BC%20%2342%3F", account()).json["external_id"] == "Mü #42?"


def test_two_accounts_may_have_one_registered_address(api: Api) -> None:
    put(api)
    assert api.put("/v1/accounts/C-2", account()).status_code == 201


def test_the_same_put_twice_changes_nothing(api: Api) -> None:
    document = account(send_email={"abuse": ["abuse@one.example"]})
    first = api.put(PATH, document).json
    done = actions()
    assert api.put(PATH, document).json == first
    assert actions() == done


def test_a_put_is_in_the_audit_log_with_what_it_changed(api: Api) -> None:
    put(api)
    api.put(PATH, {"registered_email": "owner@one.example", "name": "Two", "services": []})
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.actor, entry.origin, entry.details) == (
        "account.updated", "bootstrap key", "127.0.0.1", {"name": True, "services": True},
    )  # fmt: skip


def test_the_same_account_put_twice_at_once_is_made_once(app: Flask, api: Api) -> None:
    answers = at_once(app, *[lambda api: api.put(PATH, account(services=[service(order_number="#1")])).status_code] * 4)
    assert sorted(answers) == [200, 200, 200, 201]
    assert db.session.scalar(select(func.count()).select_from(Account)) == 1


# --- services


def test_a_service_that_is_no_longer_listed_ends_and_its_addresses_are_closed(api: Api) -> None:
    put(api, services=[service(order_number="#1", addresses=["203.0.113.7"]), service(order_number="#2", addresses=["203.0.113.8"])])
    put(api, services=[service(order_number="#2", addresses=["203.0.113.8"])])
    assert [item["order_number"] for item in api.get(PATH).json["services"]] == ["#2"]
    assert history() == [("#1", "203.0.113.7", False), ("#2", "203.0.113.8", True)]


def test_a_service_that_is_listed_again_comes_back(api: Api) -> None:
    first = service(order_number="#1", addresses=["203.0.113.7"])
    for services in ([first], [], [first]):
        put(api, services=services)
    assert api.get(PATH).json["services"] == [first]
    assert history() == [("#1", "203.0.113.7", False), ("#1", "203.0.113.7", True)]


def test_a_service_that_moved_is_the_same_service(api: Api) -> None:
    first = service(addresses=["203.0.113.7", "2001:db8::/64"])
    moved = first | {"location": "ams2", "node": "ams2-n1", "addresses": ["2001:db8::/64", "198.51.100.1"]}
    put(api, services=[first])
    assert put(api, services=[moved]).json["services"] == [moved | {"addresses": ["198.51.100.1", "2001:db8::/64"]}]
    assert [(address, now) for _, address, now in history()] == [
        ("203.0.113.7", False), ("2001:db8::/64", True), ("198.51.100.1", True),
    ]  # fmt: skip


def test_a_terminated_service_is_shown_as_long_as_it_is_listed(api: Api) -> None:
    assert put(api, services=[service(status="terminated")]).json["services"][0]["status"] == "terminated"


def test_two_accounts_may_have_services_of_one_order_number(api: Api) -> None:
    put(api, services=[service(order_number="#1", name="mine")])
    api.put("/v1/accounts/C-2", account(services=[service(order_number="#1", name="theirs")]))
    assert api.get(PATH).json["services"][0]["name"] == "mine"


# --- addresses


def test_what_a_customer_chose_survives_a_sync_that_says_the_same_again(api: Api) -> None:
    document = account(send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]})
    api.put(PATH, document)
    api.put(f"{PATH}/send-email", {"abuse": ["abuse@one.example", "owner@one.example"], "support": ["owner@one.example"]})
    chosen = api.get(f"{PATH}/send-email").json
    api.put(PATH, document | {"name": "Another name"})
    assert api.get(f"{PATH}/send-email").json == chosen


def state_of(api: Api, email: str) -> str:
    return next(item["state"] for item in api.get(PATH).json["send_email"]["abuse"] if item["email"] == email)


def test_verified_lifts_pending(api: Api) -> None:
    for state in ("pending", "verified"):
        put(api, send_email={"abuse": [{"email": "abuse@one.example", "state": state}]})
    assert state_of(api, "abuse@one.example") == "verified"


def test_pending_never_lowers_verified(api: Api) -> None:
    for state in ("verified", "pending"):
        put(api, send_email={"abuse": [{"email": "abuse@one.example", "state": state}]})
    assert state_of(api, "abuse@one.example") == "verified"


def test_a_put_mails_no_confirmations(api: Api, work: Any, smtp: Server) -> None:
    put(api)
    put(api, send_email={"abuse": ["abuse@one.example"]})
    work()
    assert smtp.to("abuse@one.example") == []


def test_a_new_account_is_told_nothing(api: Api, work: Any, smtp: Server) -> None:
    put(api, send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]})
    work()
    assert smtp.mails == []


def test_a_changed_registered_address_is_told_to_the_old_and_the_new_one(api: Api, work: Any, smtp: Server) -> None:
    put(api, registered_email="old@one.example")
    put(api, registered_email="new@one.example")
    work()
    assert sorted(mail.to for mail in smtp.mails) == ["new@one.example", "old@one.example"]
    assert all("new@one.example" in mail.text for mail in smtp.mails)


def test_another_spelling_of_the_registered_address_is_no_change_to_tell(api: Api, work: Any, smtp: Server) -> None:
    put(api, registered_email="owner@one.example")
    assert put(api, registered_email="Owner@One.example").json["registered_email"] == "Owner@one.example"
    work()
    assert smtp.mails == []


# --- reading, and what is not there


def test_the_export_has_everything(api: Api, work: Any) -> None:
    put(api, services=[service(order_number="#1", name="gone.example.net", addresses=["203.0.113.7"])], registered_email="old@one.example")
    put(api, services=[service(order_number="#2", name="here.example.net")])
    api.put(f"{PATH}/send-email", {"abuse": ["abuse@one.example"], "muted": ["news"]})
    id = api.post("/v1/announcements", draft()).json["id"]
    api.post(f"/v1/announcements/{id}/publish", {})
    work()
    export = api.get(f"{PATH}/export")
    assert export.status_code == 200
    for text in (
        "One Ltd", "owner@one.example", "old@one.example", "abuse@one.example", "Europe/Istanbul", "#1", "gone.example.net", "203.0.113.7",
        "here.example.net", '"news"', id, "addresses.changed", "registered address", "250 2.0.0 kept",
    ):  # fmt: skip
        assert text in export.text


@pytest.mark.parametrize("path", ["", "/export", "/send-email", "/inbox"])
def test_an_account_that_does_not_exist_is_not_found(api: Api, path: str) -> None:
    answer = api.get(f"/v1/accounts/C-9{path}")
    assert (answer.status_code, answer.json["detail"]) == (404, "There is no account with this external id.")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_what_can_be_no_external_id_is_not_found(api: Api, method: str) -> None:
    for id in ("%00", "C%0A1", "C%2F1", "M%FCller", "%ED%A0%80", "x" * 129):
        assert api(method, f"/v1/accounts/{id}", account() if method == "PUT" else None).status_code == 404, id


# --- who may


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer nh_wrong", "Basic nh_test", "Bearer \xff", "bearer  "])
def test_without_a_known_key_nothing_is_answered(app: Flask, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    answer = Api(app.test_client(), key=None).get(PATH, headers=headers)
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Bearer realm="NotifyHub"')


# --- what cannot be read

UNREADABLE = [
    (b"{", "application/json"),
    (b"", "application/json"),
    (b"\xff\xfe\xfd", "application/json"),
    (b"[" * 200_000, "application/json"),
    (b"name=One", "application/x-www-form-urlencoded"),
    (b"{}", "text/plain"),
    (b"", ""),
]


@pytest.mark.parametrize(("body", "content_type"), UNREADABLE)
@pytest.mark.parametrize("path", [PATH, f"{PATH}/send-email"])
def test_what_is_not_json_is_unreadable(api: Api, path: str, body: bytes, content_type: str) -> None:
    put(api)
    answer = api.put(path, data=body, content_type=content_type)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize(
    ("path", "limit"),
    [(PATH, "8,388,608"), (f"{PATH}/send-email", "1,048,576"), (f"{PATH}/send-email/confirmations", "1,048,576")],
)
def test_a_body_of_20_megabytes_is_refused_with_the_limit(api: Api, path: str, limit: str) -> None:
    put(api)
    method = "POST" if path.endswith("confirmations") else "PUT"
    answer = api(method, path, data=b" " * 20_000_000, content_type="application/json")
    assert (answer.status_code, answer.json["detail"]) == (413, f"The body may have {limit} bytes here.")


ODD = ["\x00", "\ud800", "One\r\nBcc: all@one.example", {"\ud800": "\x00"}, [[[[[]]]]], 7, None, True, 1e400]


@pytest.mark.parametrize("value", ODD, ids=ascii)
def test_odd_values_are_refused_in_every_field(api: Api, value: Any) -> None:
    fields = ("registered_email", "name", "locale", "time_zone", "services", "send_email", "colour")
    service_fields = ("order_number", "name", "product", "location", "node", "addresses", "status", "colour")
    documents = [account(**{field: value}) for field in fields]
    documents += [account(services=[service(**{field: value})]) for field in service_fields]
    documents += [account(services=[service(addresses=[value])]), account(services=[value])]
    documents += [account(send_email={"abuse": listed}) for listed in (value, [value], [{"email": value}], {"addresses": [value]})]
    for document in documents:
        answer = api.put(PATH, data=json.dumps(document), content_type="application/json")
        assert answer.status_code == 422, (document, answer.text)
        assert all(error["message"] for error in answer.json["errors"])
    assert api.get(PATH).status_code == 404


def test_a_key_that_cannot_be_encoded_is_named_as_well_as_it_can(api: Api) -> None:
    answer = api.put(PATH, data=b'{"registered_email": "a@one.example", "\\ud800": 1}', content_type="application/json")
    assert (answer.status_code, answer.json["errors"][0]["message"][:13]) == (422, "unknown field")


def test_one_unreadable_service_address_refuses_the_whole_put(api: Api) -> None:
    answer = api.put(PATH, account(services=[service(addresses=["203.0.113.256"])]))
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "services.0.addresses.0")
    assert api.get(PATH).status_code == 404
