"""Where an announcement is written: what, when, who, and beside it exactly what they get."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from notifyhub import access, labels
from notifyhub.accounts.document import TIME_ZONES
from notifyhub.announcements import audience, choices, life, preview
from notifyhub.database import db, reading, transaction, utcnow
from notifyhub.errors import Conflict, FieldError, Invalid
from notifyhub.kinds import ANNOUNCEMENT_KINDS
from notifyhub.models import Announcement
from notifyhub.routes import mail_frame, pages
from notifyhub.routes.staff import composer_form
from notifyhub.routes.staff.composer_form import Form, Made

blueprint = Blueprint("composer", __name__, url_prefix="/staff/announcements")

FORM_BYTES = 16 * 1024 * 1024  # forty languages of 50,000 characters, and every one of them may take nine bytes on the way
QUICK = 3000  # so many accounts are asked about at once; about more, while the page shows what is known already
ZONES = sorted(zone for zone in TIME_ZONES if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/", "SystemV/")))


@blueprint.get("/new")
@access.staff("ops")
def new() -> str:
    return _page(composer_form.blank(g.staff.time_zone, pages.settings().default_locale), None)


@blueprint.get("/<uuid:id>/edit")
@access.staff("ops")
def edit(id: uuid.UUID) -> ResponseReturnValue:
    draft = life.find(db.session(), id)
    if draft.status != "draft":
        return redirect(f"/staff/announcements/{id}", 303)
    return _page(composer_form.of(draft, g.staff.time_zone, pages.settings().default_locale), draft)


@blueprint.post("/new")
@access.staff("ops")
@access.body_limit(FORM_BYTES)
def create() -> ResponseReturnValue:
    return _act(None)


@blueprint.post("/<uuid:id>/edit")
@access.staff("ops")
@access.body_limit(FORM_BYTES)
def change(id: uuid.UUID) -> ResponseReturnValue:
    return _act(id)


def _act(id: uuid.UUID | None) -> ResponseReturnValue:
    form, (act, _, what) = _form(), request.form.get("do", "save").partition(":")
    if act == "add_language":
        return _add_language(form, id)
    if act == "remove_language":
        form.remove_language(what)
        return _texts(form) if "HX-Request" in request.headers else _page(form, _draft(id), changed=True)
    if act == "show":
        return _page(form, _draft(id), changed=True)
    return _save(form, id, publish=act == "publish")


def _add_language(form: Form, id: uuid.UUID | None) -> ResponseReturnValue:
    errors, added = {}, ""
    try:
        added = form.add_language(request.form.get("language", ""))
    except ValueError as error:
        errors = {"language": [str(error)]}
    if "HX-Request" in request.headers:
        return _texts(form, errors, added)
    return _page(form, _draft(id), errors, changed=True, chosen=added), 422 if errors else 200


def _texts(form: Form, errors: dict[str, list[str]] | None = None, chosen: str = "") -> ResponseReturnValue:
    page = render_template("staff/_texts.html", form=form, errors=errors or {}, chosen=chosen, locales=choices.locales(db.session()))
    return page, 422 if errors else 200, {"HX-Trigger-After-Settle": "languages"}


def _save(form: Form, id: uuid.UUID | None, publish: bool) -> ResponseReturnValue:
    made = form.made()
    if made.errors:
        return _refused(form, id, made.errors)
    try:
        with transaction() as session:
            saved = _saved(session, form, made, id)
    except Invalid as error:
        return _refused(form, id, error.errors)
    except life.Stale as error:
        return _page(form, _draft(id), stale=error, changed=True), 409
    except Conflict as error:
        pages.say(pages.translated(error.message), "info")
        return redirect(f"/staff/announcements/{id}", 303)
    if publish:
        return redirect(f"/staff/announcements/{saved.id}/publish", 303)
    pages.say(pages.words().gettext("The draft is saved."))
    return redirect(f"/staff/announcements/{saved.id}/edit", 303)


def _saved(session: Session, form: Form, made: Made, id: uuid.UUID | None) -> Announcement:
    locale, now = pages.settings().default_locale, utcnow()
    if id is None:
        return life.draft(session, made.values, locale, now)
    return life.change(session, id, made.values, locale, now, composer_form.seen_at(form))


def _refused(form: Form, id: uuid.UUID | None, errors: list[FieldError]) -> ResponseReturnValue:
    return _page(form, _draft(id), composer_form.by_field(errors, form), changed=True), 422


def _draft(id: uuid.UUID | None) -> Announcement | None:
    return life.find(db.session(), id) if id else None


def _page(
    form: Form,
    draft: Announcement | None,
    errors: dict[str, list[str]] | None = None,
    stale: life.Stale | None = None,
    changed: bool = False,
    chosen: str = "",
) -> str:
    session = db.session()
    return render_template(
        "staff/composer.html",
        form=form,
        draft=draft,
        errors=errors or {},
        stale=stale,
        changed=changed,
        chosen=chosen,
        kind_options=[(kind, pages.translated(labels.KINDS[kind].text)) for kind in ANNOUNCEMENT_KINDS],
        keys=audience.LIST_KEYS,
        choices=choices.choices(session),
        locales=choices.locales(session),
        zone_options=[(zone, zone.replace("_", " ")) for zone in dict.fromkeys([form.time_zone, g.staff.time_zone, "UTC", *ZONES])],
        window=pages.window_in(form.time_zone, *_window(form)),
        twice=form.made().twice,
        sandbox=mail_frame.SANDBOX,
    )


# --- while it is being written ----------------------------------------------------------------------------------------


@blueprint.post("/audience")
@access.staff("ops")
@access.body_limit(FORM_BYTES)
def who() -> str:
    """Whom the form as it stands concerns."""
    form, now = _form(), utcnow()
    made = form.made()
    errors = [error for error in made.errors if error.field.startswith("audience")]
    with reading() as session:
        shown = {} if errors else _concerned(session, made, now, form)
        return render_template("staff/_audience.html", form=form, errors=errors, **shown)


def _concerned(session: Session, made: Made, now: Any, form: Form) -> dict[str, Any]:
    kind, wanted = made.values["kind"], made.values["audience"]
    accounts = audience.count(session, audience.Audience.of(session, wanted))
    whole = request.args.get("whole") == "1" or accounts <= QUICK
    counted = preview.kept_count(session, kind, wanted, now) if whole else preview.recent_count(session, kind, wanted, now)
    return {
        "accounts": accounts,
        "counted": counted,
        "sample": preview.sample(session, kind, wanted, now) if accounts else [],
        "unknown": choices.unknown(session, wanted),
        "fallbacks": preview.fallbacks(counted, form.texts, form.default_locale) if counted else None,
    }


@blueprint.post("/preview")
@access.staff("ops")
@access.body_limit(FORM_BYTES)
def look() -> str:
    """The form as it stands, unsaved, as one account of its audience would get it."""
    form = _form()
    with reading() as session:
        made, sample, reader = _looked_at(session, form)
        locale = _locale(form, reader)
        errors = _errors_of_text(made, locale)
        shown: dict[str, Any] = {}
        if not errors:
            content = preview.content_of(made.values)
            shown["mail"] = preview.mail_as_read(content, pages.settings(), reader, locale, utcnow())
            shown["item"] = preview.item_as_read(content, pages.settings(), reader, locale)
        return render_template(
            "staff/_preview.html",
            form=form, errors=errors, sample=sample, reader=reader, locale=locale, twice=made.twice,
            window_errors=composer_form.by_field([error for error in made.errors if error.field in composer_form.ENDS], form),
            window=pages.window_in(form.time_zone, made.values["starts_at"], made.values["ends_at"]),
            **shown,
        )  # fmt: skip


@blueprint.post("/preview/mail")
@access.staff("ops")
@access.body_limit(FORM_BYTES)
def mail() -> Response:
    """The HTML of that mail, for a frame of its own."""
    form = _form()
    with reading() as session:
        made, _, reader = _looked_at(session, form)
        locale = _locale(form, reader)
        if _errors_of_text(made, locale):
            return mail_frame.response("")
        return mail_frame.response(preview.mail_as_read(preview.content_of(made.values), pages.settings(), reader, locale, utcnow()).html)


@blueprint.get("/<uuid:id>/mail")
@access.staff("ops")
def saved_mail(id: uuid.UUID) -> Response:
    """As it is saved, or was published, in one of its languages."""
    session = db.session()
    announcement = life.find(session, id)
    wanted = request.args.get("locale", "")
    locale = wanted if wanted in announcement.content else next(iter(announcement.content))
    content = preview.content_of({name: getattr(announcement, name) for name in preview.CONTENT})
    sample = preview.sample(session, announcement.kind, announcement.audience, utcnow())
    return mail_frame.response(preview.mail_as_read(content, pages.settings(), sample[0] if sample else None, locale, utcnow()).html)


def _looked_at(session: Session, form: Form) -> tuple[Made, list[preview.Sampled], preview.Sampled | None]:
    made = form.made()
    sample: list[preview.Sampled] = []
    if not any(error.field.startswith("audience") for error in made.errors):
        sample = preview.sample(session, made.values["kind"], made.values["audience"], utcnow())
    chosen = request.form.get("as")
    return made, sample, next((item for item in sample if item.account == chosen), sample[0] if sample else None)


def _locale(form: Form, reader: preview.Sampled | None) -> str:
    chosen = request.form.get("read_in")
    if chosen in form.texts:
        return str(chosen)
    return preview.text_for(reader.locale if reader else form.default_locale, form.texts, form.default_locale)


def _errors_of_text(made: Made, locale: str) -> list[tuple[str, str]]:
    """(part, message): the part is title, body, or empty."""
    parts = {"content": "", f"content.{locale}": "", f"content.{locale}.title": "title", f"content.{locale}.body": "body"}
    return [(parts[error.field], error.message) for error in made.errors if error.field in parts]


def _window(form: Form) -> tuple[Any, Any]:
    values = form.made().values
    return values["starts_at"], values["ends_at"]


def _form() -> Form:
    return composer_form.read(request.form, g.staff.time_zone, pages.settings().default_locale)
