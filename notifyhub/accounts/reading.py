"""An account as it is shown, found and exported."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from notifyhub import files
from notifyhub.accounts import services
from notifyhub.chat import keeping
from notifyhub.kinds import CATEGORIES
from notifyhub.models import (
    AbuseReport,
    Account,
    AuditEntry,
    Confirmation,
    Delivery,
    DeliveryAddress,
    Mailbox,
    Notification,
    Service,
    ServiceAddress,
    SignIn,
    StoredFile,
)
from notifyhub.networks import Network
from notifyhub.tickets import erasing


def shown(session: Session, account: Account) -> dict[str, Any]:
    """As `PUT` takes it: putting it back changes nothing."""
    registered = session.get_one(Mailbox, account.registered_mailbox_id)
    held = services.of_accounts(session, [account.id]).get(account.id, [])
    return {
        "external_id": account.external_id,
        "registered_email": registered.email,
        "name": account.name,
        "locale": account.locale,
        "time_zone": account.time_zone,
        "services": [_shown_service(item) for item in held if item.service.ended_at is None],
        "send_email": _shown_addresses(session, account),
        "created_at": account.created_at,
        "updated_at": account.updated_at,
    }


def _shown_addresses(session: Session, account: Account) -> dict[str, list[dict[str, str]]]:
    """What is wanted, in order. What serves on until that is confirmed is not; see preferences.py for what it comes to."""
    rows = session.execute(
        select(DeliveryAddress.category, Mailbox.email, DeliveryAddress.state)
        .join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
        .where(DeliveryAddress.account_id == account.id, DeliveryAddress.state != "replaced")
        .order_by(DeliveryAddress.position)
    ).all()
    listed = {category: [{"email": email, "state": state} for of, email, state in rows if of == category] for category in CATEGORIES}
    return {category: addresses for category, addresses in listed.items() if addresses}


def _shown_service(item: services.Held) -> dict[str, Any]:
    row = item.service
    return {
        "order_number": row.order_number,
        "name": row.name,
        "product": row.product,
        "location": row.location,
        "node": row.node,
        "addresses": [str(network) for network in sorted(item.addresses)],
        "status": row.status,
    }


def export(session: Session, account: Account, now: datetime) -> dict[str, Any]:
    """Everything that is held about an account."""
    return {
        "exported_at": now,
        "account": shown(session, account),
        "registered_email_before": _email(session, account.previous_registered_mailbox_id),
        "registered_changed_at": account.registered_changed_at,
        "muted": account.muted,
        "services": [
            _shown_service(item) | {"from": item.service.created_at, "to": item.service.ended_at}
            for item in services.of_accounts(session, [account.id]).get(account.id, [])
        ],
        "service_addresses": [
            {"order_number": number, "address": str(Network(bytes(network), length)), "from": since, "to": until}
            for number, network, length, since, until in session.execute(
                select(
                    Service.order_number,
                    ServiceAddress.network,
                    ServiceAddress.prefix_length,
                    ServiceAddress.valid_from,
                    ServiceAddress.valid_to,
                )
                .join(Service, Service.id == ServiceAddress.service_id)
                .where(Service.account_id == account.id)
                .order_by(ServiceAddress.valid_from, ServiceAddress.network)
            )
        ],
        "delivery_addresses": [
            {"category": category, "email": email, "state": state, "from": since, "usable_since": usable_since, "mailbox": status,
             "mailbox_reason": reason}
            for category, email, state, since, usable_since, status, reason in session.execute(
                select(DeliveryAddress.category, Mailbox.email, DeliveryAddress.state, DeliveryAddress.created_at,
                       DeliveryAddress.usable_since, Mailbox.status, Mailbox.status_reason)
                .join(Mailbox, Mailbox.id == DeliveryAddress.mailbox_id)
                .where(DeliveryAddress.account_id == account.id)
                .order_by(DeliveryAddress.category, DeliveryAddress.position)
            )
        ],
        "confirmations": [
            {"email": email, "asked_at": asked, "used_at": used}
            for email, asked, used in session.execute(
                select(Mailbox.email, Confirmation.created_at, Confirmation.used_at)
                .join(Mailbox, Mailbox.id == Confirmation.mailbox_id)
                .where(Confirmation.account_id == account.id)
                .order_by(Confirmation.created_at)
            )
        ],
        "sign_ins": [
            {"how": row.how, "from": row.created_at, "last_seen_at": row.last_seen_at, "ended_at": row.ended_at, "origin": row.origin,
             "user_agent": row.user_agent}
            for row in session.scalars(select(SignIn).where(SignIn.account_id == account.id).order_by(SignIn.created_at))
        ],
        "notifications": [
            {
                "id": row.id,
                "kind": row.kind,
                "source": {"type": row.source, "id": row.source_ref, "revision": row.revision},
                "category": row.category,
                "services": row.services,
                "data": row.data,
                "created_at": row.created_at,
                "read_at": row.read_at,
                "archived_at": row.archived_at,
            }
            for row in session.scalars(select(Notification).where(Notification.account_id == account.id).order_by(Notification.created_at))
        ],
        "tickets": erasing.export(session, account.id),
        "chats": keeping.export(session, account.id),
        "files": [
            files.described(row) | {"created_at": row.created_at}
            for row in session.scalars(select(StoredFile).where(StoredFile.account_id == account.id).order_by(StoredFile.created_at))
        ],
        "abuse_reports": [
            {"id": row.id, "type": row.type, "address": row.address, "occurred_at": row.occurred_at, "reporter": row.reporter,
             "evidence": row.evidence, "received_at": row.received_at, "notification": row.notification_id}
            for row in session.scalars(
                select(AbuseReport).where(AbuseReport.account_id == account.id).order_by(AbuseReport.received_at)
                .options(undefer(AbuseReport.evidence))
            )
        ],
        "deliveries": [
            {"id": delivery.id, "channel": delivery.channel, "address": email, "state": delivery.state, "reason": delivery.reason,
             "attempts": delivery.attempts, "sent_at": delivery.sent_at}
            for delivery, email in session.execute(
                select(Delivery, Mailbox.email)
                .join(Notification, Notification.id == Delivery.notification_id)
                .outerjoin(Mailbox, Mailbox.id == Delivery.mailbox_id)
                .where(Notification.account_id == account.id)
                .order_by(Delivery.queued_at)
            )
        ],
        "changes": [
            {"at": row.at, "actor": row.actor, "action": row.action, "details": row.details}
            for row in session.scalars(select(AuditEntry).where(AuditEntry.account_id == account.id).order_by(AuditEntry.id))
        ],
    }  # fmt: skip


def _email(session: Session, mailbox_id: int | None) -> str | None:
    return session.get_one(Mailbox, mailbox_id).email if mailbox_id else None
