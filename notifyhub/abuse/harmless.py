"""What strangers wrote, as plain text in which nothing acts: no link can be followed, no HTML, nothing that hides."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import nh3

from notifyhub import markdown

MOST_CHARACTERS = 6_000  # of the evidence of a report
MOST_HTML = 40_000  # characters are looked at; it is text from some point on
CUT = "[…]"

# controls, halves of surrogate pairs, and what has no width: zero-width spaces, soft hyphens, turns of direction
_UNSEEN = ("Cc", "Cf", "Cs", "Co")
_LINE_ENDS = re.compile("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")

_URL = re.compile(r"([a-z][a-z0-9+.-]{0,30})://([^\s/?#<>\"']*)", re.IGNORECASE)
_PLAIN_SCHEMES = {"http": "hxxp", "https": "hxxps", "ftp": "fxp"}  # as abuse desks write them
# those that act without slashes
_SCHEME = re.compile(
    r"(?<![^\W_])(javascript|vbscript|data|mailto|tel|sms|callto|skype|magnet|intent|about|blob|file|ms-\w{1,30}):(?=\S)", re.IGNORECASE
)
_DOTS = ".\u3002\uff0e\uff61"  # the others are dots too, to whoever looks up an internationalised name (UTS #46)
_DOT = re.compile(rf"(?<!\[)[{_DOTS}](?!\])")
_DOTTED = re.compile(rf"(?<![\w-])[\w-]++(?:[{_DOTS}][\w-]++)+")
_LAST_LABEL = re.compile(r"(?:xn--|[^\W\d_])[\w-]+")  # a number, a time and an IPv4 address end in none
_SHARE = re.compile(r"\\\\(?=[\w.])")  # \\server\share: some mail programs make a link of it, and sign in to the server


def harmless(text: str, most: int = MOST_CHARACTERS) -> str:
    """Lines of plain text, cut where they are longer than `most` characters in all."""
    text = _defanged(_seen(text[: most * 4]))
    text = re.sub(r"\n{3,}", "\n\n", "\n".join([line.rstrip() for line in text.split("\n")])).strip("\n")
    return text if len(text) <= most else f"{text[: most - len(CUT) - 1].rstrip()}\n{CUT}"


def gathered(texts: Iterable[str], most: int = MOST_CHARACTERS) -> str:
    """The same of texts that stand below each other; those that there is no room for are not asked for."""
    kept, length = list[str](), 0
    for text in texts:
        kept.append(text)
        length += len(text) + 1
        if length > most * 4:
            break
    return harmless("\n".join(kept), most)


def one_line(text: str, most: int = 200) -> str:
    """The same in one line: what a reporter or a subject is called."""
    text = " ".join(_defanged(_seen(text[: most * 4])).split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def plain(text: str, most: int) -> str:
    """In one line and without what cannot be seen, but with its dots: for what is compared or looked up, never for a sentence."""
    return " ".join(_seen(text[: most * 4]).split())[:most]


def from_html(html: str) -> str:
    """Its text, with the targets of its links written out. Not harmless yet."""
    # style attributes and such would make inscriptis draw: a padding of a million columns
    clean = nh3.clean(_seen(html[:MOST_HTML]), tags=_TAGS, attributes={"a": {"href"}}, link_rel=None)
    try:
        return markdown.to_text(clean)
    except Exception:  # lxml and inscriptis say nothing about what they raise for a page that means harm
        return re.sub(r"<[^>]*>", " ", clean)


_TAGS = {"a", "p", "br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "pre", "blockquote"}


def _seen(text: str) -> str:
    text = _LINE_ENDS.sub("\n", text)
    if text.isascii() and text.isprintable():
        return text
    return "".join([c for c in text if c in "\n\t" or unicodedata.category(c) not in _UNSEEN])


def _defanged(text: str) -> str:
    text = _SCHEME.sub(r"\1[:]", _URL.sub(_without_link, text))
    return _SHARE.sub("[\\\\\\\\]", _DOTTED.sub(_without_dots, text))


def _without_link(found: re.Match[str]) -> str:
    scheme, host = found[1].lower(), _DOT.sub("[.]", found[2])
    if scheme in _PLAIN_SCHEMES.values():
        return f"{scheme}://{host}"
    return f"{_PLAIN_SCHEMES[scheme]}://{host}" if scheme in _PLAIN_SCHEMES else f"{scheme}[:]//{host}"


def _without_dots(found: re.Match[str]) -> str:
    """Of what may be the name of a host; numbers, times and IPv4 addresses stay as they are."""
    labels = _DOT.split(found[0])
    return "[.]".join(labels) if _LAST_LABEL.fullmatch(labels[-1]) else found[0]
