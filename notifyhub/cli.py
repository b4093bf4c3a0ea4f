"""The console script. Commands import what they need when they run, so that `--help` is quick."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from notifyhub.commands.accounts import accounts
from notifyhub.commands.demo import demo
from notifyhub.commands.dkim import dkim
from notifyhub.commands.doctor import doctor
from notifyhub.commands.keys import keys
from notifyhub.commands.staff import staff
from notifyhub.config import ConfigError


class Commands(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            click.echo(f"notifyhub: {error}", err=True)
            sys.exit(2)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """NotifyHub: who must be told this, where, and did it reach them?"""


@main.command()
@click.option("--end-with-parent", is_flag=True, hidden=True, help="Stop when the process that started this one ends.")
def dev(end_with_parent: bool) -> None:
    """Start everything on this machine, restart what dies, end it all on Ctrl-C."""
    from notifyhub import dev
    from notifyhub.config import Settings

    settings = Settings.from_environ()
    web_concurrency(os.environ)
    sys.exit(dev.run(settings, demo=settings.demo and "demo" in main.commands, end_with_parent=end_with_parent))


@main.command()
def web() -> NoReturn:
    """Serve the pages and the API (PORT, WEB_CONCURRENCY)."""
    from notifyhub import embedded
    from notifyhub.config import Settings

    settings = Settings.from_environ()
    web_concurrency(os.environ)
    os.execv(sys.executable, web_command(f"{embedded.host(settings)}:{settings.port}"))  # noqa: S606


def web_command(bind: str) -> list[str]:
    """A fresh interpreter, in which nothing is imported yet that gevent has to patch."""
    from notifyhub import ROOT

    configuration = str(ROOT / "notifyhub" / "server.py")
    return [sys.executable, "-m", "gunicorn", "--config", configuration, "--bind", bind, "notifyhub:create_app()"]


def web_concurrency(environ: Mapping[str, str]) -> int:
    """How many web processes. gunicorn reads it by itself, with a traceback for what is no number."""
    text = environ.get("WEB_CONCURRENCY") or "2"
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise ConfigError(f"WEB_CONCURRENCY: must be a whole number from 1 to 1000 (it is {text!r})")
    return int(text)


@main.command()
def worker() -> None:
    """Do the work that waits: fan out, send, retry. Any number may run."""
    from notifyhub import create_app
    from notifyhub.jobs import worker

    worker.run(create_app(serving=False))


@main.command()
def cron() -> None:
    """Wake the regular jobs. Run one of these."""
    from notifyhub import create_app
    from notifyhub.jobs import schedule

    schedule.run(create_app(serving=False))


@main.command()
def intake() -> None:
    """Take in mail that an MTA on this machine hands over (NOTIFYHUB_INTAKE_URL). Any number may run."""
    from notifyhub import create_app
    from notifyhub.intake import server

    server.serve(create_app(serving=False))


@main.command()
def mailbox() -> None:
    """Catch outgoing mail instead of sending it: the relay of a local trial."""
    from notifyhub import catching
    from notifyhub.config import Settings

    settings = Settings.from_environ()
    if settings.relay.socket_path is None:
        raise ConfigError("NOTIFYHUB_SMTP_URL: must be unset for the catching mailbox")
    catching.serve(settings.relay.socket_path, settings.mailbox_dir)


@main.group()
def db() -> None:
    """The database's tables."""


@db.command()
def upgrade() -> None:
    """Bring the tables up to date. Safe to repeat."""
    from notifyhub import create_app, migrations

    migrations.upgrade(create_app())


@db.command()
@click.argument("message")
def revision(message: str) -> None:
    """For developers: write a migration from what the models have and the database has not."""
    from notifyhub import create_app, migrations

    migrations.write(create_app(), message)


for command in (accounts, demo, dkim, doctor, keys, staff):
    main.add_command(command)
