"""What all pages share: the brand, the reader's language, zone and theme, what may run on them, and what there is to say."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from babel import Locale
from babel.dates import format_timedelta
from babel.numbers import format_decimal
from babel.support import NullTranslations
from flask import Flask, Response, current_app, flash, g, get_flashed_messages, render_template, request, session, url_for
from flask_wtf.csrf import CSRFError, CSRFProtect

from notifyhub import inbox, labels, languages, sizes, windows
from notifyhub.config import Settings
from notifyhub.database import db, new_id, utcnow
from notifyhub.errors import Invalid
from notifyhub.languages import Said
from notifyhub.models import Account, Staff

# Unless a page says otherwise: nothing but our own scripts, style sheets and pictures, in no frame, told to no other site.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
LANGUAGE_COOKIE, THEME_COOKIE = "nh_language", "nh_theme"
THEMES = ("system", "light", "dark")
PSEUDO = "ar-XB"  # English from right to left, to look at the layout; demo only
LANGUAGE_IN_ENVIRON = "notifyhub.language"
A_YEAR = 365 * 24 * 3600
MOST_UNREAD = 1000  # are counted, shown as 999+: the badge costs the same whatever has piled up
NOT_GIVEN_BACK = ("csrf_token", "password", "once", "seen")  # secrets, and what nobody typed

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    settings: Settings = app.extensions["settings"]
    app.config.update(
        SESSION_COOKIE_NAME="nh_form",
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,  # a form may lie open over lunch; it ends with the browser's session
        WTF_CSRF_SSL_STRICT=False,  # compares Referer with the Host that a proxy may have changed; the token is the proof
    )
    csrf.init_app(app)
    app.register_error_handler(CSRFError, lambda error: refused_form(400))
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: words().gettext(text), lambda one, many, count: words().ngettext(one, many, count), newstyle=True
    )
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    app.jinja_env.filters |= {
        "moment": moment,
        "short": short,
        "number": number,
        "lasting": lasting,
        "said": translated,
        "window": window,
        "size": size,
        "nearby": nearby,
        "duration": duration,
        "as_time": datetime.fromisoformat,
    }
    app.jinja_env.globals |= {"asset": asset, "labels": labels, "said_messages": said_messages, "unread": unread, "new_id": new_id}
    app.jinja_env.globals["milliseconds"] = lambda: int(utcnow().timestamp() * 1000)

    @app.after_request
    def guard(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if request.endpoint == "static":
            response.headers["Cache-Control"] = f"public, max-age={A_YEAR}, immutable" if "v" in request.args else "no-cache"
        elif response.mimetype == "text/html":
            response.headers.setdefault("Cache-Control", "no-store" if g.get("sign_in") else "no-cache")
        return response

    @app.context_processor
    def shared() -> dict[str, Any]:
        spoken = language()
        return {
            "brand": settings.brand,
            "brand_version": settings.brand.version,
            "language": spoken,
            "languages": [(code, (Locale.parse(code).get_display_name() or code).capitalize()) for code in languages.translated()],
            "formats_language": str(formats()).replace("_", "-"),  # for scripts that write numbers as the page does
            "direction": "rtl" if spoken == PSEUDO else languages.direction(spoken),  # Babel knows no pseudo-locale
            "theme": theme(),
            "here": request.full_path if request.query_string else request.path,
            "account": g.get("account"),
            "member": g.get("staff"),
        }


# --- who reads it -----------------------------------------------------------------------------------------------------


def language() -> str:
    """What was chosen in this browser, else the reader's own, else of those that exist what the browser asks for first."""
    reader = g.get("account") or g.get("staff")
    of = (reader, reader.locale) if reader is not None else None
    known = request.environ.get(LANGUAGE_IN_ENVIRON)
    if known is None or known[0] != of:  # asked for every word of a page, so it is found out once
        known = request.environ[LANGUAGE_IN_ENVIRON] = (of, _language(reader))
    spoken: str = known[1]
    return spoken


def _language(reader: Account | Staff | None) -> str:
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    if chosen in languages.translated() or (chosen == PSEUDO and settings().demo):
        return str(chosen)
    if reader is not None:
        return languages.choose_locale(reader.locale, languages.translated(), languages.SOURCE)
    for wanted in request.accept_languages.values():
        found = languages.choose_locale(wanted, languages.translated(), wanted)
        if found.partition("_")[0] == wanted.replace("-", "_").partition("_")[0].lower():
            return found
    return languages.SOURCE


def theme() -> str:
    chosen = request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else "system"


def words() -> NullTranslations:
    return languages.translations(language())


def in_page_language(texts: Mapping[str, str]) -> str:
    """Of what was written in several languages, by locale; empty where there is nothing."""
    return texts[languages.choose_locale(language(), texts, languages.SOURCE)] if texts else ""


def formats() -> Locale:
    """How dates and numbers are written: in the reader's own country where it speaks the page's language."""
    spoken, reader = language(), g.get("account") or g.get("staff")
    if reader is not None and reader.locale.partition("_")[0] == spoken.partition("_")[0]:
        return languages.formats(reader.locale)
    return languages.formats(spoken)


def time_zone() -> str:
    reader = g.get("account") or g.get("staff")
    return reader.time_zone if reader is not None else "UTC"


def moment(at: datetime) -> str:
    return windows.moment(at, time_zone(), formats(), words())


def short(at: datetime) -> str:
    return windows.short(at, utcnow(), time_zone(), formats(), words())


def nearby(at: datetime) -> str:
    return windows.nearby(at, utcnow(), time_zone(), formats(), words())


def duration(time: timedelta) -> str:
    """Minutes that have begun are counted: nobody is told that zero are left. The clock on the page counts likewise."""
    return windows.length(timedelta(minutes=max(1, math.ceil(abs(time.total_seconds()) / 60))), formats())


def window(starts_at: datetime | None, ends_at: datetime | None) -> windows.Window:
    return windows.spell(starts_at, ends_at, time_zone(), formats(), words())


def window_in(zone: str, starts_at: datetime | None, ends_at: datetime | None) -> windows.Window:
    """In another zone than the reader's own."""
    return windows.spell(starts_at, ends_at, zone, formats(), words())


def number(value: float) -> str:
    return format_decimal(value, locale=formats())


def size(bytes: int) -> str:
    return sizes.spell(bytes, formats())


def lasting(seconds: float) -> str:
    """How long something lasts, in one unit."""
    return format_timedelta(int(seconds), threshold=2, format="short", locale=formats())


def unread() -> int:
    return inbox.unread_count(db.session(), g.account.id, MOST_UNREAD)


def settings() -> Settings:
    found: Settings = current_app.extensions["settings"]
    return found


def part_or_page(part: str, page: str, **shown: Any) -> Response:
    """The template of a whole page, or for a script of that page the one of what changes on it."""
    response = Response(render_template(part if "HX-Request" in request.headers else page, **shown))
    response.headers["Vary"] = "HX-Request"
    return response


# --- what there is to say ---------------------------------------------------------------------------------------------


class Undo(NamedTuple):
    action: str  # where it is posted
    fields: dict[str, str]


class Message(NamedTuple):
    text: str
    icon: str
    undo: Undo | None


def say(text: str, icon: str = "check", undo: Undo | None = None) -> None:
    """On the page that comes next, in the reader's language already."""
    flash([text, icon, undo], "said")  # type: ignore[arg-type]


def said_messages() -> Iterator[Message]:
    flashed: list[Any] = get_flashed_messages(category_filter=["said"])
    for text, icon, undo in flashed:
        yield Message(text, icon, Undo(*undo) if undo else None)


def translated(message: str) -> str:
    """An error's sentence, or a reason, in the reader's language."""
    return message.translated(words()) if isinstance(message, Said) else words().gettext(message)


def by_field(error: Invalid) -> dict[str, list[str]]:
    """For the form that was refused; what concerns no field stands under ''."""
    found: dict[str, list[str]] = {}
    for field, message in error.errors:
        found.setdefault(field, []).append(message)
    return found or {"": [error.message]}


def refused_form(status: int, sign_in: str | None = None) -> tuple[str, int]:
    """For a form that came too late: nothing that was typed is lost. `sign_in`: where to, if that is what is missing."""
    typed = [(name, value) for name, value in request.form.items(multi=True) if name not in NOT_GIVEN_BACK and value.strip()]
    files = [file.filename for file in request.files.values() if file.filename]
    return render_template("refused_form.html", sign_in=sign_in, typed=typed, files=files, back=back()), status


def back(default: str = "/") -> str:
    """The page of ours that the form stood on."""
    referrer = urlsplit(request.referrer or "")
    return local_path(f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path, default)


def local_path(path: str | None, default: str = "/") -> str:
    """`path` if it leads to a page of ours and nowhere else."""
    if not path or not path.startswith("/") or path.startswith("//") or "\\" in path or not path.isprintable():
        return default
    parts = urlsplit(path)
    return path if not parts.scheme and not parts.netloc else default


# --- files ------------------------------------------------------------------------------------------------------------


def asset(name: str) -> str:
    """A file under static/, at an address that changes with its content."""
    return _address(request.script_root, Path(str(current_app.static_folder)), name)


@lru_cache(maxsize=256)  # a page with icons asks for it a hundred times
def _address(_script_root: str, folder: Path, name: str) -> str:
    return url_for("static", filename=name, v=_digest(folder / name))


@lru_cache(maxsize=256)
def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def forget_form_token() -> None:
    """After signing in or out, forms of before are void."""
    session.pop("csrf_token", None)
    g.pop("csrf_token", None)
