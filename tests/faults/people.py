"""Accounts that a fault run tells something, and what must have reached them: worked out from these documents alone.

The policy in a sentence: the verified addresses that exist; where none is left, the registered one if it exists.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.expected import envelope
from tests.faults.relay import is_refused

ORDERS = itertools.count(500_000)  # one installation sees several runs, each with accounts of its own


class Expected(NamedTuple):
    accounts: list[str]  # external ids: each finds one item in its inbox
    mails: Counter[tuple[str, str]]  # (account, envelope recipient): one mail each, in the end
    refused: set[tuple[str, str]]  # the relay refuses these for good, and no mail arrives there
    to_mend: set[str]  # accounts with one notice in the inbox, as an address of theirs does not exist


def accounts(name: str, mails: int, parts: Sequence[str]) -> list[dict[str, Any]]:
    """As many as get so many mails, evenly spread over nodes called by the parts."""
    made: list[dict[str, Any]] = []
    due = 0
    while due < mails:
        index = len(made)
        registered, own = _addresses(name, index)
        due += max(1, sum(state == "verified" for _, state in own))
        order = next(ORDERS)
        service = {
            "order_number": f"#{order}", "name": f"srv-{order}.customer.example", "product": "vps", "location": name,
            "node": f"{name}-{parts[index % len(parts)]}", "addresses": [], "status": "active",
        }  # fmt: skip
        account = {
            "external_id": f"{name}-{index}", "registered_email": registered, "name": f"Customer {index}",
            "locale": ("en", "tr")[index % 2], "time_zone": "Europe/Istanbul", "services": [service],
        }  # fmt: skip
        if own:
            account["send_email"] = {"announcements": [{"email": email, "state": state} for email, state in own]}
        made.append(account)
    return made


def _addresses(name: str, index: int) -> tuple[str, list[tuple[str, str]]]:
    """The registered one, and those of the category: of ten accounts five are special."""
    registered = f"owner{index}.{name}@customer.example"
    match index % 10:
        case 0:
            return registered, [(f"noc{index}.{name}@one.example", "verified"), (f"night{index}.{name}@two.example", "verified")]
        case 1:
            return registered, [(f"noc{index}.{name}@one.example", "verified"), (f"new{index}.{name}@two.example", "pending")]
        case 3:
            return f"owner{index - 1}.{name}@customer.example", []  # one person with two accounts
        case 5:
            return f"owner{index}.{name}@bücher.example", []
        case 7:
            return f"kundin.ümit{index}.{name}@customer.example", []
    return registered, []


def expected(documents: Sequence[dict[str, Any]], refused_one_in: int = 0) -> Expected:
    want = Expected([], Counter(), set(), set())
    reach: dict[str, set[str]] = {}  # all addresses that an account may be told at
    tried: set[str] = set()
    for document in documents:
        account, registered = document["external_id"], envelope(document["registered_email"])
        own = {
            envelope(address["email"])
            for address in document.get("send_email", {}).get("announcements", [])
            if address["state"] == "verified"
        }
        reach[account] = own | {registered}
        first = own or {registered}
        there = {address for address in first if not is_refused(address, refused_one_in)}
        then = set() if there or not own or is_refused(registered, refused_one_in) else {registered}
        asked = first | ({registered} if own and not there else set())
        want.accounts.append(account)
        want.mails.update((account, address) for address in there | then)
        want.refused.update((account, address) for address in asked - there - then)
        tried |= asked
    gone = {address for address in tried if is_refused(address, refused_one_in)}
    want.to_mend.update(account for account, addresses in reach.items() if addresses & gone)
    return want
