"""Commands that do something with the data; notifyhub/cli.py has those that start processes."""

from __future__ import annotations

import contextlib
import getpass
import sys
from collections.abc import Iterator

import click


@contextlib.contextmanager
def application() -> Iterator[None]:
    """Inside: the database, an author for the audit log, and one clear line for what is refused."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from notifyhub import audit, create_app, migrations
    from notifyhub.errors import Refused

    app = create_app()
    with app.app_context():
        audit.author.set(audit.Author(f"command line ({_user()})"))
        if (state := migrations.state()) != "ok":
            where = f" (DATA_DIR is {app.extensions['settings'].data_dir})" if app.extensions["settings"].embedded_database else ""
            click.echo(f"notifyhub: the database is {state}{where}", err=True)
            sys.exit(1)
        try:
            yield
        except Refused as error:
            details = [f"{field}: {message}" for field, message in error.errors]
            click.echo("notifyhub: " + "; ".join(details or [error.message]), err=True)
            sys.exit(1)
        except (OperationalError, ProgrammingError) as error:  # the second: PostgreSQL without our tables
            click.echo(f"notifyhub: the database cannot be used: {str(error.orig).splitlines()[0]}", err=True)
            sys.exit(1)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a user id without a name
        return "?"
