"""Tokens that stand in addresses."""

from __future__ import annotations

import dataclasses
import re
import uuid
from pathlib import Path

import pytest

from notifyhub import signing
from notifyhub.config import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.from_environ({"DATA_DIR": str(tmp_path)})


@pytest.mark.parametrize("number", [0, 1, 1001, 2**56 - 1])
def test_a_ticket_is_found_by_its_token(settings: Settings, number: int) -> None:
    token = signing.ticket_token(settings, number)
    assert re.fullmatch("[a-z2-7]{24}", token)
    assert signing.read_ticket_token(settings, token) == number
    assert signing.read_ticket_token(settings, token.upper()) == number


@pytest.mark.parametrize("place", range(24))
def test_with_one_character_changed_it_finds_nothing(settings: Settings, place: int) -> None:
    token = signing.ticket_token(settings, 1001)
    other = "a" if token[place] != "a" else "b"
    assert signing.read_ticket_token(settings, f"{token[:place]}{other}{token[place + 1 :]}") is None


@pytest.mark.parametrize("token", ["", "a", "1" * 24, "ş" * 24, "a" * 24, "a" * 40])
def test_nonsense_finds_nothing(settings: Settings, token: str) -> None:
    assert signing.read_ticket_token(settings, token) is None


def test_it_is_no_token_of_a_delivery(settings: Settings) -> None:
    assert signing.read_delivery_token(settings, signing.ticket_token(settings, 1001)) is None
    assert signing.read_ticket_token(settings, signing.delivery_token(settings, uuid.UUID(int=7))) is None


def test_an_older_key_still_counts(settings: Settings) -> None:
    token = signing.ticket_token(settings, 1001)
    renewed = dataclasses.replace(settings, secret_keys=("a-new-secret-key-of-the-provider", *settings.secret_keys))
    assert signing.read_ticket_token(renewed, token) == 1001
    assert signing.read_ticket_token(dataclasses.replace(settings, secret_keys=renewed.secret_keys[:1]), token) is None
