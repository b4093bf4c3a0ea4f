from __future__ import annotations

import os
from pathlib import Path

import click


@click.group()
def dkim() -> None:
    """Keys that mails are signed with."""


@dkim.command()
@click.argument("domain")
@click.argument("selector")
@click.option("--algorithm", type=click.Choice(["rsa", "ed25519"]), default="rsa", show_default=True)
@click.option("--file", type=click.Path(path_type=Path), help="Where the private key is written; SELECTOR.DOMAIN.pem here, if not said.")
def create(domain: str, selector: str, algorithm: str, file: Path | None) -> None:
    """Make a key for mails from DOMAIN, and print the DNS record that SELECTOR needs.

    Nothing is signed before NOTIFYHUB_DKIM_DOMAIN, _SELECTOR and _KEY_FILE name it.
    """
    from notifyhub.config import dkim_name
    from notifyhub.dkim import dns_record, load, new_key

    try:
        domain, selector = dkim_name(domain), dkim_name(selector)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    path, pem = file or Path(f"{selector}.{domain}.pem"), new_key(algorithm)
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as private:
            private.write(pem)
    except OSError as error:
        raise click.ClickException(f"cannot write {path}: {error.strerror}") from None
    click.echo(f"The private key is in {path}. Publish this record, then set NOTIFYHUB_DKIM_DOMAIN={domain}", err=True)
    click.echo(f"NOTIFYHUB_DKIM_SELECTOR={selector} NOTIFYHUB_DKIM_KEY_FILE={path.absolute()}", err=True)
    click.echo(dns_record(load(domain, selector, pem)))
