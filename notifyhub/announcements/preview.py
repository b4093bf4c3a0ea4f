"""What publishing a draft would do: asked of the same audience, the same routing and the same rendering, without a trace."""

from __future__ import annotations

import json
import time
from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import recipients, rendering, routing
from notifyhub.announcements import audience
from notifyhub.config import Settings
from notifyhub.kinds import KINDS
from notifyhub.models import Account, Announcement

CHUNK = 5000
SAMPLE = 10


def preview(session: Session, announcement: Announcement, settings: Settings, now: datetime) -> dict[str, Any]:
    concerned = audience.Audience.of(session, announcement.audience)
    kind = KINDS[announcement.kind]
    question = routing.Notification(kind.name, kind.category, kind.optional)
    accounts = services = 0
    decisions: Counter[tuple[str, str, int, str]] = Counter()
    sample: list[dict[str, Any]] = []
    for ids in audience.chunks(session, concerned, CHUNK):
        affected = {id: json.loads(found) for id, found in audience.affected_services(session, concerned, ids).items()}
        services += sum(map(len, affected.values()))
        for recipient, addresses in recipients.load(session, ids, question):
            accounts += 1
            made = routing.route(question, recipient, addresses, now)
            decisions.update((decision.channel, decision.action, decision.rule, decision.reason) for decision in made)
            if len(sample) < SAMPLE:
                sample.append(_sampled(recipient, made, affected))
        time.sleep(0)  # under gevent: others have their turn
    names = _names(session, [item["account"] for item in sample])
    return {
        "accounts": accounts,
        "services": services,
        "decisions": [
            {"channel": channel, "action": action, "rule": rule, "reason": reason, "count": count}
            for (channel, action, rule, reason), count in sorted(decisions.items(), key=lambda item: (item[0][0] != "inbox", -item[1]))
        ],
        "sample": [
            {name: names[value][0] if name == "account" else value for name, value in item.items() if name != "affected"} for item in sample
        ],
        "rendered": _rendered(announcement, settings, sample, names, now),
    }


def _sampled(recipient: routing.Recipient, decisions: list[routing.Decision], affected: dict[int, list[list[str]]]) -> dict[str, Any]:
    by_mail = [decision for decision in decisions if decision.channel == "email"]
    sent = [decision for decision in by_mail if decision.action == "send"]
    return {
        "account": recipient.account_id,
        "services": [number for number, _ in affected.get(recipient.account_id or 0, [])],
        "affected": affected.get(recipient.account_id or 0, []),
        "to": [decision.mailbox.email for decision in sent if decision.mailbox],
        "rule": (sent or by_mail)[0].rule,
        "reason": (sent or by_mail)[0].reason,
    }


def _names(session: Session, ids: list[int]) -> dict[int, tuple[str, str, str]]:
    rows = session.execute(select(Account.id, Account.external_id, Account.name, Account.time_zone).where(Account.id.in_(ids)))
    return {id: (str(external_id), name, zone) for id, external_id, name, zone in rows}


def _rendered(
    announcement: Announcement, settings: Settings, sample: list[dict[str, Any]], names: dict[int, tuple[str, str, str]], now: datetime
) -> dict[str, Any]:
    """Per locale, as the first account of the sample would read it."""
    if sample:
        first = sample[0]
        _, name, zone = names[first["account"]]
        reader = rendering.Reader(name, zone, first["affected"])
        to, rule = (first["to"] or [settings.brand.sender_address])[0], first["rule"]
    else:
        reader, to, rule = rendering.Reader("", "UTC", []), settings.brand.sender_address, 4
    kind = KINDS[announcement.kind]
    content = rendering.Content(
        announcement.kind, announcement.impact, announcement.starts_at, announcement.ends_at, announcement.content, "published"
    )
    unsubscribe = f"{settings.base_url}/unsubscribe/…" if kind.optional else None
    stamp = rendering.Stamp(to, "<preview@localhost>", now, rule, kind.category, None, unsubscribe)
    answer = {}
    for locale in announcement.content:
        parts = rendering.compile_content(content, locale, settings.brand, settings.default_locale).parts(reader, stamp)
        answer[locale] = {"subject": parts.subject, "text": parts.text, "html": parts.html}
    return answer
