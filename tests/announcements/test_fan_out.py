"""From a publication to its recipients: nobody twice, nobody missed, whatever happens in between."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from notifyhub import deliveries, dispatch, recipients, wake
from notifyhub.announcements import fan_out
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.jobs import fan_out as job
from notifyhub.kinds import KINDS
from notifyhub.models import Account, Mailbox, Notification, Revision
from tests.announcements.steps import imported, mails, published, revision, told
from tests.builders import account
from tests.conftest import Api
from tests.smtp import Server

ACCOUNTS = [f"C-{number}" for number in range(10, 30)]


@pytest.fixture
def announced(api: Api, fans_out_later: None) -> uuid.UUID:
    """To twenty accounts, and not fanned out yet."""
    imported(api, [account(external_id=id, registered_email=f"{id.lower()}@one.example") for id in ACCOUNTS])
    return uuid.UUID(published(api))


def read(id: uuid.UUID, size: int = 3) -> fan_out.Chunk:
    with reading() as session:
        row = session.get_one(Revision, (id, 1))
        return fan_out.read_chunk(session, row, row.cursor, size)


def write(id: uuid.UUID, size: int = 3) -> bool:
    chunk = read(id, size)
    with transaction() as session:
        return fan_out.write_chunk(session, id, 1, chunk, utcnow())


def write_and_break(id: uuid.UUID) -> None:
    chunk = read(id)
    with transaction() as session:
        fan_out.write_chunk(session, id, 1, chunk, utcnow())
        raise ZeroDivisionError


def test_a_chunk_that_another_worker_has_written_meanwhile_is_not_written_again(announced: uuid.UUID) -> None:
    chunk = read(announced)
    write(announced)
    with transaction() as session:
        assert fan_out.write_chunk(session, announced, 1, chunk, utcnow()) is False
    assert told() == ACCOUNTS[:3]


def write_all(id: uuid.UUID, size: int = 3) -> None:
    while write(id, size):
        pass


def test_chunk_after_chunk_tells_everybody_once(announced: uuid.UUID) -> None:
    write_all(announced)
    assert told() == ACCOUNTS


def test_a_chunk_that_fits_exactly_is_not_the_end(announced: uuid.UUID) -> None:
    write_all(announced, size=10)
    assert told() == ACCOUNTS


def test_a_finished_fan_out_says_so(announced: uuid.UUID) -> None:
    write_all(announced)
    row = revision(str(announced))
    assert (row.fanned_out, row.fanned_out_at is not None) == (20, True)


def test_a_finished_fan_out_writes_nothing_again(announced: uuid.UUID) -> None:
    write_all(announced)
    assert write(announced) is False
    assert told() == ACCOUNTS


def test_what_broke_in_the_middle_of_a_chunk_left_nothing_and_is_taken_up_again(announced: uuid.UUID) -> None:
    write(announced)
    with pytest.raises(ZeroDivisionError):
        write_and_break(announced)
    assert (told(), revision(str(announced)).fanned_out) == (ACCOUNTS[:3], 3)
    write_all(announced)
    assert told() == ACCOUNTS


def test_a_lost_wake_up_is_found_by_the_sweep(announced: uuid.UUID, work: Callable[[], None], smtp: Server) -> None:
    wake.client().flushall()
    wake.now("sweep")
    work()
    assert len(smtp.mails) == 20


def test_two_at_once_tell_nobody_twice_and_miss_nobody(app: Flask, announced: uuid.UUID) -> None:
    errors = []

    def run() -> None:
        with app.app_context():
            try:
                for _ in range(30):
                    write(announced, 2)
            except Exception as error:
                errors.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert told() == ACCOUNTS


@pytest.mark.parametrize("minutes", [-5, 5])
def test_a_worker_whose_clock_is_wrong_tells_and_dates_as_any_other(app: Flask, announced: uuid.UUID, minutes: int) -> None:
    if db.engine.dialect.name == "sqlite":
        pytest.skip("it stands on one machine, which has one clock")
    with time_machine.travel(utcnow() + timedelta(minutes=minutes), tick=True):
        job.run(str(announced), 1)
    with transaction() as session:
        assert len(deliveries.claim(session, "email", 100, uuid.uuid4())[1]) == 20
        told_at = session.scalars(select(Notification.created_at)).first()
    assert told_at is not None
    assert abs(utcnow() - told_at) < timedelta(minutes=1)


def test_the_database_refuses_to_tell_the_same_twice(announced: uuid.UUID) -> None:
    write_all(announced)
    telling = dispatch.Telling(KINDS["maintenance"], "announcement", str(announced), 1)
    with transaction() as session:
        loaded = recipients.load(session, [session.query(Account.id).filter_by(external_id="C-10").scalar()], telling.question())
        with pytest.raises(IntegrityError), session.begin_nested():
            dispatch.record(session, telling, loaded, {}, utcnow())


def test_an_announcement_is_told_in_the_lane_of_its_kind(api: Api, work: Callable[[], None]) -> None:
    api.put("/v1/accounts/C-1", account())
    published(api, kind="outage")
    work()
    assert {item["lane"] for item in api.get("/v1/deliveries").json["items"]} == {"urgent"}


def spoil(email: str) -> None:
    with transaction() as session:
        session.execute(update(Mailbox).where(Mailbox.email == email).values(status="bouncing"))


class TestRepair:
    """Accounts that no mail reaches."""

    @pytest.fixture
    def unreachable(self, api: Api, work: Callable[[], None]) -> None:
        api.put("/v1/accounts/C-1", account(registered_email="dead@one.example"))
        spoil("dead@one.example")
        published(api)
        work()

    def test_the_skip_has_its_reason(self, unreachable: None) -> None:
        assert mails("state", "rule", "reason") == [(None, "skipped", 5, "no usable address")]

    def test_the_announcement_is_in_the_inbox_all_the_same(self, unreachable: None) -> None:
        assert told() == ["C-1"]

    def test_a_notice_asks_to_repair_it_in_the_inbox_only(self, api: Api, unreachable: None) -> None:
        (notice,) = [item for item in api.get("/v1/accounts/C-1/inbox").json["items"] if item["kind"] == "repair"]
        assert [to["channel"] for to in notice["sent_to"]] == ["inbox"]
        assert "dead@one.example" in notice["text"]

    def test_there_is_one_open_notice(self, api: Api, unreachable: None, work: Callable[[], None]) -> None:
        published(api)
        work()
        assert told("repair") == ["C-1"]

    def test_it_is_closed_when_an_address_becomes_usable(self, api: Api, unreachable: None) -> None:
        api.put("/v1/accounts/C-1", account(registered_email="alive@one.example"))
        assert "repair" not in [item["kind"] for item in api.get("/v1/accounts/C-1/inbox").json["items"]]

    def test_it_is_opened_again_when_that_one_fails_too(self, api: Api, unreachable: None, work: Callable[[], None]) -> None:
        api.put("/v1/accounts/C-1", account(registered_email="alive@one.example"))
        spoil("alive@one.example")
        published(api)
        work()
        assert [item["kind"] for item in api.get("/v1/accounts/C-1/inbox").json["items"]].count("repair") == 1
        assert told("repair") == ["C-1", "C-1"]


class TestProgress:
    def test_a_draft_has_made_none(self, api: Api) -> None:
        id = api.post(
            "/v1/announcements", {"kind": "news", "content": {"en": {"title": "t", "body": "b"}}, "audience": {"all": True}}
        ).json["id"]
        assert api.get(f"/v1/announcements/{id}/progress").json["fanned_out"] == 0

    def test_it_counts_accounts_and_states(self, api: Api, announced: uuid.UUID) -> None:
        write(announced)
        made = api.get(f"/v1/announcements/{announced}/progress").json
        assert (made["accounts"], made["fanned_out"], made["by_state"]) == (20, 3, {"queued": 3})

    def test_it_has_the_times_of_the_first_and_the_last_mail(self, api: Api, announced: uuid.UUID, work: Callable[[], None]) -> None:
        work()
        made = api.get(f"/v1/announcements/{announced}/progress").json
        assert (made["by_state"], made["first_at"] <= made["last_at"]) == ({"sent": 20}, True)

    def test_as_a_stream_it_ends_when_all_is_sent(self, api: Api, announced: uuid.UUID, work: Callable[[], None]) -> None:
        work()
        answer = api.get(f"/v1/announcements/{announced}/progress", headers={"Accept": "text/event-stream"})
        assert (answer.mimetype, answer.text.count("event: progress\ndata: {")) == ("text/event-stream", 1)

    def test_as_a_stream_it_ends_though_an_account_is_concerned_no_more(
        self, app: Flask, api: Api, announced: uuid.UUID, work: Callable[[], None]
    ) -> None:
        api.put("/v1/accounts/C-10", account(services=[]))
        work()
        ended = threading.Event()

        def follow() -> None:
            with app.app_context():
                answer = api.get(f"/v1/announcements/{announced}/progress", headers={"Accept": "text/event-stream"})
                assert "event: progress" in answer.text
            ended.set()

        threading.Thread(target=follow, daemon=True).start()
        assert ended.wait(4)


class TestProof:
    def test_pages_of_recipients_have_each_of_them_once(self, api: Api, announced: uuid.UUID) -> None:
        write_all(announced, 50)
        seen, cursor = [], ""
        while cursor is not None:
            page = api.get(f"/v1/announcements/{announced}/recipients?limit=3{cursor and f'&cursor={cursor}'}").json
            seen += [item["account"] for item in page["items"]]
            cursor = page["next"]
        assert sorted(seen) == ACCOUNTS

    def test_it_says_where_it_went_and_what_the_relay_answered(self, api: Api, work: Callable[[], None]) -> None:
        api.put("/v1/accounts/C-1", account())
        id = published(api)
        work()
        (row,) = api.get(f"/v1/announcements/{id}/recipients").json["items"]
        (mail,) = [delivery for delivery in row["deliveries"] if delivery["channel"] == "email"]
        assert (mail["address"], mail["state"], mail["reply"]) == ("owner@one.example", "sent", "250 2.0.0 kept")

    def test_the_table_has_a_line_for_each_delivery(self, api: Api, announced: uuid.UUID) -> None:
        write_all(announced)
        table = api.get(f"/v1/announcements/{announced}/recipients", headers={"Accept": "text/csv"})
        assert (table.mimetype, len(table.text.splitlines())) == ("text/csv", 1 + 40)

    def test_the_table_is_complete_over_its_pages(self, api: Api, announced: uuid.UUID, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("notifyhub.announcements.proof.CSV_PAGE", 3)
        write_all(announced, 50)
        table = api.get(f"/v1/announcements/{announced}/recipients", headers={"Accept": "text/csv"}).text
        assert sorted(line.split(",")[0] for line in table.splitlines()[1:]) == sorted([*ACCOUNTS, *ACCOUNTS])

    @pytest.mark.parametrize("id", ["=1+1", "+1", "-1", "@SUM(A1)"])
    def test_what_a_spreadsheet_would_compute_is_text(self, api: Api, work: Callable[[], None], id: str) -> None:
        api.put(f"/v1/accounts/{id}", account())
        announcement = published(api)
        work()
        table = api.get(f"/v1/announcements/{announcement}/recipients", headers={"Accept": "text/csv"}).text
        assert {line.split(",")[0] for line in table.splitlines()[1:]} == {f"'{id}"}


def test_deliveries_are_told_newest_first_and_can_be_looked_up(api: Api, announced: uuid.UUID) -> None:
    write_all(announced)
    page = api.get("/v1/deliveries?account=C-12").json["items"]
    assert {item["channel"] for item in page} == {"inbox", "email"}
    assert api.get(f"/v1/deliveries/{page[0]['id']}").json == page[0]


@pytest.mark.parametrize(
    ("query", "found"), [("address=C-12@ONE.example", 1), ("state=queued", 20), ("state=failed", 0), ("account=nobody", 0)]
)
def test_deliveries_can_be_filtered(api: Api, announced: uuid.UUID, query: str, found: int) -> None:
    write_all(announced)
    assert len(api.get(f"/v1/deliveries?{query}").json["items"]) == found


def test_pages_of_deliveries_have_each_of_them_once(api: Api, announced: uuid.UUID) -> None:
    write_all(announced, 50)
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/v1/deliveries?limit=7{cursor and f'&cursor={cursor}'}").json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert (len(seen), len(set(seen))) == (40, 40)


def test_a_delivery_that_does_not_exist_is_not_found(api: Api) -> None:
    assert api.get("/v1/deliveries/0198c0de-0000-7000-8000-000000000000").status_code == 404
