"""A made-up provider's customers as `POST /v1/accounts/import` takes them: the same for the same seed.

Every ten accounts hold 18 services, and four of the ten a live one in `fra1`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AUDIENCE_LOCATION = "fra1"
ELSEWHERE = ("ams1", "ist1", "waw2", "nyc2", "sin1", "syd1")
NODES_PER_LOCATION = 40
SERVICES_OF_TEN = (0, 1, 1, 1, 1, 2, 2, 3, 3, 4)
IN_AUDIENCE_OF_TEN = 4
CATEGORIES = ("invoices", "support", "abuse", "announcements")
PRODUCTS = ("vps-2", "vps-8", "root-m", "root-xl", "colocation", "webhosting")
LOCALES = ("en", "en", "tr", "de")
TIME_ZONES = (
    "UTC", "Europe/Istanbul", "Europe/Berlin", "Europe/Lisbon", "America/New_York", "America/St_Johns", "America/Sao_Paulo",
    "Africa/Cairo", "Asia/Kolkata", "Asia/Kathmandu", "Asia/Tokyo", "Pacific/Chatham",
)  # fmt: skip
NAMES = (
    "Maria Schneider", "Gülşen Çağlar", "Zoë Åström", "Ståle Bjørnø", "Jiří Dvořák", "Nguyễn Văn Phúc", "Ελένη Παππά", "Оксана Шевчук",
    "דנה לוי", "ليلى حداد", "प्रिया शर्मा", "佐藤 健", "王小明", "김민준",
    "İlker Ökten", 'The "Rack" Company', "Smith, Wesson & Söhne GmbH", "D'Angelo S.r.l.",
)  # fmt: skip
DOMAINS = ("customer.example", "mail.customer.example", "example.com", "example.net", "example.org")
INTERNATIONAL_DOMAINS = (
    "bücher.example", "xn--bcher-kva.example", "straße.example", "şirket.example", "почта.example", "例え.example", "xn--r8jz45g.example",
)  # fmt: skip
STATUSES = ("active",) * 9 + ("suspended",)


def write(path: Path, count: int, seed: int = 2026) -> None:
    with path.open("w", encoding="utf-8") as file:
        for account in accounts(count, seed):
            file.write(json.dumps(account, ensure_ascii=False, separators=(",", ":")) + "\n")


def accounts(count: int, seed: int = 2026) -> Iterator[dict[str, Any]]:
    rng = random.Random(seed)
    order = 100_000
    previous_address = ""
    for index in range(count):
        if index % 10 == 0:
            sizes = rng.sample(SERVICES_OF_TEN, 10)
            holders = [place for place, size in enumerate(sizes) if size]
            chosen = set(rng.sample(holders, IN_AUDIENCE_OF_TEN))
        size, concerned = sizes[index % 10], index % 10 in chosen
        registered = _registered_address(rng, index, previous_address)
        previous_address = registered
        account: dict[str, Any] = {
            "external_id": f"C-{index + 1:07d}",
            "registered_email": registered,
            "name": rng.choice(NAMES),
            "locale": rng.choice(LOCALES),
            "time_zone": rng.choice(TIME_ZONES),
            "services": [_service(rng, order + number, concerned, first=number == 0) for number in range(size)],
        }
        order += size
        if rng.random() < 0.25:
            account["send_email"] = _own_addresses(rng, index)
        yield account


def _registered_address(rng: random.Random, index: int, previous: str) -> str:
    dice = rng.random()
    if dice < 0.01 and previous:
        return previous  # one person who holds two accounts
    local = f"kundin.ümit{index}" if dice < 0.02 else f"Owner+{index}" if dice < 0.05 else f"owner{index}"
    return f"{local}@{_domain(rng)}"


def _domain(rng: random.Random) -> str:
    return rng.choice(INTERNATIONAL_DOMAINS if rng.random() < 0.1 else DOMAINS)


def _service(rng: random.Random, order: int, concerned: bool, first: bool) -> dict[str, Any]:
    status = rng.choice(STATUSES)
    if concerned:
        location = AUDIENCE_LOCATION if first or rng.random() < 0.3 else rng.choice(ELSEWHERE)
    elif rng.random() < 0.05:
        location, status = AUDIENCE_LOCATION, "terminated"  # it was there once: that concerns nobody any more
    else:
        location = rng.choice(ELSEWHERE)
    return {
        "order_number": f"#{order}",
        "name": f"srv-{order}.customer.example",
        "product": rng.choice(PRODUCTS),
        "location": location,
        "node": f"{location}-n{rng.randrange(NODES_PER_LOCATION):02d}",
        "addresses": _addresses(rng, order),
        "status": status,
    }


def _addresses(rng: random.Random, order: int) -> list[str]:
    dice = rng.random()
    host = f"10.{order >> 16 & 255}.{order >> 8 & 255}.{order & 255}"
    prefix = f"100.{64 + (order >> 13 & 63)}.{order >> 5 & 255}.{(order & 31) << 3}/29"
    network = f"2001:db8:{order >> 16:x}:{order & 0xFFFF:x}::/64"
    if dice < 0.5:
        return [host]
    return [host, network] if dice < 0.85 else [prefix, network] if dice < 0.95 else [network]


def _own_addresses(rng: random.Random, index: int) -> dict[str, list[dict[str, str]]]:
    domain = _domain(rng)
    return {
        category: [
            {"email": f"{category}{number}.{index}@{domain}", "state": "pending" if rng.random() < 0.3 else "verified"}
            for number in range(rng.choice((1, 1, 1, 2, 3)))
        ]
        for category in rng.sample(CATEGORIES, rng.randint(1, 4))
    }
