"""Letters to a mail server, whatever it does."""

from __future__ import annotations

import asyncio
import base64
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from notifyhub.channels.contract import Letter, RelayDown, Report
from notifyhub.channels.email import CHANNEL, carrier
from notifyhub.config import Settings
from tests.channels import scripted
from tests.channels.scripted import HANG_UP, INSIDE, Scripted


@pytest.fixture(autouse=True, params=["one at a time", "pipelining"])
def offered(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "pipelining":
        monkeypatch.setitem(scripted.USUAL, "EHLO", "250-scripted\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 ENHANCEDSTATUSCODES")


CONTENT = b"Subject: hello\r\n\r\nbody\r\n"


class Carried(NamedTuple):
    reports: list[Report]
    down: str | None
    kept: list[uuid.UUID]

    @property
    def outcomes(self) -> list[str]:
        return [report.outcome for report in self.reports]


class Carry(NamedTuple):
    folder: Path
    more: tuple[tuple[str, str], ...] = ()  # of the configuration

    def __call__(
        self,
        server: Scripted,
        *letters: Letter,
        url: str = "smtp://127.0.0.1:{port}?tls=none",
        keep: Callable[[uuid.UUID, str], None] | None = None,
        connections: int = 1,
    ) -> Carried:
        async def run() -> Carried:
            async with server:
                settings = self._settings(url.format(port=server.port), connections)
                carried = Carried([], None, [])
                assert CHANNEL.carrier is not None
                async with CHANNEL.carrier(settings) as opened:
                    try:
                        await opened.send(letters, carried.reports.append, keep or (lambda id, _: carried.kept.append(id)))
                    except (RelayDown, OSError) as error:
                        carried = carried._replace(down=str(error))
                in_order = {letter.delivery_id: number for number, letter in enumerate(letters)}
                carried.reports.sort(key=lambda report: in_order[report.delivery_id])
                return carried

        return asyncio.run(run())

    def _settings(self, url: str, connections: int) -> Settings:
        environ = {
            "DATA_DIR": str(self.folder), "NOTIFYHUB_SMTP_URL": url, "NOTIFYHUB_MAIL_FROM": "a@provider.example",
            "NOTIFYHUB_SMTP_CONNECTIONS": str(connections),
        }  # fmt: skip
        return Settings.from_environ(environ | dict(self.more))


@pytest.fixture
def carry(tmp_path: Path) -> Carry:
    return Carry(tmp_path)


def letter(address: str = "noc@one.example", content: Callable[[], bytes] = lambda: CONTENT) -> Letter:
    return Letter(uuid.uuid4(), address, f"bounces+{address.encode().hex()[:20]}@provider.example", content)


def raising(error: Exception) -> Callable[[], bytes]:
    def make() -> bytes:
        raise error

    return make


def test_a_letter_is_taken_over_with_the_relays_words(carry: Carry) -> None:
    server, one = Scripted(), letter()
    assert carry(server, one).reports == [Report(one.delivery_id, "accepted", "250 2.0.0 taken")]
    assert server.taken[0].raw == CONTENT


def test_it_travels_in_an_envelope_of_its_own(carry: Carry) -> None:
    server, one = Scripted(), letter()
    carry(server, one)
    assert one.envelope_sender in server.taken[0].sender
    assert one.address in server.taken[0].to


def test_many_letters_share_one_connection(carry: Carry) -> None:
    server = Scripted()
    carry(server, *(letter() for _ in range(20)))
    assert (server.connections, len(server.taken)) == (1, 20)


def test_a_line_that_begins_with_a_dot_arrives_as_it_is(carry: Carry) -> None:
    server = Scripted()
    carry(server, letter(content=lambda: b"Subject: dots\r\n\r\n.\r\n..x\r\n"))
    assert server.taken[0].raw.endswith(b"\r\n..\r\n...x\r\n")


def test_what_was_taken_over_is_on_record_before_the_next_letter_goes_out(carry: Carry) -> None:
    server, seen = Scripted(), []
    carry(server, letter(), letter(), keep=lambda *_: seen.append(len(server.taken)))
    assert seen == [1, 2]


class Pondering(Scripted):
    """Answers no message before it is told to."""

    async def __aenter__(self) -> Pondering:
        self.heard, self.go_on = asyncio.Event(), asyncio.Event()
        await super().__aenter__()
        return self

    async def _message(self, reader: asyncio.StreamReader) -> bytes:
        raw = await super()._message(reader)
        self.heard.set()
        await self.go_on.wait()
        return raw


def carried_meanwhile(carry: Carry, first: Sequence[Letter], later: Letter) -> tuple[Scripted, list[Report]]:
    """`later` is given while the relay ponders over the first message."""
    reports: list[Report] = []

    async def run() -> Scripted:
        async with Pondering() as server:
            settings = carry._settings(f"smtp://127.0.0.1:{server.port}?tls=none", 1)
            assert CHANNEL.carrier is not None
            async with CHANNEL.carrier(settings) as opened, asyncio.timeout(5), asyncio.TaskGroup() as group:
                group.create_task(opened.send(first, reports.append, lambda *_: None))
                await server.heard.wait()
                group.create_task(opened.send([later], reports.append, lambda *_: None))
                await asyncio.sleep(0.01)
                server.go_on.set()
            return server

    return asyncio.run(run()), reports


def test_letters_that_come_while_the_last_one_is_being_answered_do_not_wait_for_others(carry: Carry) -> None:
    _, reports = carried_meanwhile(carry, [letter()], letter())
    assert [report.outcome for report in reports] == ["accepted", "accepted"]


def test_a_letter_that_is_more_urgent_passes_those_that_are_made_already(carry: Carry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrier, "AHEAD_SECONDS", 60)
    made: list[int] = []

    def making(number: int) -> Callable[[], bytes]:
        def make() -> bytes:
            made.append(number)
            return CONTENT

        return make

    urgent = letter("urgent@one.example", making(5))._replace(lane=1)
    server, reports = carried_meanwhile(carry, [letter(content=making(n))._replace(lane=3) for n in range(5)], urgent)
    assert made.index(5) == 5, "the others were made before it"
    assert "urgent@" in server.taken[2].to, "the first was out, and the envelope of the second"
    assert (len(reports), len(made)) == (6, 6)


@pytest.mark.parametrize("where", ["RCPT", "DATA", "message"])
@pytest.mark.parametrize(("reply", "outcome"), [("450 4.2.0 later", "deferred"), ("550 5.7.1 no", "refused")])
def test_a_refusal_concerns_one_letter_and_the_next_goes_on(carry: Carry, where: str, reply: str, outcome: str) -> None:
    server = Scripted(**{where: [reply]})
    carried = carry(server, letter(), letter())
    assert (carried.outcomes, carried.reports[0].reply, server.connections) == ([outcome, "accepted"], reply, 1)


def test_a_refused_letter_is_not_on_record(carry: Carry) -> None:
    assert carry(Scripted(RCPT=["550 5.1.1 no"]), letter()).kept == []


@pytest.mark.parametrize("reply", ["550 5.1.1 no such user", "550 5.2.1 disabled"])
def test_a_mailbox_that_is_gone_is_told_apart(carry: Carry, reply: str) -> None:
    assert carry(Scripted(RCPT=[reply]), letter()).reports[0].mailbox_gone


@pytest.mark.parametrize("reply", ["550 5.7.1 your address is not welcome", "450 4.7.1 later", "421 4.7.0 too many"])
def test_a_refused_sender_is_the_relays_failure(carry: Carry, reply: str) -> None:
    carried = carry(Scripted(MAIL=reply), letter(), letter())
    assert (carried.outcomes, carried.down) == (["unsent", "unsent"], reply)


@pytest.mark.parametrize("where", ["RCPT", "DATA", "message"])
def test_421_after_some_letters_has_another_connection_tried(carry: Carry, where: str) -> None:
    server = Scripted(**{where: ["250 ok" if where != "DATA" else "354 go", "421 4.3.2 enough on this connection"]})
    carried = carry(server, letter(), letter(), letter())
    assert (carried.outcomes, carried.down, server.connections) == (["accepted", "unsent", "accepted"], None, 2)


@pytest.mark.parametrize("where", ["RCPT", "DATA", "message"])
def test_421_to_the_first_letter_is_the_relays_failure(carry: Carry, where: str) -> None:
    carried = carry(Scripted(**{where: "421 4.3.2 shutting down"}), letter(), letter(), letter())
    assert (carried.outcomes, carried.down) == (["unsent"] * 3, "421 4.3.2 shutting down")


@pytest.mark.parametrize("script", [{"RCPT": [HANG_UP]}, {"DATA": [HANG_UP]}, {"DATA": [INSIDE]}, {"message": [HANG_UP]}])
def test_a_dropped_connection_costs_one_letter_and_the_next_gets_a_new_one(carry: Carry, script: dict[str, list[str]]) -> None:
    server = Scripted(**script)
    assert carry(server, letter(), letter()).outcomes == ["unsent", "accepted"]
    assert server.connections == 2


@pytest.mark.parametrize("greeting", [HANG_UP, "554 no service", "421 busy"])
def test_a_relay_that_does_not_greet_is_down(carry: Carry, greeting: str) -> None:
    carried = carry(Scripted(greeting=greeting), letter(), letter())
    assert (carried.outcomes, carried.down is not None) == (["unsent", "unsent"], True)


def test_one_connection_that_ends_leaves_the_others_at_work(carry: Carry) -> None:
    carried = carry(Scripted(MAIL=["421 one too many"]), *(letter() for _ in range(20)), connections=2)
    assert (sorted(carried.outcomes), carried.down) == (["accepted"] * 19 + ["unsent"], None)


def test_a_letter_whose_lease_ends_is_not_begun(carry: Carry) -> None:
    server = Scripted()
    assert carry(server, letter()._replace(deadline=0), letter()).outcomes == ["unsent", "accepted"]
    assert len([line for line in server.lines if line.startswith("MAIL")]) == 1


def test_a_letter_that_cannot_be_made_does_not_stop_the_others(carry: Carry) -> None:
    carried = carry(Scripted(), letter(content=raising(KeyError("title"))), letter())
    assert carried.outcomes == ["deferred", "accepted"]
    assert "KeyError" in carried.reports[0].reply


def full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_the_relay_took_over_counts_even_where_the_record_cannot_be_written(carry: Carry) -> None:
    carried = carry(Scripted(), letter(), letter(), keep=full)
    assert (carried.outcomes, "No space left" in str(carried.down)) == (["accepted", "unsent"], True)


class TestBeyondAscii:
    """RFC 6531"""

    ADDRESS = "büro@xn--bcher-kva.example"

    def test_a_relay_that_offers_it_gets_the_address_as_it_is(self, carry: Carry) -> None:
        server = Scripted(EHLO="250-scripted\r\n250-8BITMIME\r\n250 SMTPUTF8")
        assert carry(server, letter(self.ADDRESS)).outcomes == ["accepted"]
        assert (self.ADDRESS in server.taken[0].to, "SMTPUTF8" in server.taken[0].sender) == (True, True)

    def test_a_relay_that_does_not_is_not_asked(self, carry: Carry) -> None:
        server = Scripted()
        (report,) = carry(server, letter(self.ADDRESS)).reports
        assert (report.outcome, "SMTPUTF8" in report.reply, report.mailbox_gone) == ("refused", True, False)
        assert not [line for line in server.lines if line.startswith("MAIL")]

    def test_an_international_domain_alone_needs_none_of_it(self, carry: Carry) -> None:
        server = Scripted()
        carry(server, letter("noc@xn--bcher-kva.example"))
        assert "SMTPUTF8" not in server.taken[0].sender


def test_over_lmtp(carry: Carry) -> None:
    server = Scripted()
    assert carry(server, letter(), letter(), url="lmtp://127.0.0.1:{port}?tls=none").outcomes == ["accepted", "accepted"]
    assert server.lines[0].startswith("LHLO ")


AUTH = "250-scripted\r\n250 AUTH PLAIN"


def test_a_user_of_the_relay_signs_in(carry: Carry) -> None:
    server = Scripted(EHLO=AUTH)
    carry(server, letter(), url="smtp://hub:p%40ss@127.0.0.1:{port}?tls=none")
    proofs = [line.split()[-1] for line in server.lines if line.startswith("AUTH PLAIN")]
    assert [base64.b64decode(proof) for proof in proofs] == [b"\0hub\0p@ss"]


def test_a_sign_in_that_fails_is_the_relays_failure(carry: Carry) -> None:
    carried = carry(Scripted(EHLO=AUTH, AUTH="535 5.7.8 no"), letter(), url="smtp://hub:pass@127.0.0.1:{port}?tls=none")
    assert (carried.outcomes, carried.down is not None, "pass" in str(carried.down)) == (["unsent"], True, False)


def test_where_tls_is_required_nothing_goes_out_without(carry: Carry) -> None:
    server = Scripted()
    carried = carry(server, letter(), url="smtp://hub:pass@127.0.0.1:{port}?tls=starttls")
    assert (carried.outcomes, carried.down is not None) == (["unsent"], True)
    assert not [line for line in server.lines if line.startswith(("MAIL", "AUTH"))]


class TestPipelining:
    """RFC 2920"""

    EHLO = "250-scripted\r\n250 PIPELINING"

    def test_the_next_envelope_does_not_wait_for_the_answer_to_the_last_message(self, carry: Carry) -> None:
        server = Scripted(EHLO=self.EHLO, ahead=2)
        assert carry(server, letter(), letter(), letter()).outcomes == ["accepted"] * 3

    def test_a_refused_recipient_whose_message_is_waited_for_all_the_same(self, carry: Carry) -> None:
        server = Scripted(EHLO=self.EHLO, RCPT=["550 5.1.1 no"], DATA=["354 go on"], message=["554 5.5.1 nobody to send it to"])
        carried = carry(server, letter(), letter())
        assert (carried.outcomes, carried.reports[0].reply, server.connections) == (["refused", "accepted"], "550 5.1.1 no", 1)
        assert [mail.raw for mail in server.taken] == [CONTENT]

    def test_what_was_lined_up_behind_a_lost_message_goes_out_elsewhere(self, carry: Carry) -> None:
        server = Scripted(EHLO=self.EHLO, message=[HANG_UP], ahead=1)
        carried = carry(server, letter(), letter(), letter())
        assert (carried.outcomes, server.connections) == (["unsent", "accepted", "accepted"], 2)

    def test_what_the_relay_says_of_a_lined_up_letter_is_not_lost_with_the_line(self, carry: Carry) -> None:
        server = Scripted(EHLO=self.EHLO, RCPT=["250 ok", "550 5.1.1 no"], message=["250 ok"], DATA=["354 go", HANG_UP])
        assert carry(server, letter(), letter()).outcomes == ["accepted", "refused"]


@pytest.mark.parametrize("words", ["hello", "250", "25", "2x0 ok", "250:ok"])
def test_a_server_of_another_kind_is_no_relay(carry: Carry, words: str) -> None:
    carried = carry(Scripted(MAIL=words), letter(), letter())
    assert "accepted" not in carried.outcomes or words == "250"


def test_an_answer_of_several_lines_is_one_answer(carry: Carry) -> None:
    server = Scripted(message=["250-2.0.0 taken\r\n250-as it is\r\n250 number 17"])
    assert carry(server, letter()).reports[0].reply == "250 2.0.0 taken as it is number 17"


def test_the_more_urgent_letter_goes_first(carry: Carry) -> None:
    server = Scripted()
    carry(server, letter("bulk@one.example")._replace(lane=3), letter("urgent@one.example")._replace(lane=1))
    assert "urgent@" in server.taken[0].to
