"""Erasure: names, addresses and texts go. Proof of what was sent and the record of changes refer to internal ids, and stay."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session, aliased

from notifyhub import audit, confirmations, deliveries, idempotency
from notifyhub.accounts import lookup
from notifyhub.chat import keeping
from notifyhub.models import (
    AbuseReport,
    Account,
    AuditEntry,
    Confirmation,
    Delivery,
    DeliveryAddress,
    HeldMail,
    IncomingMail,
    Mailbox,
    Notification,
    Service,
    ServiceAddress,
    SignIn,
    SignInLink,
    StoredFile,
)
from notifyhub.tickets import erasing


def erase(session: Session, account: Account, now: datetime) -> None:
    lookup.lock(session, account)
    mailboxes = _mailboxes(session, account)
    mine = select(Service.id).where(Service.account_id == account.id)
    session.execute(delete(ServiceAddress).where(ServiceAddress.service_id.in_(mine)))
    session.execute(delete(Service).where(Service.account_id == account.id))
    session.execute(delete(DeliveryAddress).where(DeliveryAddress.account_id == account.id))
    session.execute(delete(Confirmation).where(Confirmation.account_id == account.id))
    session.execute(delete(SignInLink).where(SignInLink.account_id == account.id))
    keeping.forget(session, account.id)
    erasing.forget(session, account.id)
    _empty_held(session, account)
    session.execute(delete(StoredFile).where(StoredFile.account_id == account.id))
    session.execute(delete(SignIn).where(SignIn.account_id == account.id))
    told = select(Notification.id).where(Notification.account_id == account.id)
    deliveries.move(session, Delivery.notification_id.in_(told), "cancelled", reason="the account was erased")
    session.execute(update(Notification).where(Notification.account_id == account.id).values(services=[], data={}))
    _empty_reports(session, account, now)
    account.external_id, account.name, account.name_key, account.muted, account.synced = None, "", "", [], {}
    account.registered_mailbox_id = account.previous_registered_mailbox_id = None
    account.erased_at = account.updated_at = now
    session.flush()
    _empty_unused(session, mailboxes)
    audit.record(session, "account.erased", f"account:{account.id}", account.id)


def _empty_reports(session: Session, account: Account, now: datetime) -> None:
    """What was reported names its servers, and perhaps it. That there was a report, and from whom, stays."""
    mine = AbuseReport.account_id == account.id
    session.execute(update(AbuseReport).where(mine).values(address="", service_id=None, evidence="", raw=None))
    lately = session.scalars(select(AbuseReport.id).where(mine, AbuseReport.received_at > now - idempotency.KEPT)).all()
    for start in range(0, len(lately), FORGOTTEN_AT_ONCE):
        idempotency.forget(session, map(str, lately[start : start + FORGOTTEN_AT_ONCE]))


FORGOTTEN_AT_ONCE = 100


def _empty_held(session: Session, account: Account) -> None:
    """Mails that wait for it alone, and for nobody from now on."""
    mine = session.scalars(select(HeldMail.mail_id).where(HeldMail.account_id == account.id)).all()
    session.execute(delete(HeldMail).where(HeldMail.account_id == account.id))
    others = select(HeldMail.mail_id).where(HeldMail.mail_id == IncomingMail.id).exists()
    session.execute(update(IncomingMail).where(IncomingMail.id.in_(mine), ~others).values(erasing.EMPTIED))


def _mailboxes(session: Session, account: Account) -> set[int]:
    """All that this account ever used: what was mailed to counts too, and what it no longer has."""
    used = {account.registered_mailbox_id, account.previous_registered_mailbox_id}
    used |= set(session.scalars(select(DeliveryAddress.mailbox_id).where(DeliveryAddress.account_id == account.id)))
    used |= set(session.scalars(select(Confirmation.mailbox_id).where(Confirmation.account_id == account.id)))
    delivered = (
        select(Delivery.mailbox_id)
        .join(Notification, Notification.id == Delivery.notification_id)
        .where(Notification.account_id == account.id, Delivery.mailbox_id > 0)
        .distinct()
    )
    used |= set(session.scalars(delivered))
    for details in session.scalars(select(AuditEntry.details).where(AuditEntry.account_id == account.id)):
        used |= {details.get("registered_mailbox"), details.get("registered_mailbox_before")}
        used |= {id for ids in details.get("mailboxes", {}).values() for id in ids}
    return {id for id in used if id}


def _empty_unused(session: Session, mailbox_ids: set[int]) -> None:
    """A mailbox that another account uses keeps its address. That its owner wants no confirmations is remembered without it."""
    # whoever is adding one of them to another account at this moment is waited for
    session.execute(select(Mailbox.id).where(Mailbox.id.in_(mailbox_ids)).order_by(Mailbox.id).with_for_update())
    other = aliased(Account)
    in_use = or_(
        exists().where(or_(other.registered_mailbox_id == Mailbox.id, other.previous_registered_mailbox_id == Mailbox.id)),
        exists().where(DeliveryAddress.mailbox_id == Mailbox.id),
        exists().where(Confirmation.mailbox_id == Mailbox.id),
    )
    unused = session.scalars(select(Mailbox).where(Mailbox.id.in_(mailbox_ids), ~in_use)).all()
    _forget_replies(session, [mailbox.id for mailbox in unused])
    erasing.forget_contacts(session, [mailbox.id for mailbox in unused])
    keeping.forget_addresses(session, [mailbox.key for mailbox in unused])
    idempotency.forget(session, {text for mailbox in unused for text in (mailbox.email, mailbox.key)})
    for mailbox in unused:
        mailbox.key = confirmations.fingerprint(mailbox.key) if mailbox.blocked_at else f"erased:{mailbox.id}"
        mailbox.email, mailbox.status_reason = "", None


def _forget_replies(session: Session, mailbox_ids: list[int]) -> None:
    """The replies of servers name addresses too; one that was for good stands in the reason as well."""
    of_these = Delivery.mailbox_id.in_(mailbox_ids)
    session.execute(update(Delivery).where(of_these).values(attempts=[]))
    for said in ("refused", "came back"):
        session.execute(update(Delivery).where(of_these, Delivery.reason.startswith(f"{said}: ")).values(reason=said))
    reports = update(IncomingMail).where(IncomingMail.delivery_id.in_(select(Delivery.id).where(of_these)))
    session.execute(reports.values(erasing.EMPTIED))
