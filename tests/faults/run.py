"""One run: accounts of its own are told something, a fault strikes meanwhile, and in the end all is counted."""

from __future__ import annotations

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import sink
from benchmarks.main_road import CONTENT
from tests.faults import check, people
from tests.faults.hub import CONNECTIONS, Hub, Late, Part, kill

SENDING_SECONDS = {False: 25.0, True: 1.5}  # about how long the mails of a slow run take, were there no fault
PATIENCE = {False: 90.0, True: 30.0}  # without any news
QUIET = {False: 2.0, True: 0.3}  # after the last mail, for those that nobody expects
SAMPLE = 50

numbers = itertools.count(1)


@dataclass
class Result:
    fault: str
    database: str
    mails: int  # that are due
    seconds: float = 0.0
    struck: list[str] = field(default_factory=list)
    twice: int = 0
    may_be_twice: int = 0
    restarts: int = 0  # of processes that died by themselves
    wrong: list[str] = field(default_factory=list)


class Run:
    def __init__(self, hub: Hub, fault: str, mails: int, brief: bool, parts: Sequence[str], refused: int) -> None:
        self.hub, self.brief, self.parts, self.refused = hub, brief, parts, refused
        hub.relay.behave_well()
        self.location = f"{fault.replace('_', '-')}-{next(numbers)}"
        self.documents = people.accounts(self.location, mails, parts)
        self.want = people.expected(self.documents, refused)
        self.due = self.want.mails.total()
        self.result = Result(fault, hub.kind, self.due)
        self.announcements: dict[str, int] = {}  # how many accounts each concerns
        self.began, self.deaths, self.struck_before = time.monotonic(), self._deaths(), hub.relay.look().struck
        self.record_starts = self.record_ends = hub.relay.record.stat().st_size
        self.taken_over = 0
        self._import()

    def _import(self) -> None:
        file = self.hub.folder / "accounts.ndjson"
        file.write_text("".join(json.dumps(document) + "\n" for document in self.documents))
        answer = self.hub.api.upload("/v1/accounts/import", file, "application/x-ndjson")
        assert answer["created"] == len(self.documents), answer

    def _deaths(self) -> int:
        return sum(part.deaths for part in self.hub.parts)

    # --- what faults are made of

    def times(self, full: int, brief: int) -> int:
        return brief if self.brief else full

    def shares(self, count: int) -> list[float]:
        """Moments at which to strike, by how much has arrived; not near the end, which a fault may leave nothing of."""
        return [0.9 * (number + 1) / (count + 1) for number in range(count)]

    def slow(self, factor: float = 1.0) -> None:
        """The relay takes its time, so that there is some in which to strike."""
        delay = SENDING_SECONDS[self.brief] * factor * len(self.hub.workers) * CONNECTIONS / self.due
        self.hub.relay.behave(delay=min(delay, 0.5))

    def publish(self, part: str = "a") -> str:
        draft = {"kind": "service_change", "content": CONTENT, "audience": {"nodes": [f"{self.location}-{part}"]}}
        id: str = self.hub.api.call("POST", "/v1/announcements", draft)["id"]
        self.hub.api.call("POST", f"/v1/announcements/{id}/publish", {})
        self.announcements[id] = len(self.documents[self.parts.index(part) :: len(self.parts)])
        return id

    def kill(self, *workers: Part) -> None:
        kill(*workers)
        self.result.may_be_twice += CONNECTIONS * len(workers)

    def note(self, what: str, count: int, least: int = 1) -> None:
        self.result.struck.append(f"{count} × {what}")
        if count < least:
            self.result.wrong.append(f"the fault did not strike: {count} × {what}")

    def struck(self, fault: str) -> int:
        return self.hub.relay.look().struck[fault] - self.struck_before[fault]

    # --- how far it has come

    def arrived(self) -> int:
        """Messages that the relay took over."""
        with self.hub.relay.record.open("rb") as file:
            file.seek(self.record_ends)
            new = file.read()
        self.record_ends += len(new)
        self.taken_over += new.count(b"\n")
        return self.taken_over

    def until_arrived(self, share: float) -> None:
        self.while_there_is_news(lambda: self.arrived() >= share * self.due, f"{share:.0%} of the mails")

    def while_there_is_news(self, true: Callable[[], object], what: str, step: float = 0.02) -> None:
        """Waits as long as anything goes on, unless it is the same again and again."""
        news: object = None
        deadline = 0.0
        while not true():
            if (now := (self.arrived(), self.hub.relay.look().struck)) != news:
                news, deadline = now, time.monotonic() + PATIENCE[self.brief]
            if self.taken_over > 2 * self.due + self.result.may_be_twice:
                raise Late(f"far too much was sent, waiting for {what}; {self.how_far()}")
            if time.monotonic() > deadline:
                raise Late(f"no news for {PATIENCE[self.brief]:.0f} s, waiting for {what}; {self.how_far()}")
            self.hub.rest(step)

    def progress(self) -> list[dict[str, Any]]:
        return [self.hub.api.call("GET", f"/v1/announcements/{id}/progress") for id in self.announcements]

    def how_far(self) -> str:
        states: Counter[str] = Counter()
        for progress in self.progress():
            states.update(progress["by_state"])
        return f"{self.arrived()} messages taken over; deliveries: {dict(states)}"

    def until_all_is_over(self) -> None:
        self.while_there_is_news(self._all_is_over, "every delivery to end", step=0.2)  # a look that costs something

    def _all_is_over(self) -> bool:
        return all(map(_is_over, self.progress(), self.announcements.values()))

    # --- the end

    def finish(self) -> Result:
        """Everything works again; what is due has its time to arrive, and is counted."""
        try:
            self.mend()
            self.until_all_is_over()
            self.hub.rest(QUIET[self.brief])
        except Late as late:
            self.result.wrong.append(str(late))
        self.result.seconds = time.monotonic() - self.began
        self.result.may_be_twice += self.struck("cut_after_dot")
        self.result.restarts = self._deaths() - self.deaths
        self.count()
        return self.result

    def mend(self) -> None:
        self.hub.relay.behave_well(but_refuse=self.refused)
        for part in self.hub.parts:
            if not part.wanted:
                part.start()

    def count(self) -> None:
        mails = sink.accepted(self.hub.relay.record, self.record_starts)
        rows = [row for id in self.announcements for row in self.hub.recipients(id)]
        self.result.wrong += check.mails(self.want, mails, self.result.may_be_twice)
        self.result.wrong += check.proof(self.want, rows)
        self.result.wrong += check.inboxes(self.want, {account: self.inbox(account) for account in self.sample()})
        self.result.twice = check.sent_twice(mails)

    def sample(self) -> list[str]:
        accounts = self.want.accounts
        return accounts[:: max(1, len(accounts) // SAMPLE)] + sorted(self.want.to_mend)[:SAMPLE]

    def inbox(self, account: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.hub.api.call("GET", f"/v1/accounts/{account}/inbox")["items"]
        return items


def _is_over(progress: dict[str, Any], accounts: int) -> bool:
    waiting = sum(progress["by_state"].get(state, 0) for state in ("queued", "sending"))
    return progress["fanned_out"] >= accounts and not waiting
