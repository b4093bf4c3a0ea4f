"""Whose address is this, and who had it then?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub.database import among
from notifyhub.models import Service, ServiceAddress
from notifyhub.networks import Network


class Holding(NamedTuple):
    """A service with an address or prefix, from when until when."""

    account_id: int
    service_id: int
    order_number: str
    name: str
    terminated: bool  # by now
    network: Network
    since: datetime
    until: datetime | None = None

    def lasts_at(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or self.until > moment)


def holding(session: Session, network: Network, then: datetime | None, now: datetime) -> Holding | None:
    """Of an address, or of a prefix as a whole. `then` is None where it is not known."""
    around = {network, *network.ancestors()}
    # in two steps: of a table that has just grown PostgreSQL knows no figures, and would read all services to join a few
    rows: Iterable[Any] = session.execute(select(*ADDRESS).where(ServiceAddress.network.in_({prefix.network for prefix in around})))
    had = [(id, Network(bytes(first), length), since, until) for id, first, length, since, until in rows]
    had = [address for address in had if address[1] in around]
    services = _services(session, sorted({id for id, *_ in had}))
    return chosen([Holding(*services[id], prefix, since, until) for id, prefix, since, until in had if id in services], then, now)


ADDRESS = (
    ServiceAddress.service_id, ServiceAddress.network, ServiceAddress.prefix_length, ServiceAddress.valid_from, ServiceAddress.valid_to,
)  # fmt: skip


def _services(session: Session, ids: Sequence[int]) -> dict[int, tuple[int, int, str, str, bool]]:
    if not ids:
        return {}
    columns = (Service.account_id, Service.id, Service.order_number, Service.name, Service.status)
    rows = session.execute(select(*columns).where(among(session, Service.id, ids)))
    return {id: (account_id, id, number, name, status == "terminated") for account_id, id, number, name, status in rows}


def chosen(holdings: Sequence[Holding], then: datetime | None, now: datetime) -> Holding | None:
    """The most specific prefix wins. Who had it then, as far as that is on record: an inventory is often a day behind, and
    knows nothing of the time before it was imported; else who has it now."""
    for moment in (min(then, now) if then else now, now):
        lasting = [one for one in holdings if one.lasts_at(moment)]
        if lasting:
            # two with the same prefix are an error of the inventory: the one that is still rented, the later one
            return max(lasting, key=lambda one: (one.network.prefix_length, not one.terminated, one.since, one.service_id))
    return None
