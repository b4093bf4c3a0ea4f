"""Which language a reader gets, and its catalogue of translated strings."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.support import NullTranslations, Translations

CATALOGUES = Path(__file__).parent / "translations"
SOURCE = "en"  # the language that strings are written in


def N_(text: str) -> str:
    """Marks a string that is translated later, where it is shown."""
    return text


class Said(str):
    """An English sentence that knows what it was made of, so that a page can say it in another language."""

    text: str
    values: dict[str, Any]

    def __str__(self) -> str:
        return self  # whoever reads it off an exception keeps what it knows

    def translated(self, words: NullTranslations) -> str:
        return words.gettext(self.text) % {name: _translated(value, words) for name, value in self.values.items()}


def _translated(value: Any, words: NullTranslations) -> Any:
    if isinstance(value, Said):
        return value.translated(words)
    return words.gettext(value) if isinstance(value, str) and value else value


def said(text: str, **values: Any) -> Said:
    """`text` is the translatable one, with its values as %(name)s."""
    sentence = Said(text % values)
    sentence.text, sentence.values = text, values
    return sentence


def choose_locale(wanted: str, available: Iterable[str], default: str) -> str:
    """One of `available`, as it is spelled there: exact, then the same language, then the default, then the first."""
    spellings = list(available)
    by_key = {_key(spelling): spelling for spelling in reversed(spellings)}
    for locale in (wanted, default):
        key = _key(locale)
        while key:
            if key in by_key:
                return by_key[key]
            key = key.rpartition("_")[0]
        language = _key(locale).partition("_")[0]
        for spelling in spellings:
            if _key(spelling).partition("_")[0] == language:
                return spelling
    return spellings[0]


def _key(locale: str) -> str:
    return locale.strip().replace("-", "_").lower()


@cache
def translated() -> tuple[str, ...]:
    """The languages that the strings of pages and mails exist in."""
    return (SOURCE, *sorted(path.parent.parent.name for path in CATALOGUES.glob("*/LC_MESSAGES/messages.mo")))


@cache
def _catalogue(locale: str) -> NullTranslations:
    return Translations.load(CATALOGUES, [locale])


def translations(locale: str) -> NullTranslations:
    """The strings in that language; the English they are written in where there is no translation of it."""
    return _catalogue(choose_locale(locale, translated(), SOURCE))


def formats(locale: str) -> Locale:
    """How dates and lists are written in that language."""
    try:
        found = Locale.parse(_tag(locale))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(_tag(SOURCE))
    return found


def _tag(locale: str) -> str:
    # Babel's bare "en" is American; without a country we write day before month, as most of the world does
    return {"en": "en_150"}.get(locale, locale.replace("-", "_"))


def direction(locale: str) -> str:
    return "rtl" if formats(locale).character_order == "right-to-left" else "ltr"
