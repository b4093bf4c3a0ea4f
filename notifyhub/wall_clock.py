"""What a clock on the wall shows, as people type it, and the instant that it means. Around a clock change it may mean none, or two."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from notifyhub.languages import said

YEARS = range(2000, 2200)  # near the ends of the calendar no other zone can show it


class Meant(NamedTuple):
    at: datetime  # UTC
    twice: bool  # the clock shows this again after it is put back


def read(text: str, time_zone: str, second: bool = False) -> Meant:
    """`text` as <input type=datetime-local> writes it; `second`: of a time that exists twice, the later one. ValueError with a sentence."""
    zone, local = ZoneInfo(time_zone), _parsed(text)
    first, other = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first.astimezone(zone).replace(tzinfo=None, fold=0) != local:
        raise ValueError(
            said("%(time)s does not exist in %(zone)s on that day: the clock is put forward", time=f"{local:%H:%M}", zone=zone.key)
        )
    return Meant(other if second else first, first != other)


def _parsed(text: str) -> datetime:
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(said("is not a date and a time such as 2027-03-28T01:30")) from None
    if local.tzinfo is not None:
        raise ValueError(said("is not a date and a time such as 2027-03-28T01:30"))
    if local.year not in YEARS:
        raise ValueError(said("is not in the years 2000 to 2199"))
    return local.replace(second=0, microsecond=0)


def write(at: datetime | None, time_zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(time_zone)):%Y-%m-%dT%H:%M}" if at else ""


def is_second(at: datetime | None, time_zone: str) -> bool:
    return at is not None and at.astimezone(ZoneInfo(time_zone)).fold == 1
