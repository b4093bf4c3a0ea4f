"""Time windows spelled out for a reader: in the account's zone and in UTC, with offsets and clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton, get_datetime_format
from babel.support import NullTranslations
from babel.units import format_unit


class Window(NamedTuple):
    local: str  # in the account's zone; in UTC where the account has no other
    utc: str  # empty where `local` is UTC already
    length: str  # empty while an end is open
    note: str  # says that the clock changes meanwhile; mostly empty

    def inline(self) -> str:
        """For the middle of a sentence."""
        both = f"{self.local} = {self.utc}" if self.utc else self.local
        return f"{both} ({self.note.removesuffix('.')})" if self.note else both


@lru_cache(maxsize=4096)  # lists repeat the windows of a few announcements, to whoever reads them
def spell(starts_at: datetime | None, ends_at: datetime | None, time_zone: str, formats: Locale, words: NullTranslations) -> Window:
    """`starts_at` and `ends_at` are aware; either may be open. `formats` writes the dates, `words` the rest."""
    zone, _ = _zone(time_zone), words.gettext
    if starts_at is None and ends_at is None:
        return Window(_("a time not yet set"), "", "", "")
    local = _span(starts_at, ends_at, zone, formats, words)
    utc = "" if zone.key == "UTC" else _span(starts_at, ends_at, ZoneInfo("UTC"), formats, words)
    if starts_at is None or ends_at is None:
        return Window(local, utc, "", "")
    notes = (_clock_change(moment, zone, formats, words) for moment in clock_changes(starts_at, ends_at, zone))
    return Window(local, utc, length(ends_at - starts_at, formats), " ".join(notes))


@lru_cache(maxsize=4096)  # a row of a list says its time several times, and a list has many rows
def moment(at: datetime, time_zone: str, formats: Locale, words: NullTranslations) -> str:
    zone = _zone(time_zone)
    utc = _point(at, ZoneInfo("UTC"), formats) + " UTC"
    return utc if zone.key == "UTC" else f"{_point(at, zone, formats)} {_named(at, zone, formats)} = {utc}"


def short(at: datetime, now: datetime, time_zone: str, formats: Locale, words: NullTranslations) -> str:
    """For lists: the nearer it is, the more of the clock and the less of the calendar."""
    zone, _ = _zone(time_zone), words.gettext
    local, today = at.astimezone(zone), now.astimezone(zone).date()
    days = (today - local.date()).days
    if days == 0:
        return _("today %(time)s") % {"time": _clock(at, zone)}
    if days == 1:
        return _("yesterday %(time)s") % {"time": _clock(at, zone)}
    if 1 < days < 7:
        return f"{format_skeleton('E', local.date(), locale=formats)} {_clock(at, zone)}"
    return format_skeleton("MMMd" if local.year == today.year else "yMMMd", local.date(), locale=formats)


def nearby(at: datetime, now: datetime, time_zone: str, formats: Locale, words: NullTranslations) -> str:
    """For what is about to come, or has just been: of today the clock alone."""
    zone = _zone(time_zone)
    same_day = at.astimezone(zone).date() == now.astimezone(zone).date()
    return _clock(at, zone) if same_day else short(at, now, time_zone, formats, words)


def _zone(name: str) -> ZoneInfo:
    try:
        zone = ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # a zone that was valid once may have left the database: UTC is never wrong
        return ZoneInfo("UTC")
    return ZoneInfo("UTC") if name in ("Etc/UTC", "Zulu", "Etc/UCT", "UCT", "Universal", "Etc/Universal") else zone


def _span(start: datetime | None, end: datetime | None, zone: ZoneInfo, formats: Locale, words: NullTranslations) -> str:
    if start is None or end is None:
        at = start or end
        assert at is not None
        sentence = words.gettext("from %(time)s") if start else words.gettext("until %(time)s")
        return sentence % {"time": f"{_point(at, zone, formats)} {_named(at, zone, formats)}"}
    if _offset(start, zone) != _offset(end, zone):
        last = _last(start, end, zone, formats)
        return f"{_point(start, zone, formats)} {_offset(start, zone)} – {last} {_offset(end, zone)} ({zone.key})"
    dash = "–" if _same_day(start, end, zone) else " – "
    return f"{_point(start, zone, formats)}{dash}{_last(start, end, zone, formats)} {_named(start, zone, formats)}"


def _named(at: datetime, zone: ZoneInfo, formats: Locale) -> str:
    if zone.key == "UTC":
        return "UTC"
    name = f"({zone.key}, {_offset(at, zone)})"
    # its Latin letters and brackets must not mix with a right-to-left date (Unicode isolates)
    return f"\u2066{name}\u2069" if formats.character_order == "right-to-left" else name


def _last(start: datetime, end: datetime, zone: ZoneInfo, formats: Locale) -> str:
    return _clock(end, zone) if _same_day(start, end, zone) else _point(end, zone, formats)


def _same_day(start: datetime, end: datetime, zone: ZoneInfo) -> bool:
    return start.astimezone(zone).date() == end.astimezone(zone).date()


def _point(at: datetime, zone: ZoneInfo, formats: Locale) -> str:
    joined = str(get_datetime_format("medium", locale=formats)).replace("'", "")
    return joined.replace("{1}", _day(at, zone, formats)).replace("{0}", _clock(at, zone))


def _day(at: datetime, zone: ZoneInfo, formats: Locale) -> str:
    return format_skeleton("yMMMEd", at.astimezone(zone).date(), locale=formats)


def _clock(at: datetime, zone: ZoneInfo) -> str:
    return f"{at.astimezone(zone):%H:%M}"


def _offset(at: datetime, zone: ZoneInfo) -> str:
    minutes = int(_shift(at, zone).total_seconds()) // 60
    return f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _shift(at: datetime, zone: ZoneInfo) -> timedelta:
    shift = at.astimezone(zone).utcoffset()
    assert shift is not None
    return shift


def length(time: timedelta, formats: Locale) -> str:
    """In days, hours and minutes; empty below one minute."""
    minutes = max(0, int(time.total_seconds()) // 60)
    amounts = (("day", minutes // 1440), ("hour", minutes // 60 % 24), ("minute", minutes % 60))
    return " ".join(format_unit(amount, f"duration-{unit}", "short", locale=formats) for unit, amount in amounts if amount)


def clock_changes(start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The instants after `start`, up to `end`, at which that zone's offset changes (looking at most a year ahead)."""
    start, end = start.astimezone(UTC), min(end.astimezone(UTC), start.astimezone(UTC) + timedelta(days=366))
    while start < end:
        noon = min(start + timedelta(hours=12), end)
        if _shift(start, zone) != _shift(noon, zone):
            yield _change_between(start, noon, zone)
        start = noon


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    old = _shift(before, zone)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) / 2
        before, after = (middle, after) if _shift(middle, zone) == old else (before, middle)
    return after.replace(microsecond=0)


def _clock_change(at: datetime, zone: ZoneInfo, formats: Locale, words: NullTranslations) -> str:
    before = at - timedelta(seconds=1)
    step = _shift(at, zone) - _shift(before, zone)
    _ = words.gettext
    if step > timedelta(0):
        sentence = _("The clock changes during this window: on %(day)s at %(before)s in %(zone)s it goes forward to %(after)s.")
    else:
        sentence = _("The clock changes during this window: on %(day)s at %(before)s in %(zone)s it goes back to %(after)s.")
    until = (at.astimezone(zone) - step).replace(tzinfo=None)  # the wall clock as it would have gone on
    return sentence % {
        "day": format_skeleton("yMMMEd", until.date(), locale=formats),
        "before": f"{until:%H:%M}",
        "after": _clock(at, zone),
        "zone": zone.key,
    }
