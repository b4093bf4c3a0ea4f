from __future__ import annotations

import asyncio
import sys

import click

from notifyhub.config import Settings


@click.command()
def doctor() -> None:
    """Check the configuration, and reach every server that it names."""
    from notifyhub import create_app

    settings = Settings.from_environ()  # a ConfigError is told by the command line itself
    app = create_app(settings)
    failed = False
    with app.app_context():
        for name, check in (("database", _database), ("redis", _redis), ("relay", _relay)):
            try:
                click.echo(f"ok      {name}: {check(settings)}")
            except Exception as error:
                failed = True
                embedded = {"redis": settings.embedded_redis, "relay": settings.embedded_mailbox}.get(name)
                away = "the embedded one does not run; `make run` or `notifyhub dev` starts it"
                click.echo(f"FAILED  {name}: {away if embedded else f'{type(error).__name__}: {first_line(error)}'}")
        for name, remark in _remarks(settings):
            click.echo(f"note    {name}: {remark}")
    sys.exit(1 if failed else 0)


def first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _database(settings: Settings) -> str:
    from sqlalchemy import text

    from notifyhub import migrations
    from notifyhub.database import reading

    state = migrations.state()
    if state != "ok":
        raise RuntimeError(state)
    with reading() as session:
        dialect = session.get_bind().dialect.name
        version = session.execute(text("SELECT sqlite_version()" if dialect == "sqlite" else "SHOW server_version")).scalar()
    return f"{dialect} {version}, migrated" + (", embedded" if settings.embedded_database else "")


def _redis(settings: Settings) -> str:
    from notifyhub import wake

    info = wake.client().info("server")
    return f"{info.get('server_name', 'redis')} {info.get('valkey_version') or info['redis_version']}" + (
        ", embedded" if settings.embedded_redis else ""
    )


def _relay(settings: Settings) -> str:
    from notifyhub.channels.email.connection import connect

    async def greet() -> str:
        client = await connect(settings.relay, settings.brand.mail_domain)
        offered = ", ".join(sorted(client.esmtp_extensions)) or "no extensions"
        encrypted = client.get_transport_info("sslcontext") is not None
        await client.quit()
        return f"{'encrypted' if encrypted else 'plain'}; offers {offered}" + (", embedded" if settings.embedded_mailbox else "")

    return asyncio.run(greet())


def _remarks(settings: Settings) -> list[tuple[str, str]]:
    remarks: list[tuple[bool, str, str]] = [
        (settings.base_url.startswith("http://"), "NOTIFYHUB_BASE_URL", "is not https; one-click unsubscribe (RFC 8058) needs it"),
        (
            settings.bootstrap_api_key is not None,
            "NOTIFYHUB_BOOTSTRAP_API_KEY",
            "is set: a key with every scope; unset it when others exist",
        ),
        (
            settings.trusted_authserv_id is None,
            "NOTIFYHUB_TRUSTED_AUTHSERV_ID",
            "is not set; no mail is proven to be from anybody, and what concerns an account is held until somebody signs in",
        ),
    ]
    return [(name, remark) for applies, name, remark in remarks if applies]
