"""What publishing a draft would do: asked of the same audience, the same routing and the same rendering, without a trace."""

from __future__ import annotations

import json
import time
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from notifyhub import recipients, rendering, routing
from notifyhub.announcements import audience
from notifyhub.config import Settings
from notifyhub.database import among_ids
from notifyhub.kinds import KINDS
from notifyhub.models import Account, Announcement

CHUNK = 5000
SAMPLE = 10
KEPT = timedelta(minutes=1)  # how long a count of the same audience is shown again
MOST_KEPT = 64
CONTENT = ("kind", "impact", "starts_at", "ends_at", "content")


class Sampled(NamedTuple):
    """One account, and what would become of the announcement there."""

    account: str
    name: str
    locale: str
    time_zone: str
    services: list[list[str]]  # those affected: [order number, name]
    to: list[str]
    rule: int
    reason: str


class Count(NamedTuple):
    at: datetime
    accounts: int
    services: int
    mails: int
    mailed: int  # accounts that get at least one
    registered_instead: int  # of those: where none of the addresses that they set can be used
    inbox_only: int
    locales: Counter[str]  # accounts by language
    decisions: Counter[tuple[str, str, int, str]]  # (channel, action, rule, reason)


def preview(session: Session, announcement: Announcement, settings: Settings, now: datetime) -> dict[str, Any]:
    counted = count(session, announcement.kind, announcement.audience, now)
    sampled = sample(session, announcement.kind, announcement.audience, now)
    content = content_of({name: getattr(announcement, name) for name in CONTENT})
    decisions = sorted(counted.decisions.items(), key=lambda item: (item[0][0] != "inbox", -item[1]))
    return {
        "accounts": counted.accounts,
        "services": counted.services,
        "decisions": [
            {"channel": channel, "action": action, "rule": rule, "reason": reason, "count": times}
            for (channel, action, rule, reason), times in decisions
        ],
        "sample": [item._asdict() | {"services": [number for number, _ in item.services]} for item in sampled],
        "rendered": {
            locale: mail_as_read(content, settings, sampled[0] if sampled else None, locale, now)._asdict()
            for locale in announcement.content
        },
    }


# --- how many, and where ----------------------------------------------------------------------------------------------


def count(session: Session, kind_name: str, wanted: Mapping[str, Any], now: datetime) -> Count:
    """Asks the policy about every account of the audience: a second or so for fifty thousand."""
    concerned = audience.Audience.of(session, wanted)
    question = _question(kind_name)
    accounts = services = mails = mailed = registered_instead = 0
    locales: Counter[str] = Counter()
    decisions: Counter[tuple[str, str, int, str]] = Counter()
    for ids in audience.chunks(session, concerned, CHUNK):
        services += audience.affected_count(session, concerned, ids)
        locales.update(_locales(session, ids))
        for recipient, addresses in recipients.load(session, ids, question):
            accounts += 1
            made = routing.route(question, recipient, addresses, now)
            decisions.update([(channel, action, rule, reason) for channel, action, _, rule, reason in made])
            sent = [decision for decision in made if decision.channel == "email" and decision.action == "send"]
            mails += len(sent)
            mailed += bool(sent)
            registered_instead += bool(addresses) and any(decision.rule == 4 for decision in sent)
        time.sleep(0)  # under gevent: others have their turn
    return Count(now, accounts, services, mails, mailed, registered_instead, accounts - mailed, locales, decisions)


def _question(kind_name: str) -> routing.Notification:
    kind = KINDS[kind_name]
    return routing.Notification(kind.name, kind.category, kind.optional)


def _locales(session: Session, ids: Sequence[int]) -> Counter[str]:
    here = among_ids(session, Account.id, ids)
    rows = session.execute(select(Account.locale, func.count()).where(here, Account.erased_at.is_(None)).group_by(Account.locale))
    found: Counter[str] = Counter()
    for locale, times in rows:
        found[locale] += times
    return found


_kept: OrderedDict[tuple[str, str, str], Count] = OrderedDict()


def recent_count(session: Session, kind_name: str, wanted: Mapping[str, Any], now: datetime) -> Count | None:
    """One that is at most a minute old, of this process."""
    found = _kept.get(_key(session, kind_name, wanted))
    return found if found and now - found.at < KEPT else None


def kept_count(session: Session, kind_name: str, wanted: Mapping[str, Any], now: datetime) -> Count:
    """A recent one, or a new one."""
    found = recent_count(session, kind_name, wanted, now)
    if found is None:
        key = _key(session, kind_name, wanted)
        _kept.pop(key, None)
        found = _kept[key] = count(session, kind_name, wanted, now)
        while len(_kept) > MOST_KEPT:
            _kept.popitem(last=False)
    return found


def _key(session: Session, kind_name: str, wanted: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(session.get_bind().engine.url), kind_name, json.dumps(wanted, sort_keys=True)


def fallbacks(counted: Count, content: Mapping[str, Any], default_locale: str) -> tuple[Counter[str], Counter[str]]:
    """Accounts by the text that they read, and of those by their own language who read one in another."""
    read: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for locale, times in counted.locales.items():
        chosen = text_for(locale, content, default_locale)
        read[chosen] += times
        if _language(chosen) != _language(locale):
            missed[_language(locale)] += times
    return read, missed


def text_for(locale: str, content: Mapping[str, Any], default_locale: str) -> str:
    """The language of the text that this reader gets."""
    return rendering.choose_locale(locale, content, default_locale)


def _language(locale: str) -> str:
    return locale.replace("-", "_").partition("_")[0].lower()


# --- as some of them would see it -------------------------------------------------------------------------------------


def sample(session: Session, kind_name: str, wanted: Mapping[str, Any], now: datetime) -> list[Sampled]:
    """The first few accounts of the audience."""
    concerned = audience.Audience.of(session, wanted)
    ids = audience.next_accounts(session, concerned, 0, audience.last_account_id(session), SAMPLE)
    if not ids:
        return []
    question = _question(kind_name)
    affected = {id: json.loads(found) for id, found in audience.affected_services(session, concerned, ids).items()}
    who = {row.id: row for row in session.scalars(select(Account).where(Account.id.in_(ids)))}
    found = []
    for recipient, addresses in recipients.load(session, ids, question):
        account = who[recipient.account_id or 0]
        by_mail = [decision for decision in routing.route(question, recipient, addresses, now) if decision.channel == "email"]
        sent = [decision for decision in by_mail if decision.action == "send"]
        to = [decision.mailbox.email for decision in sent if decision.mailbox]
        first = (sent or by_mail)[0]
        services = affected.get(account.id, [])
        found.append(
            Sampled(str(account.external_id), account.name, account.locale, account.time_zone, services, to, first.rule, first.reason)
        )
    return found


def content_of(values: Mapping[str, Any]) -> rendering.Content:
    return rendering.Content(values["kind"], values["impact"], values["starts_at"], values["ends_at"], values["content"], "published")


def mail_as_read(content: rendering.Content, settings: Settings, reader: Sampled | None, locale: str, now: datetime) -> rendering.Parts:
    """In this language, as that account would get it; of an audience of nobody, as anybody would."""
    kind = KINDS[content.kind]
    to, rule = ((reader.to or [settings.brand.sender_address])[0], reader.rule) if reader else (settings.brand.sender_address, 4)
    unsubscribe = f"{settings.base_url}/unsubscribe/…" if kind.optional else None
    stamp = rendering.Stamp(to, "<preview@localhost>", now, rule, kind.category, None, unsubscribe)
    return _compiled(content, settings, locale).parts(_reader(reader), stamp)


def item_as_read(content: rendering.Content, settings: Settings, reader: Sampled | None, locale: str) -> rendering.Item:
    """The same in the inbox."""
    return _compiled(content, settings, locale).inbox(_reader(reader))


def _compiled(content: rendering.Content, settings: Settings, locale: str) -> rendering.Compiled:
    return rendering.compile_content(content, locale, settings.brand, settings.default_locale)


def _reader(reader: Sampled | None) -> rendering.Reader:
    return rendering.Reader(reader.name, reader.time_zone, reader.services) if reader else rendering.Reader("", "UTC", [])
