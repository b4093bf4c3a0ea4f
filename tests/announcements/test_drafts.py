"""What a draft may hold, and how each mistake is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from notifyhub.announcements import life
from notifyhub.errors import Invalid
from tests.announcements.steps import drafted, published, refused
from tests.builders import account, draft
from tests.conftest import Api, Templates


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: a mistake never reaches it."""
    return templates.copy("sqlite")


def text(title: str = "Network maintenance", body: str = "We replace switches.", locale: str = "en") -> dict[str, Any]:
    return {locale: {"title": title, "body": body}}


def problems(**changes: Any) -> dict[str, str]:
    """What is wrong with the parts of a draft against each other, without a request."""
    try:
        life.checked({**dict.fromkeys(life.FIELDS), "kind": "news", "content": text(), "audience": {"all": True}} | changes, "en")
    except Invalid as error:
        return {found.field: found.message for found in error.errors}
    return {}


@pytest.mark.parametrize("field", ["kind", "content", "audience"])
def test_kind_content_and_audience_are_required(api: Api, field: str) -> None:
    document = draft()
    del document[field]
    answer = api.post("/v1/announcements", document)
    assert (answer.status_code, [error["field"] for error in answer.json["errors"]]) == (422, [field])


@pytest.mark.parametrize("kind", ["maintenance", "emergency"])
def test_maintenance_needs_an_impact_and_a_window(kind: str) -> None:
    assert problems(kind=kind).keys() == {"impact", "starts_at", "ends_at"}


@pytest.mark.parametrize("kind", ["outage", "service_change", "news"])
def test_other_kinds_need_neither(kind: str) -> None:
    assert problems(kind=kind) == {}


def test_an_end_needs_a_start(api: Api) -> None:
    assert "starts_at" in refused(api, kind="outage", starts_at=None)


@pytest.mark.parametrize("ends_at", ["2027-03-28T00:30:00+00:00", "2027-03-28T02:29:00+02:00"])
def test_a_window_ends_after_it_starts(api: Api, ends_at: str) -> None:
    assert refused(api, ends_at=ends_at) == {"ends_at": "must be later than starts_at"}


@pytest.mark.parametrize("field", ["starts_at", "ends_at"])
def test_a_time_without_an_offset_is_refused_with_an_example(api: Api, field: str) -> None:
    assert "+00:00" in refused(api, **{field: "2027-03-28T00:30:00"})[field]


@pytest.mark.parametrize("time", ["tomorrow", "2027-02-30T00:00:00Z", 1806193800, "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_what_is_no_time_is_refused(api: Api, time: Any) -> None:
    assert "starts_at" in refused(api, starts_at=time)


def test_times_come_back_in_utc(api: Api) -> None:
    id = drafted(api, starts_at="2027-03-28T03:30:00+03:00")
    assert api.get(f"/v1/announcements/{id}").json["starts_at"] == "2027-03-28T00:30:00+00:00"


def test_an_unknown_locale_is_named() -> None:
    assert "content.klingon" in problems(content=text() | text(locale="klingon"))


def test_the_default_locale_must_be_there() -> None:
    assert "content.en" in problems(content=text(locale="tr"))


def test_two_spellings_of_one_locale_are_one_too_many() -> None:
    assert "content.pt-br" in problems(content=text() | text(locale="pt_BR") | text(locale="pt-br"))


def test_an_unknown_variable_is_answered_with_those_that_exist() -> None:
    message = problems(content=text(body="Dear {{ customer }}"))["content.en.body"]
    assert [name in message for name in ("customer", "account_name", "services", "window")] == [True] * 4


def test_a_variable_in_a_link_is_refused() -> None:
    assert "link" in problems(content=text(body="[here](https://example.net/{{ account_name }})"))["content.en.body"]


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("", "empty"),
        ("Maintenance\r\nBcc: all@one.example", "line break"),
        ("Maintenance\x00", "control character"),
        ("Maintenance \ud800", "surrogate"),
        ("\u202eecnanetniaM", "direction"),
        ("m" * 201, "200"),
    ],
)
def test_a_title_is_one_line_of_text(title: str, message: str) -> None:
    assert message in problems(content=text(title=title))["content.en.title"]


@pytest.mark.parametrize(
    ("body", "message"), [(" \n ", "empty"), ("a\x00b", "control character"), ("\udfff", "surrogate"), ("m" * 50_001, "50,000")]
)
def test_a_body_is_text_of_a_certain_length(body: str, message: str) -> None:
    assert message in problems(content=text(body=body))["content.en.body"]


def test_a_word_of_five_thousand_characters_is_content_like_any_other(api: Api) -> None:
    id = drafted(api, content=text(body="m" * 5000))
    assert "m" * 5000 in api.post(f"/v1/announcements/{id}/preview").json["rendered"]["en"]["html"]


@pytest.mark.parametrize("raw", [b'"\\ud800"', b'"\\u0000"', b'"a\\r\\nb"'])
def test_characters_that_are_no_text_are_refused_over_http(api: Api, raw: bytes) -> None:
    body = json.dumps(draft(content=text(title="TITLE"))).encode().replace(b'"TITLE"', raw)
    answer = api.post("/v1/announcements", data=body, content_type="application/json")
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "content.en.title")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"colour": "red"}, "colour"),
        ({"content": {"en": {"title": "a", "body": "b", "footer": "c"}}}, "content.en.value.footer"),
        ({"content": {"en": "text"}}, "content.en.value"),
        ({"content": {"en": None}}, "content.en.value"),
        ({"content": {}}, "content"),
        ({"audience": {"racks": ["r1"]}}, "audience.racks"),
        ({"audience": {"except": {"all": True}}}, "audience.except.all"),
        ({"audience": {"all": False}}, "audience.all"),
        ({"audience": {"locations": "fra1"}}, "audience.locations"),
        ({"audience": {"locations": ["fra1", ""]}}, "audience.locations.1"),
        ({"audience": {"networks": ["203.0.113.0/24", "203.0.113.1/24"]}}, "audience.networks.1"),
        ({"audience": {"networks": ["203.0.113.0/33"]}}, "audience.networks.0"),
        ({"audience": {"locations": ["fra1"], "except": {"networks": ["::\x00"]}}}, "audience.except.networks.0"),
        ({"audience": {"networks": [f"203.0.113.{n % 250}" for n in range(501)]}}, "audience.networks"),
        ({"audience": []}, "audience"),
        ({"kind": "party"}, "kind"),
        ({"impact": "catastrophe"}, "impact"),
    ],
)
def test_a_mistake_is_told_with_its_place(api: Api, changes: dict[str, Any], field: str) -> None:
    assert field.replace(".value", "") in [name.replace(".value", "") for name in refused(api, **changes)]


@pytest.mark.parametrize("audience", [{}, {"locations": []}, {"except": {"locations": ["fra1"]}}])
def test_an_audience_names_somebody(audience: dict[str, Any]) -> None:
    assert "at least one of all" in problems(audience=audience)["audience"]


def test_all_mistakes_are_told_at_once() -> None:
    assert problems(kind="maintenance", audience={}, content=text(title="")).keys() >= {"impact", "audience", "content.en.title"}


def test_a_body_of_five_megabytes_is_too_large_and_the_limit_is_named(api: Api) -> None:
    answer = api.post("/v1/announcements", draft(content=text(body="m" * 5_000_000)))
    assert (answer.status_code, "4,194,304" in answer.json["detail"]) == (413, True)


def test_a_change_leaves_the_rest_as_it_was(api: Api) -> None:
    id = drafted(api)
    before = api.get(f"/v1/announcements/{id}").json
    api.patch(f"/v1/announcements/{id}", {"impact": "degraded"})
    after = api.get(f"/v1/announcements/{id}").json
    assert {name for name in before if before[name] != after[name]} == {"impact", "updated_at"}


def test_a_change_is_checked_against_the_rest(api: Api) -> None:
    id = drafted(api)
    answer = api.patch(f"/v1/announcements/{id}", {"ends_at": "2027-03-28T00:00:00Z"})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "ends_at")


def test_a_change_may_take_away_what_is_not_required(api: Api) -> None:
    id = drafted(api, kind="outage")
    assert api.patch(f"/v1/announcements/{id}", {"starts_at": None, "ends_at": None}).json["starts_at"] is None


def test_a_dropped_draft_is_gone(api: Api) -> None:
    id = drafted(api)
    assert api.delete(f"/v1/announcements/{id}").status_code == 204
    assert api.get(f"/v1/announcements/{id}").status_code == 404


@pytest.mark.parametrize("call", [("PATCH", "", {"kind": "news"}), ("DELETE", "", None), ("POST", "/publish", {})])
def test_what_is_published_is_changed_published_and_dropped_no_more(api: Api, call: tuple[str, str, Any]) -> None:
    api.put("/v1/accounts/C-1", account())
    id = published(api)
    method, path, body = call
    assert api(method, f"/v1/announcements/{id}{path}", body).status_code == 409


@pytest.mark.parametrize(
    "call",
    [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/publish"), ("POST", "/preview"), ("GET", "/progress"), ("GET", "/recipients")],
)
def test_an_announcement_that_does_not_exist_is_not_found(api: Api, call: tuple[str, str]) -> None:
    method, path = call
    body = {} if method in ("PATCH", "POST") else None
    assert api(method, f"/v1/announcements/0198c0de-0000-7000-8000-000000000000{path}", body).status_code == 404


def test_the_list_is_newest_first_and_complete_over_its_pages(api: Api) -> None:
    ids = [drafted(api) for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/v1/announcements?limit=2{cursor and f'&cursor={cursor}'}").json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == ids[::-1]


@pytest.mark.parametrize("cursor", ["nonsense", "ü", "MDAwMS0wMS0wMVQwMDowMDowMCsxNDowMCAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA"])
def test_a_cursor_that_no_page_gave_is_refused(api: Api, cursor: str) -> None:
    answer = api.get("/v1/announcements", query_string={"cursor": cursor})
    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "cursor")
