"""Services of accounts, and the addresses they have and had."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from notifyhub.accounts.document import ServiceDocument
from notifyhub.database import among, bulk_insert, new_row_ids
from notifyhub.models import Service, ServiceAddress
from notifyhub.networks import Network

SERVICE = ("id", "account_id", "order_number", "name", "product", "location", "node", "status")
ADDRESS = ("service_id", "network", "prefix_length")


class Held(NamedTuple):
    """A service as it is recorded, with the addresses it has now."""

    service: Service
    addresses: frozenset[Network]

    def document(self) -> ServiceDocument:
        row = self.service
        return ServiceDocument(row.order_number, row.name, row.product, row.location, row.node, row.status, tuple(sorted(self.addresses)))


def of_accounts(session: Session, account_ids: Sequence[int]) -> dict[int, list[Held]]:
    """By account id, ended ones included."""
    if not account_ids:
        return {}
    services = session.scalars(select(Service).where(among(session, Service.account_id, account_ids)).order_by(Service.id)).all()
    addresses: dict[int, set[Network]] = defaultdict(set)
    rows = session.execute(
        select(ServiceAddress.service_id, ServiceAddress.network, ServiceAddress.prefix_length)
        .join(Service, Service.id == ServiceAddress.service_id)
        .where(among(session, Service.account_id, account_ids), ServiceAddress.valid_to.is_(None))
    )
    for service_id, network, prefix_length in rows:
        addresses[service_id].add(Network(bytes(network), prefix_length))
    held: dict[int, list[Held]] = defaultdict(list)
    for service in services:
        held[service.account_id].append(Held(service, frozenset(addresses[service.id])))
    return held


def page(session: Session, account_id: int, ended: bool, after: str, limit: int) -> list[Held]:
    """In the order of their order numbers, with the addresses they have, or had when they ended."""
    over = or_(Service.ended_at.is_not(None), Service.status == "terminated")
    services = session.scalars(
        select(Service)
        .where(Service.account_id == account_id, over if ended else ~over, Service.order_number > after)
        .order_by(Service.order_number)
        .limit(limit)
    ).all()
    addresses: dict[int, set[Network]] = defaultdict(set)
    current = or_(ServiceAddress.valid_to.is_(None), ServiceAddress.valid_to == Service.ended_at)
    rows = session.execute(
        select(ServiceAddress.service_id, ServiceAddress.network, ServiceAddress.prefix_length)
        .join(Service, Service.id == ServiceAddress.service_id)
        .where(among(session, Service.id, [service.id for service in services]), current)
    )
    for service_id, network, prefix_length in rows:
        addresses[service_id].add(Network(bytes(network), prefix_length))
    return [Held(service, frozenset(addresses[service.id])) for service in services]


def counts(session: Session, account_id: int) -> tuple[int, int]:
    """Those it has, and those that ended."""
    over = or_(Service.ended_at.is_not(None), Service.status == "terminated")
    rows = session.execute(select(over, func.count()).where(Service.account_id == account_id).group_by(over))
    found = {bool(ended): count for ended, count in rows}
    return found.get(False, 0), found.get(True, 0)


def add(session: Session, services: Sequence[tuple[int, ServiceDocument]], now: datetime) -> None:
    """(account id, service) of services that are new."""
    if not services:
        return
    ids = new_row_ids(session, Service.__table__, len(services))
    rows = (
        (id, account_id, s.order_number, s.name, s.product, s.location, s.node, s.status, (now,))
        for id, (account_id, s) in zip(ids, services, strict=True)
    )
    bulk_insert(session, Service.__table__, SERVICE, rows, ("created_at",))
    _open(session, ((id, network) for id, (_, service) in zip(ids, services, strict=True) for network in service.addresses), now)


def bring_to(session: Session, account_id: int, held: Sequence[Held], documents: Sequence[ServiceDocument], now: datetime) -> bool:
    """Answers whether anything changed. What is no longer listed ends; its addresses are closed, not deleted."""
    known = {item.service.order_number: item for item in held}
    listed = {document.order_number for document in documents}
    changed = [document for document in documents if document.order_number in known and _differs(known[document.order_number], document)]
    new = [document for document in documents if document.order_number not in known]
    gone = [item for number, item in known.items() if number not in listed and item.service.ended_at is None]
    for document in changed:
        item = known[document.order_number]
        for name in ("name", "product", "location", "node", "status"):
            setattr(item.service, name, getattr(document, name))
        item.service.ended_at = None
        _close(session, item.service.id, item.addresses - set(document.addresses), now)
        _open(session, ((item.service.id, network) for network in set(document.addresses) - item.addresses), now)
    for item in gone:
        item.service.status, item.service.ended_at = "terminated", now
        _close(session, item.service.id, item.addresses, now)
    session.flush()
    add(session, [(account_id, document) for document in new], now)
    return bool(changed or new or gone)


def _differs(item: Held, document: ServiceDocument) -> bool:
    return item.service.ended_at is not None or item.document() != document


def _open(session: Session, addresses: Iterable[tuple[int, Network]], now: datetime) -> None:
    alike = (now,)
    rows = ((service_id, network.network, network.prefix_length, alike) for service_id, network in addresses)
    bulk_insert(session, ServiceAddress.__table__, ADDRESS, rows, ("valid_from",))


def _close(session: Session, service_id: int, networks: Iterable[Network], now: datetime) -> None:
    for network, prefix_length in networks:
        session.execute(
            update(ServiceAddress)
            .where(
                ServiceAddress.service_id == service_id,
                ServiceAddress.network == network,
                ServiceAddress.prefix_length == prefix_length,
                ServiceAddress.valid_to.is_(None),
            )
            .values(valid_to=now)
        )
