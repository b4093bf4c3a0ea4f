"""Settings: what the environment may say, and that a wrong value is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from notifyhub.config import ConfigError, Relay, Settings, SsoKey, parse_intake, parse_relay

EXTERNAL = {
    "NOTIFYHUB_DATABASE_URL": "postgresql://hub:pw@db.example/hub",
    "NOTIFYHUB_REDIS_URL": "redis://redis.example",
    "NOTIFYHUB_SMTP_URL": "smtp://mail.example:587",
    "NOTIFYHUB_SECRET_KEY": "a-secret-of-more-than-24-characters",
    "NOTIFYHUB_MAIL_FROM": "Support <support@provider.example>",
}


def settings(data_dir: Path, **environ: str) -> Settings:
    return Settings.from_environ({"DATA_DIR": str(data_dir), **environ})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "eighty"),
        ("PORT", "-1"),
        ("DEMO", "yes"),
        ("NOTIFYHUB_DATABASE_URL", "mysql://db.example/hub"),
        ("NOTIFYHUB_DATABASE_URL", "postgresql"),
        ("NOTIFYHUB_REDIS_URL", "redis.example:6379"),
        ("NOTIFYHUB_SMTP_URL", "mail.example:587"),
        ("NOTIFYHUB_SMTP_URL", "http://mail.example"),
        ("NOTIFYHUB_SMTP_URL", "smtp://mail.example?tls=maybe"),
        ("NOTIFYHUB_SMTP_URL", "smtp://mail.example?tsl=none"),
        ("NOTIFYHUB_SMTP_URL", "smtp://mail.example/path"),
        ("NOTIFYHUB_SMTP_URL", "smtp://mail.example:99999"),
        ("NOTIFYHUB_SMTP_CONNECTIONS", "0"),
        ("NOTIFYHUB_SMTP_CONNECTIONS", "many"),
        ("NOTIFYHUB_SMTP_RATE", "0"),
        ("NOTIFYHUB_SMTP_RATE", "fast"),
        ("NOTIFYHUB_SMTP_RATE", "nan"),
        ("NOTIFYHUB_TICKET_PROMISE_MINUTES", "0"),
        ("NOTIFYHUB_TICKET_PROMISE_MINUTES", "10081"),
        ("NOTIFYHUB_TICKET_PROMISE_MINUTES", "2.5"),
        ("NOTIFYHUB_MAIL_PROMISE_MINUTES", "soon"),
        ("NOTIFYHUB_INTAKE_URL", "127.0.0.1:2424"),
        ("NOTIFYHUB_INTAKE_URL", "lmtp://0.0.0.0:2424"),
        ("NOTIFYHUB_INTAKE_URL", "lmtp://mail.example:2424"),
        ("NOTIFYHUB_INTAKE_URL", "lmtp://127.0.0.1"),
        ("NOTIFYHUB_INTAKE_URL", "lmtp://127.0.0.1:99999"),
        ("NOTIFYHUB_INTAKE_URL", "lmtp://"),
        ("NOTIFYHUB_INTAKE_URL", "lmtp:///" + "a" * 100),
        ("NOTIFYHUB_INTAKE_URL", "smtp://user@127.0.0.1:2525"),
        ("NOTIFYHUB_INTAKE_ADDRESS", "support"),
        ("NOTIFYHUB_INTAKE_ADDRESS", "a-local-part-of-fourty-octets-is-too-long@provider.example"),
        ("NOTIFYHUB_TRUSTED_AUTHSERV_ID", "mx.provider.example; dmarc=pass"),
        ("NOTIFYHUB_CHAT_PATIENCE", "0"),
        ("NOTIFYHUB_CHAT_PATIENCE", "soon"),
        ("NOTIFYHUB_CHAT_ORIGINS", "www.provider.example"),
        ("NOTIFYHUB_CHAT_ORIGINS", "https://www.provider.example/"),
        ("NOTIFYHUB_CHAT_ORIGINS", "https://www.provider.example, https://"),
        ("NOTIFYHUB_CHAT_ORIGINS", "ftp://www.provider.example"),
        ("NOTIFYHUB_CHAT_ORIGINS", "https://WWW.provider.example"),
        ("NOTIFYHUB_RETRY_AFTER", "60,,300"),
        ("NOTIFYHUB_RETRY_AFTER", "60,soon"),
        ("NOTIFYHUB_MAIL_FROM", "Support"),
        ("NOTIFYHUB_MAIL_FROM", "support@"),
        ("NOTIFYHUB_MAIL_FROM", "Support <süpport@provider.example>"),
        ("NOTIFYHUB_BOUNCE_ADDRESS", "nobody"),
        ("NOTIFYHUB_BOUNCE_ADDRESS", "a-local-part-of-25-octets@provider.example"),
        ("NOTIFYHUB_SECRET_KEY", "short"),
        ("NOTIFYHUB_SECRET_KEY", "a-secret-of-more-than-24-characters,short"),
        ("NOTIFYHUB_SECRET_KEY", ","),
        ("NOTIFYHUB_BOOTSTRAP_API_KEY", "short"),
        ("NOTIFYHUB_BOOTSTRAP_API_KEY", "twenty four characters with spaces"),
        ("NOTIFYHUB_BASE_URL", "notify.provider.example"),
        ("NOTIFYHUB_BASE_URL", "ftp://notify.provider.example"),
        ("NOTIFYHUB_BASE_URL", "https://notify.provider.example/?a=b"),
        ("NOTIFYHUB_DEFAULT_LOCALE", "klingon"),
        ("NOTIFYHUB_BRAND_ACCENT", "green"),
        ("NOTIFYHUB_SSO_KEY", "31 characters are just too few!"),
        ("NOTIFYHUB_SSO_KEY", "/nowhere/that/is/longer/than/thirty-two/characters/sso.key"),
        ("NOTIFYHUB_SSO_KEY", "sso.pem"),
        ("NOTIFYHUB_SSO_KEY", "-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----"),
        ("NOTIFYHUB_TRUSTED_PROXIES", "proxy.internal"),
        ("NOTIFYHUB_METRICS_NETWORKS", "prometheus.internal"),
    ],
)
def test_a_wrong_value_is_named(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: "):
        settings(tmp_path, **{**EXTERNAL, name: value})


@pytest.mark.parametrize("name", ["NOTIFYHUB_SECRET_KEY", "NOTIFYHUB_MAIL_FROM"])
def test_what_servers_of_your_own_need_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^{name}: must be set"):
        settings(tmp_path, **{key: value for key, value in EXTERNAL.items() if key != name})


@pytest.mark.parametrize(
    "name", ["NOTIFYHUB_SECRET_KEY", "NOTIFYHUB_BOOTSTRAP_API_KEY", "NOTIFYHUB_SMTP_URL", "NOTIFYHUB_DATABASE_URL", "NOTIFYHUB_SSO_KEY"]
)
def test_a_secret_is_not_repeated(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(tmp_path, **{**EXTERNAL, name: "x://s3cr3t"})
    assert "s3cr3t" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"^DATA_DIR: "):
        settings(tmp_path / "file" / "data")


def test_nothing_set_embeds_everything(tmp_path: Path) -> None:
    found = settings(tmp_path)
    assert (found.embedded_database, found.embedded_redis, found.embedded_mailbox, found.demo) == (True, True, True, True)
    assert found.port == 8000
    assert found.database_url == f"sqlite:///{tmp_path}/notifyhub.sqlite3"
    assert found.redis_url == f"unix://{tmp_path}/run/valkey.sock"
    assert found.relay.socket_path == f"{tmp_path}/run/smtp.sock"
    assert found.base_url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("NOTIFYHUB_DATABASE_URL", "embedded_database"),
        ("NOTIFYHUB_REDIS_URL", "embedded_redis"),
        ("NOTIFYHUB_SMTP_URL", "embedded_mailbox"),
    ],
)
def test_each_address_replaces_its_own_part_only(tmp_path: Path, name: str, part: str) -> None:
    needed = {key: EXTERNAL[key] for key in ("NOTIFYHUB_SECRET_KEY", "NOTIFYHUB_MAIL_FROM")}
    found = settings(tmp_path, **needed, **{name: EXTERNAL[name]})
    parts = ("embedded_database", "embedded_redis", "embedded_mailbox")
    assert [other for other in parts if not getattr(found, other)] == [part]


def test_an_empty_value_is_an_unset_one(tmp_path: Path) -> None:
    assert settings(tmp_path, PORT="", NOTIFYHUB_SMTP_URL="", NOTIFYHUB_DATABASE_URL="") == settings(tmp_path)


def test_demo_data_never_comes_with_a_database_of_your_own(tmp_path: Path) -> None:
    assert not settings(tmp_path, **EXTERNAL).demo
    assert not settings(tmp_path, **EXTERNAL, DEMO="1").demo
    assert not settings(tmp_path, DEMO="0").demo


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_by_any_name_is_reached_through_psycopg(tmp_path: Path, scheme: str) -> None:
    found = settings(tmp_path, **{**EXTERNAL, "NOTIFYHUB_DATABASE_URL": f"{scheme}://db.example/hub"})
    assert found.database_url == "postgresql+psycopg://db.example/hub"


@pytest.mark.parametrize(
    ("url", "relay"),
    [
        ("smtp://mail.example", Relay("smtp", "mail.example", 25)),
        ("smtp://mail.example:587?tls=starttls", Relay("smtp", "mail.example", 587, tls="starttls")),
        ("smtp://127.0.0.1:2525?tls=none", Relay("smtp", "127.0.0.1", 2525, tls="none")),
        ("smtps://u:p%40ss@mail.example", Relay("smtps", "mail.example", 465, user="u", password="p@ss")),
        ("lmtp://[::1]:2424/", Relay("lmtp", "::1", 2424)),
    ],
)
def test_relays(url: str, relay: Relay) -> None:
    assert parse_relay(url) == relay


def test_the_embedded_secret_is_made_once_and_is_private(tmp_path: Path) -> None:
    first, second = settings(tmp_path), settings(tmp_path)
    assert first.secret_keys == second.secret_keys
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0


def test_several_secrets_the_first_signs(tmp_path: Path) -> None:
    keys = "the-new-key-of-24-characters, the-old-key-of-24-characters"
    assert settings(tmp_path, NOTIFYHUB_SECRET_KEY=keys).secret_keys == ("the-new-key-of-24-characters", "the-old-key-of-24-characters")


def test_sockets_of_a_deep_folder_stay_short_enough(tmp_path: Path) -> None:
    found = settings(tmp_path / ("deep" * 25))
    assert len(str(found.run_dir / "valkey.sock")) < 100
    assert found.run_dir == settings(tmp_path / ("deep" * 25)).run_dir
    assert found.run_dir != settings(tmp_path / ("else" * 25)).run_dir
    found.run_dir.rmdir()
    settings(tmp_path / ("else" * 25)).run_dir.rmdir()


# --- the key that the client area signs with


def pem(key: Any, private: bool = False) -> str:
    if private:
        return str(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    return str(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode())


ED25519 = Ed25519PrivateKey.generate()


def test_a_shared_secret_makes_it_hs256(tmp_path: Path) -> None:
    assert settings(tmp_path, NOTIFYHUB_SSO_KEY="s" * 32).sso_key == SsoKey("HS256", "s" * 32)
    assert settings(tmp_path).sso_key is None


def test_a_public_key_makes_it_eddsa_whether_as_pem_in_one_line_or_as_a_file(tmp_path: Path) -> None:
    public = pem(ED25519).strip()
    (tmp_path / "sso.pem").write_text(public)
    for given in (public, public.replace("\n", "\\n"), str(tmp_path / "sso.pem")):
        assert settings(tmp_path, NOTIFYHUB_SSO_KEY=given).sso_key == SsoKey("EdDSA", public)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (pem(ED25519, private=True), "is a private key"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "must be an Ed25519 key"),
    ],
)
def test_a_key_of_another_kind_is_refused_with_what_would_be_right(tmp_path: Path, key: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        settings(tmp_path, NOTIFYHUB_SSO_KEY=key)


def test_the_key_is_in_no_log(tmp_path: Path) -> None:
    assert "s" * 32 not in repr(settings(tmp_path, NOTIFYHUB_SSO_KEY="s" * 32))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("lmtp://127.0.0.1:2424", "lmtp://127.0.0.1:2424"),
        ("smtp://localhost:2525", "smtp://127.0.0.1:2525"),
        ("lmtp://[::1]:24", "lmtp://[::1]:24"),
        ("lmtp:///run/notifyhub/intake.sock", "lmtp:///run/notifyhub/intake.sock"),
    ],
)
def test_where_mail_is_taken_in(url: str, shown: str) -> None:
    assert str(parse_intake(url)) == shown
