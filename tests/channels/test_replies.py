"""What the answers of mail servers say about the mailbox."""

from __future__ import annotations

import uuid

import pytest

from notifyhub.channels.email import replies


@pytest.mark.parametrize(
    "text",
    [
        "5.1.1 no such user",
        "5.1.0 address rejected",
        "5.1.2 no such domain",
        "5.1.10 the domain takes no mail (RFC 7505)",
        "5.2.1 disabled",
        "#5.1.1 bad destination",
        "<noc@one.example>: 5.1.1",
        "5.1.1 one\n5.1.1 two",
    ],
)
def test_these_say_that_the_mailbox_is_gone(text: str) -> None:
    assert replies.mailbox_gone(text)


@pytest.mark.parametrize(
    "text",
    [
        "5.7.1 blocked by policy",
        "5.2.2 mailbox full",
        "5.2.0 something",
        "no",
        "user unknown",
        "5.1.8 <bounces@provider.example>: Sender address rejected: Domain not found",
        "5.1.7 bad address of the sender",
        "5.7.1 client [5.1.66.7] is listed",
        "client [5.1.66.7] is listed",
        "see 15.1.1",
        "4.1.1 later",
    ],
)
def test_these_do_not(text: str) -> None:
    assert not replies.mailbox_gone(text)


@pytest.mark.parametrize(("code", "outcome"), [(450, "deferred"), (452, "deferred"), (550, "refused"), (554, "refused")])
def test_the_code_decides_whether_it_is_tried_again(code: int, outcome: str) -> None:
    assert replies.refused(uuid.uuid4(), code, "no").outcome == outcome


def test_an_answer_of_many_lines_is_kept_as_one_of_a_certain_length() -> None:
    assert replies.shown(550, "one\ntwo " + "m" * 600) == "550 one two " + "m" * 488


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("250 2.0.0 Ok: queued as 4bXyZ1", "2xx 2.0"),
        ("250 Ok: queued as 4bXyZ1", "2xx"),
        ("250 2.1.5 10.2.3.4 accepted", "2xx 2.1"),
        ("451 4.7.1 Greylisted, see 5.7.1", "4xx 4.7"),
        ("550 5.1.1 no such user", "5xx 5.1"),
        ("550 no such user (5.1.1)", "5xx 5.1"),
        ("554 5.99.1 a subject that nobody knows", "5xx 5.0"),
        ("550 blocked, 192.5.7.1 is listed", "5xx"),
        ("550 ", "5xx"),
        ("not sent: the address was erased", ""),
        ("the relay does not offer SMTPUTF8, which this address needs (RFC 6531)", ""),
        ("", ""),
    ],
)
def test_an_answer_is_of_one_of_a_few_classes(reply: str, expected: str) -> None:
    assert replies.answer_class(reply) == expected
