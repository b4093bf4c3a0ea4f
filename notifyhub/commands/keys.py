from __future__ import annotations

import click

from notifyhub.commands import application
from notifyhub.words import one_line


@click.group()
def keys() -> None:
    """API keys: who may call what."""


def _name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    try:
        return one_line(value, 100, 1)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@keys.command()
@click.argument("name", callback=_name)
@click.option("--scope", "scopes", multiple=True, required=True, help="May be given several times; see `notifyhub keys scopes`.")
@click.option("--webhook", is_flag=True, help="A secret to sign with (Standard Webhooks), instead of a bearer key.")
def create(name: str, scopes: tuple[str, ...], webhook: bool) -> None:
    """Make a key and print it. It is shown this once; only its hash is kept, or an encrypted copy of a secret to sign with."""
    with application():
        from flask import current_app

        from notifyhub import access
        from notifyhub.database import transaction, utcnow

        with transaction() as session:
            if webhook:
                settings = current_app.extensions["settings"]
                row, token = access.create_webhook_key(session, settings, name, list(scopes), utcnow())
            else:
                row, token = access.create_key(session, name, list(scopes), utcnow())
        click.echo(f"key {row.id} ({name}) with the scopes {', '.join(row.scopes)}:", err=True)
        click.echo(token)


@keys.command()
def scopes() -> None:
    """What keys may be made for."""
    from notifyhub.access import SCOPES

    click.echo("\n".join(SCOPES))


@keys.command("list")
def list_() -> None:
    """All keys, also the revoked ones."""
    with application():
        from notifyhub import access
        from notifyhub.database import reading

        with reading() as session:
            for row in access.list_keys(session):
                used = f"last used {row.last_used_at:%Y-%m-%d %H:%M} UTC" if row.last_used_at else "never used"
                state = f"revoked {row.revoked_at:%Y-%m-%d %H:%M} UTC" if row.revoked_at else used
                click.echo(f"{row.id:>4}  {row.prefix}…  {row.name}  [{', '.join(row.scopes)}]  {state}")


@keys.command()
@click.argument("id", type=click.IntRange(1, 2**63 - 1))
def revoke(id: int) -> None:
    """End a key, at once."""
    with application():
        from notifyhub import access
        from notifyhub.database import transaction, utcnow

        with transaction() as session:
            row = access.revoke_key(session, id, utcnow())
        click.echo(f"key {row.id} ({row.name}) is revoked", err=True)
