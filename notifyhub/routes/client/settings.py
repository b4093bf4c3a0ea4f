"""Settings, Language and time zone: how pages and mails speak to a customer, and what of it can be muted."""

from __future__ import annotations

from babel import Locale, UnknownLocaleError
from flask import Blueprint, g, redirect, render_template, request
from flask.typing import ResponseReturnValue

from notifyhub import access, languages, preferences, zones
from notifyhub.database import transaction, utcnow
from notifyhub.errors import FieldError, Invalid
from notifyhub.kinds import OPTIONAL_KINDS
from notifyhub.languages import N_
from notifyhub.routes import pages

blueprint = Blueprint("settings", __name__, url_prefix="/settings")


@blueprint.get("")
@access.customer
def page() -> str:
    wanted = {kind for kind in OPTIONAL_KINDS if kind not in g.account.muted}
    return _page(g.account.locale, g.account.time_zone, wanted, {})


@blueprint.post("")
@access.customer
def save() -> ResponseReturnValue:
    locale, time_zone, wanted = request.form.get("locale", ""), request.form.get("time_zone", ""), set(request.form.getlist("wanted"))
    try:
        _check(locale, time_zone)
    except Invalid as error:
        return _page(locale, time_zone, wanted, pages.by_field(error)), 422
    with transaction() as session:
        preferences.choose_display(session, g.account, locale, time_zone, utcnow())
        preferences.mute(session, g.account, [kind for kind in OPTIONAL_KINDS if kind not in wanted])
    spoken = languages.choose_locale(locale, languages.translated(), languages.SOURCE)
    pages.say(languages.translations(spoken).gettext("Saved."))
    response = redirect("/settings", 303)
    response.delete_cookie(pages.LANGUAGE_COOKIE)  # what was chosen for this browser alone would stand in the way
    return response


def _check(locale: str, time_zone: str) -> None:
    errors = []
    if locale not in _offered():
        errors.append(FieldError("locale", N_("choose one of them")))
    if time_zone not in zones.NAMES and time_zone != g.account.time_zone:
        errors.append(FieldError("time_zone", N_("choose one of them")))
    if errors:
        raise Invalid(*errors)


def _offered() -> list[str]:
    """Those that texts exist in, and what the account has: a provider may write announcements in others."""
    return list(dict.fromkeys([*languages.translated(), g.account.locale]))


def _page(locale: str, time_zone: str, wanted: set[str], errors: dict[str, list[str]]) -> str:
    return render_template(
        "client/settings.html",
        locale=locale,
        time_zone=time_zone,
        wanted=wanted,
        errors=errors,
        offered=[(code, _name(code)) for code in _offered()],
        spoken=languages.translated(),
        zones=zones.by_region(utcnow(), g.account.time_zone),
        optional_kinds=OPTIONAL_KINDS,
    )


def _name(code: str) -> str:
    """In the language itself, as whoever looks for it would look."""
    try:
        name = Locale.parse(code).get_display_name() or code
    except (UnknownLocaleError, ValueError):
        return code
    return name[0].upper() + name[1:]
