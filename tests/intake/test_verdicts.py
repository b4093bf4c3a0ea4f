"""Hard or soft: the enhanced status code first, then the SMTP code, then the words."""

from __future__ import annotations

import pytest

from notifyhub.intake.verdicts import verdict


@pytest.mark.parametrize(
    ("status", "diagnostic", "text", "expected"),
    [
        ("5.1.1", "", "", "gone"),
        ("5.1.2", "", "", "gone"),
        ("5.1.10", "", "", "gone"),
        ("5.2.1", "", "", "gone"),
        ("5.1.8", "550 sender", "", "refused"),
        ("5.2.2", "552 user unknown", "", "temporary"),  # the status has the first word
        ("5.7.1", "550 user unknown", "", "refused"),
        ("5.7.26", "", "", "refused"),
        ("4.4.7", "550 5.1.1 no such user", "", "temporary"),
        ("5.4.4", "", "", "temporary"),
        ("5.3.4", "", "", "refused"),
        ("5.0.0", "smtp; 550 5.1.1 no such user", "", "gone"),  # a status that says nothing
        ("5.0.0", "smtp; 550 no such user", "", "gone"),
        ("5.0.0", "smtp; 552 no such user", "", "temporary"),
        ("5.0.0", "smtp; 451 no such user", "", "temporary"),
        ("5.0.0", "smtp; 554 rejected", "", "refused"),
        ("", "", "550 5.1.1 unknown", "gone"),
        ("", "", "version 5.1.1 of our server is full of joy", "refused"),  # in running text only behind an SMTP code
        ("", "", "The user's mailbox is full.", "temporary"),
        ("", "", "This account has been disabled or discontinued", "gone"),
        ("", "", "Your mail to this user unknown to us looks like spam", "refused"),
        ("", "", "Connection timed out", "temporary"),
        ("4.0.0", "", "", "temporary"),
        ("5.0.0", "", "", "refused"),
        ("", "", "", "refused"),
    ],
)  # fmt: skip
def test_what_a_report_means(status: str, diagnostic: str, text: str, expected: str) -> None:
    assert verdict(status, diagnostic, text) == expected


@pytest.mark.parametrize("ip", ["host 192.5.1.1[5.1.1.9] said: 550 no", "from 10.5.1.1 550 denied"])
def test_an_ip_address_is_no_status(ip: str) -> None:
    assert verdict("", ip) == "refused"
