"""A million of these are imported at once, so they carry no foreign keys, which would take a third of the time: sync and
erasure (notifyhub/accounts) are all that writes them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, LargeBinary, SmallInteger, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from notifyhub.database import BigId, Key, db


class Service(db.Model):  # type: ignore[name-defined]
    """Something an account rents. `ended_at` is set when the provider no longer lists it."""

    __tablename__ = "service"
    __table_args__ = (
        UniqueConstraint("account_id", "order_number", name="uq_service_account_order"),
        Index("ix_service_location", "location", "account_id"),
        Index("ix_service_node", "node", "account_id"),
        Index("ix_service_order", "order_number", "account_id"),
    )

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(BigInteger)
    order_number: Mapped[str] = mapped_column(Key)
    name: Mapped[str]
    product: Mapped[str] = mapped_column(Key)
    location: Mapped[str] = mapped_column(Key)
    node: Mapped[str] = mapped_column(Key)
    status: Mapped[str]  # active, suspended, terminated
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ServiceAddress(db.Model):  # type: ignore[name-defined]
    """An IP address or prefix that a service has, or had until `valid_to`.

    `network` is the first address in 16 bytes (IPv4 as ::ffff:a.b.c.d, RFC 4291 section 2.5.5.2) and `prefix_length`
    counts those 128 bits, so that both families share one index and "everything inside this prefix" is a range of it.
    """

    __tablename__ = "service_address"
    __table_args__ = (Index("ix_service_address_network", "network", "prefix_length"),)

    service_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    network: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    prefix_length: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    valid_to: Mapped[datetime | None]
