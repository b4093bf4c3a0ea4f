"""The time zones to choose from."""

from __future__ import annotations

from datetime import UTC, datetime

from notifyhub import zones

WINTER, SUMMER = datetime(2026, 12, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)


def offset(name: str, now: datetime) -> str:
    return next(zone.offset for region in zones.by_region(now) for zone in region.zones if zone.name == name)


def test_every_zone_is_offered_once() -> None:
    names = [zone.name for region in zones.by_region(WINTER) for zone in region.zones]
    assert len(names) == len(set(names))
    assert set(names) == zones.NAMES


def test_the_offset_is_the_present_one() -> None:
    assert (offset("Europe/Berlin", WINTER), offset("Europe/Berlin", SUMMER)) == ("UTC+01:00", "UTC+02:00")
    assert offset("America/St_Johns", WINTER) == "UTC-03:30"


def test_utc_comes_first_among_those_without_a_region() -> None:
    assert zones.by_region(WINTER)[-1].zones[0].name == "UTC"


def test_a_zone_that_left_the_database_can_be_kept() -> None:
    assert "Old/Zone" in [zone.name for zone in zones.by_region(WINTER, "Old/Zone")[-1].zones]
    assert "Old/Zone" not in [zone.name for zone in zones.by_region(WINTER)[-1].zones]
