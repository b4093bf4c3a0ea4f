"""The pages behind links in mails: what looks changes nothing, what presses a button does, once."""

from __future__ import annotations

import dataclasses
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import select

from notifyhub import letters, signing
from notifyhub.database import db, transaction, utcnow
from notifyhub.models import Account, AuditEntry, Confirmation
from tests.builders import account
from tests.conftest import Api

PATH = "/v1/accounts/C-1"
USED, EXPIRED = "This link has been used already.", "This link has expired."
FORGED, GONE = "This link is not one of ours, or it was cut off.", "This link belongs to no confirmation."


@pytest.fixture
def visitor(app: Flask) -> Api:
    return Api(app.test_client(), key=None)


@pytest.fixture
def link(api: Api) -> str:
    """Where the confirmation of desk@one.example was mailed to."""
    api.put(PATH, account())
    assert api.put(f"{PATH}/send-email", {"abuse": ["desk@one.example"]}).status_code == 200
    id = db.session.scalars(select(Confirmation.id)).one()
    db.session.remove()
    return f"/confirm/{signed('confirm', str(id))}"


def signed(scope: str, value: Any) -> str:
    return signing.sign(current_app.extensions["settings"], scope, value)


def state(api: Api) -> list[str]:
    return [item["state"] for item in api.get(f"{PATH}/send-email").json["abuse"]["addresses"]]


def press(visitor: Api, path: str, answer: str = "confirm", **options: Any) -> tuple[int, str]:
    response = visitor.post(path, data={"answer": answer}, **options)
    return response.status_code, response.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_mail_scanner_that_follows_the_link_confirms_nothing(api: Api, visitor: Api, link: str, method: str) -> None:
    assert visitor(method, link).status_code == 200
    assert state(api) == ["pending"]


def test_the_page_names_the_address_and_has_both_buttons(visitor: Api, link: str) -> None:
    page = visitor.get(link).text
    assert all(text in page for text in ("desk@one.example", 'value="confirm"', 'value="not-me"', 'method="post"'))


def test_the_page_is_in_the_language_of_the_browser(visitor: Api, link: str) -> None:
    assert 'lang="tr"' in visitor.get(link, headers={"Accept-Language": "tr-TR,tr;q=0.9,en;q=0.8"}).text


def test_the_page_tells_its_address_to_nobody(visitor: Api, link: str) -> None:
    for answer in (visitor.get(link), visitor.get("/confirm/forged"), visitor.post(link, data={"answer": "confirm"})):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_the_button_confirms_once(api: Api, visitor: Api, link: str) -> None:
    assert press(visitor, link)[0] == 200
    assert state(api) == ["verified"]
    status, page = press(visitor, link)
    assert (status, USED in page) == (410, True)


def test_a_used_link_says_so_when_it_is_looked_at(visitor: Api, link: str) -> None:
    press(visitor, link)
    answer = visitor.get(link)
    assert (answer.status_code, USED in answer.text) == (410, True)


@pytest.mark.parametrize("answer", ["confirm", "not-me"])
def test_an_expired_link_does_nothing(api: Api, visitor: Api, link: str, answer: str) -> None:
    with transaction() as session:
        session.scalars(select(Confirmation)).one().expires_at = utcnow() - timedelta(seconds=1)
    status, page = press(visitor, link, answer)
    assert (status, EXPIRED in page, state(api)) == (410, True, ["pending"])


def broken(link: str) -> list[str]:
    token = link.removeprefix("/confirm/")
    body, _, signature = token.rpartition(".")
    other = "A" if signature[0] != "A" else "B"
    return [
        token[:-1], token[:20], body, f".{signature}", f"{body}.{other}{signature[1:]}", f"{token}x", token.swapcase(), "x", "%00",
        "%ED%A0%80", "M%FC", "x" * 5000, signed("unsubscribe", str(uuid.uuid4())), signed("message", [1, "news"]),
    ]  # fmt: skip


def test_a_forged_or_cut_off_link_is_refused(api: Api, visitor: Api, link: str) -> None:
    for token in broken(link):
        for answer in (visitor.get(f"/confirm/{token}"), visitor.post(f"/confirm/{token}", data={"answer": "confirm"})):
            assert (answer.status_code, FORGED in answer.text) == (404, True), token
    assert state(api) == ["pending"]


def test_a_link_signed_with_an_older_secret_key_still_works(api: Api, visitor: Api, link: str) -> None:
    settings = current_app.extensions["settings"]
    current_app.extensions["settings"] = dataclasses.replace(settings, secret_keys=("a-new-secret-key", *settings.secret_keys))
    assert press(visitor, link)[0] == 200


def test_the_link_of_an_erased_account_belongs_to_nothing(api: Api, visitor: Api, link: str) -> None:
    api.delete(PATH)
    status, page = press(visitor, link)
    assert (status, GONE in page) == (404, True)


def test_the_link_of_an_address_that_was_removed_since_does_nothing(api: Api, visitor: Api, link: str) -> None:
    api.put(f"{PATH}/send-email", {"abuse": []})
    status, page = press(visitor, link)
    assert (status, "This address was removed from the account since." in page, state(api)) == (404, True, [])


def test_the_other_button_blocks_and_the_link_is_spent(api: Api, visitor: Api, link: str) -> None:
    assert press(visitor, link, "not-me")[0] == 200
    assert state(api) == []
    assert press(visitor, link)[0] == 410


@pytest.mark.parametrize("form", [{}, {"answer": ""}, {"answer": "\x00"}, {"something": "else"}])
def test_a_form_that_says_neither_changes_nothing(api: Api, visitor: Api, link: str, form: dict[str, str]) -> None:
    assert visitor.post(link, data=form).status_code == 400
    assert state(api) == ["pending"]


def test_a_huge_form_is_refused(visitor: Api, link: str) -> None:
    assert visitor.post(link, data={"answer": "x" * 2_000_000}).status_code == 413


# --- unsubscribing


def unsubscribe_link(api: Api, kind: str = "news") -> str:
    api.put(PATH, account())
    id = db.session.scalars(select(Account.id)).one()
    db.session.remove()
    settings = current_app.extensions["settings"]
    return letters.unsubscribe_url(settings, id, kind).removeprefix(settings.base_url)


def muted(api: Api) -> list[str]:
    found: list[str] = api.get(f"{PATH}/send-email").json["muted"]
    return found


def test_looking_at_the_page_unsubscribes_nobody(api: Api, visitor: Api) -> None:
    assert visitor.get(unsubscribe_link(api)).status_code == 200
    assert muted(api) == []


def test_one_click_unsubscribes_without_redirect(api: Api, visitor: Api) -> None:
    path = unsubscribe_link(api)
    answers = [visitor.post(path, data={"List-Unsubscribe": "One-Click"}).status_code for _ in range(2)]
    assert (answers, muted(api)) == ([200, 200], ["news"])


def test_it_is_in_the_audit_log(api: Api, visitor: Api) -> None:
    visitor.post(unsubscribe_link(api))
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert (entry.action, entry.actor, entry.details) == ("muted.changed", "unsubscribe link", {"muted": ["news"]})


def test_a_forged_unsubscribe_link_is_refused(api: Api, visitor: Api) -> None:
    path = unsubscribe_link(api)
    token = path.removeprefix("/unsubscribe/")
    text, _, mac = token.rpartition(".")
    id, _, kind = text.partition(".")
    forged = [
        token[:-2], f"{token}0", token.swapcase(), text, f"{text}.", f".{mac}", mac, f"{int(id) + 1}.{kind}.{mac}", f"{id}.digest.{mac}",
        "x", "%00", "%ED%A0%80", "M%FC", "x" * 5000, signed("unsubscribe", [int(id), kind]),
        signing.mark(current_app.extensions["settings"], "other", text),
    ]  # fmt: skip
    for one in forged:
        assert [visitor.post(f"/unsubscribe/{one}").status_code, visitor.get(f"/unsubscribe/{one}").status_code] == [404, 404], one
    assert muted(api) == []


def test_a_link_of_an_earlier_secret_key_still_unsubscribes(app: Flask, api: Api, visitor: Api) -> None:
    path = unsubscribe_link(api)
    settings = app.extensions["settings"]
    app.extensions["settings"] = dataclasses.replace(settings, secret_keys=("a-newer-secret-key-0123456789abcdef", *settings.secret_keys))
    assert (visitor.post(path).status_code, muted(api)) == (200, ["news"])


def test_an_erased_account_has_nothing_to_unsubscribe_from(api: Api, visitor: Api) -> None:
    path = unsubscribe_link(api)
    api.delete(PATH)
    assert visitor.post(path).status_code == 200
    assert db.session.scalars(select(Account.muted)).one() == []
