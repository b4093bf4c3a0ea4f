"""What the relay took over from a process that was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from notifyhub import drain, journal
from notifyhub.journal import Journal
from tests.test_deliveries import claim, look, queue

TOKEN = uuid.UUID(int=1)
SENDER = """
import sys, time, uuid
from pathlib import Path
from notifyhub.journal import Journal
record = Journal(Path(sys.argv[1]))
record.begin(uuid.UUID(int=1))
for id in sys.argv[2:]:
    record.accepted(uuid.UUID(id), "250 2.0.0 taken by the relay")
print("written", flush=True)
time.sleep(60)
"""


@contextmanager
def sender(folder: Path, *sent: uuid.UUID) -> Iterator[subprocess.Popen[str]]:
    """A process that claimed, and handed these over."""
    command = [sys.executable, "-c", SENDER, str(folder), *map(str, sent)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "written\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def settle(app: Flask) -> None:
    drain.settle_dead_journals(app.extensions["settings"])


def folder(app: Flask) -> Path:
    return drain.journal_folder(app.extensions["settings"])


def test_what_a_killed_process_had_handed_over_is_sent_and_the_rest_is_free_at_once(app: Flask) -> None:
    sent, unsent = queue(lane=0), queue(lane=1)
    claim(token=TOKEN)
    with sender(folder(app), sent) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        settle(app)
    row = look(sent)
    assert (row.state, row.attempts[-1]["reply"], row.sent_at is not None) == ("sent", "250 2.0.0 taken by the relay", True)
    assert (look(unsent).state, look(unsent).tries) == ("queued", 0)


def test_a_process_that_lives_is_left_alone(app: Flask) -> None:
    id = queue()
    claim(token=TOKEN)
    with sender(folder(app), id):
        settle(app)
    assert look(id).state == "sending"


def test_what_is_settled_leaves_no_file(app: Flask) -> None:
    with sender(folder(app)):
        pass
    settle(app)
    assert journal.paths(folder(app)) == []


def test_what_another_claimed_since_is_not_touched(app: Flask) -> None:
    id = queue()
    claim(token=uuid.UUID(int=2))
    with sender(folder(app), id):
        pass
    settle(app)
    assert (look(id).state, look(id).lease_token) == ("sending", uuid.UUID(int=2))


def read(path: Path) -> journal.Dead:
    with journal.dead(path) as found:
        assert found is not None
        return found


@pytest.mark.parametrize(
    "rest", [b"sent 0000", b"sent " + TOKEN.hex.encode() + b" " + TOKEN.hex.encode() + b" 2026-11-22T10:00:00+00:00 25"]
)
def test_a_last_line_that_was_cut_off_says_nothing(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "a.log"
    path.write_bytes(b"claim %s\n" % TOKEN.hex.encode() + rest)
    assert (read(path).tokens, read_again(path, rest)) == ([TOKEN], [])


def read_again(path: Path, rest: bytes) -> list[journal.Accepted]:
    path.write_bytes(rest)
    return read(path).accepted


def test_a_line_that_cannot_be_read_does_not_hide_the_others(tmp_path: Path) -> None:
    path, token = tmp_path / "a.log", TOKEN.hex.encode()
    path.write_bytes(b"sent %s 00claim %s\nsent %s %s 2026-11-22T10:00:00+00:00 250 ok\n\xff\n" % (token, token, token, token))
    assert [accepted.delivery_id for accepted in read(path).accepted] == [TOKEN]


def begun(folder: Path) -> Journal:
    record = Journal(folder)
    record.begin(TOKEN)
    return record


def test_words_of_the_relay_make_no_lines_of_their_own(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.accepted(TOKEN, "250 ok\nclaim x \ud800")
    data = record.path.read_bytes()
    record.close()
    assert data.count(b"\n") == 2


def test_a_file_that_another_removed_meanwhile_is_no_trouble(tmp_path: Path) -> None:
    with journal.dead(tmp_path / "gone.log") as found:
        assert found is None


def test_what_is_committed_is_forgotten(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.accepted(TOKEN, "250 ok")
    record.settled()
    assert journal._read(record.path, record.path.read_bytes()) == (record.path, [], [])
    record.close()
    assert journal.paths(tmp_path) == []


def test_what_was_begun_and_not_settled_stays(tmp_path: Path) -> None:
    record = begun(tmp_path)
    record.close()
    assert read(record.path).tokens == [TOKEN]


def test_a_claim_finds_nothing_of_those_before_it(tmp_path: Path) -> None:
    journals, other = journal.Journals(tmp_path), uuid.UUID(int=2)
    first = journals.take()
    first.begin(TOKEN)
    for _ in range(20):
        first.accepted(TOKEN, "250 ok")
    journals.settled(first)
    again = journals.take()
    again.begin(other)
    again.accepted(other, "250 taken")
    again.close()
    journals.close()
    assert again is first
    found = read(again.path)
    assert (found.tokens, [(one.delivery_id, one.token, one.reply) for one in found.accepted]) == ([other], [(other, other, "250 taken")])


def test_two_claims_at_once_have_a_file_each(tmp_path: Path) -> None:
    journals = journal.Journals(tmp_path)
    records = [journals.take(), journals.take()]
    for record in records:
        record.begin(TOKEN)
        journals.settled(record)
    assert len(journal.paths(tmp_path)) == 2
    journals.close()
    assert journal.paths(tmp_path) == []


def test_there_is_room_for_all_of_a_claim(tmp_path: Path) -> None:
    record, sent = begun(tmp_path), [uuid.uuid4() for _ in range(1500)]
    for id in sent:
        record.accepted(id, "250 2.0.0 " + "x" * 200)
    data = record.path.read_bytes()
    record.close()
    copy = tmp_path / "copy.log"
    copy.write_bytes(data)
    assert [accepted.delivery_id for accepted in read(copy).accepted] == sent


FILLER = """
import resource, sys, uuid
from pathlib import Path
from notifyhub.journal import ROOM, Journal
most = int(ROOM * float(sys.argv[2]))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
try:
    record = Journal(Path(sys.argv[1]))
    record.begin(uuid.UUID(int=1))
    while True:
        record.accepted(uuid.UUID(int=2), "250 ok")
except OSError:
    print("no room")
    record.close()
"""


def fill(folder: Path, rooms: float) -> list[Path]:
    """What a process leaves that may write no more than so many rooms' octets."""
    done = subprocess.run([sys.executable, "-c", FILLER, str(folder), str(rooms)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "no room\n", "")
    return list(folder.iterdir())


def test_a_full_disk_is_an_error_and_no_end_of_the_process(tmp_path: Path) -> None:
    [path] = fill(tmp_path, rooms=1.5)
    assert len(read(path).accepted) > 100


def test_a_claim_without_room_leaves_no_file(tmp_path: Path) -> None:
    assert fill(tmp_path, rooms=0.5) == []
