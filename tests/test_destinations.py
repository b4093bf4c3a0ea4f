"""Where mail goes now, in sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from markupsafe import Markup

from notifyhub import destinations, languages
from notifyhub.routing import Address, Mailbox, Notification, Recipient, route

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
OWNER = Mailbox(1, "owner@one.example")
GONE = OWNER._replace(status="bouncing")


def box(name: str, id: int = 2, **changes: Any) -> Mailbox:
    return Mailbox(id, f"{name}@one.example")._replace(**changes)


def said(*addresses: Address, registered: Mailbox = OWNER, category: str = "abuse", locale: str = "en", **recipient: Any) -> list[str]:
    question = Notification("abuse", category)
    decisions = route(question, Recipient(7, registered, **recipient), addresses, NOW)
    found = destinations.sentences(decisions, category, registered.email, languages.formats(locale), languages.translations(locale))
    return [Markup(sentence.text).striptags() for sentence in found]


def address(mailbox: Mailbox, state: Any = "verified", since: datetime | None = None, category: str = "abuse") -> Address:
    return Address(category, mailbox, state, since)


A, B = box("a"), box("b", 3)


@pytest.mark.parametrize(
    ("addresses", "sentence"),
    [
        ((), "Now goes to owner@one.example (registered), because no address is set here."),
        ((address(A),), "Now goes to a@one.example (your address for abuse and security)."),
        ((address(A), address(B)), "Now goes to a@one.example and b@one.example (your addresses for abuse and security)."),
        ((address(A), address(B, "pending")), "Now goes to a@one.example (your address for abuse and security)."),
        ((address(A, "replaced"), address(B, "pending")), "Now goes to a@one.example, until an address that replaces it is confirmed."),
        ((address(A, "pending"),), "Now goes to owner@one.example (registered), because a@one.example is not confirmed yet."),
        (
            (address(box("a", status="bouncing")),),
            "Now goes to owner@one.example (registered), because a@one.example does not accept our mail.",
        ),
        (
            (address(box("a", status="bouncing")), address(B, "pending")),
            "Now goes to owner@one.example (registered), because no address set here can be used.",
        ),
    ],
)
def test_the_sentence_names_the_address_and_the_reason(addresses: tuple[Address, ...], sentence: str) -> None:
    assert said(*addresses) == [sentence]


def test_it_says_when_nobody_can_be_reached() -> None:
    assert said(registered=GONE)[0].startswith("Nobody can be reached by mail: the registered address, owner@one.example, does not accept")
    assert said(address(A, "pending"), registered=GONE)[0].startswith("Nobody can be reached by mail: no address set here can be used")


def test_it_says_who_is_written_to_besides_after_a_change() -> None:
    sentences = said(address(A, since=NOW - timedelta(hours=1)), previous_registered=B, registered_changed_at=NOW - timedelta(hours=1))
    assert len(sentences) == 3
    assert "also goes to owner@one.example (registered)" in sentences[1]
    assert "also goes to b@one.example: that was the registered address" in sentences[2]


def test_what_others_chose_as_an_address_is_text() -> None:
    decisions = route(Notification("abuse", "abuse"), Recipient(7, Mailbox(1, "<b>%(x)s@one.example")), [], NOW)
    (sentence,) = destinations.sentences(decisions, "abuse", None, languages.formats("en"), languages.translations("en"))
    assert "&lt;b&gt;%(x)s@one.example" in sentence.text


@pytest.mark.parametrize("locale", languages.translated())
def test_every_language_fills_every_sentence(locale: str) -> None:
    words, values = languages.translations(locale), dict.fromkeys(("addresses", "category", "skipped", "registered"), "x")
    for say, _ in destinations.SENTENCES.values():
        for count in (1, 2):
            assert say(words, count, ()) % values
