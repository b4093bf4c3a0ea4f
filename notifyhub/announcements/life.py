"""The life of an announcement: drafted, changed, published."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit, rendering
from notifyhub.accounts.document import read_locale
from notifyhub.announcements import audience, fan_out
from notifyhub.database import new_id
from notifyhub.errors import Conflict, FieldError, Invalid, NotFound
from notifyhub.kinds import ANNOUNCEMENT_KINDS
from notifyhub.languages import N_, said
from notifyhub.models import Announcement, AuditEntry, Revision
from notifyhub.networks import parse_network
from notifyhub.words import many_lines, one_line

NEED_WINDOW = ("maintenance", "emergency")
TITLE_CHARACTERS = 200
BODY_CHARACTERS = 50_000
MOST_ITEMS = 10_000  # of one key of an audience
MOST_NETWORKS = 500
FIELDS = ("kind", "impact", "starts_at", "ends_at", "content", "audience")


class Stale(Conflict):
    """Someone else changed the draft after it was read. `who` is None where nobody knows."""

    def __init__(self, who: str | None, at: datetime) -> None:
        super().__init__(N_("This draft was changed by someone else in the meantime."))
        self.who, self.at = who, at


def find(session: Session, id: uuid.UUID) -> Announcement:
    """Raises NotFound."""
    announcement = session.get(Announcement, id)
    if announcement is None:
        raise NotFound("There is no announcement with this id.")
    return announcement


def draft(session: Session, document: Mapping[str, Any], default_locale: str, now: datetime) -> Announcement:
    """Raises Invalid."""
    values = checked(dict.fromkeys(FIELDS) | dict(document), default_locale)
    announcement = Announcement(
        id=new_id(), status="draft", revision=0, created_by=audit.author.get().actor, created_at=now, updated_at=now, **values
    )
    session.add(announcement)
    audit.record(session, "announcement.drafted", f"announcement:{announcement.id}")
    return announcement


def change(
    session: Session, id: uuid.UUID, changes: Mapping[str, Any], default_locale: str, now: datetime, seen: datetime | None = None
) -> Announcement:
    """`seen`: the `updated_at` of what the changes were made to, where that matters. Raises NotFound, Conflict, Stale, Invalid."""
    announcement = _locked_draft(session, id)
    _refuse_stale(session, announcement, seen)
    values = checked({name: getattr(announcement, name) for name in FIELDS} | dict(changes), default_locale)
    for name, value in values.items():
        setattr(announcement, name, value)
    announcement.updated_at = now
    audit.record(session, "announcement.changed", f"announcement:{id}", fields=sorted(changes))
    return announcement


def _refuse_stale(session: Session, announcement: Announcement, seen: datetime | None) -> None:
    if seen is not None and announcement.updated_at > seen:
        raise Stale(last_author(session, announcement.id), announcement.updated_at)


def last_author(session: Session, id: uuid.UUID) -> str | None:
    entries = select(AuditEntry.actor).where(AuditEntry.subject == f"announcement:{id}", AuditEntry.account_id.is_(None))
    return session.execute(entries.order_by(AuditEntry.id.desc()).limit(1)).scalar()


def drop(session: Session, id: uuid.UUID) -> None:
    """Raises NotFound, Conflict."""
    session.delete(_locked_draft(session, id))
    audit.record(session, "announcement.dropped", f"announcement:{id}")


def publish(session: Session, id: uuid.UUID, now: datetime, seen: datetime | None = None) -> Announcement:
    """Freezes what is told, and to whom it goes, and begins to tell them.

    `seen`: the `updated_at` of the draft that was looked at, where that matters. Raises NotFound, Conflict, Stale, Invalid.
    """
    announcement = _locked_draft(session, id)
    _refuse_stale(session, announcement, seen)
    concerned = audience.Audience.of(session, announcement.audience)
    few = audience.few(session, concerned, fan_out.AT_ONCE)
    accounts = audience.count(session, concerned) if few is None else len(few)
    if not accounts:
        raise Invalid(FieldError("audience", why_nobody(announcement.audience)), message="This audience matches nobody.")
    announcement.status, announcement.revision, announcement.published_at, announcement.updated_at = "published", 1, now, now
    revision = Revision(
        announcement_id=announcement.id,
        number=announcement.revision,
        action="published",
        published_at=now,
        accounts=accounts,
        last_account_id=audience.last_account_id(session) if few is None else few[-1],
        cursor=0,
        fanned_out=0,
        **{name: getattr(announcement, name) for name in FIELDS},
    )
    fan_out.begin(session, revision, concerned, few, now)
    session.add(revision)
    audit.record(session, "announcement.published", f"announcement:{id}", accounts=accounts)
    return announcement


def why_nobody(document: Mapping[str, Any]) -> str:
    named = ", ".join(f"{key} {', '.join(map(str, document[key][:5]))}" for key in audience.LIST_KEYS if document.get(key))
    if document.get("except"):
        return said(
            "no account, and no active or suspended service, is taken by %(named)s once `except` is taken away", named=named or "all"
        )
    return said("no account, and no active or suspended service, is taken by %(named)s", named=named or "all")


def _locked_draft(session: Session, id: uuid.UUID) -> Announcement:
    announcement = session.execute(select(Announcement).where(Announcement.id == id).with_for_update()).scalar()
    if announcement is None:
        raise NotFound("There is no announcement with this id.")
    if announcement.status != "draft":
        status = announcement.status.replace("_", " ")
        raise Conflict(said("This announcement is %(status)s; only a draft can be changed, published or dropped.", status=status))
    return announcement


def checked(values: Mapping[str, Any], default_locale: str) -> dict[str, Any]:
    """The whole of a draft, its parts against each other. Types are the schema's business. Raises Invalid."""
    made, errors = examined(values, default_locale)
    if errors:
        raise Invalid(*errors)
    return made


def examined(values: Mapping[str, Any], default_locale: str) -> tuple[dict[str, Any], list[FieldError]]:
    """The same for a draft that is still being written: what there is of it, and what is wrong with it."""
    errors: list[FieldError] = []
    kind, starts_at, ends_at = values["kind"], values["starts_at"], values["ends_at"]
    if kind not in ANNOUNCEMENT_KINDS:
        errors.append(FieldError("kind", said("must be one of %(known)s", known=", ".join(ANNOUNCEMENT_KINDS))))
    errors += [
        FieldError(name, said("is required for %(kind)s", kind=kind))
        for name in ("impact", "starts_at", "ends_at")
        if kind in NEED_WINDOW and values[name] is None
    ]
    if ends_at and not starts_at and kind not in NEED_WINDOW:
        errors.append(FieldError("starts_at", said("is required where ends_at is given")))
    if starts_at and ends_at and ends_at <= starts_at:
        errors.append(FieldError("ends_at", said("must be later than starts_at")))
    content = _content(values["content"], default_locale, errors)
    wanted = _audience(values["audience"], "audience", errors)
    return {**{name: values[name] for name in FIELDS}, "content": content, "audience": wanted}, errors


def _content(content: Mapping[str, Mapping[str, str]], default_locale: str, errors: list[FieldError]) -> dict[str, Any]:
    texts: dict[str, Any] = {}
    for spelling, text in content.items():
        try:
            locale = read_locale(spelling)
        except ValueError as error:
            errors.append(FieldError(f"content.{spelling[:40]}", str(error)))
            continue
        if locale in texts:
            errors.append(FieldError(f"content.{spelling}", said("%(locale)s stands here twice", locale=locale)))
        texts[locale] = _text(text, f"content.{spelling}", errors)
    if default_locale not in texts and not errors:
        errors.append(FieldError(f"content.{default_locale}", said("is required: accounts with any other language read this one")))
    return texts


def _text(text: Mapping[str, str], place: str, errors: list[FieldError]) -> dict[str, str]:
    made = {"title": "", "body": ""}
    for name, clean, most in (("title", one_line, TITLE_CHARACTERS), ("body", many_lines, BODY_CHARACTERS)):
        try:
            made[name] = clean(text[name], most, 1)
        except ValueError as error:
            errors.append(FieldError(f"{place}.{name}", str(error)))
            return made
    errors += [FieldError(f"{place}.{name}", message) for name, message in rendering.problems(made["title"], made["body"])]
    return made


def _audience(document: Mapping[str, Any], place: str, errors: list[FieldError]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if document.get("all"):
        made["all"] = True
    for key in audience.LIST_KEYS:
        if items := document.get(key):
            made[key] = list(dict.fromkeys(items))
            most = MOST_NETWORKS if key == "networks" else MOST_ITEMS
            if len(items) > most:
                errors.append(
                    FieldError(
                        f"{place}.{key}", said("has %(count)s items; %(most)s are allowed", count=f"{len(items):,}", most=f"{most:,}")
                    )
                )
    for index, text in enumerate(made.get("networks", [])[:MOST_NETWORKS]):
        try:
            parse_network(text)
        except ValueError as error:
            errors.append(FieldError(f"{place}.networks.{index}", str(error)))
    if place == "audience":
        if not made:
            errors.append(FieldError(place, said("must name at least one of all, %(keys)s", keys=", ".join(audience.LIST_KEYS))))
        if excluded := _audience(document.get("except") or {}, "audience.except", errors):
            made["except"] = excluded
    return made
