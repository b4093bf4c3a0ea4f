"""What a web site's pages call: who may, what is answered, and what is refused."""

from __future__ import annotations

import gzip
import re
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from flask import Flask

from notifyhub.chat import visitors
from notifyhub.chat.states import MOST_A_MINUTE
from notifyhub.database import transaction, utcnow
from notifyhub.models import Account
from notifyhub.routes.chat import widget
from tests.chat.steps import account_id, answered, handed_over, number, present, read, swept, token, told
from tests.conftest import Api
from tests.tickets.steps import customer

SSO_KEY = "a-secret-that-client-area-and-hub-share"
BASE = "https://notify.provider.example"
SITE = "https://www.provider.example"


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"NOTIFYHUB_SSO_KEY": SSO_KEY, "NOTIFYHUB_CHAT_ORIGINS": f"{SITE}, http://localhost:3000"}


class Visitor:
    """A browser on the provider's web site."""

    def __init__(self, api: Api, name: str = "one", origin: str = "192.0.2.1") -> None:
        self.api, self.token, self.origin = api, token(name), origin

    def call(self, method: str, path: str, json: Any = None, headers: dict[str, str] | None = None) -> Any:
        options = {"headers": {"Authorization": f"Bearer {self.token}", "Origin": SITE} | (headers or {})}
        return self.api(method, f"/chat{path}", json, environ_overrides={"REMOTE_ADDR": self.origin}, **options)

    def ask(self, body: str = "Is there a discount?", id: str | None = None, **more: Any) -> Any:
        return self.call("POST", "/messages", {"id": id or str(uuid.uuid4()), "body": body} | more)

    def conversation(self, after: int = 0) -> Any:
        return self.call("GET", f"/conversation?after={after}")


@pytest.fixture
def visitor(api: Api) -> Visitor:
    return Visitor(api)


def handed(claims: dict[str, Any] | None = None, key: str = SSO_KEY) -> str:
    now = int(utcnow().timestamp())
    said = {"sub": "C-1", "aud": f"{BASE}/chat", "iat": now, "exp": now + 30, "jti": str(uuid.uuid4())}
    return jwt.encode(said | (claims or {}), key, algorithm="HS256")


def test_a_message_is_stored_before_it_is_answered(visitor: Visitor) -> None:
    present()
    id = str(number("a"))
    answer = visitor.ask("Hello <b>", id, name="Zoë", language="tr-TR", page=f"{SITE}/vps?secret=1#x")
    assert answer.status_code == 201
    assert {**answer.json, "at": ""} == {
        "number": 1, "id": id, "from": "visitor", "name": None, "body": "Hello <b>", "event": None, "details": {}, "at": "",
    }  # fmt: skip
    assert told() == ["visitor: Hello <b>"]
    chat = read()
    assert (chat.name, chat.locale, chat.page, chat.account_id) == ("Zoë", "tr", f"{SITE}/vps", None)


def test_the_same_id_again_is_answered_the_same(visitor: Visitor) -> None:
    id = str(number("a"))
    first, again = visitor.ask("Hello", id), visitor.ask("Hello again", id)
    assert (first.status_code, first.json) == (again.status_code, again.json)


def test_a_conversation_is_read_from_anywhere_on(visitor: Visitor) -> None:
    present()
    visitor.ask("Hello")
    visitor.ask("Is there a discount?")
    answered("Yes.")
    whole = visitor.conversation().json
    assert [(message["number"], message["from"], message["name"], message["id"] is None) for message in whole["messages"]] == [
        (1, "visitor", None, False), (2, "visitor", None, False), (3, "staff", "Ada Agent", True),
    ]  # fmt: skip
    assert (whole["status"], whole["there"], whole["asks_address"]) == ("running", True, False)
    assert [message["number"] for message in visitor.conversation(after=2).json["messages"]] == [3]
    assert visitor.conversation(after=3).json["messages"] == []


def test_who_left_an_address_is_asked_for_none(visitor: Visitor) -> None:
    visitor.ask()
    assert visitor.conversation().json["asks_address"] is True
    answer = visitor.call("POST", "/address", {"email": "guest@visitor.example", "name": "Zoë"})
    assert (answer.status_code, answer.json["email"], answer.json["asks_address"]) == (200, "guest@visitor.example", False)
    assert read().name == "Zoë"


def test_a_visitor_ends_it(visitor: Visitor) -> None:
    visitor.ask()
    assert visitor.call("POST", "/end", {}).json["status"] == "ended"
    answer = visitor.ask()
    assert (answer.status_code, answer.json["detail"]) == (409, "This conversation is over.")


def test_the_number_of_the_ticket_is_told(visitor: Visitor, api: Api) -> None:
    customer(api)
    visitor.ask(visitor=visitor.call("POST", "/identity", {"token": handed()}).json["visitor"])
    ticket = handed_over()
    last = visitor.conversation().json["messages"][-1]
    assert (last["event"], last["details"]) == ("ticket", {"number": ticket.number})


def test_whether_somebody_is_there_is_known_before(visitor: Visitor) -> None:
    assert visitor.call("GET", "/state").json == {"there": False}
    present()
    assert visitor.call("GET", "/state").json == {"there": True}


class TestTokens:
    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer short", "Basic " + "x" * 43, "Bearer " + "ü" * 43, "Bearer " + "x" * 129])
    def test_without_one_that_nobody_guesses_there_is_no_answer(self, visitor: Visitor, header: str) -> None:
        headers = {"Authorization": header.encode().decode("latin-1")}
        hello, address = {"id": str(number("a")), "body": "Hello"}, {"email": "a@b.example"}
        for path, json in (("/messages", hello), ("/address", address), ("/end", {})):
            assert visitor.call("POST", path, json, headers).status_code == 401, path
        for path in ("/conversation", "/stream"):
            assert visitor.call("GET", path, headers=headers).status_code == 401, path

    def test_another_ones_opens_nothing(self, visitor: Visitor, api: Api) -> None:
        visitor.ask("secret")
        other = Visitor(api, "two")
        for method, path, json in (("GET", "/conversation", None), ("GET", "/stream", None), ("POST", "/end", {})):
            assert other.call(method, path, json).status_code == 404
        assert other.call("POST", "/address", {"email": "a@b.example"}).status_code == 404
        other.ask("mine")
        assert [message["body"] for message in other.conversation().json["messages"] if message["body"]] == ["mine"]


class TestIdentity:
    @pytest.fixture(autouse=True)
    def accounts(self, api: Api) -> None:
        customer(api, name="One Ltd")

    def test_a_customer_is_known_by_the_token_of_the_web_site(self, visitor: Visitor) -> None:
        found = visitor.call("POST", "/identity", {"token": handed()}).json
        assert (found["account"], found["name"]) == ("C-1", "One Ltd")
        visitor.ask(visitor=found["visitor"])
        assert read().account_id == account_id()

    @pytest.mark.parametrize(
        ("claims", "key", "status"),
        [
            ({"aud": BASE}, SSO_KEY, 401),
            ({"aud": "https://other.example/chat"}, SSO_KEY, 401),
            ({}, "another-secret-that-nobody-here-knows", 401),
            ({"exp": 4_000_000_000}, SSO_KEY, 401),
            ({"exp": 1_000_000_000}, SSO_KEY, 409),
            ({"sub": "C-9"}, SSO_KEY, 404),
        ],
        ids=["of the sign-in", "for another site", "signed by another", "too long", "over", "nobody"],
    )
    def test_one_that_is_not_right_is_refused(self, visitor: Visitor, claims: dict[str, Any], key: str, status: int) -> None:
        assert visitor.call("POST", "/identity", {"token": handed(claims, key)}).status_code == status

    def test_it_is_good_for_once(self, visitor: Visitor) -> None:
        token = handed()
        assert [visitor.call("POST", "/identity", {"token": token}).status_code for _ in range(2)] == [200, 409]

    def test_it_signs_nobody_in_elsewhere(self, api: Api) -> None:
        assert api.get(f"/sso?token={handed()}").status_code == 401

    @pytest.mark.parametrize("text", ["", "x", "x.y", "WzEsIDk5OTk5OTk5OTld.c2lnbmVk"])
    def test_what_we_did_not_sign_is_nobody(self, visitor: Visitor, text: str) -> None:
        assert visitor.ask(visitor=text).status_code == (201 if not text else 401)

    def test_ours_ends_too(self, app: Flask, visitor: Visitor) -> None:
        with transaction() as session:
            account = session.get_one(Account, account_id())
            old = visitors.vouch(app.extensions["settings"], account, utcnow() - visitors.LASTS)
        assert visitor.ask(visitor=old).status_code == 401

    def test_an_erased_account_is_nobody(self, visitor: Visitor, api: Api) -> None:
        ours = visitor.call("POST", "/identity", {"token": handed()}).json["visitor"]
        api.delete("/v1/accounts/C-1")
        assert visitor.ask(visitor=ours).status_code == 401


class TestBadInput:
    @pytest.mark.parametrize(
        ("document", "field"),
        [
            ({}, "id"),
            ({"id": "x", "body": "Hello"}, "id"),
            ({"id": str(number("a")), "body": ""}, "body"),
            ({"id": str(number("a")), "body": 7}, "body"),
            ({"id": str(number("a")), "body": ["Hello"]}, "body"),
            ({"id": str(number("a")), "body": "Hello", "account": "C-1"}, "account"),
            ({"id": str(number("a")), "body": "Hello", "name": "x" * 101}, "name"),
            ({"id": str(number("a")), "body": "Hello", "name": "a\nb"}, "name"),
            ({"id": str(number("a")), "body": "Hello", "language": "x" * 51}, "language"),
            ({"id": str(number("a")), "body": "Hello", "visitor": "x" * 1001}, "visitor"),
        ],
        ids=["nothing", "id", "empty", "number", "list", "unknown", "long name", "name of two lines", "language", "visitor"],
    )
    def test_each_field_is_named(self, visitor: Visitor, document: dict[str, Any], field: str) -> None:
        answer = visitor.call("POST", "/messages", document)
        assert answer.status_code == 422
        assert field in [error["field"] for error in answer.json["errors"]]

    @pytest.mark.parametrize(
        "page", ["javascript:alert(1)", "x", "https://user:pw@provider.example/", "https://[", f"https://a/{'x' * 600}", "\x00"]
    )
    def test_what_is_no_page_is_left_out(self, visitor: Visitor, page: str) -> None:
        assert visitor.ask(page=page).status_code == 201
        assert read().page == ""

    @pytest.mark.parametrize("language", ["", "xx", "zz-ZZ-zz", "🔧", "../../etc"])
    def test_an_unknown_language_is_another_one(self, visitor: Visitor, language: str) -> None:
        visitor.ask(language=language)
        assert read().locale == "en"

    def test_too_large(self, visitor: Visitor) -> None:
        assert visitor.ask("x" * 70_000).status_code == 413

    @pytest.mark.parametrize("after", ["x", "-1", "9" * 40, "1.5", ""])
    def test_what_is_no_number_reads_all(self, visitor: Visitor, after: str) -> None:
        visitor.ask()
        assert visitor.call("GET", f"/conversation?after={after}").json["messages"][0]["number"] == 1

    def test_too_many_are_told_when_again(self, visitor: Visitor) -> None:
        for index in range(MOST_A_MINUTE):
            visitor.ask(str(index))
        answer = visitor.ask("more")
        assert answer.status_code == 429
        assert 0 < int(answer.headers["Retry-After"]) <= 60


class TestOrigins:
    @pytest.mark.parametrize(
        ("origin", "allowed"),
        [
            (SITE, True),
            ("http://localhost:3000", True),
            ("https://evil.example", False),
            ("https://www.provider.example.evil.example", False),
            ("http://www.provider.example", False),
            ("null", False),
        ],
    )
    def test_pages_of_those_that_are_named_may_call_it(self, visitor: Visitor, origin: str, allowed: bool) -> None:
        for method, path in (("GET", "/state"), ("OPTIONS", "/messages"), ("GET", "/conversation")):
            headers = visitor.call(method, path, headers={"Origin": origin}).headers
            assert headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)
            assert "Origin" in headers["Vary"]
            assert "Access-Control-Allow-Credentials" not in headers

    def test_a_browser_that_asks_before_is_told_what_it_may_send(self, visitor: Visitor) -> None:
        answer = visitor.call("OPTIONS", "/stream")
        assert answer.status_code == 200
        assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]

    def test_the_rest_of_the_product_is_not_opened_by_it(self, api: Api) -> None:
        for path in ("/inbox", "/v1/accounts/C-1", "/sign-in", "/staff/tickets"):
            assert "Access-Control-Allow-Origin" not in api.get(path, headers={"Origin": SITE}).headers

    class TestAny:
        @pytest.fixture
        def environ(self, environ: dict[str, str]) -> dict[str, str]:
            return environ | {"NOTIFYHUB_CHAT_ORIGINS": "*"}

        def test_all_may_where_that_is_said(self, visitor: Visitor) -> None:
            headers = visitor.call("GET", "/state", headers={"Origin": "https://any.example"}).headers
            assert headers["Access-Control-Allow-Origin"] == "https://any.example"


class TestWidget:
    def test_it_is_one_script_that_is_asked_for_again_when_it_changed(self, api: Api) -> None:
        answer = api.get("/chat/widget.js")
        assert (answer.status_code, answer.mimetype) == (200, "text/javascript")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert api.get("/chat/widget.js", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304

    def test_it_is_small(self, api: Api) -> None:
        assert len(gzip.compress(api.get("/chat/widget.js").data)) < 30_000

    def test_every_word_that_it_says_is_there_and_no_other(self, api: Api, app: Flask) -> None:
        source = Path(str(app.static_folder), "js", "chat-widget.js").read_text()
        said = set(re.findall(r"\bwords\.(\w+)", source)) | set(re.findall(r'\bword\("(\w+)"', source))
        assert said == set(widget.WORDS)

    def test_there_is_no_demo_page_beside_a_database_of_ones_own(self, api: Api) -> None:
        assert api.get("/chat/demo").status_code == 404


def test_what_the_sweep_made_of_it_is_read_by_the_visitor(visitor: Visitor) -> None:
    visitor.ask()
    swept(utcnow() + timedelta(minutes=1))
    whole = visitor.conversation().json
    assert (whole["status"], whole["asks_address"]) == ("unanswered", True)
