"""The measuring instruments are checked like everything else: a wrong one would find a wrong product right."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks import expected, fleet, main_road, rivals, sink
from benchmarks.figures import Report
from benchmarks.memory import Peaks, kind

MESSAGE = b"From: a@provider.example\r\nMessage-ID: <%s@provider.example>\r\nSubject: hello\r\n\r\nline\r\n..dot\r\n.\r\n"


@pytest.fixture(scope="module")
def thousand() -> list[dict[str, Any]]:
    return list(fleet.accounts(1000))


def test_the_same_seed_makes_the_same_fleet(tmp_path: Path) -> None:
    for name in ("first", "second"):
        fleet.write(tmp_path / name, 200, seed=3)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
    assert list(fleet.accounts(200, seed=4)) != list(fleet.accounts(200, seed=3))


def test_a_fleet_has_18_services_for_10_accounts_under_unique_order_numbers(thousand: list[dict[str, Any]]) -> None:
    numbers = [service["order_number"] for account in thousand for service in account["services"]]
    assert len(numbers) == len(set(numbers)) == 1800
    assert len({account["external_id"] for account in thousand}) == 1000


def test_four_of_ten_accounts_have_a_live_service_in_the_location(thousand: list[dict[str, Any]]) -> None:
    here = [[s["status"] for s in a["services"] if s["location"] == fleet.AUDIENCE_LOCATION] for a in thousand]
    assert sum(any(status != "terminated" for status in statuses) for statuses in here) == 400
    assert any(statuses and all(status == "terminated" for status in statuses) for statuses in here)


def test_a_fleet_has_every_kind_of_account(thousand: list[dict[str, Any]]) -> None:
    assert len({account["time_zone"] for account in thousand}) == 12
    assert len({account["locale"] for account in thousand}) == 3
    own = [account["send_email"] for account in thousand if "send_email" in account]
    assert 200 < len(own) < 300
    assert {address["state"] for lists in own for addresses in lists.values() for address in addresses} == {"pending", "verified"}
    registered = [account["registered_email"] for account in thousand]
    assert len(set(registered)) < 1000
    domains = {address.rpartition("@")[2] for address in registered}
    assert {"bücher.example", "xn--bcher-kva.example"} <= domains
    addresses = {address for account in thousand for service in account["services"] for address in service["addresses"]}
    assert any(address.endswith("/64") for address in addresses)
    assert any(address.endswith("/29") for address in addresses)


@pytest.fixture
def three_accounts(tmp_path: Path) -> Path:
    def account(name: str, registered: str, services: list[tuple[str, str, str]], own: list[tuple[str, str]]) -> dict[str, Any]:
        send_email = {"send_email": {"announcements": [{"email": email, "state": state} for email, state in own]}} if own else {}
        return {
            "external_id": name, "registered_email": registered,
            "services": [{"location": location, "node": node, "status": status} for location, node, status in services],
        } | send_email  # fmt: skip

    file = tmp_path / "accounts.ndjson"
    accounts = [
        account("A", "Owner@Bücher.example", [("fra1", "n1", "suspended"), ("ams1", "n7", "active")], []),
        account("B", "b@c.example", [("fra1", "n2", "active")], [("one@STRASSE.example", "verified"), ("two@straße.example", "verified"),
                                                                 ("three@d.example", "pending")]),
        account("C", "c@c.example", [("fra1", "n1", "terminated"), ("ams1", "n8", "active")], [("four@d.example", "pending")]),
    ]  # fmt: skip
    file.write_text("".join(json.dumps(account) + "\n" for account in accounts))
    return file


def test_a_location_concerns_accounts_with_a_live_service_there(three_accounts: Path) -> None:
    want = expected.announcement(three_accounts, locations=["fra1"])
    assert want.accounts == ["A", "B"]
    assert want.recipients == Counter(["owner@xn--bcher-kva.example", "one@strasse.example", "two@xn--strae-oqa.example"])


def test_nodes_concern_accounts_on_them_and_pending_addresses_get_nothing(three_accounts: Path) -> None:
    want = expected.announcement(three_accounts, nodes=["n7", "n8"])
    assert want.accounts == ["A", "C"]
    assert want.recipients == Counter(["owner@xn--bcher-kva.example", "c@c.example"])


def test_one_person_with_two_accounts_is_told_for_both(tmp_path: Path) -> None:
    file = tmp_path / "accounts.ndjson"
    service = {"location": "fra1", "node": "n1", "status": "active"}
    twice = [{"external_id": name, "registered_email": "same@c.example", "services": [service]} for name in "AB"]
    file.write_text("\n".join(map(json.dumps, twice)))
    assert expected.announcement(file, locations=["fra1"]).recipients == Counter({"same@c.example": 2})


def test_missing_surplus_and_repeated_mails_are_failures() -> None:
    want = expected.Expected(["A", "B"], Counter(["a@xn--bcher-kva.example", "b@c.example"]))
    mails = {
        recipient: sink.Accepted(recipient, f"<{recipient}>", 1, 0.0)
        for recipient in ("A@xn--bcher-kva.example", "b@c.example", "a@bücher.example")
    }
    a, b, not_encoded = mails.values()
    for delivered, words in (
        ([a, b], []),
        ([a], ["1 missing, 0 too many"]),
        ([a, b, b._replace(message_id="<other>")], ["0 missing, 1 too many"]),
        ([not_encoded, b], ["1 missing, 1 too many"]),
        ([a, b._replace(message_id=a.message_id)], ["same Message-ID"]),
    ):
        report = Report()
        main_road.compare(report, delivered, want)
        assert len(report.failures) == len(words)
        assert all(word in failure for word, failure in zip(words, report.failures, strict=True))


class Client:
    """Speaks SMTP over a real socket, one reply after the other."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.replies = self.socket.makefile("rb")
        assert self.reply() == 220

    def say(self, data: bytes) -> int:
        self.socket.sendall(data)
        return self.reply()

    def reply(self) -> int:
        line = self.replies.readline()
        while line[3:4] == b"-":
            line = self.replies.readline()
        return int(line[:3] or 0)

    def close(self) -> None:
        self.replies.close()
        self.socket.close()


Connect = Callable[..., Client]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "accepted.tsv"


@pytest.fixture
def connect(record: Path) -> Iterator[Connect]:
    with ExitStack() as stack:

        def start(*options: str) -> Client:
            client = Client(stack.enter_context(sink.running(record, *options)))
            stack.callback(client.close)
            return client

        yield start


def envelope(recipient: bytes) -> bytes:
    return b"MAIL FROM:<a@provider.example>\r\nRCPT TO:<%s>\r\nDATA\r\n" % recipient


def test_the_sink_takes_one_command_at_a_time(connect: Connect, record: Path) -> None:
    client = connect()
    commands = [
        b"EHLO me\r\n",
        b"MAIL FROM:<a@provider.example>\r\n",
        b"RCPT TO:<x@c.example>\r\n",
        b"RCPT TO:<y@c.example>\r\n",
        b"DATA\r\n",
    ]
    assert [client.say(command) for command in commands] == [250, 250, 250, 250, 354]
    for piece in (MESSAGE % b"1")[:40], (MESSAGE % b"1")[40:-4]:
        client.socket.sendall(piece)
    assert client.say((MESSAGE % b"1")[-4:]) == 250
    assert client.say(b"QUIT\r\n") == 221
    assert client.replies.readline() == b""
    size = len(MESSAGE % b"1") - len(b"\r\n.\r\n")
    assert [mail[:3] for mail in sink.accepted(record)] == [(f"{name}@c.example", "<1@provider.example>", size) for name in "xy"]


def test_the_sink_takes_pipelined_messages(connect: Connect, record: Path) -> None:
    client = connect()
    assert client.say(b"EHLO me\r\n" + envelope(b"x0@c.example")) == 250
    assert [client.reply() for _ in range(3)] == [250, 250, 354]
    for number in range(1, 50):
        client.socket.sendall(MESSAGE % b"%d" % number + envelope(b"x%d@c.example" % number))
        assert [client.reply() for _ in range(4)] == [250, 250, 250, 354]
    assert client.say(MESSAGE % b"50") == 250
    mails = sink.accepted(record)
    assert [mail.recipient for mail in mails] == [f"x{number}@c.example" for number in range(50)]
    assert [mail.message_id for mail in mails] == [f"<{number}@provider.example>" for number in range(1, 51)]


def test_the_sink_takes_an_empty_message_and_one_without_message_id(connect: Connect, record: Path) -> None:
    client = connect()
    for body in (b".\r\n", b"Subject: none\r\n\r\nMessage-ID: <not@header>\r\n.\r\n"):
        client.socket.sendall(envelope(b"x@c.example") + body)
        assert [client.reply() for _ in range(4)] == [250, 250, 354, 250]
    assert [(mail.message_id, mail.size) for mail in sink.accepted(record)] == [("-", 0), ("-", 41)]


def test_soft_recipients_are_put_off_as_often_as_asked(connect: Connect, record: Path) -> None:
    client = connect("--soft", "2")
    answers = []
    for _ in range(3):
        client.socket.sendall(b"MAIL FROM:<a@provider.example>\r\nRCPT TO:<softly@c.example>\r\nRSET\r\n")
        answers.append([client.reply() for _ in range(3)][1])
    assert answers == [451, 451, 250]
    assert sink.accepted(record) == []


def test_hard_recipients_are_refused_and_the_others_served(connect: Connect, record: Path) -> None:
    client = connect("--hard")
    client.socket.sendall(b"MAIL FROM:<a@provider.example>\r\nRCPT TO:<hard@c.example>\r\n" + b"RCPT TO:<x@c.example>\r\nDATA\r\n")
    assert [client.reply() for _ in range(4)] == [250, 550, 250, 354]
    assert client.say(MESSAGE % b"1") == 250
    client.socket.sendall(envelope(b"hard@c.example"))
    assert [client.reply() for _ in range(3)] == [250, 550, 554]
    assert [mail.recipient for mail in sink.accepted(record)] == ["x@c.example"]


def test_the_sink_insists_on_the_order_of_commands_and_on_smtputf8(connect: Connect) -> None:
    client = connect()
    assert client.say(b"RCPT TO:<x@c.example>\r\n") == 503
    assert client.say(b"DATA\r\n") == 554
    assert client.say(b"MAIL FROM:<>\r\n") == 250
    assert client.say("RCPT TO:<ümit@c.example>\r\n".encode()) == 553
    assert client.say(b"MAIL FROM:<>\r\n") == 503
    assert client.say(b"RSET\r\n") == 250
    assert client.say(b"MAIL FROM:<> SMTPUTF8 SIZE=100\r\n") == 250
    assert client.say("RCPT TO:<ümit@c.example>\r\n".encode()) == 250
    assert client.say(b"RSET\r\n") == 250
    assert client.say(b"MAIL FROM:<> SIZE=999999999\r\n") == 552
    assert client.say(b"NONSENSE\r\n") == 500


def test_a_delayed_sink_answers_late_and_in_order(connect: Connect) -> None:
    client = connect("--delay", "0.02")
    client.socket.sendall(b"EHLO me\r\n" + envelope(b"x@c.example"))
    assert [client.reply() for _ in range(4)] == [250, 250, 250, 354]
    assert client.say(MESSAGE % b"1") == 250
    assert client.say(b"QUIT\r\n") == 221


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_peak_memory_of_a_child_is_seen_after_it_gave_the_memory_back() -> None:
    hungry = "import sys; sys.stdin.readline(); block = b'x' * 64_000_000; del block; print(flush=True); sys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", hungry], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        with Peaks(os.getpid()) as peaks:
            child.stdin.write(b"go\n")
            child.stdin.flush()
            child.stdout.readline()
        child.stdin.close()
    assert 64 < peaks.by_process["other", child.pid] < 128


def test_processes_are_told_apart_by_their_command_lines() -> None:
    lines = [
        "python -m gunicorn --config server.py",
        "python .venv/bin/notifyhub worker",
        "valkey-server unixsocket:run",
        "python -m http.server",
    ]
    assert [kind(line) for line in lines] == ["web", "worker", "valkey", "other"]


def test_a_report_says_which_aims_are_met() -> None:
    report = Report()
    report.add("mails", 1500, "mails/s", 1000)
    report.add("first mail", 1.5, "s", 1.0, "less")
    report.add("size", 7000, "octets")
    report.add("last mail", float("inf"), "s")
    assert [figure.met for figure in report.figures] == [True, False, None, None]
    table = report.as_table().splitlines()
    assert table[2].split() == ["mails", "1,500", "mails/s", "≥", "1,000", "met"]
    assert table[3].endswith("falls short")
    assert table[5].split() == ["last", "mail", "never"]
    assert report.as_json()["figures"]["size"] == {"value": 7000, "unit": "octets"}
    assert report.as_json()["figures"]["last mail"] == {"value": None, "unit": "s"}


def test_everyone_and_named_accounts_are_expected_whatever_they_rent(three_accounts: Path) -> None:
    assert expected.announcement(three_accounts, all=True).accounts == ["A", "B", "C"]
    assert expected.announcement(three_accounts, only={"C"}).recipients == Counter(["c@c.example"])


def test_all_rivals_hand_over_the_same_mails(tmp_path: Path, cluster: str) -> None:
    mails, record = rivals.mails({"en": {"title": "News", "body": "Dear {{ account_name }}"}}, 8), tmp_path / "record"
    wanted = Counter(mail.to for mail in mails)
    with sink.running(record) as port:
        for send in (
            lambda: rivals.raw_wire(port, mails),
            lambda: rivals.by_smtplib(port, mails),
            lambda: rivals.post_office(port, cluster, tmp_path, mails, [1]),
        ):
            after = record.stat().st_size
            assert send() > 0
            assert Counter(mail.recipient for mail in sink.accepted(record, after)) == wanted
