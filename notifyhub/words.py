"""Text that people typed: what may stand in one line, what in many, and when two spellings are alike to whoever searches."""

from __future__ import annotations

import unicodedata

from notifyhub.languages import N_, said

# embeddings and overrides of direction can make a name read as something else (UAX #9); marks and joiners are wanted
DIRECTION_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
REFUSED_CATEGORIES = {
    "Cc": N_("a control character"),
    "Cs": N_("half of a surrogate pair"),
    "Zl": N_("a line break"),
    "Zp": N_("a line break"),
}


# letters that Unicode does not take apart, as they are written on a keyboard without them
PLAIN_LETTERS = str.maketrans({"ı": "i", "ø": "o", "đ": "d", "ł": "l", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})


def folded(text: str) -> str:
    """As names are compared in a search: without case, accents and points."""
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join([letter for letter in apart if unicodedata.category(letter) != "Mn"]).translate(PLAIN_LETTERS)


def one_line(text: str, most: int, least: int = 0) -> str:
    """The text without white space around it. Raises ValueError with a sentence."""
    text = text.strip()
    if not text.isprintable():  # false for much that is fine, such as U+00A0 and U+200C
        _refuse_controls(text, allowed="")
    return _measured(text, most, least)


def many_lines(text: str, most: int, least: int = 0) -> str:
    """The same for text with line breaks, which come back as plain \\n."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    _refuse_controls(text, allowed="\n\t")
    return _measured(text, most, least)


def pasted(text: str, most: int, least: int = 0) -> str:
    """The same for what is pasted from elsewhere, such as a log: characters that nobody sees are left out, and not complained about."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    seen = "".join([character for character in text if character in "\n\t" or not _is_unseen(character)]).strip("\n")
    return _measured(seen if seen.strip() else "", most, least)


def _is_unseen(character: str) -> bool:
    return character in DIRECTION_CONTROLS or unicodedata.category(character) in REFUSED_CATEGORIES


def _refuse_controls(text: str, allowed: str) -> None:
    for character in text:
        if character in allowed:
            continue
        if character in DIRECTION_CONTROLS:
            raise ValueError(said("has a character that turns the direction of text (%(code)s)", code=f"U+{ord(character):04X}"))
        if character in "\r\n":
            raise ValueError(said("has a line break; this is one line"))
        if what := REFUSED_CATEGORIES.get(unicodedata.category(character)):
            raise ValueError(said("has %(what)s (%(code)s)", what=what, code=f"U+{ord(character):04X}"))


def _measured(text: str, most: int, least: int) -> str:
    if len(text) > most:
        raise ValueError(said("has %(count)s characters; %(most)s are allowed", count=f"{len(text):,}", most=f"{most:,}"))
    if len(text) < least:
        raise ValueError(said("is empty") if not text else said("needs at least %(least)s characters", least=least))
    return text
