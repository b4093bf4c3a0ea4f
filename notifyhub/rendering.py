"""Content → subject, text, HTML: compiled once per content, locale and brand, then filled per reader by joining strings."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache, cached_property, lru_cache
from html import escape, unescape
from pathlib import Path
from typing import Any, NamedTuple

from babel import Locale
from babel.support import NullTranslations
from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateNotFound, select_autoescape
from markupsafe import Markup
from premailer import Premailer

from notifyhub import labels, languages, markdown, sizes, spelling, windows
from notifyhub.colours import readable, text_on
from notifyhub.config import Brand
from notifyhub.kinds import KINDS
from notifyhub.languages import choose_locale
from notifyhub.markdown import one_line, problems
from notifyhub.mime import Attachment, Envelope, phrase
from notifyhub.patterns import Pattern, Pieces, Placeholders, Values, WrappedPattern, settle
from notifyhub.spelling import MARKED_UP, Formatted

__all__ = ["Compiled", "Content", "Item", "Parts", "Reader", "Stamp", "choose_locale", "compile_content", "problems"]

TEMPLATES = Path(__file__).parent.parent / "templates" / "mail"
MANY_SERVICES = 6  # more than these are listed at the end, so that the text stays in the first screen
FEW_SERVICES = 4  # as many of them are named at the top
GROUPS_KEPT = 1000  # of some 15 kB each, whatever they belong to

Gettext = Callable[[str], str]


class Content(NamedTuple):
    kind: str  # a key of kinds.KINDS
    impact: str | None = None  # no-impact, reduced-redundancy, degraded, outage
    starts_at: datetime | None = None  # aware
    ends_at: datetime | None = None
    texts: Mapping[str, Mapping[str, str]] | None = None  # {locale: {"title", "body"}}, Markdown; None: the kind's own template
    action: str = "published"  # published, changed, reminder, started, completed, cancelled


class Reader(NamedTuple):
    account_name: str
    time_zone: str
    services: Sequence[Sequence[str]]  # (order number, name) of each that is affected
    data: Mapping[str, Any] = {}  # the notification's own, for kinds with their own template
    files: Sequence[Attachment] = ()  # that travel with the mail
    left_behind: Sequence[tuple[str, int]] = ()  # (name, bytes) of those that are too large for that, and stay in the inbox


class Stamp(NamedTuple):
    """What one mail carries besides its content."""

    to: str
    message_id: str
    date: datetime
    rule: int
    category: str
    thread_id: str | None = None  # -> In-Reply-To, References
    unsubscribe_url: str | None = None  # -> List-Unsubscribe, List-Unsubscribe-Post (RFC 8058), a link in the footer
    reply_to: str | None = None
    answers: str | None = None  # the Message-ID of a mail that this is the automatic answer to; empty where it has none


class Item(NamedTuple):
    """An item of the inbox: the content's own body, without the mail around it."""

    title: str
    text: str
    html: str


class Parts(NamedTuple):
    subject: str
    text: str
    html: str


class InboxGroup(NamedTuple):
    """What readers in one time zone have in common."""

    title: Pattern
    text: Pattern
    html: Pattern


class MailGroup(NamedTuple):
    """The same for mails to addresses that the same rule chose."""

    subject: Pattern
    fixed_subject: bytes | None  # where it is the same for all
    text: Pattern
    html: Pattern
    envelope: Envelope


def compile_content(content: Content, locale: str, brand: Brand, default_locale: str = "en") -> Compiled:
    """Takes milliseconds: keep the answer. `locale` is an account's; ValueError where problems() would have found some."""
    available = content.texts if content.texts is not None else languages.translated()
    if not available:
        raise ValueError("no text in any language")
    chosen = choose_locale(locale, available, default_locale)
    same_language = locale.replace("-", "_").partition("_")[0].lower() == chosen.replace("-", "_").partition("_")[0].lower()
    return Compiled(content, chosen, languages.formats(locale if same_language else chosen), brand)


class Compiled:
    def __init__(self, content: Content, locale: str, formats: Locale, brand: Brand) -> None:
        self.locale = locale
        self._content, self._formats, self._brand = content, formats, brand
        self._words = languages.translations(locale)
        self._rtl = languages.direction(locale) == "rtl"
        self._marks = marks = Placeholders()

        own = _own_text if content.texts is None else _staff_text
        self._title, self._bodies = own(content, locale, brand, marks, self._words)
        self._sections = marks.sections(self._title, *self._bodies)
        self._subject = marks.parse(_with_action(self._title, content.action, self._words.gettext))
        facts, plain = self._bodies.facts, self._bodies.plain_facts
        self._inbox_html = marks.parse((f'<table class="told">{facts}</table>\n' if facts else "") + self._bodies.inbox)
        self._inbox_text = marks.parse(plain + _text(self._bodies.inbox, marks))

    @cached_property
    def _mail(self) -> tuple[Pieces, Pieces]:
        """Text and HTML. The layout and premailer take most of the time, which whoever shows an inbox need not wait for."""
        content, locale, marks, bodies = self._content, self.locale, self._marks, self._bodies
        layout = _layout(content, locale, self._brand, marks, self._words.gettext, self._title, bodies)
        # sanitised, or our own template
        safe = {"body": Markup(bodies.mail), "after": Markup(bodies.after), "told": Markup(bodies.facts)}  # noqa: S704
        text = {"body": _text(bodies.mail, marks), "after": _text(bodies.after, marks), "told": bodies.plain_facts}
        return marks.parse(_text_mail(locale, layout | text)), marks.parse(_html_mail(locale, layout | safe))

    def inbox(self, reader: Reader) -> Item:
        group = _inbox_group(self, self._time_zone(reader), _many(reader))
        plain, html = self._values(reader, None)
        return Item(group.title.fill(plain), group.text.fill(plain).strip("\n"), group.html.fill(html).strip("\n"))

    def parts(self, reader: Reader, stamp: Stamp) -> Parts:
        subject, text_mail, html_mail = self._patterns(*self._alike(reader, stamp))
        plain, html = self._values(reader, stamp)
        return Parts(subject.fill(plain), text_mail.fill(plain), html_mail.fill(html))

    def mail(self, reader: Reader, stamp: Stamp) -> bytes:
        group = _mail_group(self, *self._alike(reader, stamp))
        plain, html = self._values(reader, stamp)
        return group.envelope.fill(
            to=stamp.to,
            subject=group.fixed_subject or phrase(group.subject.fill(plain), len("Subject: ")),
            date=stamp.date,
            message_id=stamp.message_id,
            thread_id=stamp.thread_id,
            unsubscribe_url=stamp.unsubscribe_url,
            text=group.text.vary(plain),
            html=group.html.vary(html),
            attachments=reader.files,
            reply_to=stamp.reply_to,
            answers=stamp.answers,
        )

    def settled_inbox(self, time_zone: str, many: int) -> InboxGroup:
        known = self._known(time_zone, many)
        html = _escaped(known)
        return InboxGroup(
            Pattern(settle(self._subject, known)), Pattern(settle(self._inbox_text, known)), Pattern(settle(self._inbox_html, html))
        )

    def settled_mail(self, *alike: Any) -> MailGroup:
        subject, text_mail, html_mail = self._patterns(*alike)
        return MailGroup(
            subject=subject,
            fixed_subject=phrase(subject.fixed[0], len("Subject: ")) if len(subject.fixed) == 1 else None,
            text=text_mail.bare(),
            html=html_mail.bare(),
            envelope=Envelope(self._brand.sender_name, self._brand.sender_address, self.locale, text_mail.fixed, html_mail.fixed),
        )

    def _time_zone(self, reader: Reader) -> str:
        """Where there is no time to be told, readers in all zones are alike."""
        dated = self._content.starts_at or self._content.ends_at
        return reader.time_zone if dated else "UTC"

    def _alike(self, reader: Reader, stamp: Stamp) -> tuple[str, int, int, str, bool, bool]:
        """What decides in which group a mail is."""
        return self._time_zone(reader), _many(reader), stamp.rule, stamp.category, bool(stamp.unsubscribe_url), _has_files(reader)

    def _patterns(
        self, time_zone: str, many: int, rule: int, category: str, unsubscribe: bool, files: bool
    ) -> tuple[Pattern, Pattern, Pattern]:
        """Of the subject, the text and the HTML of a mail."""
        _, marks = self._words.gettext, self._marks
        known = self._known(time_zone, many) | {"unsubscribe": [{}] if unsubscribe else (), "files": [{}] if files else ()}
        why = self._bodies.why or _reasons(_)[rule] % {"to": marks.hole("to"), "category": _categories(_)[category]}
        text = known | {"why": marks.parse(why)}
        html = _escaped(known) | {"why": marks.parse(escape(why))}
        whole_text, whole_html = self._mail
        return Pattern(settle(self._subject, text)), WrappedPattern(settle(whole_text, text)), Pattern(settle(whole_html, html))

    def _known(self, time_zone: str, many: int) -> dict[str, Any]:
        """What such readers have in common; an empty row leaves the holes of a section open."""
        window = windows.spell(self._content.starts_at, self._content.ends_at, time_zone, self._formats, self._words)
        optional = {name: [{name: text}] if text else () for name, text in window._asdict().items() if name != "local"}
        return {
            "window": window.inline(),
            "when": [{"local": window.local, **optional}],
            "affected": [{"more": [{}] if many > 1 else ()}] if many else (),
            "all": [{}] if many > 1 else (),
        }

    def _values(self, reader: Reader, stamp: Stamp | None) -> tuple[Values, Values]:
        """What fills the holes that are left: as plain text, and as HTML."""
        rows = [{"number": one_line(number), "name": one_line(name)} for number, name in reader.services]
        shown = rows if len(rows) <= MANY_SERVICES else rows[:FEW_SERVICES]
        services = ", ".join([f"{row['name']} ({row['number']})" for row in shown])
        values: dict[str, Any] = {"account": one_line(reader.account_name), "services": services, "rows": shown}
        if len(shown) < len(rows):
            more = {"count": len(rows) - len(shown)}
            values["services"] += " " + self._words.ngettext("and %(count)s more", "and %(count)s more", more["count"]) % more
            values["more"] = self._words.gettext("and %(count)s more: the full list is at the end") % more
            values["every"] = rows
        if self._content.texts is None:
            values |= self._own_values(reader)
        if stamp:
            values["to"] = one_line(stamp.to)
            if stamp.unsubscribe_url:
                values["url"] = one_line(stamp.unsubscribe_url)
            if _has_files(reader):
                values["attached"] = [self._file(file.name, len(file.content)) for file in reader.files]
                values["behind"] = [self._file(name, size) for name, size in reader.left_behind]
        return values, _escaped(values, self._rtl)

    def _own_values(self, reader: Reader) -> dict[str, Any]:
        own = OWN.get(self._content.kind)
        if own is not None:
            return own.values(reader, self._formats, self._words)
        values = spelling.spelled(reader.data, reader.time_zone, self._formats, self._words)
        return values | spelling.conditions(self._sections, reader.data, values)

    def _file(self, name: str, size: int) -> dict[str, str]:
        return {"file": one_line(name), "size": sizes.spell(size, self._formats)}


def _has_files(reader: Reader) -> bool:
    return bool(reader.files or reader.left_behind)


def _many(reader: Reader) -> int:
    """0: no services, 1: some, 2: so many that most of them are named at the end."""
    return (len(reader.services) > 0) + (len(reader.services) > MANY_SERVICES)


@lru_cache(GROUPS_KEPT)
def _inbox_group(compiled: Compiled, time_zone: str, many: int) -> InboxGroup:
    return compiled.settled_inbox(time_zone, many)


@lru_cache(GROUPS_KEPT)
def _mail_group(compiled: Compiled, *alike: Any) -> MailGroup:
    return compiled.settled_mail(*alike)


def _escaped(values: Values, isolate: bool = False) -> dict[str, Any]:
    """As HTML. `isolate`: names in the other direction keep to themselves, such as a host name in an Arabic sentence."""
    safe: dict[str, Any] = {}
    for name, value in values.items():
        if type(value) is Formatted:
            safe[name] = value.html
        elif type(value) is not str:
            safe[name] = [_escaped(row, isolate) for row in value]
        elif isolate and name in ISOLATED:
            safe[name] = f"<bdi>{escape(value)}</bdi>"
        else:
            safe[name] = escape(value) if _MARKUP.search(value) else value
    return safe


_MARKUP = re.compile("[&<>\"']")  # asking first is cheaper than escaping, and nearly nothing has any
ISOLATED = frozenset(("account", "name", "number", "email", "file"))


# --- what the mail says -----------------------------------------------------------------------------------------------


class Bodies(NamedTuple):
    """HTML with holes."""

    inbox: str
    mail: str
    after: str = ""  # below the button
    facts: str = ""  # rows of the table at the top
    plain_facts: str = ""  # the same as lines of text
    button: str = ""  # its label, where it leads to hole("link")
    why: str = ""  # an address that the notification names gets it, where that is not for being the reader's own


def _staff_text(content: Content, locale: str, brand: Brand, marks: Placeholders, words: NullTranslations) -> tuple[str, Bodies]:
    assert content.texts is not None
    text = content.texts[locale]
    found = problems(text["title"], text["body"])
    if found:
        raise ValueError("; ".join(f"{field} ({locale}): {message}" for field, message in found))
    body = markdown.to_html(markdown.with_holes(text["body"], marks))
    return markdown.with_holes(one_line(text["title"]), marks), Bodies(body, body)


def _own_text(content: Content, locale: str, brand: Brand, marks: Placeholders, words: NullTranslations) -> tuple[str, Bodies]:
    try:
        template = _environment(_strings(locale)).get_template(f"{content.kind}.html")
    except TemplateNotFound:
        raise ValueError(f"there are no words for the kind {content.kind}") from None

    def block(name: str, mail: bool, fact: Fact = _row) -> str:
        context = template.new_context({"brand": brand, "mail": mail, "fact": fact, **_functions(marks)})
        return "".join(template.blocks[name](context)).strip() if name in template.blocks else ""

    own = OWN.get(content.kind)
    title = own.title(words.gettext, brand) if own else unescape(block("title", False))
    lines = [line.strip() for line in unescape(block("facts", False, _line)).splitlines() if line.strip()]
    facts = block("facts", False), marks.tidy("\n".join([*lines, ""]))
    button, why = unescape(block("button", True)), unescape(block("why", True))
    return title, Bodies(block("body", False), block("body", True), block("after", True), *facts, button, why)


Fact = Callable[[str, str], Markup]


def _row(label: str, value: str) -> Markup:
    return Markup('<tr><th scope="row" class="label">{}</th><td class="value">{}</td></tr>').format(label, value)


def _line(label: str, value: str) -> Markup:
    return Markup("{}: {}\n").format(label, value)


class Own(NamedTuple):
    """A kind of ours whose template needs more than its data, spelled out (spelling.py)."""

    title: Callable[[Gettext, Brand], str]
    link: Callable[[Gettext, Brand, Placeholders], dict[str, str]]
    values: Callable[[Reader, Locale, NullTranslations], dict[str, Any]]
    settings: bool = True


def _confirmation_title(_: Gettext, brand: Brand) -> str:
    return _("Confirm this address for notifications from %(provider)s") % {"provider": brand.name}


def _confirmation_link(_: Gettext, brand: Brand, marks: Placeholders) -> dict[str, str]:
    return {"label": _("Confirm this address"), "target": marks.hole("link")}


def _sign_in_title(_: Gettext, brand: Brand) -> str:
    return _("Sign in to %(provider)s") % {"provider": brand.name}


def _sign_in_link(_: Gettext, brand: Brand, marks: Placeholders) -> dict[str, str]:
    return {"label": _("Sign in"), "target": marks.hole("link")}


def _mailed_link_values(reader: Reader, formats: Locale, words: NullTranslations) -> dict[str, Any]:
    expires_at = datetime.fromisoformat(reader.data["expires_at"])
    return {
        "email": one_line(reader.data["email"]),
        "link": one_line(reader.data.get("link", "")),
        "expires": windows.moment(expires_at, reader.time_zone, formats, words),
    }


def _test_title(_: Gettext, brand: Brand) -> str:
    return _("Test mail from %(provider)s") % {"provider": brand.name}


def _test_link(_: Gettext, brand: Brand, marks: Placeholders) -> dict[str, str]:
    return {"label": _("Open Settings, Send email"), "target": f"{brand.base_url}/settings/send-email"}


def _test_values(reader: Reader, formats: Locale, words: NullTranslations) -> dict[str, Any]:
    return {"email": one_line(reader.data["email"])}


def _changes_title(_: Gettext, brand: Brand) -> str:
    return _("Your addresses for notifications were changed")


def _changes_link(_: Gettext, brand: Brand, marks: Placeholders) -> dict[str, str]:
    return {"label": _("Check your addresses"), "target": f"{brand.base_url}/settings/send-email"}


def _changes_values(reader: Reader, formats: Locale, words: NullTranslations) -> dict[str, Any]:
    _, categories = words.gettext, _categories(words.gettext)
    sentences = {
        "added": _("Added for %(category)s"),
        "removed": _("Removed from %(category)s"),
        "replaced": _("Replaced for %(category)s"),
        "registered": _("New registered address"),
    }
    return {
        "changes": [
            {
                "what": sentences[change["action"]] % {"category": categories.get(change.get("category"), _("all categories"))},
                "email": one_line(change["email"]),
            }
            for change in reader.data["changes"]
        ]
    }


def _repair_title(_: Gettext, brand: Brand) -> str:
    return _("Our mail does not reach you")


def _repair_link(_: Gettext, brand: Brand, marks: Placeholders) -> dict[str, str]:
    return {"label": _("Put your addresses right"), "target": f"{brand.base_url}/settings/send-email"}


def _repair_values(reader: Reader, formats: Locale, words: NullTranslations) -> dict[str, Any]:
    return {"addresses": [{"email": one_line(email)} for email in reader.data["addresses"]]}


OWN = {
    "confirmation": Own(_confirmation_title, _confirmation_link, _mailed_link_values, settings=False),
    "sign_in": Own(_sign_in_title, _sign_in_link, _mailed_link_values, settings=False),
    "test": Own(_test_title, _test_link, _test_values),
    "addresses_changed": Own(_changes_title, _changes_link, _changes_values),
    "repair": Own(_repair_title, _repair_link, _repair_values),
}


# --- what stands around it --------------------------------------------------------------------------------------------


def _layout(content: Content, locale: str, brand: Brand, marks: Placeholders, _: Gettext, title: str, bodies: Bodies) -> dict[str, Any]:
    own = OWN.get(content.kind) if content.texts is None else None
    direction = languages.direction(locale)
    return {
        "brand": brand,
        "content": content,
        "title": title,
        "language": locale.replace("_", "-"),
        "dir": direction,
        "rtl": direction == "rtl",
        "start": "right" if direction == "rtl" else "left",
        "end": "left" if direction == "rtl" else "right",
        "bar": brand.accent,
        "on_bar": text_on(brand.accent),
        "accent": readable(brand.accent, "#ffffff"),
        "accent_on_dark": readable(brand.accent, "#191817"),
        "facts": own is None,
        "eyebrow": None if content.texts is None else _(labels.KINDS[content.kind].text),
        "lead": _leads(_).get(content.action),
        "impact": labels.IMPACTS[content.impact] if content.impact and content.action not in ("completed", "cancelled") else None,
        "when": bool(content.starts_at or content.ends_at),
        "link": own.link(_, brand, marks) if own else _link(content.kind, bodies, brand, marks, _),
        "settings": own.settings if own else KINDS[content.kind].inbox,  # whoever has no inbox has no settings either
        "marked_up": f"{MARKED_UP}X" in bodies.mail,
        **_functions(marks),
    }


def _link(kind: str, bodies: Bodies, brand: Brand, marks: Placeholders, _: Gettext) -> dict[str, str] | None:
    if bodies.button:
        return {"label": bodies.button, "target": marks.hole("link")}
    if not KINDS[kind].inbox:
        return None
    return {"label": _("Open in your inbox"), "target": f"{brand.base_url}/inbox"}


def _html_mail(locale: str, values: dict[str, Any]) -> str:
    html = _environment(_strings(locale)).get_template("layout.html").render(values)
    inlined = _Inliner(html, allow_network=False, strip_important=False, disable_validation=True, cssutils_logging_level=50)
    return "<!doctype html>\n" + str(inlined.transform(pretty_print=False))


class _Inliner(Premailer):  # type: ignore[misc]
    """Reads a style sheet once: that takes three quarters of its time, and all mails of a brand share theirs."""

    def _parse_style_rules(self, css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
        rules, leftover = _style_rules(css_body, ruleset_index)
        return list(rules), list(leftover)


@lru_cache(64)
def _style_rules(css_body: str, ruleset_index: int) -> tuple[list[Any], list[Any]]:
    reader = Premailer("<p>", allow_network=False, strip_important=False, disable_validation=True, cssutils_logging_level=50)
    rules: tuple[list[Any], list[Any]] = reader._parse_style_rules(css_body, ruleset_index)
    return rules


def _text_mail(locale: str, values: dict[str, Any]) -> str:
    text = _environment(_strings(locale)).get_template("layout.txt").render(values)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


def _text(html: str, marks: Placeholders) -> str:
    """With an empty line above it; it ends its last line."""
    return marks.spaced(marks.tidy(markdown.to_text(html)), spelling.CONDITION_NAMES) if html else ""


def _functions(marks: Placeholders) -> dict[str, Any]:
    return {"hole": marks.hole, "begin": marks.begin, "end_of": marks.end}


def _strings(locale: str) -> str:
    return choose_locale(locale, languages.translated(), languages.SOURCE)


@cache
def _environment(locale: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        extensions=["jinja2.ext.i18n"],
        autoescape=select_autoescape(["html"]),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.install_gettext_translations(languages.translations(locale), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _with_action(title: str, action: str, _: Gettext) -> str:
    subjects = {
        "published": "%(title)s",
        "changed": _("Changed: %(title)s"),
        "reminder": _("Reminder: %(title)s"),
        "started": _("Started: %(title)s"),
        "completed": _("Completed: %(title)s"),
        "cancelled": _("Cancelled: %(title)s"),
    }
    return subjects[action] % {"title": title}


def _leads(_: Gettext) -> dict[str, str]:
    return {
        "changed": _("This has changed. What you read here replaces what we wrote before."),
        "reminder": _("A reminder of what we announced before. Nothing has changed since."),
        "started": _("This has started. We write again when it is over."),
        "completed": _("This is completed. If something does not work as it should, open a ticket."),
        "cancelled": _("This will not take place. You need do nothing."),
    }


def _categories(_: Gettext) -> dict[str | None, str]:
    return {name: _(category.inline) for name, category in labels.CATEGORIES.items()}


def _reasons(_: Gettext) -> dict[int, str]:
    """Why this address got the mail, by the rule of the routing policy that chose it."""
    return {
        0: _("This mail was sent to %(to)s because it is about this address, or about the account that uses it."),
        3: _("This mail was sent to %(to)s because the account has set this address for: %(category)s."),
        4: _(
            "This mail was sent to %(to)s because it is the account’s registered address, and no other address is in use for: %(category)s."
        ),
        6: _(
            "This mail was sent to %(to)s because it is the account’s registered address, or was until lately."
            " The address for %(category)s changed in the last 72 hours; to be safe, we write to both."
        ),
    }
