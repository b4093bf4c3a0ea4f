"""The time zones to choose from: IANA's, by region, with what each is from UTC at present."""

from __future__ import annotations

from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from notifyhub.languages import N_

NAMES = frozenset(available_timezones())
REGIONS = {
    "Africa": N_("Africa"),
    "America": N_("America"),
    "Antarctica": N_("Antarctica"),
    "Arctic": N_("Arctic"),
    "Asia": N_("Asia"),
    "Atlantic": N_("Atlantic"),
    "Australia": N_("Australia"),
    "Europe": N_("Europe"),
    "Indian": N_("Indian Ocean"),
    "Pacific": N_("Pacific"),
}
ELSEWHERE = N_("Others")


class Zone(NamedTuple):
    name: str
    place: str
    offset: str  # UTC+03:00


class Region(NamedTuple):
    text: str
    zones: tuple[Zone, ...]


def by_region(now: datetime, present: str | None = None) -> list[Region]:
    """`present` is among them, even if it has left the database since."""
    regions = list(_by_region(now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)))
    if present and present not in NAMES:
        regions[-1] = regions[-1]._replace(zones=(Zone(present, present, ""), *regions[-1].zones))
    return regions


@lru_cache(maxsize=2)
def _by_region(now: datetime) -> tuple[Region, ...]:
    found: dict[str, list[Zone]] = {region: [] for region in (*REGIONS, ELSEWHERE)}
    for name in sorted(NAMES):
        region, _, place = name.partition("/")
        known = region in REGIONS and place
        found[region if known else ELSEWHERE].append(Zone(name, (place if known else name).replace("_", " "), _offset(name, now)))
    found[ELSEWHERE].sort(key=lambda zone: zone.name != "UTC")  # UTC first
    return tuple(Region(REGIONS.get(region, region), tuple(zones)) for region, zones in found.items())


@cache
def _zone(name: str) -> ZoneInfo:
    """They take a tenth of a second to read, all together."""
    return ZoneInfo(name)


def _offset(name: str, now: datetime) -> str:
    shift = now.astimezone(_zone(name)).utcoffset()
    minutes = int(shift.total_seconds()) // 60 if shift is not None else 0
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
