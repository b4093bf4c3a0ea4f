"""What a mail says: its text, the files that come with it, and what is not taken over of it. Nothing here raises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html import unescape
from typing import NamedTuple

import nh3

from notifyhub import files, markdown
from notifyhub.abuse import mails
from notifyhub.intake import parsing
from notifyhub.intake.parsing import Part
from notifyhub.tickets import attachments
from notifyhub.tickets.opening import BODY_CHARACTERS, SUBJECT_CHARACTERS
from notifyhub.words import one_line, pasted

MOST_HTML = 500_000  # characters are looked at
MOST_CLEAN = 200_000  # of what is left of them
MOST_PARTS = 200
CUT = "\n[…]"
NAME_CHARACTERS = 120


class Content(NamedTuple):
    subject: str
    text: str
    files: list[files.Checked]
    left_out: list[str]  # names of attachments


def read(message: Part) -> Content:
    texts: list[str] = []
    checked: list[files.Checked] = []
    left_out: list[str] = []
    room = attachments.MOST_BYTES_TOGETHER
    for number, part in enumerate(leaves(message)):
        if number < MOST_PARTS and _is_text(part):
            texts.append(plain(part))
            continue
        name = _name(part)
        found = _checked(name, part, room) if len(checked) < attachments.MOST and number < MOST_PARTS else None
        if found is None:
            left_out.append(name)
        else:
            checked.append(found)
            room -= len(found.content)
    return Content(subject(message), _cut("\n\n".join(text for text in texts if text.strip())), checked, left_out[:MOST_PARTS])


def leaves(part: Part) -> Iterator[Part]:
    """Of the same in several forms the plain one, where that says something; what was forwarded whole is one file."""
    inner = mails.children(part)
    if not inner or part.get_content_maintype() == "message":
        yield part
    elif part.get_content_type() == "multipart/alternative":
        yield from leaves(next((child for child in inner if child.get_content_type() == "text/plain" and plain(child).strip()), inner[-1]))
    else:
        for child in inner:
            yield from leaves(child)


def _is_text(part: Part) -> bool:
    return part.get_content_type() in ("text/plain", "text/html") and part.get_content_disposition() != "attachment"


def plain(part: Part) -> str:
    text = _decoded(part, BODY_CHARACTERS * 4)
    if part.get_content_type() == "text/html":
        text = from_html(_decoded(part, MOST_HTML))
    return pasted(text, len(text))


def _decoded(part: Part, most: int) -> str:
    return mails.decode(mails.octets_of(part)[: most * 2], mails.charset(part))[:most]


def from_html(html: str) -> str:
    """Its text, with the targets of its links."""
    html = html[:MOST_HTML]
    if is_deep(html):
        return _without_tags(html)
    clean = nh3.clean(html, tags=TAGS, attributes={"a": {"href"}}, link_rel=None)[:MOST_CLEAN]
    try:
        text = markdown.to_text(markdown.printable(clean))
    except Exception:  # lxml and inscriptis say nothing about what they raise for a page that means harm
        text = ""
    return text if text.strip() else _without_tags(clean)


def _without_tags(html: str) -> str:
    return unescape(re.sub(r"<[^<>]*>", " ", html))


def is_deep(html: str) -> bool:
    """Whether its elements are in each other so often that it means harm: to read it takes a time that grows with the square of that."""
    open_ones: Counter[str] = Counter()
    depth = 0
    for end, name in _TAG.findall(html):
        name = name.lower()
        if name in _SHALLOW:
            continue
        if not end:
            open_ones[name] += 1
            depth += 1
        elif open_ones[name]:
            open_ones[name] -= 1
            depth -= 1
        if depth > DEEPEST:
            return True
    return False


DEEPEST = 200  # lxml, too, reads no deeper than 255
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_SHALLOW = {"br", "hr", "img", "meta", "link", "input", "col", "p", "li", "td", "th", "tr", "dd", "dt", "option"}  # need no end

TAGS = {
    "a", "p", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "pre", "blockquote", "table", "tbody", "thead", "tr", "td",
    "th", "hr", "b", "strong", "i", "em", "u", "s", "code",
}  # fmt: skip


def safe_html(message: Part) -> str | None:
    """As its writer laid it out, without whatever acts, pictures and styles. None where it has no HTML."""
    for part in parsing.parts(message):
        if part.get_content_type() == "text/html" and part.get_content_disposition() != "attachment":
            html = _decoded(part, MOST_HTML)
            if is_deep(html):
                return None
            targets = {"a": {"target": "_blank"}}
            return nh3.clean(
                html, tags=TAGS, attributes={"a": {"href"}, "td": {"colspan", "rowspan"}}, url_schemes={"http", "https", "mailto"},
                link_rel="noopener noreferrer nofollow", set_tag_attribute_values=targets,
            )  # fmt: skip
    return None


def subject(message: Part) -> str:
    """Perhaps empty."""
    try:
        return one_line(parsing.header(message, "Subject")[:SUBJECT_CHARACTERS], SUBJECT_CHARACTERS)
    except ValueError:
        return ""


def _cut(text: str) -> str:
    text = pasted(text, len(text)).strip("\n")
    return text if len(text) <= BODY_CHARACTERS else text[: BODY_CHARACTERS - len(CUT)] + CUT


def _checked(name: str, part: Part, room: int) -> files.Checked | None:
    content = _octets(part)
    if len(content) > room:
        return None
    try:
        return files.check(name, content, files.ATTACHMENTS, attachments.MOST_BYTES)
    except ValueError:
        return None


def _octets(part: Part) -> bytes:
    """Of what was forwarded, the whole mail."""
    if part.get_content_maintype() != "message" or not mails.children(part):
        return mails.octets_of(part)
    try:
        return mails.children(part)[0].as_bytes()
    except Exception:  # a mail that was taken apart cannot always be put together again; the library has no one error for it
        return b""


def _name(part: Part) -> str:
    name = parsing.decoded(parsing.file_name(part))[:NAME_CHARACTERS]
    return name or ("mail.eml" if part.get_content_maintype() == "message" else part.get_content_type()[:NAME_CHARACTERS])
