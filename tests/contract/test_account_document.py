"""What /openapi.json says of an account's document, and what reads it, are held together here."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifyhub.accounts.document import FIELDS, SERVICE_FIELDS, SERVICE_STATUSES, read_account
from notifyhub.errors import Invalid
from notifyhub.kinds import CATEGORIES
from notifyhub.routes.api.schemas import Account, Categories, Service
from tests.accounts.test_document import BROKEN
from tests.builders import account

words = st.text("abcdefghijkl XYZéß株ش0123456789.-'&", max_size=40)
emails = st.builds(
    "{}{}@{}.example".format, st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.integers(0, 99), st.sampled_from(["one", "bücher"])
)
networks = st.ip_addresses().map(str) | st.sampled_from(["203.0.113.0/24", "2001:db8::/32"])
services = st.fixed_dictionaries(
    {"order_number": st.integers(0, 10**9).map("#{}".format)},
    optional=dict.fromkeys(("name", "product", "location", "node"), words)
    | {"addresses": st.lists(networks, max_size=3), "status": st.sampled_from(SERVICE_STATUSES)},
)  # fmt: skip
listed = st.lists(
    st.fixed_dictionaries({"email": emails}, optional={"state": st.sampled_from(["pending", "verified"])}),
    max_size=4, unique_by=lambda item: item["email"],
)  # fmt: skip
documents = st.fixed_dictionaries(
    {"registered_email": emails},
    optional={
        "external_id": st.just("C-1"),
        "name": words,
        "locale": st.sampled_from(["en", "tr", "pt_BR", "zh-Hant"]),
        "time_zone": st.sampled_from(["UTC", "Europe/Istanbul", "America/Sao_Paulo"]),
        "services": st.lists(services, max_size=3, unique_by=lambda item: item["order_number"]),
        "send_email": st.dictionaries(st.sampled_from(CATEGORIES), listed),
    },
)


@given(documents)
@settings(deadline=None)
def test_what_is_valid_is_valid_to_both(document: dict[str, Any]) -> None:
    assert Account().validate(document) == {}
    read_account(document, "C-1")


@given(documents, st.data())
@settings(deadline=None)
def test_a_value_of_another_type_is_refused_by_both(document: dict[str, Any], data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(document)))
    wrong = data.draw(st.sampled_from([7, None, True, 1.5, {"a": 1}, [1]]))
    document = document | {field: wrong}
    assert Account().validate(document)
    with pytest.raises(Invalid):
        read_account(document, "C-1")


# what only whoever reads the document can tell: formats, limits across items, characters
BEYOND_A_SCHEMA = (
    "is not an e-mail address", "longer than", "has a", "has half", "has 2", "has 1", "is not a known locale", "is not an IANA time zone",
    "is empty", "must be one of", "stands here twice", "is the same mailbox", "is not a known",
)  # fmt: skip
STRUCTURAL = [(changes, field) for changes, field, message in BROKEN if not any(words in message for words in BEYOND_A_SCHEMA)]


@pytest.mark.parametrize(("changes", "field"), STRUCTURAL, ids=[field for _, field in STRUCTURAL])
def test_what_is_built_wrong_is_refused_by_the_schema_too(changes: dict[str, Any], field: str) -> None:
    assert Account().validate(account(**changes))


def test_both_know_the_same_fields() -> None:
    given_fields = {name for name, field in Account().fields.items() if not field.dump_only}
    assert given_fields == FIELDS
    assert set(Service().fields) == SERVICE_FIELDS
    assert set(Categories().fields) == set(CATEGORIES)


def test_both_require_the_same_fields() -> None:
    assert set(Account().validate({})) == {"registered_email"}
    assert set(Service().validate({})) == {"order_number"}
