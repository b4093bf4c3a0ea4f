"""Who must get an announcement, and at which address: computed from the import file alone, apart from the product.

The policy in a sentence: the verified addresses of the category, else the registered one.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any, NamedTuple

import idna

AFFECTED = ("active", "suspended")


class Expected(NamedTuple):
    accounts: list[str]  # external ids, in the order of the file
    recipients: Counter[str]  # envelope recipients, each as often as it gets a mail


def announcement(
    file: Path, *, locations: Collection[str] = (), nodes: Collection[str] = (), only: Collection[str] = (), all: bool = False
) -> Expected:
    """`only`: accounts by their external ids; `all`: every account, also one without services."""
    accounts: list[str] = []
    recipients: Counter[str] = Counter()
    with file.open(encoding="utf-8") as lines:
        for account in map(json.loads, lines):
            named = all or account["external_id"] in only
            if named or any(_concerns(service, locations, nodes) for service in account["services"]):
                accounts.append(account["external_id"])
                recipients.update(_addresses(account))
    return Expected(accounts, recipients)


def _concerns(service: dict[str, Any], locations: Collection[str], nodes: Collection[str]) -> bool:
    return service["status"] in AFFECTED and (service["location"] in locations or service["node"] in nodes)


def _addresses(account: dict[str, Any]) -> set[str]:
    own = account.get("send_email", {}).get("announcements", [])
    verified = {envelope(address["email"]) for address in own if address["state"] == "verified"}
    return verified or {envelope(account["registered_email"])}


def envelope(address: str) -> str:
    """The address as a mailbox is compared: NFC, the local part casefolded, the domain in A-labels (RFC 5890)."""
    local, _, domain = unicodedata.normalize("NFC", address).rpartition("@")
    return f"{local.casefold()}@{idna.encode(domain, uts46=True).decode()}"


def recorded(recipient: str) -> str:
    """An envelope recipient as a relay saw it: its local part may keep its case, its domain has to be in A-labels by now."""
    local, _, domain = recipient.rpartition("@")
    return f"{local.casefold()}@{domain.lower()}"
