"""Markdown written by staff: checked, made into safe HTML and plain text. The variables in it are names, not code."""

from __future__ import annotations

import re
from copy import copy
from functools import lru_cache
from html.parser import HTMLParser

import nh3
from inscriptis import Inscriptis
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig
from lxml.html import fragment_fromstring
from markdown_it import MarkdownIt

from notifyhub.languages import said
from notifyhub.patterns import Placeholders

VARIABLES = {"account_name": "account", "services": "services", "window": "window"}  # as staff write them: the hole they make

_VARIABLE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")  # the last two are no XML
_LINK = re.compile(r"(https?://[^/\s]|mailto:.)", re.IGNORECASE)
_BLOCKS = {"p", "br", "hr", "pre", "blockquote", "ul", "ol", "li", "h2", "h3", "h4", "h5", "h6"}
_TAGS = _BLOCKS | {"a", "strong", "em", "s", "del", "code", "table", "thead", "tbody", "tr", "th", "td"}


def problems(title: str, body: str) -> list[tuple[str, str]]:
    """What staff have to put right before this text can be sent: (field, message) each."""
    found: list[tuple[str, str]] = []
    for field, text in (("title", title), ("body", body)):
        if not text.strip():
            found.append((field, EMPTY[field]))
        found += [(field, _unknown(name)) for name in _VARIABLE.findall(text) if name not in VARIABLES]
    if len(title.strip().splitlines()) > 1:
        found.append(("title", said("The title must be a single line.")))
    marks, refused = Placeholders(), list[str]()
    attributes = _Attributes()
    attributes.feed(_to_html(with_holes(body, marks), refused))
    if any(marks.nonce in value.lower() for value in attributes.values):
        found.append(("body", said("A variable cannot be part of a link's target: write the target out, and the variable beside it.")))
    found += [
        ("body", said("A link can only lead to http://, https:// or mailto: addresses, not to %(link)s", link=link[:80]))
        for link in refused
    ]
    return found


def filled(text: str, values: dict[str, str]) -> str:
    """With those variables written out, and without the others: for where there is no reader to fill them for."""
    return _VARIABLE.sub(lambda found: values.get(found[1], ""), text)


def _unknown(name: str) -> str:
    known = ", ".join(f"{{{{ {variable} }}}}" for variable in VARIABLES)
    return said("There is no variable %(name)s. The variables are %(known)s.", name=f"{{{{ {name[:60]} }}}}", known=known)


EMPTY = {"title": said("The title must not be empty."), "body": said("The body must not be empty.")}


class _Attributes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.values: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.values += [value for _, value in attrs if value]


def printable(text: str) -> str:
    """Without control characters, but for tab and line feed."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def one_line(text: str) -> str:
    if text.isprintable() and "  " not in text:
        return text.strip()
    return " ".join(printable(text).split())


def with_holes(text: str, marks: Placeholders) -> str:
    return _VARIABLE.sub(lambda found: marks.hole(VARIABLES[found[1]]) if found[1] in VARIABLES else found[0], text)


def to_html(text: str, line_breaks: bool = False) -> str:
    """Safe HTML: no raw HTML, no images, links to http, https and mailto only. `line_breaks`: they stay, as whoever writes a
    message expects; where paragraphs are set with care, they do not."""
    return nh3.clean(
        _to_html(text, [], line_breaks),
        tags=_TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel=None,
    ).strip()


def _to_html(text: str, refused: list[str], line_breaks: bool = False) -> str:
    def allowed(link: str) -> bool:
        if not _LINK.match(link):
            refused.append(link)
            return False
        return True

    markdown = copy(_parser(line_breaks))
    markdown.validateLink = allowed  # type: ignore[method-assign, assignment]
    tokens = markdown.parse(printable(text))
    for token in tokens:
        if token.type.startswith("heading"):  # the title is the only heading of the first level
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        if token.children:  # of an image the description stays
            for child in token.children:
                if child.type == "image":
                    child.type, child.tag = "text", ""
    return str(markdown.renderer.render(tokens, markdown.options, {}))


@lru_cache
def _parser(line_breaks: bool) -> MarkdownIt:
    """Making one takes as long as most texts do."""
    return MarkdownIt("commonmark", {"html": False, "breaks": line_breaks}).enable(["table", "strikethrough"])


def to_text(html: str) -> str:
    """Plain text that can be read by itself: the targets of links are written out."""
    tree = fragment_fromstring(html, create_parent="div")
    for code in tree.xpath("//pre/code"):  # inscriptis would fold the white space in it
        code.drop_tag()
    for rule in tree.xpath("//hr"):
        rule.tag, rule.text = "p", "----------"
    for link in tree.xpath("//a[@href]"):
        target, label = link.get("href"), link.text_content().strip()
        if target.removeprefix("mailto:") != label:
            tail = link.makeelement("span", {})
            tail.text = f" {target}" if label.endswith(":") else f" ({target})"
            link.append(tail)
    text = Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"])).get_text()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in text.splitlines())).strip("\n")
