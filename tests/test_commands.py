"""Commands as an operator types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from flask import Flask
from sqlalchemy import select

from notifyhub.cli import main
from notifyhub.database import db
from notifyhub.models import ApiKey, AuditEntry
from tests.builders import account, service
from tests.conftest import Api

Run = Callable[..., Result]
Import = Callable[[bytes], Result]


@pytest.fixture
def run(app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def command(*words: str) -> Result:
        db.session.remove()
        return CliRunner().invoke(main, list(words))

    return command


def lines(*documents: object) -> bytes:
    return b"".join(json.dumps(document).encode() + b"\n" for document in documents)


@pytest.fixture
def import_(run: Run, tmp_path: Path) -> Import:
    def command(content: bytes) -> Result:
        file = tmp_path / "accounts.ndjson"
        file.write_bytes(content)
        return run("accounts", "import", str(file))

    return command


# --- keys


def test_a_new_key_is_printed_alone_and_opens_what_it_is_for(app: Flask, run: Run) -> None:
    result = run("keys", "create", "billing", "--scope", "accounts", "--scope", "events")
    assert result.exit_code == 0
    key = Api(app.test_client(), result.stdout.strip())
    assert key.put("/v1/accounts/C-1", account()).status_code == 201
    assert key.get("/v1/announcements").status_code == 403


def test_the_key_itself_is_kept_nowhere(run: Run) -> None:
    token = run("keys", "create", "billing", "--scope", "accounts").stdout.strip()
    row = db.session.scalars(select(ApiKey)).one()
    assert token not in repr(vars(row))
    assert token.startswith(row.prefix)


def test_a_webhook_gets_a_secret_to_sign_with(run: Run) -> None:
    result = run("keys", "create", "billing", "--webhook", "--scope", "events")
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", result.stdout)
    assert re.search(r"1  whsec_\S{6}…  billing  \[events\]  never used$", run("keys", "list").stdout.strip())
    assert "known are events" in run("keys", "create", "sync", "--webhook", "--scope", "accounts").stderr


def test_a_revoked_key_opens_nothing_at_once(app: Flask, run: Run) -> None:
    key = Api(app.test_client(), run("keys", "create", "billing", "--scope", "accounts").stdout.strip())
    assert key.get("/v1/accounts/C-1").status_code == 404
    assert run("keys", "revoke", "1").exit_code == 0
    assert key.get("/v1/accounts/C-1").status_code == 401


def test_the_list_says_what_each_is_for_and_whether_it_is_used(app: Flask, run: Run) -> None:
    token = run("keys", "create", "billing", "--scope", "accounts").stdout.strip()
    run("keys", "create", "orders", "--scope", "events", "--scope", "tickets")
    run("keys", "revoke", "2")
    Api(app.test_client(), token).get("/v1/accounts/C-1")
    first, second = run("keys", "list").stdout.splitlines()
    assert re.search(r"1  nh_\S{6}…  billing  \[accounts\]  last used \d{4}-\d\d-\d\d \d\d:\d\d UTC$", first)
    assert re.search(r"2  nh_\S{6}…  orders  \[events, tickets\]  revoked \d{4}-\d\d-\d\d \d\d:\d\d UTC$", second)


def test_an_unknown_scope_is_refused_with_the_known_ones(run: Run) -> None:
    result = run("keys", "create", "billing", "--scope", "everything")
    assert result.exit_code == 1
    assert "scopes: unknown: everything; known are accounts, announcements" in result.stderr


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 101, "\udcff"])
def test_a_key_is_named_in_one_line(run: Run, name: str) -> None:
    result = run("keys", "create", name, "--scope", "accounts")
    assert result.exit_code == 2
    assert "NAME" in result.stderr


@pytest.mark.parametrize(("id", "status"), [("7", 1), ("first", 2), ("0", 2), ("99999999999999999999", 2)])
def test_a_key_that_is_not_there_cannot_be_revoked(run: Run, id: str, status: int) -> None:
    result = run("keys", "revoke", id)
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (status, True)


def test_a_command_is_in_the_audit_log_under_who_ran_it(run: Run) -> None:
    run("keys", "create", "billing", "--scope", "accounts")
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.action, entry.actor[:14]) == ("key.created", "command line (")


# --- import


def test_a_file_is_imported(import_: Import, api: Api) -> None:
    result = import_(lines(account(external_id="C-1"), account(external_id="C-2")))
    assert (result.exit_code, result.stdout) == (0, "2 created, 0 updated, 0 unchanged, 0 rejected\n")
    assert api.get("/v1/accounts/C-2").status_code == 200


def test_standard_input_is_imported(environ: dict[str, str], app: Flask) -> None:
    command = [sys.executable, "-m", "notifyhub", "accounts", "import", "-"]
    ran = subprocess.run(command, input=lines(account(external_id="C-1")), env=os.environ | environ, capture_output=True)
    assert (ran.returncode, ran.stdout) == (0, b"1 created, 0 updated, 0 unchanged, 0 rejected\n")


def test_a_refused_line_is_named_and_sets_the_exit_status(import_: Import) -> None:
    result = import_(b"{\n" + lines(account(external_id="C-1"), account(external_id="C-2", locale="klingon")))
    assert (result.exit_code, result.stdout) == (1, "1 created, 0 updated, 0 unchanged, 2 rejected\n")
    assert "  line 1: the line: is not JSON" in result.stderr
    assert "  line 3: locale: 'klingon' is not a known locale" in result.stderr


def test_of_many_refused_lines_the_first_are_named_and_the_rest_counted(import_: Import) -> None:
    result = import_(b"{\n" * 1234)
    assert "1,234 rejected" in result.stdout
    assert result.stderr.splitlines()[-1] == "  … and 1,214 more"


def test_a_service_address_that_was_dropped_sets_the_exit_status_too(import_: Import) -> None:
    result = import_(lines(account(external_id="C-1", services=[service(addresses=["host"])])))
    assert (result.exit_code, result.stdout) == (1, "1 created, 0 updated, 0 unchanged, 1 rejected\n")


def test_a_refusal_that_cannot_be_encoded_is_named_all_the_same(import_: Import) -> None:
    result = import_(b'{"\\ud800": 1, "external_id": "\\ud800"}\n')
    assert (result.exit_code, isinstance(result.exception, SystemExit)) == (1, True)


def test_a_file_that_is_not_there_is_told(run: Run) -> None:
    result = run("accounts", "import", "/nowhere/accounts.ndjson")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_a_database_without_tables_is_told_in_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFYHUB_DATABASE_URL", f"sqlite:///{tmp_path}/empty.sqlite3")
    result = run("keys", "list")
    assert result.exit_code == 1
    assert result.stderr == "notifyhub: the database is not migrated: run `notifyhub db upgrade`\n"
