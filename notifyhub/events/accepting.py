"""Events to notifications: each once, whoever reports it again; of many at once, the good ones."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import marshmallow as ma
from sqlalchemy import ColumnElement, bindparam, delete, select
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from notifyhub import dispatch, files, tallies
from notifyhub.database import Encoded, among, bulk_insert_missing, encode_json, new_hex_id
from notifyhub.dispatch import Addressed, Telling
from notifyhub.errors import Conflict, FieldError, Invalid, Refused
from notifyhub.events import reading
from notifyhub.events.types import TYPES, Type
from notifyhub.fields import flattened, printable
from notifyhub.files import Checked
from notifyhub.logs import log
from notifyhub.models import Account, Event, Service

KEPT = timedelta(days=400)
PRUNED_AT_ONCE = 5000
COLUMNS = ("key", "source", "id", "type", "said", "reported_by", "notification_id", "received_at")


class Outcome(NamedTuple):
    """What became of one event."""

    status: Literal["accepted", "repeated", "rejected"]
    id: str | None = None
    source: str | None = None
    notification: uuid.UUID | None = None
    refusal: Refused | None = None


class Told(NamedTuple):
    """An event whose data are in order."""

    event: reading.Event
    type: Type
    data: dict[str, Any]
    account: str  # external id
    account_field: str  # where it stood
    key: uuid.UUID
    said: bytes


class Ready(NamedTuple):
    """One that is new, and whose account is known."""

    told: Told
    account_id: int
    services: list[tuple[str, str]]
    notification_id: str


class Known(NamedTuple):
    said: bytes
    notification_id: uuid.UUID


def accept(session: Session, event: Any, reported_by: str, now: datetime) -> Outcome:
    """`event` as the JSON format writes it. Raises Refused. Commits nothing, like everything that ends in dispatch."""
    told = _told(reading.check(event))
    outcomes: dict[uuid.UUID, Outcome] = {}
    ready = _addressed(session, [told], outcomes)
    try:
        outcomes |= _write(session, ready, reported_by, now)
    except IntegrityError:
        outcomes[told.key] = FORGOTTEN
    outcome = _named(outcomes[told.key], told)
    if outcome.refusal:
        raise outcome.refusal
    tallies.add(session, "spared", "repeated", outcome.status == "repeated")
    return outcome


def accept_many(session: Session, events: Sequence[Any], reported_by: str, now: datetime) -> list[Outcome]:
    """One outcome each, in order; what is wrong with one is not the others' loss."""
    read = [_read(raw) for raw in events]
    told = {one.key: one for one in reversed(read) if isinstance(one, Told)}  # of those that come twice, the first
    outcomes: dict[uuid.UUID, Outcome] = {}
    ready = _addressed(session, list(told.values()), outcomes)
    outcomes |= _write_all(session, ready, reported_by, now)
    answers = [_outcome(raw, one, told, outcomes) for raw, one in zip(events, read, strict=True)]
    tallies.add(session, "spared", "repeated", sum(answer.status == "repeated" for answer in answers))
    return answers


# --- what it says -----------------------------------------------------------------------------------------------------


def _read(raw: Any) -> Told | Refused:
    try:
        return _told(reading.check(raw))
    except Refused as refusal:
        return refusal


def _told(event: reading.Event) -> Told:
    type = TYPES.get(event.type)
    if type is None:
        raise Invalid(FieldError("type", f"unknown; known are {', '.join(TYPES)}"))
    try:
        data = SCHEMAS[type.name].load({} if event.data is None else event.data)
    except ma.ValidationError as error:
        raise Invalid(*flattened(error.messages, "data")) from None
    in_data = data.pop("account", None)
    account = in_data or event.subject
    if account is None:
        raise Invalid(FieldError("data.account", "is required, unless the subject of the event is the account"))
    named = hashlib.sha256(f"{event.source} {event.id}".encode()).digest()  # a source has no spaces in it
    key = uuid.UUID(bytes=named[:16])
    said = hashlib.sha256(_canonical([event.type, event.subject, event.data])).digest()
    return Told(event, type, data, account, "data.account" if in_data else "subject", key, said)


SCHEMAS = {name: type.schema() for name, type in TYPES.items()}
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _canonical(value: Any) -> bytes:
    return _encode(value).encode()


# --- what is known ----------------------------------------------------------------------------------------------------


def _known(session: Session, keys: Collection[uuid.UUID]) -> dict[uuid.UUID, Known]:
    if not keys:
        return {}
    rows = session.execute(select(Event.key, Event.said, Event.notification_id).where(among(session, Event.key, list(keys))))
    return {key: Known(bytes(said), notification_id) for key, said, notification_id in rows}


def _repeated(told: Told, known: Known) -> Outcome:
    if told.said == known.said:
        return Outcome("repeated", notification=known.notification_id)
    return Outcome("rejected", refusal=Conflict("This event was reported before, and said something else.", [OTHERWISE]))


OTHERWISE = FieldError("id", "was used for another event of this source: its type, subject or data were others")


def _addressed(session: Session, told: Sequence[Told], outcomes: dict[uuid.UUID, Outcome]) -> list[Ready]:
    """Those whose account and service there are; to the others it is said what there is not, unless they were told before."""
    accounts = _accounts(session, {one.account for one in told})
    wanted = {(accounts[one.account], one.data["service"]) for one in told if "service" in one.data and one.account in accounts}
    services = _services(session, wanted)
    ready = []
    for one in told:
        account_id, number = accounts.get(one.account), one.data.get("service")
        if account_id is None:
            outcomes[one.key] = _rejected(one.account_field, "there is no such account")
        elif number is None:
            ready.append(Ready(one, account_id, [], new_hex_id()))
        elif (account_id, number) not in services:
            outcomes[one.key] = _rejected("data.service", "is not the order number of a service of this account")
        else:
            name = services[account_id, number] or number
            one.data["service_name"] = name
            ready.append(Ready(one, account_id, [(number, name)], new_hex_id()))
    known = _known(session, outcomes)
    outcomes |= {one.key: _repeated(one, known[one.key]) for one in told if one.key in known}
    return ready


def _rejected(field: str, message: str) -> Outcome:
    return Outcome("rejected", refusal=Invalid(FieldError(field, message)))


def _accounts(session: Session, external_ids: Collection[str]) -> dict[str, int]:
    """Nobody erases them until this is written."""
    if not external_ids:
        return {}
    rows: Iterable[Any]
    if len(external_ids) == 1:
        rows = session.connection().execute(ACCOUNT, {"of": next(iter(external_ids))})
    else:
        rows = session.execute(_held(among(session, Account.external_id, sorted(external_ids))))
    return {external_id: id for external_id, id in rows if external_id}


def _held(accounts: ColumnElement[bool]) -> Any:
    return select(Account.external_id, Account.id).where(accounts).order_by(Account.id).with_for_update(read=True, key_share=True)


ACCOUNT = _held(Account.external_id == bindparam("of"))


def _services(session: Session, wanted: Collection[tuple[int, str]]) -> dict[tuple[int, str], str]:
    if not wanted:
        return {}
    of_accounts = among(session, Service.account_id, sorted({account_id for account_id, _ in wanted}))
    numbered = among(session, Service.order_number, sorted({number for _, number in wanted}))
    rows = session.execute(select(Service.account_id, Service.order_number, Service.name).where(of_accounts, numbered))
    return {(account_id, number): name for account_id, number, name in rows}


# --- what is written --------------------------------------------------------------------------------------------------


def _write_all(session: Session, ready: Sequence[Ready], reported_by: str, now: datetime) -> dict[uuid.UUID, Outcome]:
    """All in one go; where that does not work, each by itself."""
    try:
        with session.begin_nested():
            return _write(session, ready, reported_by, now)
    except (DataError, IntegrityError) as error:
        if len(ready) == 1:
            log.warning("an event cannot be stored", error=str(error.orig).splitlines()[0])
            return {ready[0].told.key: FORGOTTEN if isinstance(error, IntegrityError) else UNSTORABLE}
    outcomes: dict[uuid.UUID, Outcome] = {}
    for one in ready:
        outcomes |= _write_all(session, [one], reported_by, now)
    return outcomes


FORGOTTEN = Outcome(
    "rejected", refusal=Conflict("This event was reported before, longer ago than events are remembered.", [FieldError("id", "was used")])
)
UNSTORABLE = _rejected("data", "cannot be stored: out of range, or with characters that are no text")


def _write(session: Session, ready: Sequence[Ready], reported_by: str, now: datetime) -> dict[uuid.UUID, Outcome]:
    if not ready:
        return {}
    mine = {one.told.key: uuid.UUID(one.notification_id) for one in ready}
    # whoever reports the same at this moment is waited for, and was first
    rows = [_row(one, reported_by, now) for one in ready]
    added = bulk_insert_missing(session, Event.__table__, "key", COLUMNS, rows, answer="notification_id")
    known = {} if len(added) == len(ready) else _known(session, mine)
    outcomes, new = {}, []
    for one in ready:
        key = one.told.key
        if key in known and known[key].notification_id != mine[key]:
            outcomes[key] = _repeated(one.told, known[key])
        else:
            outcomes[key] = Outcome("accepted", notification=mine[key])
            new.append(one)
    dispatch.accept_many(session, [_letter(session, one, now) for one in new], now)
    return outcomes


def _row(one: Ready, reported_by: str, now: datetime) -> tuple[Any, ...]:
    event = one.told.event
    return one.told.key, event.source, event.id, event.type, one.told.said, reported_by, one.notification_id, now


def _letter(session: Session, one: Ready, now: datetime) -> Addressed:
    told = one.told
    data = {name: value for name, value in told.data.items() if name != "document"}
    if document := told.data.get("document"):
        data["files"] = [_kept(session, document, data["number"], now, one.account_id)]
    telling = Telling(told.type.kind_for(data), "event", f"{told.event.source} {told.event.id}", data=data)
    return Addressed(telling, one.account_id, one.notification_id, Encoded(encode_json(one.services)))


def _kept(session: Session, document: Checked, number: str, now: datetime, account_id: int) -> dict[str, Any]:
    named = document._replace(name=files.safe_name(f"{number}.pdf", document.media_type))
    return files.described(files.keep(session, named, now, account_id))


def _outcome(raw: Any, one: Told | Refused, told: dict[uuid.UUID, Told], outcomes: dict[uuid.UUID, Outcome]) -> Outcome:
    if isinstance(one, Refused):
        return Outcome("rejected", _spelled(raw, "id"), _spelled(raw, "source"), refusal=one)
    outcome = _named(outcomes[one.key], one)
    if one is not told[one.key]:  # it came before in the same batch
        if one.said != told[one.key].said:
            outcome = outcome._replace(status="rejected", notification=None, refusal=Conflict("This event is there twice.", [OTHERWISE]))
        elif outcome.status == "accepted":
            outcome = outcome._replace(status="repeated")
    return outcome


def _named(outcome: Outcome, told: Told) -> Outcome:
    return outcome._replace(id=told.event.id, source=told.event.source)


def _spelled(raw: Any, name: str) -> str | None:
    """What an event that is wrong calls itself."""
    value = raw.get(name) if isinstance(raw, dict) else None
    return printable(value) if isinstance(value, str) else None


def prune(session: Session, now: datetime) -> None:
    """Some at a time: the oldest, whose notifications are forgotten too."""
    old = select(Event.key).where(Event.received_at < now - KEPT).order_by(Event.received_at).limit(PRUNED_AT_ONCE)
    session.execute(delete(Event).where(Event.key.in_(old)).execution_options(synchronize_session=False))


def described(outcomes: Iterable[Outcome]) -> list[dict[str, Any]]:
    return [
        {"id": outcome.id, "source": outcome.source, "status": outcome.status}
        | ({"notification": outcome.notification} if outcome.notification else {})
        | ({"errors": [error._asdict() for error in outcome.refusal.errors]} if outcome.refusal else {})
        for outcome in outcomes
    ]
