"""Turkish is complete, and what is installed is what the .po file says."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import read_mo, write_mo
from babel.messages.pofile import read_po

from notifyhub.languages import CATALOGUES

ROOT = Path(__file__).parent.parent
COMPLETE = ["tr"]
KEYWORDS = {**DEFAULT_KEYWORDS, "said": None}


def catalogue(locale: str) -> Catalog:
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale=locale)


def source_strings() -> set[str | tuple[str, ...]]:
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found = (
        message
        for folder in ("notifyhub", "templates")
        for _, _, message, _, _ in extract_from_dir(
            ROOT / folder,
            method_map=[(pattern.removeprefix(f"{folder}/"), method) for pattern, method in methods if pattern.startswith(folder)],
            keywords=KEYWORDS,
            options_map={pattern.removeprefix(f"{folder}/"): value for pattern, value in options.items()},
        )
    )
    return set(found)


@pytest.mark.parametrize("locale", COMPLETE)
def test_every_source_string_is_translated(locale: str) -> None:
    known = {message.id for message in catalogue(locale) if message.id}
    missing = source_strings() - known
    assert not missing, f"run pybabel (see babel.cfg); missing in {locale}: {sorted(map(str, missing))}"


@pytest.mark.parametrize("locale", COMPLETE)
def test_no_translation_is_empty_fuzzy_or_without_its_placeholders(locale: str) -> None:
    for message in catalogue(locale):
        if not message.id:
            continue
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(strings), f"not translated: {message.id}"
        assert not message.fuzzy, f"fuzzy: {message.id}"
        assert not list(message.check()), f"placeholders differ: {message.id}"


@pytest.mark.parametrize("locale", COMPLETE)
def test_the_compiled_catalogue_is_the_one_in_the_po_file(locale: str) -> None:
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(locale))
    compiled.seek(0)
    with (CATALOGUES / locale / "LC_MESSAGES" / "messages.mo").open("rb") as file:
        installed = read_mo(file)
    expected = {str(message.id): message.string for message in read_mo(compiled) if message.id}
    assert {str(message.id): message.string for message in installed if message.id} == expected, "run pybabel compile (see babel.cfg)"


JINJA = re.compile(
    r"\{#.*?#\}|\{%-? *block (?:main|body)_class.*?endblock *-?%\}|\{%-? *trans\b.*?endtrans *-?%\}|\{%.*?%\}|\{\{.*?\}\}", re.S
)
MARKUP = re.compile(r"dir=\"auto\"|<style.*?</style>|<!--.*?-->|<code.*?</code>|<[^>]*>|&[a-z]+;", re.S)
SPOKEN = re.compile(r'(?:aria-label|title|placeholder|alt)="([^"]*)"')
WORD = re.compile(r"[^\W\d_]{2}")


@pytest.mark.parametrize(
    "path", sorted((ROOT / "templates").rglob("*.html")), ids=lambda path: path.relative_to(ROOT / "templates").as_posix()
)
def test_no_text_of_a_page_stands_outside_of_the_catalogue(path: Path) -> None:
    if "dev" in path.parts or path.name == "docs.html":
        return  # for developers: in English
    plain = JINJA.sub("", path.read_text())
    texts = [*SPOKEN.findall(plain), MARKUP.sub("\n", plain)]
    assert [line.strip() for text in texts for line in text.splitlines() if WORD.search(line)] == []
