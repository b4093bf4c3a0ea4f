"""The database as everything else sees it: one session, one transaction at the edge, two dialects.

PostgreSQL in production, SQLite (WAL) embedded. What differs between them stands here and nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import itertools
import json
import math
import random
import sqlite3
import time
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, NamedTuple, NewType

import psycopg
import uuid_utils
import uuid_utils.compat
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Boolean,
    ColumnElement,
    Connection,
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Integer,
    String,
    Table,
    TypeDecorator,
    Update,
    and_,
    any_,
    bindparam,
    cast,
    event,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase, Session, registry
from sqlalchemy.pool import ConnectionPoolEntry, Pool
from sqlalchemy.sql.functions import FunctionElement

BUSY_SECONDS = 10.0

# A request that only reads says so, and SQLite then takes no write lock for it.
read_only: ContextVar[bool] = ContextVar("read_only", default=False)


class UTCDateTime(TypeDecorator[datetime]):
    """Aware datetimes in, aware UTC datetimes out, on both databases."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without an offset reached the database")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: Any) -> Any:
        # PostgreSQL's sessions are in UTC (see engine_options), so what comes back is right as it is
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)


# SQLite gives row ids only to INTEGER primary keys.
BigId = BigInteger().with_variant(Integer(), "sqlite")
# What is compared byte by byte: identifiers, not words.
Key = String().with_variant(String(collation="C"), "postgresql")
Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    registry = registry(type_annotation_map={datetime: UTCDateTime})


db = SQLAlchemy(model_class=Base, session_options={"expire_on_commit": False})


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): opaque outside, in order of time in our indexes."""
    return uuid_utils.compat.uuid7()


def new_hex_id() -> str:
    """The same for rows that are inserted in bulk, at a quarter of the cost."""
    return uuid_utils.uuid7().hex


def first_id(at: datetime) -> uuid.UUID:
    """Of those that are made from then on: none is smaller."""
    return uuid.UUID(int=int(at.timestamp() * 1000) << 80)


def utcnow() -> datetime:
    return datetime.now(UTC)


def clock(session: Session) -> datetime:
    """The database's clock. Leases are measured by it, so that a worker whose own clock is wrong cannot break one."""
    return _asked(session, "SELECT clock_timestamp()")


def follow_indexes(session: Session) -> datetime:
    """For this transaction: a query with an order and a limit walks the index. Without statistics (a table that has just grown
    by a million rows) PostgreSQL sorts all that is due to find a few hundred. Answers the clock, which comes along."""
    return _asked(session, "SELECT clock_timestamp(), set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true)")


def _asked(session: Session, question: str) -> datetime:
    if session.get_bind().dialect.name != "postgresql":
        return utcnow()
    with _driver(session) as driver:  # asked with each telling
        now: datetime = driver.execute(question).fetchone()[0]
    return now.astimezone(UTC)


def take_turns(session: Session, *names: str) -> None:
    """Until this transaction ends, nobody else has these names. For what has no row that could be locked."""
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer at a time anyway
        for number in sorted(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True) for name in names):
            session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def changed(session: Session, statement: Update) -> int:
    """Runs it; answers how many rows it changed."""
    result = session.execute(statement)
    assert isinstance(result, CursorResult)
    return result.rowcount


@contextlib.contextmanager
def transaction() -> Iterator[Session]:
    """One unit of work: committed as a whole, or not at all. One inside another is part of it."""
    session = db.session()
    if session.info.get("in_transaction"):
        yield session
        return
    session.info["in_transaction"] = True
    try:
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["in_transaction"] = False


def begin_anew(session: Session) -> None:
    """After a look into the database that goes before everything else: what follows may want a transaction of another kind.

    PostgreSQL has but one kind, and goes on in the same: a connection taken and given back costs more than the look itself.
    """
    if session.get_bind().dialect.name == "sqlite":
        session.rollback()


@contextlib.contextmanager
def reading() -> Iterator[Session]:
    """Reads outside of a request. Gives the connection back at the end, so that slow work after it holds nothing."""
    token = read_only.set(True)
    session = db.session()
    try:
        yield session
    finally:
        session.rollback()
        read_only.reset(token)


def engine_options(url: str, pool_size: int) -> dict[str, Any]:
    pool = {"pool_size": pool_size, "max_overflow": 0, "json_deserializer": decode_json}
    if url.startswith("sqlite"):
        return pool | {"connect_args": {"timeout": 0, "check_same_thread": False}}
    # jit: a statement is compiled anew each time, which takes longer than all that our queries do
    # random_page_cost: nothing turns here, and what is looked up is in memory; by default a few hundred rows that are looked up
    # by their keys are found by reading the whole table
    options = "-c timezone=UTC -c jit=off -c random_page_cost=1.1"
    return pool | {
        "pool_timeout": 10,
        "connect_args": {"connect_timeout": 5, "application_name": "notifyhub", "options": options},
    }


@event.listens_for(Engine, "connect")
def _open(connection: Any, _: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # BEGIN is ours, see below
    # busy_timeout waits in C, which would freeze every greenlet of a web process
    for pragma in ("busy_timeout=0", "journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        _patiently(lambda pragma=pragma: connection.execute(f"PRAGMA {pragma}"))


@event.listens_for(Pool, "checkin")
def _rests(_: Any, entry: ConnectionPoolEntry) -> None:
    entry.info["rests_since"] = time.monotonic()


@event.listens_for(Pool, "checkout")
def _ask_if_rested(connection: Any, entry: ConnectionPoolEntry, _: Any) -> None:
    """Asks a connection that has rested for a while whether its server is still there. To ask each time costs as much as a query."""
    if isinstance(connection, sqlite3.Connection) or time.monotonic() - entry.info.get("rests_since", math.inf) < RESTED:
        return
    try:
        connection.execute("SELECT")
        connection.rollback()
    except psycopg.Error as error:
        raise InvalidatePoolError from error  # all of them are made anew


RESTED = 1.0  # seconds


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    # A reader that upgrades to writing fails at once whatever the timeout, so writers say so from the start.
    statement = "BEGIN" if read_only.get() else "BEGIN IMMEDIATE"
    driver = connection.connection.dbapi_connection
    assert driver is not None
    try:
        _patiently(lambda: driver.execute(statement))
    except sqlite3.OperationalError as error:
        raise OperationalError(statement, None, error) from error


def _patiently(act: Any) -> None:
    """Waits for SQLite's one writer in Python, where gevent can run others meanwhile."""
    deadline, pause = time.monotonic() + BUSY_SECONDS, 0.0005
    while True:
        try:
            act()
            return
        except sqlite3.OperationalError as error:
            if ("locked" not in str(error) and "busy" not in str(error)) or time.monotonic() > deadline:
                raise
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 2, 0.010)


class Rows(NamedTuple):
    """Many rows of a table. Values are what the columns' Python types say; an id may also be its 32 hexadecimal digits, JSON is a dict,
    a list or Encoded. `alike` names columns whose values many rows have in common: their tuple (hashable) is the last item of each
    row, and is worked out once for all that have it."""

    table: Table
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]
    alike: Sequence[str] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.columns, *self.alike)


def bulk_insert(session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]], alike: Sequence[str] = ()) -> None:
    """Many rows in one go, in the session's transaction: COPY on PostgreSQL, one prepared INSERT on SQLite.

    Knows no ON CONFLICT: the caller holds the lock that makes the rows new. For the values see Rows.
    """
    bulk_insert_all(session, Rows(table, columns, rows, alike))


def bulk_insert_all(session: Session, *parts: Rows) -> None:
    """The same for several tables, in this order: the rows of one may come to be as those before it are read."""
    with _driver(session) as driver:
        few: list[tuple[Rows, list[Sequence[Any]]]] = []
        for part in parts:
            rows = iter(part.rows)
            first = list(itertools.islice(rows, FEW))
            if len(first) == FEW or isinstance(driver, sqlite3.Connection):
                _insert(driver, part.table, part.names, itertools.chain(first, rows), bool(part.alike))
            elif first:
                few.append((part, [(*row[:-1], *row[-1]) for row in first] if part.alike else first))
        if few:
            _insert_few(session, driver, few)


FEW = 8  # rows: fewer are written sooner by one statement for all tables than by a COPY for each, which is three


def _insert_few(session: Session, driver: Any, few: Sequence[tuple[Rows, Sequence[Sequence[Any]]]]) -> None:
    statements, values = [], []
    for part, rows in few:
        lists, arrays = _unnest(session, part.table, part.names, rows)
        statements.append(f"INSERT INTO {part.table.name} ({', '.join(part.names)}) SELECT * FROM unnest({arrays})")
        values += lists
    *before, last = statements
    parts = ", ".join(f"part{number} AS ({statement})" for number, statement in enumerate(before))
    driver.execute(f"WITH {parts} {last}" if before else last, values)


def _insert(driver: Any, table: Table, names: Sequence[str], rows: Iterable[Sequence[Any]], alike: bool) -> None:
    if isinstance(driver, sqlite3.Connection):
        marks = ", ".join("?" * len(names))
        values = ((*row[:-1], *row[-1]) for row in rows) if alike else rows
        statement = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
        driver.executemany(statement, (tuple(map(_sqlite_value, row)) for row in values))
        return
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({', '.join(names)}) FROM STDIN") as copy:
        lines = _lines_alike(rows) if alike else ("\t".join(map(_copied, row)) + "\n" for row in rows)
        while block := "".join(itertools.islice(lines, COPY_LINES)):
            copy.write(block)


def _lines_alike(rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    ends: dict[tuple[Any, ...], str] = {}
    last, end = None, ""
    for *values, common in rows:
        if common is not last:
            if common not in ends:
                ends[common] = "\t" + "\t".join(map(_copied, common)) + "\n"
            last, end = common, ends[common]
        yield "\t".join(map(_copied, values)) + end


NOTHING_ALIKE: Mapping[str, Any] = {}
COPY_LINES = 500  # a write; the server takes them in while the next ones are made


Encoded = NewType("Encoded", str)
"""JSON that is text already."""


def _copied(value: Any) -> str:
    """As COPY's text format wants it. psycopg's own write_row() takes five times as long."""
    kind = value.__class__
    if kind is str:
        if value.isalnum():
            return value
        text: str = value
    elif kind is int:
        return str(value)
    elif value is None:
        return "\\N"
    elif kind is datetime:
        return _moment(value)
    elif kind is bool:
        return "t" if value else "f"
    elif kind is uuid.UUID:
        return str(value.hex)
    elif kind is bytes:
        return "\\\\x" + value.hex()
    else:
        text = encode_json(value)
    return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


@functools.lru_cache(maxsize=64)
def _moment(value: datetime) -> str:
    return value.isoformat()


encode_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_decode = json.JSONDecoder().decode


def decode_json(text: str | bytes) -> Any:
    """Most of the JSON in rows that are read by the thousand is an empty list; and json.loads() first asks what encoding bytes have."""
    if len(text) == 2:
        if text in (b"[]", "[]"):
            return []
        if text in (b"{}", "{}"):
            return {}
    return _decode(text if isinstance(text, str) else text.decode())


def bulk_insert_missing(
    session: Session, table: Table, unique: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], answer: str
) -> dict[Any, Any]:
    """The same for rows that others may be adding at this moment: those whose `unique` column is taken are left as they are.

    Sorted by that column, so that two of these at once wait for each other in one order only. Answers what `answer` (a column)
    is in the new rows, by `unique`; SQLite cannot say, and answers nothing.
    """
    at = columns.index(unique)
    rows = sorted(rows, key=lambda row: row[at])
    head = f"INSERT INTO {table.name} ({', '.join(columns)})"
    tail = f"ON CONFLICT ({unique}) DO NOTHING"
    with _driver(session) as driver:
        if isinstance(driver, sqlite3.Connection):
            marks = ", ".join("?" * len(columns))
            driver.executemany(f"{head} VALUES ({marks}) {tail}", [tuple(map(_sqlite_value, row)) for row in rows])
            return {}
        lists, arrays = _unnest(session, table, columns, rows)
        return dict(driver.execute(f"{head} SELECT * FROM unnest({arrays}) {tail} RETURNING {unique}, {answer}", lists))


def bulk_update(
    session: Session,
    table: Table,
    keys: Sequence[str],
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    where: Mapping[str, Any],
    alike: Mapping[str, Any] = NOTHING_ALIKE,
) -> int:
    """Sets `columns` of the rows that `keys` find, and whose columns are as `where` says; each row brings its keys first.

    `alike`: further columns, set to the same in all rows. Answers how many were found.
    """
    if not rows:
        return 0
    names = [*keys, *columns]
    with _driver(session) as driver:
        if isinstance(driver, sqlite3.Connection):
            found = " AND ".join(f"{key} = ?" for key in (*keys, *where))
            statement = f"UPDATE {table.name} SET {', '.join(f'{column} = ?' for column in (*columns, *alike))} WHERE {found}"
            values = [tuple(map(_sqlite_value, (*row[len(keys) :], *alike.values(), *row[: len(keys)], *where.values()))) for row in rows]
            return driver.executemany(statement, values).rowcount
        lists, arrays = _unnest(session, table, names, rows)
        found = " AND ".join([*(f"{table.name}.{key} = new.{key}" for key in keys), *(f"{table.name}.{column} = %s" for column in where)])
        new = [*(f"{column} = new.{column}" for column in columns), *(f"{column} = %s" for column in alike)]
        statement = f"UPDATE {table.name} SET {', '.join(new)} FROM unnest({arrays}) AS new({', '.join(names)}) WHERE {found}"
        count: int = driver.execute(statement, [*alike.values(), *lists, *where.values()]).rowcount
        return count


def bulk_add(session: Session, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Adds the last of `columns`, a number, to rows that the primary key finds, and makes those that are missing.

    Sorted, so that two of these at once wait for each other in one order only.
    """
    amount = columns[-1]
    head = f"INSERT INTO {table.name} ({', '.join(columns)})"
    keys = ", ".join(column.name for column in table.primary_key)
    tail = f"ON CONFLICT ({keys}) DO UPDATE SET {amount} = {table.name}.{amount} + excluded.{amount}"
    with _driver(session) as driver:
        if isinstance(driver, sqlite3.Connection):
            marks = ", ".join("?" * len(columns))
            driver.executemany(f"{head} VALUES ({marks}) {tail}", sorted(rows))
            return
        lists, arrays = _unnest(session, table, columns, sorted(rows))
        driver.execute(f"{head} SELECT * FROM unnest({arrays}) {tail}", lists)


def new_row_ids(session: Session, table: Table, count: int) -> list[int]:
    """Ids for rows that are about to be inserted in bulk."""
    if session.get_bind().dialect.name == "postgresql":
        statement = text(f"SELECT nextval('{table.name}_id_seq') FROM generate_series(1, :count)")
        return list(session.execute(statement, {"count": count}).scalars())
    start = session.execute(text(f"SELECT coalesce(max(id), 0) + 1 FROM {table.name}")).scalar_one()
    return list(range(start, start + count))


def next_number(session: Session, column: Any, first: int) -> int:
    """For a column of numbers that grow, and that no two rows share; some may be left out."""
    table = column.table.name
    if session.get_bind().dialect.name == "postgresql":
        last = session.execute(text(f"SELECT nextval('{table}_{column.name}_seq')")).scalar_one()
    else:  # one writer at a time
        last = session.execute(select(func.coalesce(func.max(column), first - 1) - first + 2)).scalar_one()
    return first - 1 + int(last)


def among(session: Session, column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """`column IN values` as one parameter, however many there are; a single one leaves an index its order."""
    if len(values) == 1:
        return type_coerce(column == next(iter(values)), Boolean)
    return among_given(session.get_bind().dialect.name, column, None, values)


def among_given(dialect: str, column: Any, name: str | None, values: Collection[Any] | None = None) -> ColumnElement[bool]:
    """The same for a statement that is put together once, and gets its values later, by the parameter's name."""
    if dialect == "postgresql":
        kind = String() if isinstance(column.type, String) else column.type  # an array is given no collation
        return column == any_(bindparam(name, values, type_=Many(kind), unique=name is None))
    given = func.json_each(bindparam(name, values, type_=Listed(), unique=name is None)).table_valued("value")
    return column.in_(select(type_coerce(given.c.value, column.type)))


def among_ids(session: Session, column: Any, ids: Sequence[int]) -> ColumnElement[bool]:
    """`column IN ids` for ascending row ids: where they lie close together, one walk along an index finds them, whatever else there is."""
    listed = among(session, column, ids)
    return and_(column.between(ids[0], ids[-1]), listed) if len(ids) > 1 and are_dense(len(ids), ids[-1] - ids[0]) else listed


def are_dense(count: int, span: int) -> bool:
    """Whether to read all rows of a span of ids, for so many of them, is quicker than to look each one up."""
    return span < 50 * count


def json_pairs(session: Session, first: Any, second: Any) -> ColumnElement[str]:
    """Aggregates two columns to the text of a JSON list of pairs."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.json_agg(func.json_build_array(first, second)), String)
    return func.json_group_array(func.json_array(first, second))


class domain_of(FunctionElement[str]):
    """What follows the @ of an address: one expression that an index and a query share."""

    type = String()
    inherit_cache = True


@compiles(domain_of, "sqlite")
def _domain_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    key = compiler.process(element.clauses, **options)
    return f"substr({key}, instr({key}, '@') + 1)"


@compiles(domain_of)
def _domain(element: Any, compiler: Any, **options: Any) -> str:
    return f"split_part({compiler.process(element.clauses, **options)}, '@', 2)"


class this_minute(FunctionElement[int]):
    """Minutes since 1970 by the database's clock, as a default of a column."""

    type = Integer()
    inherit_cache = True


@compiles(this_minute, "sqlite")
def _minute_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return "(unixepoch() / 60)"


@compiles(this_minute)
def _minute(element: Any, compiler: Any, **options: Any) -> str:
    return "floor(extract(epoch from clock_timestamp()) / 60)"


class connection_slot(FunctionElement[int]):
    """A small number that is seldom the same for two connections at once, as a default of a column."""

    type = Integer()
    inherit_cache = True


@compiles(connection_slot, "sqlite")
def _slot_in_sqlite(element: Any, compiler: Any, **options: Any) -> str:
    return "0"  # it has one writer at a time


@compiles(connection_slot)
def _slot(element: Any, compiler: Any, **options: Any) -> str:
    return "(pg_backend_pid() % 64)"


def seconds_after(session: Session, column: Any, start: datetime) -> ColumnElement[int]:
    """Whole seconds from `start` to the column's time."""
    if session.get_bind().dialect.name == "postgresql":
        return cast(func.floor(func.extract("epoch", column) - start.timestamp()), Integer)
    return cast(func.unixepoch(column), Integer) - int(start.timestamp())


class Many(TypeDecorator[Any]):
    """An array that is written by _array() below, ten times as fast as psycopg writes one."""

    impl = ARRAY
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return _array


class Listed(TypeDecorator[Any]):
    """A list that SQLite is given as JSON."""

    impl = String
    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Any:
        return lambda values: encode_json([_sqlite_value(value) for value in values])


@contextlib.contextmanager
def _driver(session: Session) -> Iterator[Any]:
    """The driver's own connection. What it raises, is raised as SQLAlchemy raises it."""
    try:
        yield session.connection().connection.driver_connection
    except (psycopg.Error, sqlite3.Error) as error:
        raise DBAPIError.instance(None, None, error, (psycopg.Error, sqlite3.Error)) from error  # type: ignore[call-overload]


def _unnest(session: Session, table: Table, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[list[str], str]:
    """Column by column, as PostgreSQL's unnest() takes them."""
    return [_array(values) for values in zip(*rows, strict=True)], _arrays(session.get_bind().dialect.name, table, tuple(columns))


@functools.cache
def _arrays(dialect: str, table: Table, columns: tuple[str, ...]) -> str:
    types = (table.c[column].type.compile(postgresql.dialect()).partition(" COLLATE ")[0] for column in columns)
    return ", ".join(f"%s::{name}[]" for name in types)


def _array(values: Collection[Any]) -> str:
    """A PostgreSQL array as text (section 8.15.6 of its manual)."""
    kinds = set(map(type, values))
    if kinds == {uuid.UUID}:  # nearly all arrays are of ids
        elements: Iterable[str] = [value.hex for value in values]
    else:
        elements = map(str if kinds == {int} else _element, values)
    return "{" + ",".join(elements) + "}"


def _element(value: Any) -> str:
    kind = value.__class__
    if kind is int:
        return str(value)
    if value is None:
        return "NULL"
    if kind is datetime:
        return f'"{_moment(value)}"'
    if kind is uuid.UUID:
        return str(value.hex)
    if kind is bytes:
        return '"\\\\x' + value.hex() + '"'
    text = value if kind is str else encode_json(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


JSON_TYPES = (dict, list)


def _sqlite_value(value: Any) -> Any:
    """As SQLAlchemy's own types store them, so that rows written either way compare alike."""
    kind = value.__class__
    if kind is uuid.UUID:
        return value.hex
    if kind is datetime:
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if kind in JSON_TYPES:
        return encode_json(value)
    return value
