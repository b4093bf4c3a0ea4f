from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.announcements.steps import drafted, published, revision, told
from tests.builders import account, draft, service
from tests.conftest import Api
from tests.smtp import Server


@pytest.fixture
def one_account(api: Api) -> None:
    api.put("/v1/accounts/C-1", account())


def test_a_publication_freezes_what_is_told(api: Api, one_account: None) -> None:
    id = published(api)
    row = revision(id)
    assert (row.action, row.accounts, row.content["en"]["title"]) == ("published", 1, "Network maintenance")


def test_an_audience_that_matches_nobody_is_refused_with_the_reason(api: Api, one_account: None) -> None:
    id = drafted(api, audience={"locations": ["nowhere1"]})
    answer = api.post(f"/v1/announcements/{id}/publish", {})
    assert (answer.status_code, "nowhere1" in answer.json["errors"][0]["message"]) == (422, True)
    assert api.get(f"/v1/announcements/{id}").json["status"] == "draft"


def test_the_reason_mentions_what_was_taken_away(api: Api, one_account: None) -> None:
    id = drafted(api, audience={"all": True, "except": {"locations": ["fra1"]}})
    assert "except" in api.post(f"/v1/announcements/{id}/publish", {}).json["errors"][0]["message"]


def test_the_same_draft_with_the_same_key_is_made_once(api: Api) -> None:
    document, headers = draft(), {"Idempotency-Key": "one"}
    first, second = (api.post("/v1/announcements", document, headers=headers) for _ in range(2))
    assert (second.status_code, second.json, second.headers["Idempotent-Replayed"]) == (201, first.json, "true")
    assert len(api.get("/v1/announcements").json["items"]) == 1


def test_a_key_is_for_one_request(api: Api) -> None:
    api.post("/v1/announcements", draft(), headers={"Idempotency-Key": "one"})
    answer = api.post("/v1/announcements", draft(kind="outage"), headers={"Idempotency-Key": "one"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    api.post("/v1/announcements", draft(kind="party"), headers={"Idempotency-Key": "one"})
    assert api.post("/v1/announcements", draft(), headers={"Idempotency-Key": "one"}).status_code == 201


def test_publishing_again_with_the_same_key_is_answered_the_same_and_tells_nobody_twice(
    api: Api, one_account: None, work: Callable[[], None], smtp: Server
) -> None:
    id = drafted(api)
    answers = [api.post(f"/v1/announcements/{id}/publish", {}, headers={"Idempotency-Key": "p"}) for _ in range(2)]
    work()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(smtp.mails) == 1


def test_a_publication_needs_no_body(api: Api, one_account: None) -> None:
    id = drafted(api)
    assert api.post(f"/v1/announcements/{id}/publish").status_code == 200


def test_a_service_that_ends_before_the_fan_out_is_told_no_more(api: Api, fans_out_later: None, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account())
    api.put("/v1/accounts/C-2", account())
    published(api)
    api.put("/v1/accounts/C-1", account(services=[]))
    work()
    assert told() == ["C-2"]


def test_affected_services_stay_what_they_were(api: Api, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#1", name="vps-1"), service(order_number="#2", location="ams2")]))
    published(api)
    work()
    api.put("/v1/accounts/C-1", account(services=[service(order_number="#1", name="renamed"), service(order_number="#3")]))
    (item,) = api.get("/v1/accounts/C-1/inbox").json["items"]
    assert item["services"] == [{"order_number": "#1", "name": "vps-1"}]


def test_an_account_reads_its_own_language_or_the_default(api: Api, work: Callable[[], None]) -> None:
    for locale in ("tr", "tr_TR", "de"):
        api.put(f"/v1/accounts/{locale}", account(locale=locale))
    content = {"en": {"title": "Maintenance", "body": "b"}, "tr": {"title": "Bakım", "body": "b"}}
    published(api, content=content)
    work()
    titles = [api.get(f"/v1/accounts/{locale}/inbox").json["items"][0]["title"] for locale in ("tr", "tr_TR", "de")]
    assert titles == ["Bakım", "Bakım", "Maintenance"]
