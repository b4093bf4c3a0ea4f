"""What somebody wrote, told apart from what their mail program quoted."""

from __future__ import annotations

import pytest

from notifyhub.tickets.quoting import apart


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Hello\n\nBye", [("Hello\n\nBye", False)]),
        ("> a\n> b", [("> a\n> b", True)]),
        (
            "Thanks!\n\nOn Mon, 23 Nov 2026, Ada wrote:\n> a\n> b",
            [("Thanks!\n\nOn Mon, 23 Nov 2026, Ada wrote:", False), ("> a\n> b", True)],
        ),
        ("> Is it up?\n\nYes.\n\n> And now?\nNo.", [("> Is it up?", True), ("Yes.", False), ("> And now?", True), ("No.", False)]),
        (
            "Thanks!\n\n-----Original Message-----\nFrom: Ada\nSubject: x\n\nold words",
            [("Thanks!\n\n-----Original Message-----", False), ("From: Ada\nSubject: x\n\nold words", True)],
        ),
        ("Am 23.11.2026 schrieb Ada:\n> alt\nneu", [("Am 23.11.2026 schrieb Ada:", False), ("> alt", True), ("neu", False)]),
        ("", []),
        ("\n \n", []),
    ],
    ids=["nothing quoted", "all quoted", "below", "between", "not marked", "in another language", "empty", "blank"],
)
def test_turns(text: str, turns: list[tuple[str, bool]]) -> None:
    assert list(apart(text)) == turns


def test_long_lines_take_no_time() -> None:
    for line in ("On " + "wrote: " * 7000, "Am schrieb " * 4500, "> " * 25_000, "2026/1/1 <@> " * 3800):
        assert apart(line + "\n" + line)
    assert apart("> a\nb\n" * 8000)
