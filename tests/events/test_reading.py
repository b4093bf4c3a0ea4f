"""The three forms of CloudEvents, as the official package writes them, and as nobody should."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifyhub.errors import Invalid, Unreadable
from notifyhub.events import reading
from tests.builders import account, service
from tests.conftest import Api, Templates
from tests.events.steps import BATCH, STRUCTURED, event, inbox, refused, report, send

SERVICE = service(order_number="#100412", name="vps-12.one.example")


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: how events are read does not depend on it."""
    return templates.copy("sqlite")


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    api.put("/v1/accounts/C-1", account(services=[SERVICE]))


def official(**attributes: Any) -> CloudEvent:
    said = event()
    head = {name: said[name] for name in ("id", "source", "type")} | {"datacontenttype": "application/json"}
    return CloudEvent(head | attributes, said["data"])


class TestOfficialPackage:
    def test_reports_in_structured_form(self, api: Api) -> None:
        message = to_structured_event(official(subject="C-1", time=datetime(2026, 11, 22, tzinfo=UTC), partitionkey="7"))
        answer = api.post("/v1/events", data=message.body, headers=message.headers)
        assert (answer.status_code, answer.json["items"][0]["status"]) == (202, "accepted")
        assert len(inbox(api)) == 1

    def test_reports_in_binary_form(self, api: Api) -> None:
        message = to_binary_event(official(subject="C-1", time=datetime(2026, 11, 22, tzinfo=UTC), partitionkey="7"))
        answer = api.post("/v1/events", data=message.body, headers=message.headers)
        assert (answer.status_code, answer.json["items"][0]["status"]) == (202, "accepted")
        assert len(inbox(api)) == 1

    def test_reports_a_batch(self, api: Api) -> None:
        events = [json.loads(to_structured_event(official()).body) for _ in range(3)]
        assert [item["status"] for item in send(api, json.dumps(events), BATCH).json["items"]] == ["accepted"] * 3

    def test_reports_the_same_event_in_either_form(self, api: Api) -> None:
        said = official(subject="Übergröße 100 %", id='e "7" ş')
        answers = [api.post("/v1/events", data=m.body, headers=m.headers) for m in (to_structured_event(said), to_binary_event(said))]
        first, second = (answer.json["items"][0] for answer in answers)
        assert (first["status"], second["status"], first["id"], second["id"]) == ("accepted", "repeated", 'e "7" ş', 'e "7" ş')

    def test_need_not_say_what_the_data_are(self, api: Api) -> None:
        said = CloudEvent({"source": "https://billing.provider.example", "type": "invoice.issued"}, event()["data"])
        message = to_structured_event(said)
        assert api.post("/v1/events", data=message.body, headers=message.headers).status_code == 202


class TestForm:
    @pytest.mark.parametrize("content_type", [STRUCTURED, f"{STRUCTURED}; charset=utf-8", "Application/CloudEvents+JSON"])
    def test_is_told_by_the_content_type(self, api: Api, content_type: str) -> None:
        assert send(api, json.dumps(event()), content_type).status_code == 202

    @pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/cloudevents+xml", "", "application/xml"])
    def test_must_be_one_of_three(self, api: Api, content_type: str) -> None:
        answer = send(api, json.dumps(event()), content_type)
        assert answer.status_code == 400
        assert STRUCTURED in answer.json["detail"]

    def test_binary_has_json_data(self, api: Api) -> None:
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "invoice.issued"}
        assert "is JSON" in send(api, "<a/>", "application/xml", headers=headers).json["detail"]
        assert send(api, "{}", "application/problem+json", headers=headers).status_code == 422

    def test_binary_without_a_body_has_no_data(self, api: Api) -> None:
        headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/x", "ce-type": "invoice.issued", "ce-subject": "C-1"}
        assert "data.number" in refused(send(api, "", "application/json", headers=headers))

    def test_header_must_be_percent_encoded_utf_8(self, api: Api) -> None:
        headers = {"ce-specversion": "1.0", "ce-id": "%ff", "ce-source": "/x", "ce-type": "invoice.issued"}
        assert "Ce-Id is not percent-encoded" in send(api, "{}", "application/json", headers=headers).json["detail"]

    @pytest.mark.parametrize("body", ["", "{", "[1", "\xff", '{"data": NaN}', '{"data": -Infinity}', "[" * 100_000, b"\xff\xfe"])
    @pytest.mark.parametrize("content_type", [STRUCTURED, BATCH])
    def test_must_be_json(self, api: Api, body: str | bytes, content_type: str) -> None:
        answer = send(api, body, content_type)
        assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")

    @pytest.mark.parametrize("body", ["{}", "null", "7", '"x"'])
    def test_batch_is_an_array(self, api: Api, body: str) -> None:
        assert "array" in send(api, body, BATCH).json["detail"]

    @pytest.mark.parametrize("body", ["[]", "null", "7", '"x"'])
    def test_structured_is_an_object(self, api: Api, body: str) -> None:
        assert refused(send(api, body, STRUCTURED)) == {"": "must be an object"}


class TestAttributes:
    @pytest.mark.parametrize(
        ("name", "value", "says"),
        [
            ("specversion", "0.3", 'must be "1.0"'),
            ("specversion", 1.0, 'must be "1.0"'),
            ("id", "", "is empty"),
            ("id", 7, "must be a string"),
            ("id", ["a"], "must be a string"),
            ("id", " 7", "has white space around it"),
            ("id", "a\nb", "has a line break"),
            ("id", "a\x00b", "has a control character"),
            ("id", "a\ud800", "has half of a surrogate pair"),
            ("id", "x" * 256, "has 256 characters; 255 are allowed"),
            ("source", "", "is empty"),
            ("source", "a b", "has white space in it; it is a URI"),
            ("source", "x" * 256, "has 256 characters; 255 are allowed"),
            ("type", "invoice.lost", "unknown; known are invoice.issued"),
            ("type", {}, "must be a string"),
            ("subject", "", "is empty"),
            ("subject", 5, "must be a string"),
            ("time", "yesterday", "is not a time such as"),
            ("time", "2026-11-22T14:02:00", "is not a time such as"),
            ("time", "2026-13-22T14:02:00Z", "is not a time such as"),
            ("time", 1700000000, "is not a time such as"),
            ("datacontenttype", "text/xml", "must be application/json"),
            ("dataschema", "", "must be a URI"),
            ("Data", {}, "unknown field"),
            ("trace_parent", "x", "unknown field"),
            ("data_base64", "e30=", "stands beside data"),
        ],
    )
    def test_that_is_wrong_is_named(self, api: Api, name: str, value: Any, says: str) -> None:
        found = refused(report(api, event() | {name: value}))
        assert list(found) == [name]
        assert says in found[name]

    @pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
    def test_that_is_missing_is_named(self, api: Api, name: str) -> None:
        said = event()
        del said[name]
        assert refused(report(api, said)) == {name: "is required"}

    def test_all_that_are_wrong_are_named(self, api: Api) -> None:
        assert list(refused(report(api, {"source": "", "data": {}}))) == ["specversion", "id", "type", "source"]

    def test_that_is_null_is_not_there(self, api: Api) -> None:
        assert report(api, event() | {"subject": None, "time": None, "data_base64": None}).status_code == 202

    @pytest.mark.parametrize("extension", [{"traceparent": "00-1"}, {"sequence": 7}, {"sampled": True}])
    def test_of_an_extension_are_let_be(self, api: Api, extension: dict[str, Any]) -> None:
        assert report(api, event() | extension).status_code == 202


class TestData:
    def test_may_come_in_base_64(self, api: Api) -> None:
        said = event()
        encoded = base64.b64encode(json.dumps(said.pop("data")).encode()).decode()
        assert report(api, said | {"data_base64": encoded}).status_code == 202

    @pytest.mark.parametrize("encoded", ["x", 7, "////", "", base64.b64encode(b"NaN").decode(), [], "é"])
    def test_in_base_64_are_json(self, api: Api, encoded: Any) -> None:
        said = event()
        del said["data"]
        assert refused(report(api, said | {"data_base64": encoded})) == {"data_base64": "is not JSON in base 64"}

    @pytest.mark.parametrize("data", [[], "text", 7, True])
    def test_are_an_object(self, api: Api, data: Any) -> None:
        assert refused(report(api, event() | {"data": data})) == {"data": "must be an object"}


def test_a_body_beyond_the_limit_is_refused_with_the_limit(api: Api) -> None:
    answer = send(api, b" " * 30_000_000, STRUCTURED)
    assert (answer.status_code, answer.json["detail"]) == (413, "The body may have 16,777,216 bytes here.")


json_values = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=10,
)
attributes = st.sampled_from(["specversion", "id", "source", "type", "subject", "time", "data", "data_base64", "datacontenttype", "x", "X"])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(json_values | st.dictionaries(attributes, json_values))
def test_whatever_comes_is_read_or_refused(raw: Any) -> None:
    with contextlib.suppress(Invalid):
        event = reading.check(raw)
        assert (event.id, event.source, event.type) == (raw["id"], raw["source"], raw["type"])


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([STRUCTURED, BATCH, "application/json", "", ";", "a/b"]),
    st.lists(st.tuples(st.sampled_from(["ce-id", "Ce-Type", "ce-", "ce-data", "x"]), st.text(max_size=10))),
    st.binary(max_size=40),
)
def test_whatever_form_it_has(content_type: str, headers: list[tuple[str, str]], body: bytes) -> None:
    with contextlib.suppress(Unreadable):
        assert isinstance(reading.read(content_type, headers, body).events, list)
