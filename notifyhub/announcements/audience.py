"""The filter that says which accounts, through which services, an announcement concerns; and its SQL.

`locations`, `nodes`, `products`, `services` (order numbers) and `networks` take services; `accounts` and `all` take accounts
with all services they have. `except` takes services away again. An account is concerned when a service of it is left, or when
it was taken as an account and has no services at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    CompoundSelect,
    FromClause,
    LargeBinary,
    Select,
    SmallInteger,
    and_,
    bindparam,
    column,
    exists,
    false,
    func,
    or_,
    select,
    text,
    true,
    union_all,
)
from sqlalchemy.orm import Session
from sqlalchemy.types import TypeEngine

from notifyhub.database import Encoded, among, among_ids, are_dense, follow_indexes, json_pairs
from notifyhub.models import Account, Service, ServiceAddress
from notifyhub.networks import Network, parse_network

SERVICE_KEYS = ("locations", "nodes", "products", "services", "networks")
LIST_KEYS = (*SERVICE_KEYS, "accounts")
COLUMNS = {"locations": Service.location, "nodes": Service.node, "products": Service.product, "services": Service.order_number}
RENTED = and_(Service.status.in_(("active", "suspended")), Service.ended_at.is_(None))


FALSE = false()


class Audience(NamedTuple):
    """Conditions on Service (`services`) and on Account (`accounts`, None where no account is taken as such)."""

    services: ColumnElement[bool]
    accounts: ColumnElement[bool] | None
    except_accounts: ColumnElement[bool]
    by_service: bool = True  # some may be taken by their services alone
    everyone: bool = False  # but for those accounts, whatever services they have

    @classmethod
    def of(cls, session: Session, document: Mapping[str, Any]) -> Audience:
        excluded = document.get("except", {})
        by_account = _accounts(session, document)
        taken = _services(session, document)
        if by_account is not None:
            taken = or_(taken, Service.account_id.in_(select(Account.id).where(by_account)) if not document.get("all") else true())
        excluded_accounts = _accounts(session, excluded)
        return cls(
            and_(RENTED, taken, ~_services(session, excluded)) if excluded else and_(RENTED, taken),
            by_account,
            FALSE if excluded_accounts is None else excluded_accounts,
            any(document.get(key) for key in SERVICE_KEYS),
            bool(document.get("all")) and not any(excluded.get(key) for key in SERVICE_KEYS),
        )

    def account_ids(self) -> Select[Any]:
        """Ids of the accounts concerned, without order; each once."""
        affected = select(Service.account_id).where(self.services)
        if self.accounts is None:
            ids = affected.distinct()
            if self.except_accounts is FALSE:
                return ids
            return ids.where(Service.account_id.not_in(select(Account.id).where(self.except_accounts)))
        taken = select(Account.id).where(Account.erased_at.is_(None), ~self.except_accounts)
        if self.everyone:
            return taken
        has_affected = _has_service(self.services)
        has_none = and_(self.accounts, ~_has_service(RENTED))
        concerned = taken.where(or_(has_affected, has_none))
        return concerned if self.by_service else concerned.where(self.accounts)  # said again, so that an index finds the few


def _has_service(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Looked up for each account: the offset of nothing keeps PostgreSQL from hashing all services there are, for each chunk of a walk."""
    return exists(select(Service.id).where(Service.account_id == Account.id, condition).offset(0))


def _services(session: Session, document: Mapping[str, Any]) -> ColumnElement[bool]:
    conditions = [among(session, column, document[key]) for key, column in COLUMNS.items() if document.get(key)]
    if document.get("networks"):
        conditions.append(Service.id.in_(overlapping(session, document["networks"])))
    return or_(false(), *conditions)


def _accounts(session: Session, document: Mapping[str, Any]) -> ColumnElement[bool] | None:
    if document.get("all"):
        return true()
    return among(session, Account.external_id, document["accounts"]) if document.get("accounts") else None


def overlapping(session: Session, networks: Sequence[str]) -> CompoundSelect[int]:
    """Ids of the services with an address or prefix inside one of the networks (a range of the index), or around one (points of it)."""
    ranges, wider = [], set()
    for network in map(parse_network, networks):
        ranges += _ranges(network)
        wider.update(network.ancestors())
    inside, around = _given(session, LargeBinary(16), ranges), _given(session, SmallInteger(), sorted(wider))
    holders = select(ServiceAddress.service_id).where(ServiceAddress.valid_to.is_(None))
    return union_all(
        holders.join(inside, ServiceAddress.network.between(inside.c.a, inside.c.b)),
        holders.join(around, and_(ServiceAddress.network == around.c.a, ServiceAddress.prefix_length == around.c.b)),
    )


IPV4 = parse_network("0.0.0.0/0")


def _ranges(network: Network) -> list[tuple[bytes, bytes]]:
    """First and last address. IPv4 is stored inside of IPv6, and is not meant by ::/0."""
    first, last = network.network, network.last()
    if network.prefix_length >= IPV4.prefix_length or not first <= IPV4.network <= last:
        return [(first, last)]
    before, after = int.from_bytes(IPV4.network) - 1, int.from_bytes(IPV4.last()) + 1
    return [(first, before.to_bytes(16)), (after.to_bytes(16), last)]


def _given(session: Session, kind: TypeEngine[Any], pairs: Sequence[tuple[bytes, Any]]) -> FromClause:
    """Any number of pairs as a table with the columns a (bytes) and b."""
    if session.get_bind().dialect.name == "postgresql":
        lists = zip(*pairs, strict=True) if pairs else ([], [])
        arrays = [bindparam(None, list(values), ARRAY(of), unique=True) for values, of in zip(lists, (LargeBinary(16), kind), strict=True)]
        return func.unnest(*arrays).table_valued(column("a", LargeBinary(16)), column("b", kind)).render_derived()
    written = [", ".join(f"x'{value.hex()}'" if isinstance(value, bytes) else str(value) for value in pair) for pair in pairs]
    listed = ", ".join(f"({pair})" for pair in written or ["NULL, NULL"])
    return text(f"SELECT column1 AS a, column2 AS b FROM (VALUES {listed})").columns(column("a"), column("b")).subquery()


def count(session: Session, audience: Audience) -> int:
    return session.execute(select(func.count()).select_from(audience.account_ids().subquery())).scalar_one()


def last_account_id(session: Session) -> int:
    return session.execute(select(func.coalesce(func.max(Account.id), 0))).scalar_one()


def few(session: Session, audience: Audience, most: int) -> list[int] | None:
    """The ids of its accounts, in order; None where they are more than `most`."""
    ids = audience.account_ids()
    found = session.connection().scalars(ids.order_by(ids.selected_columns[0]).limit(most + 1)).all()
    return list(found) if len(found) <= most else None


def prepare_walk(session: Session, accounts: int, last: int) -> None:
    """Of an audience that is a good part of all accounts, each chunk is read along the indexes, and all chunks together read them once.
    Left alone, PostgreSQL may look through all that is left of the audience for each chunk."""
    if are_dense(accounts, last):
        follow_indexes(session)


def next_accounts(session: Session, audience: Audience, after: int, last: int, size: int) -> list[int]:
    """The ids of the next `size` accounts concerned, in order."""
    ids = audience.account_ids()
    column = ids.selected_columns[0]
    return list(session.connection().scalars(ids.where(column > after, column <= last).order_by(column).limit(size)))


def chunks(session: Session, audience: Audience, size: int) -> Iterator[list[int]]:
    last, cursor = last_account_id(session), 0
    while ids := next_accounts(session, audience, cursor, last, size):
        yield ids
        cursor = ids[-1]


def affected_services(session: Session, audience: Audience, account_ids: Sequence[int]) -> dict[int, Encoded]:
    """By account id, as JSON that the database made: [[order number, name], …]."""
    services = (
        select(Service.account_id, Service.order_number, Service.name)
        .where(among_ids(session, Service.account_id, account_ids), audience.services)
        .order_by(Service.account_id, Service.order_number)
        .subquery()
    )
    pairs = json_pairs(session, services.c.order_number, services.c.name)
    rows: Any = session.connection().execute(select(services.c.account_id, pairs).group_by(services.c.account_id)).all()
    return dict(rows)


def affected_count(session: Session, audience: Audience, account_ids: Sequence[int]) -> int:
    affected = select(func.count()).where(among_ids(session, Service.account_id, account_ids), audience.services)
    return session.execute(affected).scalar_one()
