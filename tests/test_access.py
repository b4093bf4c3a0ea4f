"""Who may call what, walked over every route that exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from notifyhub import access
from notifyhub.database import transaction, utcnow
from notifyhub.staff import ROLES
from tests.browserless import Browser
from tests.builders import account
from tests.conftest import KEY, Api, Templates

SAMPLES = {"external_id": "C-1", "uuid": "0198c0de-0000-7000-8000-000000000000", "int": "1", "default": "x", "string": "x", "path": "x"}

AFAR: dict[str, Any] = {"environ_overrides": {"REMOTE_ADDR": "192.0.2.1"}}  # from here, some things need no key


@pytest.fixture
def database_url(templates: Templates) -> str:
    """One is enough: who may call what does not depend on it."""
    return templates.copy("sqlite")


def address(rule: Rule) -> str:
    return re.sub(r"<(?:(\w+)(?:\((\w*)[^)]*\))?:)?\w+>", lambda found: SAMPLES.get(found[1] or "default") or found[2], rule.rule)


def routes(app: Flask) -> Iterator[tuple[str, str, access.Declaration | None]]:
    for rule in app.url_map.iter_rules():
        declared = getattr(app.view_functions[rule.endpoint], "access", None)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield method, address(rule), declared


def key(*scopes: str) -> str:
    with transaction() as session:
        _, token = access.create_key(session, "a key", list(scopes), utcnow())
    return token


def test_every_route_declares_who_may_call_it(app: Flask) -> None:
    assert [(method, path) for method, path, declared in routes(app) if declared is None] == []


def test_only_these_are_for_everyone(app: Flask) -> None:
    public = {path.split("/")[1] for _, path, declared in routes(app) if declared and declared.who == "anyone"}
    assert public == {
        "",
        "static",
        "healthz",
        "readyz",
        "openapi.json",
        "docs",
        "confirm",
        "unsubscribe",
        "brand.css",
        "brand",
        "display",
    } | {"chat", "contact", "sign-in", "sign-out", "sso", "staff", "status"}


def test_of_the_staff_area_only_the_way_in_and_out_is_for_everyone(app: Flask) -> None:
    public = {path for _, path, declared in routes(app) if declared and declared.who == "anyone" and path.startswith("/staff")}
    assert public == {"/staff/sign-in", "/staff/sign-out"}


def test_without_a_session_a_customers_pages_lead_to_the_sign_in(app: Flask) -> None:
    assert refused(app, "customer", Browser(app)) == {"GET": {(303, "/sign-in")}, "POST": {(401, None)}}


def test_a_session_of_staff_is_none_of_a_customer(app: Flask) -> None:
    assert refused(app, "customer", Browser(app).as_staff("admin")) == {"GET": {(303, "/sign-in")}, "POST": {(401, None)}}


def test_without_a_session_the_staff_area_leads_to_its_own_sign_in(app: Flask) -> None:
    assert refused(app, "staff", Browser(app)) == {"GET": {(303, "/staff/sign-in")}, "POST": {(401, None)}}


def test_a_customers_session_opens_nothing_of_the_staff_area(app: Flask, api: Api) -> None:
    api.put("/v1/accounts/C-1", account())
    assert refused(app, "staff", Browser(app).as_customer()) == {"GET": {(303, "/staff/sign-in")}, "POST": {(401, None)}}


def test_the_api_key_opens_no_page(app: Flask) -> None:
    answer = Browser(app).get("/staff/sessions", headers={"Authorization": f"Bearer {KEY}"})
    assert answer.status_code == 303


def refused(app: Flask, who: str, browser: Browser) -> dict[str, set[tuple[int, str | None]]]:
    browser.get("/sign-in")  # its form has the token, so that it is not for want of one
    found: dict[str, set[tuple[int, str | None]]] = {"GET": set(), "POST": set()}
    for method, path, declared in routes(app):
        if declared and declared.who == who:
            answer = browser.get(path) if method == "GET" else browser.post(path)
            found[method].add((answer.status_code, answer.headers.get("Location", "").partition("?")[0] or None))
    return found


def test_a_role_opens_what_names_it_and_nothing_else(app: Flask) -> None:
    wrong = []
    for role in ROLES:
        browser = Browser(app).as_staff(role, email=f"{role}@staff.example")
        browser.get("/staff/sessions")
        for method, path, declared in routes(app):
            if declared and declared.who == "staff":
                answer = browser.get(path) if method == "GET" else browser.post(path, page="/staff/sessions")
                allowed = not declared.roles or role in ("admin", *declared.roles)
                if (answer.status_code == 403) == allowed:
                    wrong.append((role, method, path, answer.status_code))
                if path.startswith("/staff/sessions/"):
                    browser.as_staff(role, email=f"{role}@staff.example")
    assert wrong == []


def test_without_a_key_there_is_no_answer_but_401(app: Flask, api: Api) -> None:
    api.key = None
    answers = {(method, path): api(method, path, **AFAR) for method, path, declared in routes(app) if declared and declared.scope}
    assert {answer.status_code for answer in answers.values()} == {401}
    assert {answer.headers["WWW-Authenticate"].split()[0] for answer in answers.values()} == {"Bearer"}


def test_with_a_key_of_other_scopes_there_is_no_answer_but_403(app: Flask, api: Api) -> None:
    tokens = {scope: key(*(other for other in access.SCOPES if other != scope)) for scope in access.SCOPES}
    wrong = []
    for method, path, declared in routes(app):
        if declared and declared.scope:
            api.key = tokens[declared.scope]
            answer = api(method, path, **AFAR)
            if answer.status_code != 403 or declared.scope not in answer.json["detail"]:
                wrong.append((method, path, answer.status_code))
    assert wrong == []


def test_a_key_with_the_scope_opens_the_door(api: Api) -> None:
    api.key = key("accounts")
    assert api.put("/v1/accounts/C-1", account()).status_code in (200, 201)


def test_a_revoked_key_is_not_known_any_more(api: Api) -> None:
    with transaction() as session:
        row, token = access.create_key(session, "a key", ["announcements"], utcnow())
    api.key = token
    assert api.get("/v1/announcements").status_code == 200
    with transaction() as session:
        access.revoke_key(session, row.id, utcnow())
    assert api.get("/v1/announcements").status_code == 401


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Basic bmg6bmg=", "nh_test_bootstrap_key_0123456789", "Bearer nh_wrong", "Bearer \xff\xfe"]
)
def test_what_is_no_key_is_answered_401(api: Api, header: str) -> None:
    api.key = None
    assert api.get("/v1/announcements", headers={"Authorization": header}).status_code == 401


def test_of_a_key_only_its_hash_is_kept(app: Flask) -> None:
    with transaction() as session:
        row, token = access.create_key(session, "a key", ["reports"], utcnow())
    assert (row.hash, token in repr(vars(row))) == (access.hash_of(token), False)


def test_without_the_variable_there_is_no_bootstrap_key(api: Api, app: Flask) -> None:
    import dataclasses

    app.extensions["settings"] = dataclasses.replace(app.extensions["settings"], bootstrap_api_key=None)
    assert api.get("/v1/announcements").status_code == 401


class TestNear:
    """What is for this machine, and the networks that the operator named; for others with a key."""

    def status(self, api: Api, remote: str = "127.0.0.1", key: str | None = None, **headers: str) -> int:
        api.key = key
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return int(api.get("/metrics", headers=named, environ_overrides={"REMOTE_ADDR": remote}).status_code)

    @pytest.mark.parametrize("remote", ["127.0.0.1", "::1"])
    def test_this_machine_needs_no_key(self, api: Api, remote: str) -> None:
        assert self.status(api, remote) == 200

    @pytest.mark.parametrize("remote", ["192.0.2.1", "10.0.0.5", "2001:db8::1", ""])
    def test_others_do(self, api: Api, remote: str) -> None:
        assert (self.status(api, remote), self.status(api, remote, key("reports"))) == (401, 200)

    def test_a_key_for_other_things_is_none(self, api: Api) -> None:
        assert self.status(api, "192.0.2.1", key("accounts")) == 403

    def test_a_proxy_of_this_machine_passes_nobody_on(self, api: Api) -> None:
        assert self.status(api, X_Forwarded_For="192.0.2.1") == 401
        assert self.status(api, X_Forwarded_For="127.0.0.1") == 401

    def test_a_page_of_someone_else_whose_name_leads_here_reads_nothing(self, api: Api) -> None:
        assert self.status(api, Host="evil.example") == 401

    class TestNamed:
        @pytest.fixture
        def environ(self, environ: dict[str, str]) -> dict[str, str]:
            return environ | {"NOTIFYHUB_METRICS_NETWORKS": "10.0.0.0/8, 2001:db8:1::/48"}

        @pytest.mark.parametrize(
            ("remote", "expected"), [("10.1.2.3", 200), ("2001:db8:1::7", 200), ("192.0.2.1", 401), ("2001:db8:2::7", 401)]
        )
        def test_a_network_that_was_named_needs_no_key(self, api: Api, remote: str, expected: int) -> None:
            assert TestNear().status(api, remote) == expected

        def test_behind_a_proxy_it_is_the_client_that_counts(self, api: Api) -> None:
            assert TestNear().status(api, X_Forwarded_For="10.1.2.3") == 200
            assert TestNear().status(api, X_Forwarded_For="10.1.2.3, 192.0.2.1") == 401


class TestProblems:
    """What an error looks like, whatever caused it."""

    def problem(self, answer: Any) -> tuple[int, str]:
        assert answer.mimetype == "application/problem+json"
        assert answer.json["status"] == answer.status_code
        return answer.status_code, answer.json["title"]

    def test_an_unknown_path(self, api: Api) -> None:
        assert self.problem(api.get("/v1/nothing")) == (404, "Not Found")

    def test_a_method_that_is_not_allowed_names_those_that_are(self, api: Api) -> None:
        answer = api.put("/v1/announcements", {})
        assert self.problem(answer)[0] == 405
        assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))

    @pytest.mark.parametrize("body", [b"{", b"", b"\xff", b"[1", b"[" * 100_000, b'{"a": 1e}'])
    def test_a_body_that_is_no_json(self, api: Api, body: bytes) -> None:
        answer = api.post("/v1/announcements", data=body, content_type="application/json")
        assert self.problem(answer)[0] in ((400, 422) if body == b"" else (400,))

    @pytest.mark.parametrize("body", [b"[]", b"1", b'"a"', b"null"])
    def test_json_that_is_no_object(self, api: Api, body: bytes) -> None:
        assert self.problem(api.post("/v1/announcements", data=body, content_type="application/json"))[0] == 422

    def test_another_content_type(self, api: Api) -> None:
        assert self.problem(api.post("/v1/announcements", data=b"{}", content_type="text/plain"))[0] == 400

    def test_a_body_that_is_too_large(self, api: Api) -> None:
        answer = api.post(f"/v1/announcements/{SAMPLES['uuid']}/publish", data=b" " * 20_000_000, content_type="application/json")
        assert self.problem(answer)[0] == 413
        assert "1,048,576" in answer.json["detail"]

    def test_a_person_gets_a_page(self, api: Api) -> None:
        answer = api.get("/nothing", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.mimetype) == (404, "text/html")

    @pytest.mark.parametrize("key", ["", "k" * 256])
    def test_an_idempotency_key_has_a_certain_length(self, api: Api, key: str) -> None:
        answer = api.post("/v1/announcements", {}, headers={"Idempotency-Key": key})
        assert (self.problem(answer)[0], answer.json["errors"][0]["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("path", ["/", "/docs", "/inbox", "/healthz", "/v1/announcements", "/nowhere"])
def test_every_answer_says_what_a_browser_may_do_with_it(api: Api, path: str) -> None:
    headers = api.get(path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
