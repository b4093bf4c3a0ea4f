"""What an account's document may say, and what is answered to one that cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from notifyhub.accounts.document import AccountDocument, read_account
from notifyhub.errors import FieldError, Invalid
from tests.builders import account, service


def refusals(document: Any, external_id: str | None = "C-1") -> dict[str, str]:
    """Field → message."""
    with pytest.raises(Invalid) as refusal:
        read_account(document, external_id)
    return {error.field: error.message for error in refusal.value.errors}


def read(**changes: Any) -> AccountDocument:
    return read_account(account(**changes), "C-1")


BROKEN: list[tuple[dict[str, Any], str, str]] = [
    ({"registered_email": 7}, "registered_email", "must be a string, not a number"),
    ({"registered_email": None}, "registered_email", "must be a string, not null"),
    ({"registered_email": "owner"}, "registered_email", "is not an e-mail address: "),
    ({"registered_email": "o" * 291 + "@one.example"}, "registered_email", "is longer than 254 characters"),
    ({"name": ["One"]}, "name", "must be a string, not a list"),
    ({"name": True}, "name", "must be a string, not true or false"),
    ({"name": "One\r\nBcc: all@one.example"}, "name", "has a line break; this is one line"),
    ({"name": "One\x00"}, "name", "has a control character (U+0000)"),
    ({"name": "One\ud800"}, "name", "has half of a surrogate pair (U+D800)"),
    ({"name": "x" * 201}, "name", "has 201 characters; 200 are allowed"),
    ({"locale": "klingon"}, "locale", "'klingon' is not a known locale, such as en, tr or pt_BR"),
    ({"locale": "\ud800"}, "locale", "is not a known locale"),
    ({"locale": ""}, "locale", "is not a known locale"),
    ({"time_zone": "Mars/Olympus"}, "time_zone", "'Mars/Olympus' is not an IANA time zone, such as Europe/Istanbul"),
    ({"time_zone": "../../etc/passwd"}, "time_zone", "is not an IANA time zone"),
    ({"time_zone": 3}, "time_zone", "must be a string, not a number"),
    ({"colour": "red"}, "colour", "unknown field; known are external_id, locale, name"),
    ({"col\ud800our": "red"}, "col?our", "unknown field"),
    ({"services": {}}, "services", "must be a list, not an object"),
    ({"services": ["vps"]}, "services.0", "must be an object, not a string"),
    ({"services": [{"name": "vps"}]}, "services.0.order_number", "is required"),
    ({"services": [service(order_number=123)]}, "services.0.order_number", "must be a string, not a number"),
    ({"services": [service(order_number="")]}, "services.0.order_number", "is empty"),
    ({"services": [service(status="gone")]}, "services.0.status", "must be one of active, suspended, terminated"),
    ({"services": [service(status=["active"])]}, "services.0.status", "must be one of active, suspended, terminated"),
    ({"services": [service(node="a\nb")]}, "services.0.node", "has a line break; this is one line"),
    ({"services": [service(colour="red")]}, "services.0.colour", "unknown field"),
    ({"services": [service(addresses="203.0.113.7")]}, "services.0.addresses", "must be a list, not a string"),
    ({"services": [service(addresses=[7])]}, "services.0.addresses.0", "must be a string, not a number"),
    ({"services": [service(order_number="#1"), service(order_number="#1")]}, "services.1.order_number", "#1 stands here twice"),
    ({"services": [service()] * 2001}, "services", "has 2,001 services; 2,000 are allowed"),
    ({"services": [service(addresses=["::1"] * 1001)]}, "services.0.addresses", "has 1,001 addresses; 1,000 are allowed"),
    ({"send_email": []}, "send_email", "must be an object, not a list"),
    ({"send_email": {"newsletter": []}}, "send_email.newsletter", "unknown field; known are abuse, announcements, invoices, support"),
    ({"send_email": {"abuse": "a@one.example"}}, "send_email.abuse", "must be a list of addresses, not a string"),
    ({"send_email": {"abuse": {"addresses": "a@one.example"}}}, "send_email.abuse", "must be a list of addresses, not a string"),
    ({"send_email": {"abuse": [7]}}, "send_email.abuse.0", "must be a string, not a number"),
    ({"send_email": {"abuse": [{"state": "verified"}]}}, "send_email.abuse.0.email", "is required"),
    ({"send_email": {"abuse": [{"email": "nobody"}]}}, "send_email.abuse.0.email", "is not an e-mail address"),
    ({"send_email": {"abuse": [{"email": "a@one.example", "state": "yes"}]}}, "send_email.abuse.0.state", "must be one of pending"),
    ({"send_email": {"abuse": [{"email": "a@one.example", "state": {}}]}}, "send_email.abuse.0.state", "must be one of pending"),
    ({"send_email": {"abuse": ["a@one.example", "A@ONE.example"]}}, "send_email.abuse.1", "is the same mailbox as a@one.example"),
    ({"send_email": {"abuse": [f"a{n}@one.example" for n in range(11)]}}, "send_email.abuse", "has 11 addresses; 10 are allowed"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "field", "message"), BROKEN, ids=[f"{field}-{message[:30]}" for _, field, message in BROKEN])
def test_what_cannot_be_read_is_named_with_what_would_be_right(changes: dict[str, Any], field: str, message: str) -> None:
    assert message in refusals(account(**changes))[field]


@pytest.mark.parametrize("changes", [changes for changes, _, _ in BROKEN])
def test_no_refusal_repeats_what_cannot_be_encoded(changes: dict[str, Any]) -> None:
    assert all(f"{field}{message}".encode() for field, message in refusals(account(**changes)).items())


@pytest.mark.parametrize(
    ("document", "message"),
    [([], "not a list"), (None, "not null"), ("C-1", "not a string"), (7, "not a number"), (False, "not true or false")],
)
def test_a_document_is_an_object(document: Any, message: str) -> None:
    assert refusals(document) == {"": f"must be an object, {message}"}


def test_every_error_is_named_at_once() -> None:
    assert refusals({"name": 1, "locale": "klingon", "services": [{}]}).keys() == {
        "registered_email", "name", "locale", "services.0.order_number",
    }  # fmt: skip


def test_another_external_id_than_in_the_address_is_refused() -> None:
    assert refusals(account(external_id="C-2")) == {"external_id": "is another one than in the address of the request"}


@pytest.mark.parametrize("external_id", ["", " ", "C/1", "C\n1", "C\x001", "\ud800", "M\ufffdller", "x" * 129, 7, None, []])
def test_an_external_id_is_a_line_without_slash(external_id: Any) -> None:
    assert refusals(account(external_id=external_id), None).keys() == {"external_id"}


def test_what_is_absent_stays_absent() -> None:
    document = read_account({"registered_email": "owner@one.example"}, "C-1")
    assert document[2:7] == (None, None, None, None, None)


def test_a_service_needs_its_order_number_alone() -> None:
    (only,) = read(services=[{"order_number": "#1"}]).services or []
    assert only == ("#1", "", "", "", "", "active", ())


def test_times_that_an_answer_carries_are_ignored() -> None:
    document = account()
    answered = {"created_at": "2027-01-01T00:00:00+00:00", "updated_at": "2027-01-01T00:00:00+00:00"}
    assert read_account(document | answered, "C-1") == read_account(document, "C-1")


@pytest.mark.parametrize(("locale", "read_as"), [("tr", "tr"), ("pt-BR", "pt_BR"), ("PT_br", "pt_BR"), ("zh-Hant-TW", "zh_Hant_TW")])
def test_a_locale_is_read_in_either_spelling(locale: str, read_as: str) -> None:
    assert read(locale=locale).locale == read_as


def test_service_addresses_are_kept_once_and_in_order() -> None:
    (only,) = read(services=[service(addresses=["203.0.113.9", "203.0.113.7", "::ffff:203.0.113.9"])]).services or []
    assert [str(network) for network in only.addresses] == ["203.0.113.7", "203.0.113.9"]


def test_a_service_address_that_cannot_be_read_is_dropped_and_reported() -> None:
    document = read(services=[service(addresses=["203.0.113.7", "203.0.113.256"])])
    assert [error.field for error in document.dropped] == ["services.0.addresses.1"]
    assert [str(network) for network in (document.services or [])[0].addresses] == ["203.0.113.7"]


@pytest.mark.parametrize(
    "listed",
    [
        ["a@one.example"],
        [{"email": "a@one.example"}],
        [{"email": "a@one.example", "state": "pending"}],
        {"addresses": ["a@one.example"]},
        {"addresses": [{"email": "a@one.example"}], "now": [{"email": "b@one.example", "rule": 4, "reason": "…"}]},
    ],
)
def test_a_category_is_written_in_any_of_these_ways(listed: Any) -> None:
    (address,) = (read(send_email={"abuse": listed}).send_email or {})["abuse"]
    assert (address.email.address, address.vouched) == ("a@one.example", False)


def test_an_empty_list_is_not_an_absent_one() -> None:
    assert read(send_email={"abuse": []}).send_email == {"abuse": []}


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"name": "Two Ltd"}, {"name"}),
        ({"registered_email": "new@one.example"}, {"registered"}),
        ({"services": []}, {"services"}),
        ({"send_email": {"abuse": []}}, {"send_email.abuse"}),
    ],
)
def test_digests_tell_which_part_is_another_one(changes: dict[str, Any], part: set[str]) -> None:
    same = account()
    before, after = read_account(same, "C-1").digests(), read_account(same | changes, "C-1").digests()
    assert {name for name in after if before.get(name) != after[name]} == part


def test_unreadable_addresses_are_errors_of_the_field_they_stand_in() -> None:
    assert read(services=[service(addresses=["\ud800"])]).dropped == (
        FieldError("services.0.addresses.0", "'\\ud800' is not an IPv4 or IPv6 address or prefix, such as 203.0.113.7 or 2001:db8::/64"),
    )
