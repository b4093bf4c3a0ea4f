"""Which e-mail addresses are accepted, and which spellings are one mailbox."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub.emails import Email, parse_email

ONE_MAILBOX = [
    ("owner@one.example", "Owner@one.example"),
    ("owner@one.example", "owner@ONE.Example"),
    ("owner@bücher.example", "owner@xn--bcher-kva.example"),
    ("owner@bücher.example", "owner@BÜCHER.example"),
    ("owner@bücher.example", "owner@" + unicodedata.normalize("NFD", "bücher") + ".example"),
    ("josé@one.example", unicodedata.normalize("NFD", "josé") + "@one.example"),
    ("JOSÉ@one.example", "josé@one.example"),
    ("straße@one.example", "STRASSE@one.example"),
]
TWO_MAILBOXES = [
    ("first.last@one.example", "firstlast@one.example"),
    ("owner+abuse@one.example", "owner@one.example"),
    ("jose@one.example", "josé@one.example"),
    ("owner@one.example", "owner@sub.one.example"),
]
REFUSED = [
    "", " ", "owner", "@one.example", "owner@", "owner@@one.example", "owner@one", "owner@one..example", "owner@-one.example",
    ".owner@one.example", "owner.@one.example", "ow..ner@one.example", "owner@one.example ", " owner@one.example", "owner @one.example",
    "owner@one.example,second@one.example", "Owner <owner@one.example>", "owner@one.example\r\nBcc: x@y.example", "owner\n@one.example",
    "owner\x00@one.example", "own\ud800er@one.example", "owner@one\ud800.example", "owner@[192.0.2.1]", '"owner"@one.example',
    "owner@one.example\u202e", "o" * 65 + "@one.example", "owner@" + "o" * 64 + ".example", "owner@" + "o." * 130 + "example",
    "owner@192.0.2.1", "owner@one.ex_ample", "owner@localhost", "owner@server.local", "owner@one.invalid", "owner@Server.LOCAL",
    "é" * 33 + "@one.example", "xn--@xn--a.example",
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), ONE_MAILBOX)
def test_spellings_of_one_mailbox_compare_equal(one: str, other: str) -> None:
    assert parse_email(one).key == parse_email(other).key


@pytest.mark.parametrize(("one", "other"), TWO_MAILBOXES)
def test_different_mailboxes_stay_different(one: str, other: str) -> None:
    assert parse_email(one).key != parse_email(other).key


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_address_is_refused_with_a_printable_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"^is ") as refusal:
        parse_email(text)
    assert str(refusal.value).isprintable()


def test_an_address_of_300_characters_is_refused_for_its_length() -> None:
    with pytest.raises(ValueError, match="longer than 254 characters"):
        parse_email("o" * 60 + "@" + ("d" * 50 + ".") * 4 + "d" * 20 + ".example")


def test_the_longest_address_is_accepted() -> None:
    longest = "o" * 64 + "@" + ("d" * 60 + ".") * 2 + "d" * 59 + ".example"
    assert parse_email(longest).address == longest


def test_the_local_part_is_kept_as_it_was_written() -> None:
    assert parse_email("Owner.Name@One.Example") == Email("Owner.Name@one.example", "owner.name@one.example")


def test_the_domain_is_written_as_a_label() -> None:
    assert parse_email("JOSÉ@Bücher.example").address == "JOSÉ@xn--bcher-kva.example"


locals_ = st.from_regex(r"[A-Za-z0-9_+-]{1,12}(\.[A-Za-z0-9_+-]{1,12})?", fullmatch=True)
domains = st.from_regex(r"[a-z0-9]{1,10}(-[a-z0-9]{1,10})?\.(example|com|local|test|invalid|dev)", fullmatch=True)


@given(locals_, domains)
def test_the_short_way_for_plain_addresses_answers_as_the_validator_does(local: str, domain: str) -> None:
    """An upper-case letter in the domain takes the long way."""

    def answer(text: str) -> Email | None:
        try:
            return parse_email(text)
        except ValueError:
            return None

    assert answer(f"{local}@{domain}") == answer(f"{local}@{domain[:-1]}{domain[-1].upper()}")


@given(st.text(max_size=30) | st.text(max_size=20).map(lambda text: f"{text}@one.example"))
def test_anything_typed_is_an_address_or_a_refusal(text: str) -> None:
    try:
        address = parse_email(text).address
    except ValueError:
        return
    assert address.rpartition("@")[2].isascii()


@given(st.text(max_size=20).map(lambda text: f"{text}@bücher.example"))
def test_an_accepted_address_reads_the_same_again(text: str) -> None:
    try:
        email = parse_email(text)
    except ValueError:
        return
    assert parse_email(email.address) == email
