from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, BinaryIO

import click

from notifyhub.commands import application

if TYPE_CHECKING:
    from rich.console import Console

SHOWN = 20


@click.group()
def accounts() -> None:
    """Accounts and their services."""


@accounts.command("import")
@click.argument("file", type=click.File("rb"))
def import_(file: BinaryIO) -> None:
    """Import accounts from FILE: NDJSON, one account a line (- for standard input). Mails nobody."""
    with application():
        from flask import current_app
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        from notifyhub.accounts import importing

        size = os.fstat(file.fileno()).st_size if file.seekable() else None
        columns = ("importing", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        with Progress(*columns, disable=not sys.stderr.isatty(), console=_stderr()) as progress:
            task = progress.add_task("", total=size)
            summary = importing.import_accounts(
                importing.lines_of(file.read),
                current_app.extensions["settings"].default_locale,
                lambda done: progress.update(task, completed=done),
            )
    click.echo(
        f"{summary.created:,} created, {summary.updated:,} updated, {summary.unchanged:,} unchanged, {summary.rejected_count:,} rejected"
    )
    for rejection in summary.rejected[:SHOWN]:
        click.echo(f"  line {rejection['line']}: {rejection['field'] or 'the line'}: {rejection['message']}", err=True)
    if summary.rejected_count > SHOWN:
        click.echo(f"  … and {summary.rejected_count - SHOWN:,} more", err=True)
    sys.exit(1 if summary.rejected_count else 0)


def _stderr() -> Console:
    from rich.console import Console

    return Console(stderr=True)
