from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from notifyhub.commands import application

SERVICES = [
    {"order_number": "#100412", "name": "vps-12.one.example", "product": "vps", "location": "fra1", "node": "fra1-n3",
     "addresses": ["203.0.113.7", "2001:db8:12::/64"]},
    {"order_number": "#100413", "name": "ds-3.one.example", "product": "dedicated", "location": "fra1", "node": "fra1-n9",
     "addresses": ["203.0.113.64/29"]},
    {"order_number": "#100501", "name": "web.iki.example", "product": "hosting", "location": "ist1", "node": "ist1-n4",
     "addresses": ["198.51.100.20"]},
    {"order_number": "#100502", "name": "vps-40.iki.example", "product": "vps", "location": "fra1", "node": "fra1-n3",
     "addresses": ["203.0.113.9"]},
    {"order_number": "#100777", "name": "vps-7.drei.example", "product": "vps", "location": "ams2", "node": "ams2-n1",
     "addresses": ["192.0.2.17"]},
]  # fmt: skip
ACCOUNTS = [
    {"external_id": "C-1042", "name": "One Ltd", "registered_email": "owner@one.example", "locale": "en", "time_zone": "Europe/London",
     "services": SERVICES[:2],
     "send_email": {"announcements": [{"email": "noc@one.example", "state": "verified"}],
                    "abuse": [{"email": "abuse@one.example", "state": "verified"}]}},
    {"external_id": "C-1043", "name": "İki Bilişim A.Ş.", "registered_email": "bilgi@iki.example", "locale": "tr",
     "time_zone": "Europe/Istanbul", "services": SERVICES[2:4],
     "send_email": {"invoices": [{"email": "muhasebe@iki.example", "state": "verified"}]}},
    {"external_id": "C-1044", "name": "Drei GmbH", "registered_email": "post@drei.example", "locale": "de", "time_zone": "Europe/Berlin",
     "services": SERVICES[4:]},
]  # fmt: skip


@click.command()
def demo() -> None:
    """Fill an empty database with three customers, tickets of theirs, and an announcement to two of them."""
    with application():
        from datetime import timedelta

        from flask import current_app

        from notifyhub.accounts.document import read_account
        from notifyhub.accounts.sync import sync
        from notifyhub.announcements import life
        from notifyhub.commands import demo_tickets
        from notifyhub.database import db, transaction, utcnow
        from notifyhub.models import Account
        from notifyhub.signins import demo as sign_ins

        if db.session.query(Account).first() is not None:
            click.echo("there are accounts already: no demo data", err=True)
            return
        settings = current_app.extensions["settings"]
        locale = settings.default_locale
        now = utcnow()
        starts_at = (now + timedelta(days=6)).replace(hour=1, minute=30, second=0, microsecond=0)
        with transaction() as session:
            sync(session, [read_account(account) for account in ACCOUNTS], locale, now)
            if settings.demo:  # one click signs them in there, and nothing does elsewhere
                sign_ins.create_staff(session, now)
                demo_tickets.open_all(session, settings.ticket_promise_minutes, now)
        with transaction() as session:
            announcement = life.draft(session, _announcement(starts_at, starts_at + timedelta(hours=3, minutes=30)), locale, now)
            session.flush()
            life.publish(session, announcement.id, now)


def _announcement(starts_at: datetime, ends_at: datetime) -> dict[str, Any]:
    return {
        "kind": "maintenance",
        "impact": "outage",
        "starts_at": starts_at,
        "ends_at": ends_at,
        "audience": {"locations": ["fra1"]},
        "content": {
            "en": {
                "title": "Planned maintenance in Frankfurt",
                "body": "Dear {{ account_name }},\n\nwe replace the **core switches** of our Frankfurt data centre. During the window "
                "{{ window }} your services there cannot be reached:\n\n{{ services }}\n\n"
                "They come back by themselves; you need not do anything.",
            },
            "tr": {
                "title": "Frankfurt'ta planlı bakım",
                "body": "Sayın {{ account_name }},\n\nFrankfurt veri merkezimizdeki **omurga anahtarlarını** değiştiriyoruz. {{ window }} "
                "arasında oradaki hizmetlerinize erişilemez:\n\n{{ services }}\n\nKendiliğinden geri gelirler; bir şey yapmanız gerekmez.",
            },
        },
    }
