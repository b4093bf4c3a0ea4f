"""Signatures that another implementation verifies."""

from __future__ import annotations

import re
from pathlib import Path

import dkim as verifier
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifyhub import dkim
from notifyhub.config import ConfigError, Settings
from notifyhub.dkim import DkimKey
from tests.channels import test_email as channel
from tests.channels.scripted import Scripted

RSA = dkim.load("provider.example", "s1", dkim.new_key("rsa"))
ED25519 = dkim.load("provider.example", "s2", dkim.new_key("ed25519"))
MAIL = (
    b"From: Provider <support@provider.example>\r\nTo: noc@one.example\r\nSubject: Planned\r\n maintenance\r\n"
    b"Date: Wed, 25 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@provider.example>\r\n"
    b"List-Unsubscribe: <https://notify.provider.example/unsubscribe/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nDear  One Ltd, \t\r\n\r\nsoon.\r\n\r\n"
)


def dns(*keys: DkimKey) -> dict[bytes, bytes]:
    found = {}
    for key in keys:
        name, _, record = dkim.dns_record(key).partition(" IN TXT ")
        found[name.encode()] = "".join(re.findall(r'"([^"]*)"', record)).encode()
    return found


def verifies(message: bytes, *keys: DkimKey, which: int = 0) -> bool:
    records = dns(*keys)
    try:
        return bool(verifier.DKIM(message).verify(which, dnsfunc=lambda name, **_: records.get(name)))
    except verifier.ValidationError:
        return False


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
def test_a_signed_mail_verifies(key: DkimKey) -> None:
    assert verifies(dkim.signer([key])(MAIL), key)


def test_with_two_keys_both_signatures_verify() -> None:
    signed = dkim.signer([RSA, ED25519])(MAIL)
    assert [verifies(signed, RSA, ED25519, which=which) for which in (0, 1)] == [True, True]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"soon", b"late"),
        (b"Planned", b"Cancelled"),
        (b"unsubscribe/x", b"unsubscribe/y"),
        (b"Post: List-Unsubscribe=One-Click", b"Post: nothing"),
        (b"To: noc@", b"To: other@"),
        (b"MIME-Version", b"From: Someone <else@evil.example>\r\nMIME-Version"),
    ],
)
def test_a_changed_mail_does_not(before: bytes, after: bytes) -> None:
    signed = dkim.signer([RSA])(MAIL)
    assert not verifies(signed.replace(before, after), RSA)


def test_what_relays_may_change_on_the_way_does_no_harm() -> None:
    signed = dkim.signer([RSA])(MAIL)
    assert verifies(signed.replace(b"Subject: Planned\r\n maintenance", b"subject:  Planned maintenance").rstrip(b"\r\n") + b"\r\n", RSA)


@given(st.text(st.characters(codec="ascii", exclude_characters="\r"), max_size=300))
def test_whatever_the_body_is(text: str) -> None:
    message = MAIL.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" + text.replace("\n", "\r\n").encode() + b"\r\n"
    assert verifies(dkim.signer([ED25519])(message), ED25519)


def test_no_line_of_a_signature_is_long() -> None:
    signed = dkim.signer([RSA])(MAIL)
    assert max(map(len, signed.removesuffix(MAIL).split(b"\r\n"))) <= 78


def test_without_keys_nothing_is_signed() -> None:
    assert dkim.signer([])(MAIL) == MAIL


def test_what_the_relay_takes_over_is_signed(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_bytes(dkim.new_key("ed25519"))
    server = Scripted()
    carry = channel.Carry(tmp_path, (("NOTIFYHUB_DKIM_SELECTOR", "s3"), ("NOTIFYHUB_DKIM_KEY_FILE", str(file))))
    carry(server, channel.letter(content=lambda: MAIL))
    assert verifies(server.taken[0].raw, dkim.load("provider.example", "s3", file.read_bytes()))


class TestConfiguration:
    def settings(self, folder: Path, **variables: str) -> Settings:
        return Settings.from_environ(
            {"DATA_DIR": str(folder), "NOTIFYHUB_MAIL_FROM": "a@provider.example"}
            | {f"NOTIFYHUB_DKIM_{name}": value for name, value in variables.items()}
        )

    def test_several_selectors_sign_several_times(self, tmp_path: Path) -> None:
        for name in ("rsa", "ed25519"):
            (tmp_path / name).write_bytes(dkim.new_key(name))
        found = self.settings(tmp_path, SELECTOR="one,two", KEY_FILE=f"{tmp_path}/rsa, {tmp_path}/ed25519").dkim
        assert [(key.domain, key.selector) for key in found] == [("provider.example", "one"), ("provider.example", "two")]

    @pytest.mark.parametrize(
        ("variables", "said"),
        [
            ({"SELECTOR": "one"}, "NOTIFYHUB_DKIM_SELECTOR"),
            ({"KEY_FILE": "key"}, "each file needs one"),
            ({"SELECTOR": "one", "KEY_FILE": "/nowhere"}, "cannot read /nowhere"),
            ({"SELECTOR": "one", "KEY_FILE": "{tmp_path}/junk"}, "holds no private key"),
            ({"SELECTOR": "o ne", "KEY_FILE": "{tmp_path}/good"}, "'o ne' is not"),
            ({"SELECTOR": "one", "KEY_FILE": "{tmp_path}/good", "DOMAIN": "bad domain"}, "NOTIFYHUB_DKIM_DOMAIN"),
        ],
    )
    def test_what_cannot_be_used_stops_the_boot(self, tmp_path: Path, variables: dict[str, str], said: str) -> None:
        (tmp_path / "junk").write_text("junk")
        (tmp_path / "good").write_bytes(dkim.new_key("ed25519"))
        with pytest.raises(ConfigError, match=re.escape(said)):
            self.settings(tmp_path, **{name: value.format(tmp_path=tmp_path) for name, value in variables.items()})
