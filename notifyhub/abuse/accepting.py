"""A report is kept once; whoever had the address then is told at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from notifyhub import dispatch, tallies
from notifyhub.abuse import arf
from notifyhub.abuse.report import Report
from notifyhub.accounts import holders
from notifyhub.accounts.holders import Holding
from notifyhub.database import new_id
from notifyhub.dispatch import Telling
from notifyhub.errors import FieldError, Invalid
from notifyhub.kinds import KINDS
from notifyhub.languages import said
from notifyhub.models import AbuseReport, Account
from notifyhub.networks import parse_network

MOST_BYTES = 8 * 1024 * 1024  # of a report, however it comes: one piece of evidence of 5 MB, which is what XARF allows, fits


KEPT, SOURCE_KEPT = timedelta(days=400), timedelta(days=90)
PRUNED_AT_ONCE = 100


class Accepted(NamedTuple):
    report: AbuseReport
    repeated: bool  # it was here before; nothing was done


def accept_raw(session: Session, raw: bytes, received_from: str, now: datetime) -> Accepted:
    """A mail in ARF, whichever way it came. Raises Invalid."""
    if len(raw) > MOST_BYTES:
        raise Invalid(FieldError("", said("has %(count)s bytes; %(most)s are allowed", count=f"{len(raw):,}", most=f"{MOST_BYTES:,}")))
    return accept(session, arf.read(raw), raw, received_from, now)


def accept(session: Session, report: Report, raw: bytes, received_from: str, now: datetime) -> Accepted:
    """`received_from` names who brought it, as the audit log names its authors. Nothing is committed here."""
    if known := _known(session, report.key):
        tallies.add(session, "spared", "repeated")
        return Accepted(known, repeated=True)
    holding = _holding(session, report, now)
    row = AbuseReport(
        id=new_id(), source_key=report.key, format=report.format, type=report.type, reporter=report.reporter, contact=report.contact,
        address=report.address, occurred_at=report.occurred_at, account_id=holding and holding.account_id,
        service_id=holding and holding.service_id, evidence=report.evidence, raw=raw, received_at=now, received_from=received_from,
    )  # fmt: skip
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:  # it is coming in twice at this moment
        known = _known(session, report.key)
        assert known is not None
        tallies.add(session, "spared", "repeated")
        return Accepted(known, repeated=True)
    if holding and report.complaint:
        row.notification_id = dispatch.accept(session, _telling(row), now, holding.account_id, [(holding.order_number, holding.name)])
    return Accepted(row, repeated=False)


def _known(session: Session, key: str) -> AbuseReport | None:
    return session.execute(select(AbuseReport).where(AbuseReport.source_key == key)).scalar()


def _holding(session: Session, report: Report, now: datetime) -> Holding | None:
    try:
        network = parse_network(report.address)
    except ValueError:
        return None
    holding = holders.holding(session, network, report.occurred_at, now)
    if holding is None:
        return None
    # it is not erased while this goes on
    account = select(Account.id).where(Account.id == holding.account_id, Account.erased_at.is_(None)).with_for_update(key_share=True)
    return holding if session.execute(account).scalar() is not None else None


def _telling(row: AbuseReport) -> Telling:
    data = {
        "report": str(row.id),
        "what": row.type,
        "address": row.address,
        "happened_at": row.occurred_at.isoformat() if row.occurred_at else None,
        "reporter": row.reporter,
        "evidence": row.evidence,
    }
    return Telling(KINDS["abuse"], "abuse-report", str(row.id), data=data)


def prune(session: Session, now: datetime) -> None:
    """Some at a time, the oldest: sources first, later the reports themselves."""
    unsourced = select(AbuseReport.id).where(AbuseReport.received_at < now - SOURCE_KEPT, AbuseReport.raw.is_not(None))
    over = select(AbuseReport.id).where(AbuseReport.received_at < now - KEPT)
    for statement, ids in ((update(AbuseReport).values(raw=None), unsourced), (delete(AbuseReport), over)):
        some = ids.order_by(AbuseReport.received_at).limit(PRUNED_AT_ONCE)
        session.execute(statement.where(AbuseReport.id.in_(some)).execution_options(synchronize_session=False))
