"""Who may call what: every view declares it, one check enforces it, and a view that declares nothing answers nobody."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from flask import Flask, current_app, g, request
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from notifyhub import audit, neighbours, webhooks
from notifyhub.config import Settings
from notifyhub.database import begin_anew, db, read_only, transaction, utcnow
from notifyhub.errors import FieldError, Invalid, NotFound, Refused
from notifyhub.languages import N_
from notifyhub.models import ApiKey
from notifyhub.signins import sessions
from notifyhub.staff import ROLES

SCOPES = ("accounts", "announcements", "events", "abuse", "tickets", "intake", "reports")
BODY_BYTES = 1024 * 1024  # unless a view says otherwise
SIGNED_SCOPES = ("events",)  # what a webhook's signature is good for
USE_IS_NOTED_EVERY = timedelta(hours=1)

View = TypeVar("View", bound=Callable[..., Any])


CUSTOMER_COOKIE, STAFF_COOKIE = "nh_account", "nh_staff"  # two, so that one browser may hold both


class Declaration(NamedTuple):
    who: Literal["anyone", "near", "key", "customer", "staff"]
    scope: str | None = None  # of a key
    signed: bool = False  # a webhook's signature will do instead of a key
    roles: tuple[str, ...] = ()  # one of them is enough, and admin has all; none: every member of staff


class Unknown(Refused):
    """No key, or not one of ours."""


class Forbidden(Refused):
    """A key, or a member of staff, that may do other things."""


class SignedOut(Refused):
    """Nobody is signed in. `who` says which of the two sign-in pages helps."""

    def __init__(self, who: Literal["customer", "staff"]) -> None:
        super().__init__(N_("Please sign in."))
        self.who = who


def public(view: View) -> View:
    """Anyone may call it: what it shows is for all, or its address carries the proof."""
    vars(view)["access"] = Declaration("anyone")
    return view


def key(scope: str, signed: bool = False) -> Callable[[View], View]:
    """`signed`: or whoever signs the request as Standard Webhooks says, with a secret of this scope."""
    assert scope in (SIGNED_SCOPES if signed else SCOPES)

    def declare(view: View) -> View:
        vars(view)["access"] = Declaration("key", scope, signed)
        return view

    return declare


def near(scope: str) -> Callable[[View], View]:
    """Whoever asks from this machine, or from a network that the operator named; anyone else needs a key of this scope."""
    assert scope in SCOPES

    def declare(view: View) -> View:
        vars(view)["access"] = Declaration("near", scope)
        return view

    return declare


def customer(view: View) -> View:
    """A customer who is signed in: g.account, and g.sign_in for the session."""
    vars(view)["access"] = Declaration("customer")
    return view


def staff(*roles: str) -> Callable[[View], View]:
    """A member of staff who has one of these roles, or any where none is named: g.staff, g.sign_in."""
    assert set(roles) <= set(ROLES)

    def declare(view: View) -> View:
        vars(view)["access"] = Declaration("staff", roles=roles)
        return view

    return declare


def body_limit(limit: int | None) -> Callable[[View], View]:
    """In bytes; None: any length, for a view that reads its body as a stream."""

    def declare(view: View) -> View:
        vars(view)["body_limit"] = limit
        return view

    return declare


def init_app(app: Flask) -> None:
    app.before_request(check)
    if app.view_functions.get("static"):
        public(app.view_functions["static"])


def check() -> None:
    read_only.set(False)
    audit.author.set(audit.Author("anyone", request.remote_addr))
    if request.endpoint is None:
        return  # nothing there: the router's 404 or 405 follows
    view = current_app.view_functions[request.endpoint]
    declared: Declaration | None = getattr(view, "access", None)
    if declared is None:
        raise Forbidden("Nobody may call this.")
    request.max_content_length = request.max_form_memory_size = getattr(view, "body_limit", BODY_BYTES)
    CHECKS[declared.who](declared)
    read_only.set(request.method in ("GET", "HEAD", "OPTIONS"))


def _check_key(declared: Declaration) -> None:
    is_signed = declared.signed and "webhook-signature" in request.headers and "Authorization" not in request.headers
    caller = _signer() if is_signed else _caller()
    if declared.scope not in caller.scopes:
        raise Forbidden(f"This key does not have the scope {declared.scope!r}.")
    g.actor = caller.actor
    audit.author.set(audit.Author(caller.actor, request.remote_addr))


def _check_near(declared: Declaration) -> None:
    if not neighbours.is_near():
        _check_key(declared)


def _check_customer(declared: Declaration) -> None:
    found = _signed_in(CUSTOMER_COOKIE, sessions.customer)
    if found is None:
        raise SignedOut("customer")
    g.sign_in, g.account = found
    audit.author.set(audit.Author(sessions.author_of(g.account), request.remote_addr))


def recognise_customer() -> None:
    """For a view that is public and says more to a customer: g.account and g.sign_in, where someone is signed in."""
    found = _signed_in(CUSTOMER_COOKIE, sessions.customer)
    if found is not None:
        g.sign_in, g.account = found
        audit.author.set(audit.Author(sessions.author_of(g.account), request.remote_addr))
    read_only.set(request.method in ("GET", "HEAD", "OPTIONS"))


def _check_staff(declared: Declaration) -> None:
    found = _signed_in(STAFF_COOKIE, sessions.member)
    if found is None:
        raise SignedOut("staff")
    g.sign_in, g.staff = found
    audit.author.set(audit.Author(sessions.author_of(g.staff), request.remote_addr))
    if declared.roles and not {"admin", *declared.roles} & set(g.staff.roles):
        raise Forbidden(N_("Your roles do not include this. An administrator can change that."))


CHECKS: dict[str, Callable[[Declaration], None]] = {
    "anyone": lambda declared: None,
    "near": _check_near,
    "key": _check_key,
    "customer": _check_customer,
    "staff": _check_staff,
}


def _signed_in(cookie: str, find: Callable[[Session, str, datetime], Any]) -> Any:
    token, now = request.cookies.get(cookie), utcnow()
    if not token:
        return None
    read_only.set(True)
    found = find(db.session(), token, now)
    begin_anew(db.session())
    read_only.set(False)
    if found and sessions.must_be_noted(found[0], now):
        with transaction() as session:
            sessions.seen(session, found[0], now)
    return found


class Caller(NamedTuple):
    actor: str
    scopes: tuple[str, ...] | list[str]


def _caller() -> Caller:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unknown("This needs an API key: Authorization: Bearer nh_…")
    token = token.strip()
    bootstrap = current_app.extensions["settings"].bootstrap_api_key
    if bootstrap and hmac.compare_digest(token.encode("utf-8", "replace"), bootstrap.encode()):
        return Caller("bootstrap key", SCOPES)
    found = db.session.connection().execute(BEARER, {"hash": hash_of(token)}).first()
    begin_anew(db.session())
    if found is None:
        raise Unknown("This API key is not known, or was revoked.")
    _note_use(found)
    return Caller(f"key:{found.id} {found.name}", found.scopes)


OF_KEY = (ApiKey.id, ApiKey.name, ApiKey.scopes, ApiKey.last_used_at, ApiKey.sealed_secret)
BEARER = select(*OF_KEY).where(ApiKey.hash == bindparam("hash"), ApiKey.sealed_secret.is_(None), ApiKey.revoked_at.is_(None))


def _signer() -> Caller:
    settings: Settings = current_app.extensions["settings"]
    try:
        signed = webhooks.read(dict(request.headers), utcnow())
    except ValueError as error:
        raise Unknown(str(error)) from None
    keys = db.session.execute(select(*OF_KEY).where(ApiKey.sealed_secret.is_not(None), ApiKey.revoked_at.is_(None))).all()
    begin_anew(db.session())
    body = request.get_data(cache=True)
    for found in keys:
        secret = webhooks.unseal(settings, found.sealed_secret or b"")
        if secret and webhooks.matches(signed, body, secret):
            _note_use(found)
            return Caller(f"key:{found.id} {found.name}", found.scopes)
    raise Unknown("This message is not signed with a secret of ours, or it was changed on its way.")


def _note_use(found: Any) -> None:
    now = utcnow()
    if found.last_used_at is None or now - found.last_used_at > USE_IS_NOTED_EVERY:
        with transaction() as session:
            session.get_one(ApiKey, found.id).last_used_at = now


def hash_of(token: str) -> bytes:
    """A plain hash is enough: a key is 256 random bits, not a password."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def create_key(session: Session, name: str, scopes: list[str], now: datetime) -> tuple[ApiKey, str]:
    """The row, and the key itself, which is shown once and kept nowhere. Raises Invalid."""
    token = f"nh_{secrets.token_urlsafe(32)}"
    return _keep_key(session, name, token, scopes, SCOPES, now), token


def create_webhook_key(session: Session, settings: Settings, name: str, scopes: list[str], now: datetime) -> tuple[ApiKey, str]:
    """The same for a secret that webhooks are signed with."""
    secret = webhooks.new_secret()
    row = _keep_key(session, name, secret, scopes, SIGNED_SCOPES, now)
    row.sealed_secret = webhooks.seal(settings, secret)
    return row, secret


def _keep_key(session: Session, name: str, token: str, scopes: list[str], known: tuple[str, ...], now: datetime) -> ApiKey:
    if unknown := [scope for scope in scopes if scope not in known]:
        raise Invalid(FieldError("scopes", f"unknown: {', '.join(unknown)}; known are {', '.join(known)}"))
    row = ApiKey(name=name, prefix=token[: token.index("_") + 7], hash=hash_of(token), scopes=sorted(set(scopes)), created_at=now)
    session.add(row)
    session.flush()
    audit.record(session, "key.created", f"key:{row.id}", name=name, scopes=row.scopes)
    return row


def list_keys(session: Session) -> list[ApiKey]:
    return list(session.scalars(select(ApiKey).order_by(ApiKey.id)))


def revoke_key(session: Session, id: int, now: datetime) -> ApiKey:
    """Raises NotFound."""
    row = session.get(ApiKey, id)
    if row is None:
        raise NotFound(f"There is no key {id}.")
    if row.revoked_at is None:
        row.revoked_at = now
        audit.record(session, "key.revoked", f"key:{row.id}", name=row.name)
    return row
