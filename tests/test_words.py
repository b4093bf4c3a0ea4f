"""Text that people typed."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.words import many_lines, one_line, pasted

anything = st.text(st.characters(), max_size=40)
FINE = [
    "One Ltd",
    "İki Bilişim A.Ş.",
    "株式会社",
    "شركة مثال",
    "می\u200cخواهم",
    "Zürich\u00a0AG",
    "👩\u200d💻 Devs",
    "é",
    "a\u0301",
    "O'Brien & <Sons>",
]


@pytest.mark.parametrize("text", FINE)
def test_names_in_any_script_are_kept_as_they_are(text: str) -> None:
    assert one_line(text, 200) == text


@pytest.mark.parametrize(
    ("text", "refusal"),
    [
        ("One\r\nBcc: x@y.example", "has a line break; this is one line"),
        ("One\nTwo", "has a line break; this is one line"),
        ("One\u2028Two", r"has a line break \(U\+2028\)"),
        ("One\x00Two", r"has a control character \(U\+0000\)"),
        ("One\x1b[31m", r"has a control character \(U\+001B\)"),
        ("One\tTwo", r"has a control character \(U\+0009\)"),
        ("One\x85Two", r"has a control character \(U\+0085\)"),
        ("One\ud800", r"has half of a surrogate pair \(U\+D800\)"),
        ("One\u202eowT", r"has a character that turns the direction of text \(U\+202E\)"),
        ("", "is empty"),
        ("  \t ", "is empty"),
        ("x" * 21, "has 21 characters; 20 are allowed"),
    ],
)
def test_what_cannot_stand_in_one_line_is_refused(text: str, refusal: str) -> None:
    with pytest.raises(ValueError, match=refusal):
        one_line(text, 20, 1)


def test_white_space_around_a_line_goes() -> None:
    assert one_line(" \u00a0One Ltd\t\n", 20) == "One Ltd"


def test_line_breaks_of_every_system_become_one_kind() -> None:
    assert many_lines("a\r\nb\rc\nd\n", 20) == "a\nb\nc\nd"


def test_tabs_stay_where_there_are_many_lines() -> None:
    assert many_lines("a\tb", 20) == "a\tb"


@given(anything)
def test_an_accepted_line_is_one_line_of_clean_text(text: str) -> None:
    try:
        line = one_line(text, 100)
    except ValueError:
        return
    assert len(line.splitlines()) <= 1
    assert not {unicodedata.category(character) for character in line} & {"Cc", "Cs"}


@given(anything)
def test_an_accepted_line_is_accepted_again(text: str) -> None:
    try:
        line = one_line(text, 100)
    except ValueError:
        return
    assert one_line(line, 100) == line


@given(anything)
def test_what_is_pasted_is_never_complained_about_for_what_nobody_sees(text: str) -> None:
    kept = pasted(text, 40)
    assert many_lines(kept, 40) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("\n\n  indented\r\n\tand more\r\n\n", "  indented\n\tand more"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\u202eb\u2066c\x00d\ud800e\u2028f", "abcdef"),
        ("می\u200cخواهم 👩\u200d💻", "می\u200cخواهم 👩\u200d💻"),
    ],
)
def test_what_is_pasted_keeps_its_lines_and_loses_what_nobody_sees(text: str, kept: str) -> None:
    assert pasted(text, 100) == kept
