"""The harness is checked like everything else: one that cannot fail proves nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from benchmarks.sink import Accepted, accepted
from tests.faults import check, people, relay
from tests.faults.people import Expected
from tests.faults.relay import Remote, is_deferred, is_refused
from tests.test_benchmarks import MESSAGE, Client, envelope

Open = Callable[[], Client]


class TestExpectation:
    def test_so_many_mails_are_due(self) -> None:
        assert people.expected(people.accounts("run", 500, ("a",))).mails.total() in (500, 501)

    def test_accounts_are_spread_over_the_parts(self) -> None:
        nodes = Counter(account["services"][0]["node"] for account in people.accounts("run", 30, ("a", "b")))
        assert abs(nodes["run-a"] - nodes["run-b"]) <= 1

    def test_one_person_may_have_two_accounts_and_gets_two_mails(self) -> None:
        registered = Counter(address for _, address in people.expected(people.accounts("run", 10, ("a",))).mails)
        assert registered["owner2.run@customer.example"] == 2

    @pytest.fixture
    def reaches(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Expected]:
        """What is expected for an account, where some of its addresses do not exist."""

        def expect(registered: str, *own: tuple[str, str], gone: str = "") -> Expected:
            monkeypatch.setattr(people, "is_refused", lambda address, _: address.partition("@")[0] in gone.split())
            send_email = {"announcements": [{"email": f"{email}@a.example", "state": state} for email, state in own]}
            return people.expected([{"external_id": "C", "registered_email": f"{registered}@a.example", "send_email": send_email}], 20)

        return expect

    @pytest.mark.parametrize(
        ("own", "gone", "mails", "refused"),
        [
            ([], "", ["reg"], []),
            ([("one", "pending")], "", ["reg"], []),
            ([("one", "verified"), ("two", "verified")], "", ["one", "two"], []),
            ([("one", "verified"), ("two", "verified")], "one", ["two"], ["one"]),
            ([("one", "verified"), ("two", "verified")], "one two", ["reg"], ["one", "two"]),
            ([("one", "verified")], "one reg", [], ["one", "reg"]),
            ([("one", "verified")], "reg", ["one"], []),
            ([], "reg", [], ["reg"]),
        ],
    )
    def test_what_is_refused_goes_elsewhere(
        self, reaches: Callable[..., Expected], own: list[tuple[str, str]], gone: str, mails: list[str], refused: list[str]
    ) -> None:
        want = reaches("reg", *own, gone=gone)
        assert sorted(want.mails) == [("C", f"{name}@a.example") for name in mails]
        assert sorted(want.refused) == [("C", f"{name}@a.example") for name in refused]
        assert want.to_mend == ({"C"} if refused else set())


class TestCheck:
    WANT = Expected(["A", "B"], Counter({("A", "a@x.example"): 1, ("B", "b@x.example"): 1}), {("B", "gone@x.example")}, {"B"})
    A, B = Accepted("a@x.example", "<1@p>", 7000, 0.0), Accepted("b@x.example", "<2@p>", 7000, 0.0)

    @pytest.mark.parametrize(
        ("mails", "may_be_twice", "words"),
        [
            ([A, B], 0, []),
            ([A, B, B], 1, []),
            ([A, B, B], 0, ["1 mails were sent twice, and 0 may be"]),
            ([A], 0, ["1 mails never arrived"]),
            ([A, A], 1, ["1 mails never arrived"]),
            ([A, B, B._replace(message_id="<3@p>")], 9, ["under another Message-ID"]),
            ([A, B._replace(message_id="<1@p>")], 9, ["Message-IDs that several"]),
            ([A, B._replace(size=100)], 0, ["were cut off"]),
            ([A, B, A._replace(recipient="c@x.example", message_id="<3@p>")], 9, ["nobody expects"]),
        ],
    )
    def test_mails(self, mails: list[Accepted], may_be_twice: int, words: list[str]) -> None:
        self.told(check.mails(self.WANT, mails, may_be_twice), words)

    def told(self, wrong: list[str], words: list[str]) -> None:
        assert len(wrong) == len(words), wrong
        assert all(word in sentence for word, sentence in zip(words, wrong, strict=True)), wrong

    def rows(self) -> list[dict[str, str]]:
        def row(account: str, channel: str, address: str = "", state: str = "sent") -> dict[str, str]:
            return {"account": account, "channel": channel, "address": address, "state": state, "sent at": "now", "reply": "250 ok"}

        return [
            row("A", "inbox"), row("B", "inbox"), row("A", "email", "a@x.example"), row("B", "email", "b@x.example"),
            row("B", "email", "gone@x.example", "failed"), row("B", "email", "new@x.example", "skipped"),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda rows: None, []),
            (lambda rows: rows.pop(0), ["items missing"]),
            (lambda rows: rows.append(rows[0]), ["items too many"]),
            (lambda rows: rows.pop(2), ["not on record as sent"]),
            (lambda rows: rows.append(rows[2]), ["sent too often"]),
            (lambda rows: rows[2].update(state="queued"), ["still wait", "not on record as sent"]),
            (lambda rows: rows[3].update(state="failed"), ["not on record as sent", "deliveries failed"]),
            (lambda rows: rows.pop(4), ["refusals are not on record"]),
            (lambda rows: rows[3].update({"sent at": ""}), ["without a time"]),
            (lambda rows: rows[3].update(reply=""), ["without a time"]),
        ],
    )
    def test_proof(self, change: Callable[[list[dict[str, str]]], object], words: list[str]) -> None:
        rows = self.rows()
        change(rows)
        self.told(check.proof(self.WANT, rows), words)

    @pytest.mark.parametrize(
        ("kinds", "words"),
        [
            (["service_change", "repair"], []),
            (["repair"], ["do not have the item once"]),
            (["service_change", "service_change", "repair"], ["do not have the item once"]),
            (["service_change"], ["lack the notice"]),
            (["service_change", "repair", "repair"], ["lack the notice, or have it twice"]),
        ],
    )
    def test_inboxes(self, kinds: list[str], words: list[str]) -> None:
        items: list[dict[str, Any]] = [{"kind": kind} for kind in kinds]
        self.told(check.inboxes(self.WANT, {"A": [{"kind": "service_change"}], "B": items}), words)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Remote]:
    with relay.running(tmp_path) as remote:
        yield remote


@pytest.fixture
def connect(server: Remote) -> Iterator[Open]:
    with ExitStack() as stack:

        def client() -> Client:
            client = Client(server.ports[0])
            stack.callback(client.close)
            return client

        yield client


class TestRelay:
    def begin(self, client: Client, recipient: bytes = b"x@c.example") -> list[int]:
        client.socket.sendall(envelope(recipient))
        return [client.reply() for _ in range(3)]

    def one(self, is_one: Callable[[str, int], bool], one_in: int) -> bytes:
        return next(f"r{number}@c.example" for number in range(1000) if is_one(f"r{number}@c.example", one_in)).encode()

    def test_as_long_as_nothing_is_wrong_it_takes_mails_and_records_them(self, server: Remote, connect: Open) -> None:
        client = connect()
        assert (self.begin(client), client.say(MESSAGE % b"1")) == ([250, 250, 354], 250)
        assert [mail.message_id for mail in accepted(server.record)] == ["<1@provider.example>"]

    def test_some_are_put_off_once(self, server: Remote, connect: Open) -> None:
        server.behave(deferred=3)
        client, someone = connect(), self.one(is_deferred, 3)
        assert (self.begin(client, someone), client.say(b"RSET\r\n")) == ([250, 451, 554], 250)
        assert (self.begin(client, someone), server.look().struck["deferred"]) == ([250, 250, 354], 1)

    def test_some_do_not_exist(self, server: Remote, connect: Open) -> None:
        server.behave(refused=20)
        client, someone = connect(), self.one(is_refused, 20)
        for _ in range(2):
            assert (self.begin(client, someone), client.say(b"RSET\r\n")) == ([250, 550, 554], 250)

    def test_a_line_dropped_inside_of_a_message_leaves_nothing(self, server: Remote, connect: Open) -> None:
        server.behave(cut_in_data=1, every=1)
        client = connect()
        assert (self.begin(client), client.say(MESSAGE % b"1")) == ([250, 250, 354], 0)
        assert (accepted(server.record), server.look().struck["cut_in_data"]) == ([], 1)

    def test_a_line_dropped_after_the_dot_leaves_a_mail_of_which_nobody_was_told(self, server: Remote, connect: Open) -> None:
        server.behave(cut_after_dot=1, every=1)
        client = connect()
        assert (self.begin(client), client.say(MESSAGE % b"1")) == ([250, 250, 354], 0)
        assert (len(accepted(server.record)), server.look().struck["cut_after_dot"]) == (1, 1)

    def test_it_breaks_off_at_one_point_after_the_other(self, server: Remote, connect: Open) -> None:
        server.behave(busy=4, every=1)
        assert [self.until_busy(connect()) for _ in range(4)] == ["MAIL", "message", "RCPT", "DATA"]
        assert accepted(server.record) == []

    def until_busy(self, client: Client) -> str:
        """What is answered by 421."""
        commands = {"MAIL": b"MAIL FROM:<>\r\n", "RCPT": b"RCPT TO:<x@c.example>\r\n", "DATA": b"DATA\r\n", "message": MESSAGE % b"1"}
        return next(name for name, command in commands.items() if client.say(command) == 421)

    def test_nothing_follows_a_421(self, server: Remote, connect: Open) -> None:
        server.behave(busy=1, every=1)
        client = connect()
        client.socket.sendall(envelope(b"x@c.example"))
        assert (client.reply(), client.replies.read()) == (421, b"")

    def test_who_comes_while_it_is_away_is_refused_and_who_is_there_is_sent_away(self, server: Remote, connect: Open) -> None:
        client = connect()
        server.behave(listening=False)
        assert client.say(b"MAIL FROM:<>\r\n") == 421
        with pytest.raises(ConnectionRefusedError):
            connect()
        server.behave(listening=True)
        assert connect().say(b"MAIL FROM:<>\r\n") == 250

    def test_it_says_who_is_in_the_middle_of_a_mail(self, server: Remote, connect: Open) -> None:
        client = connect()
        before = server.look().busy
        self.begin(client)
        assert (before.total(), server.look().busy) == (0, Counter({server.ports[0]: 1}))

    def test_replies_stay_in_order_when_it_gets_faster(self, server: Remote, connect: Open) -> None:
        client = connect()
        server.behave(delay=0.2)
        client.socket.sendall(b"NOOP\r\n")
        server.behave(delay=0.0)
        assert (client.say(b"NONSENSE\r\n"), client.reply()) == (250, 500)
