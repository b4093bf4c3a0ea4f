"""Who a mail is from, and whether that is proven: one address in one From, and dmarc=pass for its domain, by the provider's own mail
server (RFC 8601). Anyone can write anything else into a mail, so nothing else counts, and what can be read in two ways is no proof.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from notifyhub.emails import Email, parse_email
from notifyhub.intake import parsing
from notifyhub.intake.parsing import Part

MOST_CHARACTERS = 8_000  # of a header that is looked at


class Author(NamedTuple):
    email: Email
    name: str  # as they call themselves


def author(message: Part) -> Author | None:
    """None where there is not exactly one From, with exactly one address."""
    found = parsing.headers(message, "From")
    text = _readable(found[0]) if len(found) == 1 else None
    written = _FROM.fullmatch(text) if text else None
    if written is None:
        return None
    try:
        email = parse_email(written["bare"] or written["inside"])
    except ValueError:
        return None
    name = parsing.decoded((written["name"] or "").strip())
    return Author(email, name.strip('"').replace('\\"', '"').replace("\\\\", "\\"))


# RFC 5322 section 3.4 without groups and routes: name <address>, or the bare address, perhaps with a comment behind it. Outside of
# quotes a name has none of the characters by which one program would read other addresses out of it than another.
_ADDRESS = r'[^\s<>()\[\]",:;@\\]+@[^\s<>()\[\]",:;@\\]+'
_COMMENT = r'(?:\s*\([^()<>\[\]",:;@\\]*\))?'
_NAME = r'(?:[^<>()\[\]",:;@\\]|"(?:[^"\\]|\\.)*")*'
_FROM = re.compile(rf"\s*(?:(?P<bare>{_ADDRESS}){_COMMENT}|(?P<name>{_NAME})<\s*(?P<inside>{_ADDRESS})\s*>)\s*")


def claimed(message: Part) -> list[str]:
    """Keys of whatever looks like an address in any From: whom a reader might take for its author."""
    texts = " ".join(parsing.decoded(header) for header in parsing.headers(message, "From")[:MOST_CLAIMED])
    found = []
    for address in re.findall(_ADDRESS, texts)[:MOST_CLAIMED]:
        try:
            found.append(parse_email(address).key)
        except ValueError:
            continue
    return found


MOST_CLAIMED = 10


def is_proven(message: Part, email: Email, authserv_id: str | None) -> bool:
    """By the topmost Authentication-Results alone: those below it may be the sender's own."""
    results = parsing.headers(message, "Authentication-Results")
    if authserv_id is None or not results:
        return False
    claimed = read_results(results[0])
    if claimed is None or claimed.authserv_id != authserv_id:
        return False
    dmarc = [result for result in claimed.results if result.method == "dmarc"]
    if len(dmarc) != 1 or dmarc[0].value != "pass":
        return False
    return [_domain(value) for value in dmarc[0].header_from] == [email.address.rpartition("@")[2]]


def _domain(text: str) -> str | None:
    try:
        return parse_email(f"a@{text}").address[2:]
    except ValueError:
        return None


class Result(NamedTuple):
    method: str
    value: str
    header_from: list[str]


class Results(NamedTuple):
    authserv_id: str
    results: list[Result]


def read_results(header: str) -> Results | None:
    """RFC 8601 section 2.2, in lower case. None where it is not written like that, or does not begin with the id, as a mail server that
    takes away what others wrote in its name may look for it there."""
    text = _readable(header)
    tokens = _tokens(text) if text and not text.lstrip().startswith("(") else None
    if not tokens:
        return None
    first, *others = _split(tokens)
    if not first or len(first) > 2 or (len(first) == 2 and first[1] != "1") or not _is_word(first[0]):
        return None
    results = [_result(part) for part in others if part and part != ["none"]]
    return Results(first[0].strip('"'), [result for result in results if result]) if all(results) else None


def _readable(header: str) -> str | None:
    """Unfolded; None where it has octets that are no UTF-8, or what nobody sees."""
    if len(header) > MOST_CHARACTERS:
        return None
    try:
        text = re.sub(r"\r?\n(?=[ \t])", "", header).encode("utf-8", "surrogateescape").decode().replace("\t", " ")
    except UnicodeError:
        return None
    return text if text.isprintable() else None


# a word, a quoted string, a mark; what stands in brackets is a comment, and cut out beforehand. Signatures end in = signs.
_TOKEN = re.compile(r' *("(?:[^"\\]|\\.)*"|[;=]|[^\s";=()]+)')
_VALUE = re.compile(r' *("(?:[^"\\]|\\.)*"|[^\s";()]+)')


def _tokens(text: str) -> list[str] | None:
    """None where a comment or a quoted string does not end, or a bracket stands alone."""
    text, at = text.lower().rstrip(), 0
    tokens: list[str] = []
    while at < len(text):
        if text[at:].lstrip().startswith("("):
            end = _comment_end(text, text.index("(", at))
            if end is None:
                return None
            at = end
            continue
        found = (_VALUE if tokens and tokens[-1] == "=" else _TOKEN).match(text, at)
        if found is None:
            return None
        tokens.append(found[1])
        at = found.end()
    return tokens


def _comment_end(text: str, at: int) -> int | None:
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "(":
            depth += 1
        elif text[at] == ")":
            depth -= 1
            if not depth:
                return at + 1
        at += 1
    return None


def _split(tokens: list[str]) -> list[list[str]]:
    parts: list[list[str]] = [[]]
    for word in tokens:
        if word == ";":
            parts.append([])
        else:
            parts[-1].append(word)
    return parts


def _result(part: list[str]) -> Result | None:
    """method = value, then what it is about, each as name = value."""
    pairs = [part[at : at + 3] for at in range(0, len(part), 3)]
    if not all(len(pair) == 3 and pair[1] == "=" and _is_word(pair[0]) and pair[2] != "=" for pair in pairs):
        return None
    (method, _, value), *about = pairs
    method, _, version = method.partition("/")
    if version not in ("", "1"):
        return None
    return Result(method, value, [value.strip('"') for name, _, value in about if name == "header.from"])


def _is_word(text: str) -> bool:
    return text != "=" and "\\" not in text
