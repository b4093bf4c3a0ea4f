"""Tickets over HTTP."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.browserless import new_member
from tests.conftest import Api
from tests.files import HTML, PNG, SVG, pdf
from tests.tickets.steps import customer, document

INCIDENT = {"order_number": "#123456", "service_name": "shop", "started_at": "2026-11-25T10:00:00+03:00", "diagnostics": "curl: (7)"}


@pytest.fixture(autouse=True)
def accounts(api: Api) -> None:
    customer(api)
    customer(api, "C-2", registered_email="two@two.example")


def open_ticket(api: Api, **changes: Any) -> dict[str, Any]:
    answer = api.post("/v1/tickets", document(account="C-1", **changes))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json
    return found


def wrong(answer: Any) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {error["field"]: error["message"] for error in answer.json["errors"]}


def attach(api: Api, number: int, *files: tuple[str, bytes], headers: dict[str, str] | None = None, **form: Any) -> Any:
    parts = {"from": "customer"} | form | {"file": [(io.BytesIO(content), name) for name, content in files]}
    return api.post(f"/v1/tickets/{number}/attachments", data=parts, content_type="multipart/form-data", headers=headers or {})


# --- opening and reading


def test_a_ticket_is_opened_and_read(api: Api) -> None:
    made = open_ticket(api, priority="high", incident=INCIDENT)
    assert (made["account"], made["status"], made["priority"], made["assignee"]) == ("C-1", "open", "high", None)
    assert made["incident"] == INCIDENT | {"address": None, "started_at": "2026-11-25T07:00:00+00:00"}
    assert [(message["from"], message["body"], message["files"]) for message in made["messages"]] == [
        ("customer", "Since this morning.", [])
    ]
    read = api.get(f"/v1/tickets/{made['number']}")
    assert read.status_code == 200
    assert read.json == made


def test_numbers_grow(api: Api) -> None:
    assert [open_ticket(api)["number"] for _ in range(3)] == [1001, 1002, 1003]


def test_an_account_that_does_not_exist_is_said_beside_its_field(api: Api) -> None:
    answer = api.post("/v1/tickets", document(account="C-9"))
    assert wrong(answer) == {"account": "There is no account with this external id."}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"department": "sales"}, "department"),
        ({"priority": "asap"}, "priority"),
        ({"subject": ""}, "subject"),
        ({"body": "\n"}, "body"),
        ({"priority": "high", "incident": INCIDENT | {"order_number": None}}, "incident.order_number"),
        ({"priority": "high", "incident": INCIDENT | {"order_number": "#1"}}, "incident.order_number"),
        ({"priority": "high", "incident": INCIDENT | {"started_at": "2026-11-25T10:00:00"}}, "incident.started_at"),
        ({"priority": "high", "incident": INCIDENT | {"started_at": "2999-11-25T10:00:00Z"}}, "incident.started_at"),
        ({"priority": "high", "incident": INCIDENT | {"os": "linux"}}, "incident.os"),
        ({"color": "red"}, "color"),
    ],
)
def test_bad_input_names_its_field(api: Api, changes: dict[str, Any], field: str) -> None:
    assert set(wrong(api.post("/v1/tickets", document(account="C-1", **changes)))) == {field}
    assert api.get("/v1/tickets").json["items"] == []


def test_the_same_post_twice_opens_one(api: Api) -> None:
    once = {"Idempotency-Key": "once"}
    first, second = (api.post("/v1/tickets", document(account="C-1"), headers=once) for _ in range(2))
    assert (second.status_code, second.json) == (201, first.json)
    assert len(api.get("/v1/tickets").json["items"]) == 1


def test_a_key_needs_the_scope(api: Api) -> None:
    assert Api(api.client, None).get("/v1/tickets").status_code == 401


@pytest.mark.parametrize("number", ["999999", "9" * 30, "nonsense"])
def test_a_number_that_is_not_there_is_not_found(api: Api, number: str) -> None:
    assert [api.get(f"/v1/tickets/{number}").status_code, api.patch(f"/v1/tickets/{number}", {}).status_code] == [404, 404]


def test_as_another_account_nothing_is_found(api: Api) -> None:
    number = open_ticket(api)["number"]
    path, other = f"/v1/tickets/{number}", "?account=C-2"
    file = attach(api, number, ("shot.png", PNG)).json["files"][0]["id"]
    assert [
        api.get(path + other).status_code,
        api.post(f"{path}/messages{other}", {"from": "customer", "body": "x"}).status_code,
        api.post(
            f"{path}/attachments{other}", data={"from": "customer", "file": (io.BytesIO(PNG), "a.png")}, content_type="multipart/form-data"
        ).status_code,
        api.get(f"{path}/files/{file}{other}").status_code,
        api.get(f"{path}?account=C-9").status_code,
    ] == [404] * 5
    assert api.get(f"{path}?account=C-1").status_code == 200
    assert api.get(f"{path}/files/{file}?account=C-1").status_code == 200


def test_they_are_listed_newest_first_page_by_page_and_filtered(api: Api) -> None:
    first, second = open_ticket(api), open_ticket(api, department="financial")
    third = api.post("/v1/tickets", document(account="C-2", priority="regular")).json
    api.patch(f"/v1/tickets/{first['number']}", {"status": "resolved", "priority": "high"})

    def listed(query: str = "") -> list[int]:
        return [item["number"] for item in api.get(f"/v1/tickets?{query}").json["items"]]

    assert listed() == [third["number"], second["number"], first["number"]]
    assert listed("account=C-1") == [second["number"], first["number"]]
    assert listed("status=resolved") == listed("priority=high") == [first["number"]]
    assert listed("department=financial&status=open") == [second["number"]]
    page = api.get("/v1/tickets?limit=2").json
    assert [item["number"] for item in api.get(f"/v1/tickets?limit=2&cursor={page['next']}").json["items"]] == [first["number"]]
    assert api.get("/v1/tickets?account=C-9").status_code == 404
    assert set(wrong(api.get("/v1/tickets?status=gone"))) == {"status"}
    assert set(wrong(api.get("/v1/tickets?cursor=x"))) == {"cursor"}


# --- answering and changing


def test_staff_answer_and_the_customer_answers_back(api: Api) -> None:
    new_member("ada@staff.example", "agent", name="Ada")
    number = open_ticket(api)["number"]
    path = f"/v1/tickets/{number}"
    answer = api.post(
        f"{path}/messages", {"from": "staff", "staff": "ADA@staff.example", "body": "It is the *disk*.", "status": "resolved"}
    )
    assert answer.status_code == 201
    assert answer.json["staff"] == {"name": "Ada", "email": "ada@staff.example"}
    assert (answer.json["from"], answer.json["html"], answer.json["via"]) == ("staff", "<p>It is the <em>disk</em>.</p>", "api")
    read = api.get(path).json
    assert (read["status"], read["first_response_at"]) == ("resolved", answer.json["created_at"])
    assert api.post(f"{path}/messages?account=C-1", {"from": "customer", "body": "No."}).status_code == 201
    read = api.get(path).json
    assert (read["status"], [message["body"] for message in read["messages"]]) == (
        "open",
        ["Since this morning.", "It is the *disk*.", "No."],
    )
    assert [(change["by"], change["field"], change["before"], change["after"]) for change in read["history"]] == [
        ("staff", "status", "open", "resolved"),
        ("customer", "status", "resolved", "open"),
    ]


def test_notes_are_seen_by_whoever_asks_for_them_and_never_as_an_account(api: Api) -> None:
    path = f"/v1/tickets/{open_ticket(api)['number']}"
    note = api.post(f"{path}/messages", {"from": "staff", "body": "psst", "internal": True})
    assert (note.status_code, note.json["internal"]) == (201, True)
    assert ["psst" in api.get(path + query).text for query in ("", "?internal=true", "?internal=true&account=C-1")] == [False, True, False]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"body": "x"}, "from"),
        ({"from": "system", "body": "x"}, "from"),
        ({"from": "customer"}, "body"),
        ({"from": "customer", "body": ""}, "body"),
        ({"from": "customer", "body": "x", "internal": True}, "internal"),
        ({"from": "customer", "body": "x", "status": "closed"}, "status"),
        ({"from": "customer", "body": "x", "staff": "ada@staff.example"}, "staff"),
        ({"from": "staff", "body": "x", "internal": True, "status": "closed"}, "status"),
        ({"from": "staff", "body": "x", "staff": "nobody@staff.example"}, "staff"),
        ({"from": "staff", "body": "x", "status": "gone"}, "status"),
        ({"from": "staff", "body": "x", "title": "y"}, "title"),
    ],
)
def test_a_message_that_makes_no_sense_names_its_field(api: Api, message: dict[str, Any], field: str) -> None:
    number = open_ticket(api)["number"]
    assert set(wrong(api.post(f"/v1/tickets/{number}/messages", message))) == {field}


def test_nothing_is_added_to_a_closed_one(api: Api) -> None:
    path = f"/v1/tickets/{open_ticket(api)['number']}"
    api.patch(path, {"status": "closed"})
    answer = api.post(f"{path}/messages", {"from": "customer", "body": "x"})
    assert (answer.status_code, answer.json["detail"]) == (
        409,
        "This ticket is closed, so nothing can be added to it. Please open a new one.",
    )


def test_staff_change_it(api: Api) -> None:
    new_member("ada@staff.example", "agent", name="Ada")
    path = f"/v1/tickets/{open_ticket(api)['number']}"
    wanted = {"status": "waiting_for_customer", "department": "financial", "priority": "high", "assignee": "ada@staff.example"}
    answer = api.patch(path, wanted | {"staff": "ada@staff.example"})
    assert answer.status_code == 200
    assert {name: answer.json[name] for name in wanted} == wanted | {"assignee": {"name": "Ada", "email": "ada@staff.example"}}
    assert {change["staff"]["name"] for change in answer.json["history"]} == {"Ada"}
    assert api.patch(path, {"assignee": None}).json["assignee"] is None
    assert len(api.patch(path, {}).json["history"]) == 5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"status": "gone"}, "status"),
        ({"assignee": "nobody@staff.example"}, "assignee"),
        ({"assignee": ""}, "assignee"),
        ({"subject": "x"}, "subject"),
    ],
)
def test_a_change_that_makes_no_sense_names_its_field(api: Api, change: dict[str, Any], field: str) -> None:
    assert set(wrong(api.patch(f"/v1/tickets/{open_ticket(api)['number']}", change))) == {field}


# --- files


def test_files_are_added_and_fetched(api: Api) -> None:
    number = open_ticket(api)["number"]
    answer = attach(api, number, ("../../shot.PNG", PNG), ("trace.log", b"line\n"), body="Look:")
    assert answer.status_code == 201, answer.text
    assert (answer.json["body"], [(file["name"], file["media_type"]) for file in answer.json["files"]]) == (
        "Look:",
        [("shot.PNG", "image/png"), ("trace.log", "text/plain")],
    )
    assert api.get(f"/v1/tickets/{number}").json["messages"][-1]["files"] == answer.json["files"]
    fetched = api.get(f"/v1/tickets/{number}/files/{answer.json['files'][0]['id']}")
    assert fetched.data == PNG
    assert fetched.headers["Content-Disposition"].startswith("attachment")
    assert (fetched.headers["X-Content-Type-Options"], fetched.headers["Content-Security-Policy"]) == (
        "nosniff",
        "sandbox; default-src 'none'",
    )


def test_a_name_is_no_path_and_has_no_line_break(api: Api) -> None:
    number, boundary = open_ticket(api)["number"], "x"
    parts = (
        b'--x\r\nContent-Disposition: form-data; name="from"\r\n\r\ncustomer\r\n'
        b"--x\r\nContent-Disposition: form-data; name=\"file\"; filename*=utf-8''..%2F..%5Ca%0D%0AX-Evil.png\r\n"
        b"Content-Type: text/html\r\n\r\n" + PNG + b"\r\n--x--\r\n"
    )
    answer = api.post(f"/v1/tickets/{number}/attachments", data=parts, content_type=f"multipart/form-data; boundary={boundary}")
    assert answer.status_code == 201, answer.text
    (file,) = answer.json["files"]
    assert (file["name"], file["media_type"]) == ("aX-Evil.png", "image/png")
    assert "X-Evil" not in api.get(f"/v1/tickets/{number}/files/{file['id']}").headers


@pytest.mark.parametrize(("name", "content"), [("shot.png", SVG), ("page.html", HTML), ("log.txt", HTML)])
def test_a_page_is_plain_text_and_never_shown(api: Api, name: str, content: bytes) -> None:
    number = open_ticket(api)["number"]
    answer = attach(api, number, (name, content))
    file = answer.json["files"][0]
    assert (file["media_type"], file["name"].endswith(".txt")) == ("text/plain", True)
    fetched = api.get(f"/v1/tickets/{number}/files/{file['id']}")
    assert fetched.headers["Content-Type"].startswith("text/plain")
    assert fetched.headers["Content-Disposition"].startswith("attachment")


def test_what_is_wrong_with_files_is_said_of_each(api: Api) -> None:
    number = open_ticket(api)["number"]
    found = wrong(attach(api, number, ("ok.pdf", pdf()), ("run.exe", b"MZ\x00\x01"), ("empty.txt", b"")))
    assert set(found) == {"file.1", "file.2"}
    assert len(api.get(f"/v1/tickets/{number}").json["messages"]) == 1


def test_a_hundred_files_are_too_many(api: Api) -> None:
    number = open_ticket(api)["number"]
    answer = attach(api, number, *((f"{index}.txt", b"x") for index in range(100)))
    assert wrong(answer) == {"file": "are 100; 10 are allowed with one message"}


def test_files_are_not_too_large_alone_nor_together(api: Api) -> None:
    number, megabyte = open_ticket(api)["number"], 1024 * 1024
    assert wrong(attach(api, number, ("a.txt", b"x" * (10 * megabyte + 1)))) == {"file.0": "has 10,485,761 bytes; 10,485,760 are allowed"}
    assert wrong(attach(api, number, *((f"{n}.txt", b"x" * 7 * megabyte) for n in range(3)))) == {"file": "are larger than 20 MB together"}
    assert attach(api, number, *((f"{n}.txt", b"x" * 10 * megabyte) for n in range(2))).status_code == 201
    assert attach(api, number, *((f"{n}.txt", b"x" * 10 * megabyte) for n in range(3))).status_code == 413


def test_without_a_file_there_is_nothing_to_attach(api: Api) -> None:
    number = open_ticket(api)["number"]
    assert set(wrong(attach(api, number))) == {"file"}
    assert set(wrong(attach(api, number, ("a.txt", b"x"), colour="red"))) == {"colour"}
    assert set(wrong(api.post(f"/v1/tickets/{number}/attachments", {"from": "customer"}))) == {"from"}


def test_the_same_form_sent_again_adds_nothing(api: Api) -> None:
    number, once = open_ticket(api)["number"], {"Idempotency-Key": "once"}
    first, second = (attach(api, number, ("a.png", PNG), headers=once) for _ in range(2))
    assert (first.status_code, second.status_code, second.json) == (201, 201, first.json)
    assert set(wrong(attach(api, number, ("a.png", PNG + b"x"), headers=once))) == {"Idempotency-Key"}
    assert len(api.get(f"/v1/tickets/{number}").json["messages"]) == 2


def test_files_of_a_note_are_for_staff_alone(api: Api) -> None:
    number = open_ticket(api)["number"]
    id = attach(api, number, ("a.png", PNG), **{"from": "staff", "internal": "true"}).json["files"][0]["id"]
    assert [
        api.get(f"/v1/tickets/{number}/files/{id}{query}").status_code for query in ("", "?internal=true", "?internal=true&account=C-1")
    ] == [404, 200, 404]
    assert api.get(f"/v1/accounts/C-1/files/{id}").status_code == 404


def test_a_file_of_another_ticket_is_not_found(api: Api) -> None:
    one, other = open_ticket(api)["number"], open_ticket(api)["number"]
    id = attach(api, one, ("a.png", PNG)).json["files"][0]["id"]
    assert api.get(f"/v1/tickets/{other}/files/{id}").status_code == 404


def test_staff_send_files_and_the_inbox_has_them(api: Api) -> None:
    number = open_ticket(api)["number"]
    file = attach(api, number, ("a.png", PNG), **{"from": "staff"}).json["files"][0]
    item = api.get("/v1/accounts/C-1/inbox").json["items"][0]
    assert item["files"] == [file]
    assert api.get(f"/v1/accounts/C-1/files/{file['id']}").data == PNG
