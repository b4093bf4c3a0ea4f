"""Reports as staff look at them."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session, undefer

from notifyhub.errors import NotFound
from notifyhub.languages import N_
from notifyhub.models import AbuseReport, Account, Service

VIEWS = ("all", "nobodys")


class Row(NamedTuple):
    report: AbuseReport
    account: Account | None
    service: Service | None
    sourced: bool  # its source is still kept

    @property
    def state(self) -> str:
        """A key of labels.REPORT_STATES."""
        if self.report.account_id is None:
            return "nobodys"
        return "told" if self.report.notification_id else "kept"


def page(session: Session, view: str, before: tuple[datetime, uuid.UUID] | None, limit: int) -> Sequence[Row]:
    """Newest first."""
    query = _rows()
    if view == "nobodys":
        query = query.where(AbuseReport.account_id.is_(None))
    if before:
        query = query.where(tuple_(AbuseReport.received_at, AbuseReport.id) < tuple_(*before))
    rows = session.execute(query.order_by(AbuseReport.received_at.desc(), AbuseReport.id.desc()).limit(limit))
    return [Row(*row) for row in rows]


def find(session: Session, id: uuid.UUID) -> Row:
    """With its evidence. Raises NotFound."""
    row = session.execute(_rows().where(AbuseReport.id == id).options(undefer(AbuseReport.evidence))).first()
    if row is None:
        raise NotFound(MISSING)
    return Row(*row)


def source(session: Session, id: uuid.UUID) -> tuple[str, bytes]:
    """Its format, and its bytes as they came. Raises NotFound, where it is no longer kept too."""
    row = session.execute(select(AbuseReport.format, AbuseReport.raw).where(AbuseReport.id == id)).first()
    if row is None or row.raw is None:
        raise NotFound(MISSING)
    return row.format, bytes(row.raw)


MISSING = N_("There is no such report.")


def _rows() -> Any:
    return (
        select(AbuseReport, Account, Service, AbuseReport.raw.is_not(None))
        .outerjoin(Account, Account.id == AbuseReport.account_id)
        .outerjoin(Service, Service.id == AbuseReport.service_id)
    )
