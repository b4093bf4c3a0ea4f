"""The composer's form: what was typed, as it stands in the fields, and the draft that it makes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from werkzeug.datastructures import MultiDict

from notifyhub import wall_clock
from notifyhub.accounts.document import TIME_ZONES, read_locale
from notifyhub.announcements import audience, life
from notifyhub.errors import FieldError
from notifyhub.kinds import ANNOUNCEMENT_KINDS
from notifyhub.labels import IMPACTS
from notifyhub.languages import said
from notifyhub.models import Announcement

ENDS = ("starts_at", "ends_at")
LINES = re.compile(r"[\n,;]+")  # names of locations and products may have spaces in them
PIECES = re.compile(r"[\s,;]+")  # numbers and addresses have none, and are pasted from anywhere
MOST_LANGUAGES = 40
NESTED = re.compile(r"(audience(?:\.except)?\.[a-z]+)\.(\d+)")


class Made(NamedTuple):
    values: dict[str, Any]  # what life.draft() takes
    errors: list[FieldError]
    twice: set[str]  # of `starts_at` and `ends_at`, those that the clock shows twice


@dataclass
class Form:
    time_zone: str
    default_locale: str
    kind: str = "maintenance"
    impact: str = ""
    starts_at: str = ""
    ends_at: str = ""
    second: set[str] = field(default_factory=set)  # of the ends that exist twice, those that mean the later time
    texts: dict[str, dict[str, str]] = field(default_factory=dict)
    all: bool = False
    taken: dict[str, list[str]] = field(default_factory=dict)
    excepted: dict[str, list[str]] = field(default_factory=dict)
    seen: str = ""  # the draft's `updated_at` as it was read

    def made(self) -> Made:
        errors: list[FieldError] = []
        twice: set[str] = set()
        moments = {name: self._moment(name, errors, twice) for name in ENDS}
        wanted: dict[str, Any] = {"all": True} if self.all else {}
        wanted |= self.taken | ({"except": self.excepted} if self.excepted else {})
        values = {"kind": self.kind, "impact": self.impact or None, **moments, "content": self.texts, "audience": wanted}
        made, found = life.examined(values, self.default_locale)
        unread = {name for name, _ in errors}
        return Made(made, errors + [error for error in found if error.field not in unread], twice)

    def _moment(self, name: str, errors: list[FieldError], twice: set[str]) -> datetime | None:
        typed = getattr(self, name)
        if not typed:
            return None
        try:
            meant = wall_clock.read(typed, self.time_zone, name in self.second)
        except ValueError as error:
            errors.append(FieldError(name, error.args[0]))
            return None
        if meant.twice:
            twice.add(name)
        return meant.at

    def add_language(self, typed: str) -> str:
        """Its code as the texts know it. Raises ValueError."""
        locale = read_locale(typed.strip())
        if len(self.texts) >= MOST_LANGUAGES:
            raise ValueError(said("has %(count)s items; %(most)s are allowed", count=len(self.texts), most=MOST_LANGUAGES))
        self.texts.setdefault(locale, {"title": "", "body": ""})
        return locale

    def remove_language(self, locale: str) -> None:
        if locale != self.default_locale:
            self.texts.pop(locale, None)


def blank(time_zone: str, default_locale: str) -> Form:
    return Form(time_zone, default_locale, texts={default_locale: {"title": "", "body": ""}})


def of(draft: Announcement, time_zone: str, default_locale: str) -> Form:
    excepted = draft.audience.get("except", {})
    return Form(
        time_zone,
        default_locale,
        draft.kind,
        draft.impact or "",
        wall_clock.write(draft.starts_at, time_zone),
        wall_clock.write(draft.ends_at, time_zone),
        {name for name in ENDS if wall_clock.is_second(getattr(draft, name), time_zone)},
        {locale: dict(text) for locale, text in draft.content.items()},
        bool(draft.audience.get("all")),
        {key: draft.audience[key] for key in audience.LIST_KEYS if key in draft.audience},
        {key: excepted[key] for key in audience.LIST_KEYS if key in excepted},
        draft.updated_at.isoformat(),
    )


def read(typed: MultiDict[str, str], time_zone: str, default_locale: str) -> Form:
    """Whatever was sent: nothing of it is lost but what the page itself never sends."""
    zone, kind, impact = (typed.get(name, "") for name in ("time_zone", "kind", "impact"))
    locales = dict.fromkeys([default_locale, *typed.getlist("locale")[:MOST_LANGUAGES]])
    return Form(
        zone if zone in TIME_ZONES else time_zone,
        default_locale,
        kind if kind in ANNOUNCEMENT_KINDS else "maintenance",
        impact if impact in IMPACTS else "",
        typed.get("starts_at", "").strip(),
        typed.get("ends_at", "").strip(),
        {name for name in ENDS if typed.get(f"{name}.second") == "1"},
        {locale: {part: _plain(typed.get(f"{part}.{locale}", "")) for part in ("title", "body")} for locale in locales},
        typed.get("all") == "1",
        _items(typed, "take"),
        _items(typed, "except"),
        typed.get("seen", ""),
    )


def _plain(text: str) -> str:
    return text.replace("\r\n", "\n")


def _items(typed: Mapping[str, str], prefix: str) -> dict[str, list[str]]:
    found = {key: _split(key, typed.get(f"{prefix}.{key}", "")) for key in audience.LIST_KEYS}
    return {key: items for key, items in found.items() if items}


def _split(key: str, text: str) -> list[str]:
    pieces = (LINES if key in ("locations", "nodes", "products") else PIECES).split(text.replace("\x00", ""))
    items = dict.fromkeys(piece.strip() for piece in pieces if piece.strip())
    if key == "services":  # order numbers are pasted with and without their sign
        return [f"#{item}" if item.isdecimal() else item for item in items]
    return list(items)


def seen_at(form: Form) -> datetime | None:
    try:
        seen = datetime.fromisoformat(form.seen)
    except ValueError:
        return None
    return seen if seen.tzinfo else None


def by_field(errors: Sequence[FieldError], form: Form) -> dict[str, list[str]]:
    """As the page has fields: what is wrong with one item of a list stands beside the list, and names it."""
    found: dict[str, list[str]] = {}
    for name, message in errors:
        place, said_there = name, message
        if name == "audience" and not form.all and not form.taken:
            said_there = said("Choose who is told.")
        if nested := NESTED.fullmatch(name):
            items = (form.excepted if ".except." in name else form.taken)[nested[1].rpartition(".")[2]]
            place, said_there = nested[1], said("%(item)s %(message)s", item=items[int(nested[2])][:60], message=message)
        found.setdefault(place, []).append(said_there)
    return found
