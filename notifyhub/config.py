"""The environment, read once into one frozen Settings. A wrong value stops the boot and names its variable."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from babel import Locale

if TYPE_CHECKING:
    from notifyhub.dkim import DkimKey

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ConfigError(ValueError):
    """An environment variable has a value that cannot be used; the message names it."""


@dataclass(frozen=True)
class Relay:
    """The mail server that every message is handed to."""

    scheme: Literal["smtp", "smtps", "lmtp"]
    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls: Literal["starttls", "none", "offered"] = "offered"
    socket_path: str | None = None


@dataclass(frozen=True)
class Intake:
    """Where mail is taken in, from an MTA on this machine."""

    scheme: Literal["lmtp", "smtp"]
    host: str = ""
    port: int = 0
    socket_path: str | None = None

    def __str__(self) -> str:
        shown = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{self.socket_path or f'{shown}:{self.port}'}"


@dataclass(frozen=True)
class Brand:
    """The provider as its customers see it: the one place that names, colours and links come from."""

    name: str
    accent: str
    sender_name: str
    sender_address: str
    base_url: str
    support_address: str | None = None
    logo: Path | None = None

    @property
    def mail_logo(self) -> str | None:
        """Where a mail program finds it; most show no other pictures than PNG."""
        return f"{self.base_url}/brand/logo?v={self.version}" if self.logo and self.logo.suffix == ".png" else None

    @property
    def version(self) -> str:
        """Changes with what a browser keeps of it."""
        stamp = f"{self.accent} {self.logo} {self.logo.stat().st_mtime_ns if self.logo else 0}"
        return hashlib.sha256(stamp.encode()).hexdigest()[:12]

    @property
    def mail_domain(self) -> str:
        return self.sender_address.rpartition("@")[2]


@dataclass(frozen=True)
class SsoKey:
    """What the tokens of the provider's client area are verified with. The algorithm is the key's, never the token's."""

    algorithm: Literal["HS256", "EdDSA"]
    key: str = field(repr=False)


@dataclass(frozen=True)
class Settings:
    data_dir: Path
    run_dir: Path
    port: int
    demo: bool
    database_url: str
    redis_url: str
    relay: Relay
    embedded_database: bool
    embedded_redis: bool
    embedded_mailbox: bool
    smtp_connections: int
    smtp_rate: float | None
    retry_after: tuple[int, ...]
    bounce_address: str
    dkim: tuple[DkimKey, ...]
    secret_keys: tuple[str, ...]
    bootstrap_api_key: str | None
    sso_key: SsoKey | None
    trusted_proxies: tuple[Network, ...]
    metrics_networks: tuple[Network, ...]
    default_locale: str
    ticket_promise_minutes: int
    mail_promise_minutes: int
    intake: Intake
    intake_address: str
    trusted_authserv_id: str | None
    chat_patience: timedelta
    chat_origins: tuple[str, ...]
    brand: Brand

    @property
    def base_url(self) -> str:
        return self.brand.base_url

    @property
    def mailbox_dir(self) -> Path:
        """Where the catching mailbox keeps what was sent."""
        return self.data_dir / "mail"

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Raises ConfigError. Makes the data folder, and a secret key in it where the embedded database is used."""
        env = {name: value for name, value in environ.items() if value != ""}
        data_dir = Path(env.get("DATA_DIR", "data")).absolute()
        run_dir = _run_dir(data_dir)
        database_url = env.get("NOTIFYHUB_DATABASE_URL")
        redis_url = env.get("NOTIFYHUB_REDIS_URL")
        smtp_url = env.get("NOTIFYHUB_SMTP_URL")
        port = _read(env, "PORT", "8000", _port)
        intake_url = "lmtp://127.0.0.1:2424" if database_url else f"lmtp://{run_dir}/intake.sock"
        _make(data_dir)
        _make(run_dir, mode=0o700)
        brand = _brand(env, port, required_sender=smtp_url is not None)
        return cls(
            data_dir=data_dir,
            run_dir=run_dir,
            port=port,
            demo=_read(env, "DEMO", "0" if database_url else "1", _switch) and database_url is None,
            database_url=_read(env, "NOTIFYHUB_DATABASE_URL", f"sqlite:///{data_dir / 'notifyhub.sqlite3'}", _database_url),
            redis_url=_read(env, "NOTIFYHUB_REDIS_URL", f"unix://{run_dir / 'valkey.sock'}", _redis_url),
            relay=_read(env, "NOTIFYHUB_SMTP_URL", "", parse_relay)
            if smtp_url
            else Relay("smtp", "localhost", 25, tls="none", socket_path=str(run_dir / "smtp.sock")),
            embedded_database=database_url is None,
            embedded_redis=redis_url is None,
            embedded_mailbox=smtp_url is None,
            smtp_connections=_read(env, "NOTIFYHUB_SMTP_CONNECTIONS", "4", _count),
            smtp_rate=_read(env, "NOTIFYHUB_SMTP_RATE", "", lambda text: _positive(text) if text else None),
            retry_after=_read(env, "NOTIFYHUB_RETRY_AFTER", "60,300,900,3600,14400", _seconds),
            bounce_address=_read(env, "NOTIFYHUB_BOUNCE_ADDRESS", f"bounces@{brand.mail_domain}", _bounce_address),
            dkim=_dkim(env, brand),
            secret_keys=_secret_keys(env, data_dir, required=database_url is not None),
            bootstrap_api_key=_read(env, "NOTIFYHUB_BOOTSTRAP_API_KEY", "", _api_key),
            sso_key=_read(env, "NOTIFYHUB_SSO_KEY", "", parse_sso_key),
            trusted_proxies=_read(env, "NOTIFYHUB_TRUSTED_PROXIES", "127.0.0.1,::1", _networks),
            metrics_networks=_read(env, "NOTIFYHUB_METRICS_NETWORKS", "", _networks),
            default_locale=_read(env, "NOTIFYHUB_DEFAULT_LOCALE", "en", _locale),
            ticket_promise_minutes=_read(env, "NOTIFYHUB_TICKET_PROMISE_MINUTES", "10", _minutes),
            mail_promise_minutes=_read(env, "NOTIFYHUB_MAIL_PROMISE_MINUTES", "30", _minutes),
            intake=_read(env, "NOTIFYHUB_INTAKE_URL", intake_url, parse_intake),
            intake_address=_read(env, "NOTIFYHUB_INTAKE_ADDRESS", brand.support_address or brand.sender_address, _intake_address),
            trusted_authserv_id=_read(env, "NOTIFYHUB_TRUSTED_AUTHSERV_ID", "", _authserv_id),
            chat_patience=timedelta(minutes=_read(env, "NOTIFYHUB_CHAT_PATIENCE", "3", _minutes)),
            chat_origins=_read(env, "NOTIFYHUB_CHAT_ORIGINS", "", _origins),
            brand=brand,
        )


def _read(env: Mapping[str, str], name: str, default: str, parse: Callable[[str], T]) -> T:
    text = env.get(name, default)
    try:
        return parse(text)
    except ValueError as error:
        shown = "" if any(word in name for word in ("KEY", "URL")) else f" (it is {text!r})"
        raise ConfigError(f"{name}: {error}{shown}") from None


def _make(folder: Path, mode: int = 0o777) -> None:
    try:
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"DATA_DIR: cannot make the folder {folder}: {error.strerror}") from None
    if mode == 0o700 and folder.stat().st_uid != os.getuid():  # outside of DATA_DIR, anyone could have made it
        raise ConfigError(f"DATA_DIR: the folder for sockets, {folder}, belongs to someone else")


def _run_dir(data_dir: Path) -> Path:
    """Where sockets and process ids live: in the data folder, unless that path is too long for a Unix socket (108 bytes)."""
    inside = data_dir / "run"
    if len(os.fsencode(inside)) <= 80:
        return inside
    return Path(tempfile.gettempdir()) / f"notifyhub-{os.getuid()}-{hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]}"


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ValueError("must be a port number from 1 to 65535")
    return int(text)


def _switch(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError("must be 0 or 1")
    return text == "1"


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise ValueError("must be a whole number from 1 to 1000")
    return int(text)


def _minutes(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 7 * 24 * 60:
        raise ValueError("must be a whole number of minutes, from 1 to 10080 (a week)")
    return int(text)


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e9:
        raise ValueError("must be a number above 0")
    return number


def _seconds(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise ValueError("must be seconds, separated by commas, such as 60,300,900")
    return tuple(int(part) for part in parts)


def _locale(text: str) -> str:
    try:
        return str(Locale.parse(text.replace("-", "_")))
    except Exception:
        raise ValueError("is not a locale that Babel knows, such as en, tr or pt_BR") from None


def _database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if separator and scheme in ("postgresql", "postgres", "postgresql+psycopg"):
        return f"postgresql+psycopg://{rest}"
    if separator and scheme == "sqlite":
        return text
    raise ValueError("must start with postgresql:// (or be unset for the embedded SQLite)")


def _redis_url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return text


def parse_relay(text: str) -> Relay:
    """`smtp://user:pass@host:587?tls=starttls`; raises ValueError."""
    url = urlsplit(text)
    ports = {"smtp": 25, "smtps": 465, "lmtp": 24}
    if url.scheme not in ports or not url.hostname:
        raise ValueError("must look like smtp://user:password@host:587, smtps://… or lmtp://…")
    options = parse_qs(url.query, strict_parsing=bool(url.query))
    tls = options.pop("tls", ["offered"])[0]
    if options or tls not in ("starttls", "none", "offered") or url.path not in ("", "/"):
        raise ValueError("takes no path and no option but tls=starttls or tls=none")
    return Relay(
        scheme=url.scheme,  # type: ignore[arg-type]
        host=url.hostname,
        port=url.port or ports[url.scheme],
        user=unquote(url.username) if url.username else None,
        password=unquote(url.password) if url.password else None,
        tls=tls,  # type: ignore[arg-type]
    )


def parse_intake(text: str) -> Intake:
    """`lmtp://127.0.0.1:2424`, or `lmtp:///run/notifyhub/intake.sock`; raises ValueError."""
    url = urlsplit(text)
    if url.scheme not in ("lmtp", "smtp") or url.query or url.username or bool(url.netloc) == (url.path not in ("", "/")):
        raise ValueError("must look like lmtp://127.0.0.1:2424, smtp://127.0.0.1:2525 or lmtp:///run/notifyhub/intake.sock")
    scheme: Literal["lmtp", "smtp"] = "lmtp" if url.scheme == "lmtp" else "smtp"
    if not url.netloc:
        if len(os.fsencode(url.path)) > 100:
            raise ValueError("the path of a socket may have 100 bytes at most")
        return Intake(scheme, socket_path=url.path)
    host = "127.0.0.1" if url.hostname == "localhost" else url.hostname or ""
    try:
        inside = ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:  # whoever reaches it says who a mail is from
        raise ValueError("must be an address of this machine, 127.0.0.1 or [::1]; the mail server that faces others passes mail on to it")
    if not url.port:
        raise ValueError("must name a port, such as 2424")
    return Intake(scheme, host, url.port)


def _intake_address(text: str) -> str:
    _, address = _mail_from(text)
    # the Reply-To of a ticket adds "+" and a signed number of 24 characters to a local part of at most 64 octets
    if len(address.rpartition("@")[0]) > 64 - 25:
        raise ValueError("the part before the @ may have 39 characters at most")
    return address.lower()


def _authserv_id(text: str) -> str | None:
    """As it stands in Authentication-Results (RFC 8601 section 2.5): mostly the name of the mail server."""
    if not text.isascii() or not text.isprintable() or any(character in text for character in ' ";()'):
        raise ValueError("must be the name that the mail server puts first into Authentication-Results, such as mx.provider.example")
    return text.lower() or None


def _brand(env: Mapping[str, str], port: int, required_sender: bool) -> Brand:
    if required_sender and "NOTIFYHUB_MAIL_FROM" not in env:
        raise ConfigError("NOTIFYHUB_MAIL_FROM: must be set when NOTIFYHUB_SMTP_URL is, such as Support <support@provider.example>")
    name, address = _read(env, "NOTIFYHUB_MAIL_FROM", "NotifyHub <notifyhub@localhost.example>", _mail_from)
    return Brand(
        name=env.get("NOTIFYHUB_BRAND_NAME", name or "NotifyHub"),
        accent=_read(env, "NOTIFYHUB_BRAND_ACCENT", "#0b6e4f", _colour),
        sender_name=name,
        sender_address=address,
        base_url=_read(env, "NOTIFYHUB_BASE_URL", f"http://127.0.0.1:{port}", _base_url),
        support_address=_read(env, "NOTIFYHUB_BRAND_SUPPORT_ADDRESS", "", lambda text: _mail_from(text)[1] if text else None),
        logo=_read(env, "NOTIFYHUB_BRAND_LOGO", "", lambda text: _picture(text) if text else None),
    )


def _picture(text: str) -> Path:
    path = Path(text).absolute()
    if path.suffix not in (".svg", ".png", ".webp") or not path.is_file():
        raise ValueError("must be the path of an .svg, .png or .webp file")
    return path


def _mail_from(text: str) -> tuple[str, str]:
    name, address = parseaddr(text)
    local, _, domain = address.rpartition("@")
    if not local or not domain or not (address + name).isprintable() or not address.isascii():
        raise ValueError("must be an address such as Support <support@provider.example>")
    return name, address


def _bounce_address(text: str) -> str:
    _, address = _mail_from(text)
    # the envelope sender adds "+" and a signed delivery id of 39 characters to a local part of at most 64 octets
    if len(address.rpartition("@")[0]) > 64 - 40:
        raise ValueError("the part before the @ may have 24 characters at most")
    return address.lower()


def _dkim(env: Mapping[str, str], brand: Brand) -> tuple[DkimKey, ...]:
    """Several selectors and files, separated by commas, sign several times."""
    files = [part.strip() for part in env.get("NOTIFYHUB_DKIM_KEY_FILE", "").split(",") if part.strip()]
    selectors = [part.strip() for part in env.get("NOTIFYHUB_DKIM_SELECTOR", "").split(",") if part.strip()]
    if len(files) != len(selectors):
        raise ConfigError(
            f"NOTIFYHUB_DKIM_SELECTOR: names {len(selectors)} selectors, and NOTIFYHUB_DKIM_KEY_FILE {len(files)} files; "
            "each file needs one"
        )
    if not files:
        return ()
    from notifyhub import dkim  # brings a library along that takes a while

    domain = _read(env, "NOTIFYHUB_DKIM_DOMAIN", brand.mail_domain, dkim_name)
    keys = []
    for selector, file in zip(selectors, files, strict=True):
        try:
            keys.append(dkim.load(domain, dkim_name(selector), Path(file).read_bytes()))
        except OSError as error:
            raise ConfigError(f"NOTIFYHUB_DKIM_KEY_FILE: cannot read {file}: {error.strerror}") from None
        except ValueError as error:
            raise ConfigError(f"NOTIFYHUB_DKIM_KEY_FILE: {file} {error}") from None
    return tuple(keys)


def dkim_name(text: str) -> str:
    """A domain, or a selector, which is one or more labels of one. Raises ValueError."""
    labels = text.lower().rstrip(".").split(".")
    allowed = set("abcdefghijklmnopqrstuvwxyz0123456789-_")
    if not all(0 < len(label) < 64 and set(label) <= allowed for label in labels) or len(text) > 253:
        raise ValueError(f"must be a domain name or a selector, such as provider.example or s2026: {text[:60]!r} is not")
    return ".".join(labels)


def _colour(text: str) -> str:
    if len(text) != 7 or text[0] != "#" or any(digit not in "0123456789abcdefABCDEF" for digit in text[1:]):
        raise ValueError("must be a colour such as #0b6e4f")
    return text.lower()


def _base_url(text: str) -> str:
    url = urlsplit(text)
    if url.scheme not in ("http", "https") or not url.netloc or url.query or url.fragment:
        raise ValueError("must be the address that customers see, such as https://notify.provider.example")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    """As browsers write them: scheme, host, and the port where it is not the usual one. "*": any."""
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    for origin in origins:
        url = urlsplit(origin)
        if origin != "*" and (url.scheme not in ("http", "https") or origin != f"{url.scheme}://{url.netloc}".lower() or not url.hostname):
            raise ValueError("must be origins such as https://www.provider.example, separated by commas, or *")
    return origins


def _api_key(text: str) -> str | None:
    if text and (len(text) < 24 or not text.isascii() or not text.isprintable() or " " in text):
        raise ValueError("must have at least 24 printable ASCII characters")
    return text or None


def parse_sso_key(text: str) -> SsoKey | None:
    """A shared secret, or a public key as PEM, or the path of a file with one. Raises ValueError."""
    text = text.strip()
    if not text:
        return None
    if text.startswith(("/", "./", "../", "~")) or text.endswith((".pem", ".pub", ".key")):  # no path may pass for a secret
        try:
            text = Path(text).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"looks like a path, and there is no file to be read: {error}") from None
        if "-----BEGIN" not in text:
            raise ValueError("the file holds no PEM key")
    if "-----BEGIN" in text:
        return SsoKey("EdDSA", _ed25519_public_key(text.replace("\\n", "\n")))
    if len(text) < 32:
        raise ValueError("a shared secret must have at least 32 characters")
    return SsoKey("HS256", text)


def _ed25519_public_key(pem: str) -> str:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if "PRIVATE KEY" in pem:
        raise ValueError("is a private key; that stays with the client area. Here belongs its public key (openssl pkey -pubout)")
    try:
        key = load_pem_public_key(pem.encode())
    except Exception:
        raise ValueError("is not a public key in PEM that can be read") from None
    if not isinstance(key, Ed25519PublicKey):
        raise ValueError("must be an Ed25519 key (openssl genpkey -algorithm ed25519)")
    return pem


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"must be addresses or networks, separated by commas: {error}") from None


def _secret_keys(env: Mapping[str, str], data_dir: Path, required: bool) -> tuple[str, ...]:
    """The first signs, all verify. Beside an embedded database one is made and kept."""
    text = env.get("NOTIFYHUB_SECRET_KEY")
    if text is None and required:
        raise ConfigError("NOTIFYHUB_SECRET_KEY: must be set when NOTIFYHUB_DATABASE_URL is; every process needs the same one")
    if text is None:
        text = _kept_secret(data_dir / "secret_key")
    keys = tuple(key.strip() for key in text.split(",") if key.strip())
    if not keys or any(len(key) < 16 for key in keys):
        raise ConfigError("NOTIFYHUB_SECRET_KEY: each key must have at least 16 characters")
    return keys


def _kept_secret(path: Path) -> str:
    if not path.exists():
        # several processes may start at once: whoever links its finished file first wins, nobody reads half a key
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(48))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
