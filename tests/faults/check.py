"""What a run has led to, beside what it should have led to. Each answers with sentences: what is wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.expected import envelope, recorded
from benchmarks.sink import Accepted
from tests.faults.people import Expected

SMALLEST = 3_000  # octets; a mail of these runs has some 7,000, in every language


def mails(want: Expected, got: Sequence[Accepted], may_be_twice: int) -> list[str]:
    """As the relay saw them. A message that came twice carries the same Message-ID; whatever has another one is a second mail."""
    wanted = Counter[str]()
    for (_, address), count in want.mails.items():
        wanted[address] += count
    messages = {(recorded(mail.recipient), mail.message_id) for mail in got}
    arrived = Counter(address for address, _ in messages)
    twice = sent_twice(got)
    return [
        *_some("mails never arrived", (wanted - arrived).elements()),
        *_some("mails that nobody expects, or under another Message-ID", (arrived - wanted).elements()),
        *_some("Message-IDs that several addresses share", _shared(messages)),
        *_some("mails were cut off", (mail.recipient for mail in got if mail.size < SMALLEST)),
        *([f"{twice} mails were sent twice, and {may_be_twice} may be"] if twice > may_be_twice else []),
    ]


def sent_twice(got: Sequence[Accepted]) -> int:
    return len(got) - len({(recorded(mail.recipient), mail.message_id) for mail in got})


def _shared(messages: Iterable[tuple[str, str]]) -> list[str]:
    counts = Counter(message_id for _, message_id in messages)
    return [message_id for message_id, count in counts.items() if count > 1]


def proof(want: Expected, rows: Sequence[Mapping[str, str]]) -> list[str]:
    """As the product tells it: the rows of its own list of recipients."""
    inbox = Counter(row["account"] for row in rows if row["channel"] == "inbox")
    by_state: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for row in rows:
        if row["channel"] == "email" and row["address"]:
            by_state[row["state"]][row["account"], envelope(row["address"])] += 1
    sent, failed = by_state["sent"], by_state["failed"]
    waiting = by_state["queued"] + by_state["sending"]
    # where one person's address is refused for one account, it is not even tried for the next one
    nowhere = {row["account"] for row in rows if row["channel"] == "email" and row["state"] == "skipped" and not row["address"]}
    untried = {(account, address) for account, address in want.refused if account in nowhere}
    accounts = Counter(want.accounts)
    return [
        *_some("items missing in inboxes", (accounts - inbox).elements()),
        *_some("items too many in inboxes", (inbox - accounts).elements()),
        *_some("deliveries still wait", waiting),
        *_some("mails are not on record as sent", want.mails - sent),
        *_some("mails are on record as sent too often", sent - want.mails),
        *_some("refusals are not on record", want.refused - set(failed) - set(by_state["skipped"]) - untried),
        *_some("deliveries failed", set(failed) - want.refused),
        *_some("sent ones without a time or the relay's words", _without_words(rows)),
    ]


def _without_words(rows: Sequence[Mapping[str, str]]) -> list[str]:
    sent = [row for row in rows if row["channel"] == "email" and row["state"] == "sent"]
    return [row["address"] for row in sent if not row["sent at"] or not row["reply"].startswith("250")]


def inboxes(want: Expected, found: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """As customers see them: what they are told once, and once that an address of theirs wants mending."""
    told = {account: Counter(item["kind"] for item in items) for account, items in found.items()}
    return [
        *_some("inboxes do not have the item once", [account for account, kinds in told.items() if kinds["service_change"] != 1]),
        *_some("inboxes lack the notice, or have it twice",
               [account for account, kinds in told.items() if kinds["repair"] != (account in want.to_mend)]),
    ]  # fmt: skip


def _some(what: str, which: Iterable[object]) -> list[str]:
    found = list(which)
    shown = ", ".join(str(" at ".join(each)) if isinstance(each, tuple) else str(each) for each in found[:3])
    return [f"{len(found)} {what}, such as {shown}"] if found else []
