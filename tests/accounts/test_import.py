"""The import over HTTP: good lines are kept, the others come back with their reasons."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from notifyhub.database import db
from notifyhub.models import Account, AuditEntry, Mailbox, Service
from tests.accounts.concurrency import at_once
from tests.builders import account, service
from tests.conftest import Api
from tests.smtp import Server

STATES = ("pending", "verified", "verified")


def ndjson(documents: Iterable[Any], end: bytes = b"\n") -> bytes:
    return b"".join(json.dumps(document).encode() + end for document in documents)


def post(api: Api, body: bytes) -> Any:
    answer = api.post("/v1/accounts/import", data=body, content_type="application/x-ndjson")
    assert answer.status_code == 200, answer.text
    return answer.json


def numbers(summary: dict[str, Any]) -> tuple[int, int, int, int]:
    return summary["created"], summary["updated"], summary["unchanged"], summary["rejected_count"]


def some(count: int, **changes: Any) -> list[dict[str, Any]]:
    return [account(external_id=f"C-{n}", registered_email=f"owner{n}@one.example", **changes) for n in range(count)]


def names(*external_ids: str) -> list[str]:
    return list(db.session.scalars(select(Account.name).where(Account.external_id.in_(external_ids)).order_by(Account.external_id)))


def test_accounts_are_created_then_unchanged_then_updated(api: Api) -> None:
    documents = some(2500)
    assert numbers(post(api, ndjson(documents))) == (2500, 0, 0, 0)
    assert numbers(post(api, ndjson(documents))) == (0, 0, 2500, 0)
    documents[7] |= {"name": "Another"}
    assert numbers(post(api, ndjson(documents))) == (0, 1, 2499, 0)
    assert (db.session.scalar(select(func.count(Account.id))), db.session.scalar(select(func.count(Service.id)))) == (2500, 2500)


def test_an_imported_account_is_as_one_that_was_put(api: Api) -> None:
    document = account(
        name="İki Bilişim 株式会社 \\t \" ' {}",
        services=[service(addresses=["203.0.113.7", "2001:db8::/64"], name="a\\nb\\.")],
        send_email={"abuse": [{"email": "Abuse@bücher.example", "state": "verified"}], "support": ["b@one.example"]},
    )
    post(api, ndjson([document | {"external_id": "C-1"}]))
    api.put("/v1/accounts/C-2", document)
    imported, put = api.get("/v1/accounts/C-1").json, api.get("/v1/accounts/C-2").json
    different = ("external_id", "created_at", "updated_at")
    assert {k: v for k, v in imported.items() if k not in different} == {k: v for k, v in put.items() if k not in different}
    assert imported["name"] == document["name"]


def test_rejected_lines_come_back_with_number_field_and_reason(api: Api) -> None:
    good = ndjson(some(2))
    summary = post(api, b"\n{\n" + good + b"  \r\n" + ndjson([account(external_id="C-9", locale="klingon"), account()]))
    assert numbers(summary) == (2, 0, 0, 3)
    assert [(item["line"], item["field"]) for item in summary["rejected"]] == [(2, ""), (6, "locale"), (7, "external_id")]
    assert summary["rejected"][1]["message"] == "'klingon' is not a known locale, such as en, tr or pt_BR"


def test_a_line_with_several_errors_names_them_all(api: Api) -> None:
    summary = post(api, ndjson([account(external_id="C-1", name=7, colour="red")]))
    assert [(item["line"], item["field"]) for item in summary["rejected"]] == [(1, "colour"), (1, "name")]


def test_the_first_thousand_rejections_are_named_and_all_are_counted(api: Api) -> None:
    summary = post(api, b"{\n" * 1500 + ndjson(some(1)))
    assert (len(summary["rejected"]), summary["rejected_count"], summary["created"]) == (1000, 1500, 1)


def test_windows_line_ends_and_no_last_line_end_are_fine(api: Api) -> None:
    assert numbers(post(api, ndjson(some(3), b"\r\n").rstrip())) == (3, 0, 0, 0)


def test_an_empty_import_is_an_import_of_nothing(api: Api) -> None:
    assert numbers(post(api, b"")) == (0, 0, 0, 0)


def test_an_over_long_line_is_rejected_and_the_next_ones_are_kept(api: Api) -> None:
    first, second = some(2)
    summary = post(api, ndjson([first]) + b"x" * 9_000_000 + b"\n" + ndjson([second]))
    assert numbers(summary) == (2, 0, 0, 1)
    assert summary["rejected"] == [{"line": 2, "field": "", "message": "the line is longer than 4,194,304 bytes"}]


def test_of_two_lines_for_one_account_the_later_one_stands(api: Api) -> None:
    lines = [account(external_id="C-1", name="First"), account(external_id="C-2"), account(external_id="C-1", name="Last")]
    assert numbers(post(api, ndjson(lines))) == (2, 1, 0, 0)
    assert names("C-1") == ["Last"]


def test_an_unreadable_service_address_is_reported_and_the_account_kept_without_it(api: Api) -> None:
    summary = post(api, ndjson([account(external_id="C-1", services=[service(addresses=["203.0.113.7", "203.0.113.300"])])]))
    assert numbers(summary) == (1, 0, 0, 1)
    (rejection,) = summary["rejected"]
    assert (rejection["line"], rejection["field"]) == (1, "services.0.addresses.1")
    assert rejection["message"].endswith("; the account is kept without it")
    assert api.get("/v1/accounts/C-1").json["services"][0]["addresses"] == ["203.0.113.7"]


def test_text_that_no_database_takes_is_rejected_line_by_line(api: Api) -> None:
    odd = ["\x00", "\ud800", "One\r\nBcc: all@one.example"]
    lines = [account(external_id=f"C-{n}", **{field: value}) for n, value in enumerate(odd) for field in ("name", "registered_email")]
    lines += [account(external_id=value) for value in odd] + [account(external_id="C-7", services=[service(name=value)]) for value in odd]
    lines += [account(external_id="C-8", **{value: 1}) for value in odd]
    summary = post(api, ndjson(lines) + ndjson(some(1)))
    assert numbers(summary) == (1, 0, 0, len(lines))


def test_what_customers_chose_survives_an_import_that_says_the_same_again(api: Api) -> None:
    body = ndjson([account(external_id="C-1", send_email={"abuse": [{"email": "abuse@one.example", "state": "verified"}]})])
    post(api, body)
    api.put("/v1/accounts/C-1/send-email", {"abuse": [], "support": ["owner@one.example"]})
    chosen = api.get("/v1/accounts/C-1/send-email").json
    assert numbers(post(api, body)) == (0, 0, 1, 0)
    assert api.get("/v1/accounts/C-1/send-email").json == chosen


def test_an_address_that_the_provider_now_vouches_for_makes_an_update(api: Api) -> None:
    lines = [
        [account(external_id="C-1", services=[], send_email={"abuse": [{"email": "a@one.example", "state": state}]})] for state in STATES
    ]
    assert [numbers(post(api, ndjson(line))) for line in lines] == [(1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0)]


def test_an_import_mails_nobody(api: Api, work: Any, smtp: Server) -> None:
    for email in ("old@one.example", "new@one.example"):
        post(api, ndjson([account(external_id="C-1", registered_email=email, send_email={"abuse": [f"abuse-{email}"]})]))
    work()
    assert smtp.mails == []


def test_an_import_is_in_the_audit_log(api: Api) -> None:
    post(api, ndjson(some(2)) + b"{\n")
    entries = db.session.execute(select(AuditEntry.action, AuditEntry.details).order_by(AuditEntry.id)).all()
    assert [action for action, _ in entries] == ["accounts.created", "accounts.imported"]
    assert entries[0].details == {"ids": list(db.session.scalars(select(Account.id).order_by(Account.id)))}
    assert entries[-1].details == {"created": 2, "updated": 0, "unchanged": 0, "rejected_count": 1}


def test_the_same_accounts_imported_at_once_in_different_order_are_made_once(app: Flask, api: Api) -> None:
    documents = some(1500, send_email={"abuse": ["shared@one.example", {"email": "abuse@one.example", "state": "verified"}]})
    bodies = [ndjson(documents), ndjson(reversed(documents)), ndjson(documents[750:] + documents[:750])]
    summaries = at_once(app, *[lambda api, body=body: post(api, body) for body in bodies])
    assert sum(summary["created"] for summary in summaries) == 1500
    assert all(sum(numbers(summary)) == 1500 for summary in summaries)
    assert db.session.scalar(select(func.count(Account.id))) == 1500
    assert db.session.scalar(select(func.count(Mailbox.id))) == 1502


def test_an_import_may_be_longer_than_any_other_body(api: Api) -> None:
    assert numbers(post(api, (b" " * 1_000_000 + b"\n") * 20 + ndjson(some(1)))) == (1, 0, 0, 0)
