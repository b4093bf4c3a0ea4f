"""Members of staff and their passwords, as an operator makes them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from notifyhub import staff
from notifyhub.database import db, transaction, utcnow
from notifyhub.errors import Conflict, Invalid
from notifyhub.models import AuditEntry, Staff
from tests.conftest import Templates
from tests.test_commands import Run

PASSWORD = "correct horse battery"
CREATE = ("staff", "create", "olivia@staff.example", "--name", "Olivia Ops", "--role", "ops")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staff, "hasher", staff.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def run(app: Flask, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Run:
    from click.testing import CliRunner

    from notifyhub.cli import main

    for name, value in environ.items():
        monkeypatch.setenv(name, value)

    def command(*words: str, input: str = "") -> Any:
        db.session.remove()
        return CliRunner().invoke(main, list(words), input=input)

    return command


def create(**changes: Any) -> Staff:
    given = {
        "email": "olivia@staff.example",
        "name": "Olivia Ops",
        "password": PASSWORD,
        "roles": ["ops"],
        "locale": "en",
        "time_zone": "UTC",
    }
    with transaction() as session:
        return staff.create(session, **(given | changes), now=utcnow())


def test_a_password_is_kept_as_an_argon2id_hash(app: Flask) -> None:
    row = create()
    assert row.password_hash.startswith("$argon2id$")
    assert PASSWORD not in repr(vars(row))


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"password": "elevenchars"}, "password", "at least 12 characters"),
        ({"password": "Olivia@staff.example"}, "password", "must not be the e-mail address"),
        ({"password": "x" * 30}, "password", "again and again"),
        ({"password": "xyz1" * 200}, "password", "500 characters at most"),
        ({"email": "olivia"}, "email", "is not an e-mail address"),
        ({"name": "a\nb"}, "name", "line break"),
        ({"roles": ["boss"]}, "roles", "unknown: boss; known are ops, agent, billing, abuse, admin"),
        ({"roles": []}, "roles", "at least one"),
        ({"locale": "klingon"}, "locale", "is not a known locale"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "is not an IANA time zone"),
    ],
)
def test_what_is_refused_names_its_field(app: Flask, changes: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        create(**changes)
    assert [(name, words in str(message)) for name, message in caught.value.errors] == [(field, True)]


def test_an_address_is_taken_in_every_spelling(app: Flask) -> None:
    create()
    with pytest.raises(Conflict):
        create(email="Olivia@STAFF.example")


class TestCommands:
    @pytest.fixture
    def database_url(self, templates: Templates) -> str:
        """One is enough for the words of the command line."""
        return templates.copy("sqlite")

    def test_the_password_is_read_from_standard_input(self, run: Any) -> None:
        result = run(*CREATE, "--role", "agent", input=f"{PASSWORD}\n")
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr == "Olivia Ops <olivia@staff.example> with the roles agent, ops may sign in\n"
        assert staff.matches(db.session.scalars(select(Staff.password_hash)).one(), PASSWORD)

    def test_or_made_and_printed_alone(self, run: Any) -> None:
        result = run(*CREATE, "--generate")
        assert re.fullmatch(r"\S{24}\n", result.stdout)
        assert staff.matches(db.session.scalars(select(Staff.password_hash)).one(), result.stdout.strip())

    def test_what_is_wrong_is_said_in_one_line(self, run: Any) -> None:
        result = run(*CREATE, input="short\n")
        assert (result.exit_code, result.stderr) == (1, "notifyhub: password: needs at least 12 characters\n")

    def test_the_list_says_who_may_what(self, run: Any) -> None:
        run(*CREATE, "--generate")
        assert run("staff", "list").stdout == "   1  olivia@staff.example  Olivia Ops  [ops]  active\n"
        run("staff", "disable", "olivia@staff.example")
        assert re.search(r"\[ops\]  disabled \d{4}-\d\d-\d\d \d\d:\d\d UTC$", run("staff", "list").stdout)

    def test_a_new_password_replaces_the_old_one(self, run: Any) -> None:
        run(*CREATE, "--generate")
        assert run("staff", "password", "olivia@staff.example", input=f"{PASSWORD}\n").exit_code == 0
        assert staff.matches(db.session.scalars(select(Staff.password_hash)).one(), PASSWORD)

    @pytest.mark.parametrize("command", ["disable", "password"])
    def test_who_is_not_there_is_told(self, run: Any, command: str) -> None:
        result = run("staff", command, "nobody@staff.example")
        assert (result.exit_code, result.stderr) == (1, "notifyhub: There is no member of staff with the address nobody@staff.example.\n")

    def test_all_of_it_is_in_the_audit_log(self, run: Any) -> None:
        run(*CREATE, "--generate")
        run("staff", "password", "olivia@staff.example", "--generate")
        run("staff", "disable", "olivia@staff.example")
        entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
        assert [entry.action for entry in entries] == ["staff.created", "staff.password_set", "staff.disabled"]
        assert {entry.actor[:14] for entry in entries} == {"command line ("}
