from __future__ import annotations

import sys

import click

from notifyhub.commands import application


@click.group()
def staff() -> None:
    """Members of staff: who they are, what they may do, their passwords."""


generate = click.option("--generate", is_flag=True, help="Make a password and print it.")


@staff.command()
@click.argument("email")
@click.option("--name", required=True)
@click.option("--role", "roles", multiple=True, required=True, help="May be given several times: ops, agent, billing, abuse, admin.")
@click.option("--locale", default="en", show_default=True)
@click.option("--time-zone", default="UTC", show_default=True)
@generate
def create(email: str, name: str, roles: tuple[str, ...], locale: str, time_zone: str, generate: bool) -> None:
    """Add a member of staff. The password is asked for, or read from standard input."""
    with application():
        from notifyhub import staff
        from notifyhub.database import transaction, utcnow

        password = _password(generate)
        with transaction() as session:
            row = staff.create(session, email, name, password, roles, locale, time_zone, utcnow())
        click.echo(f"{row.name} <{row.email}> with the roles {', '.join(row.roles)} may sign in", err=True)
        if generate:
            click.echo(password)


@staff.command("list")
def list_() -> None:
    """All of them, also the disabled ones."""
    with application():
        from notifyhub import staff
        from notifyhub.database import reading

        with reading() as session:
            for row in staff.everyone(session):
                state = f"disabled {row.disabled_at:%Y-%m-%d %H:%M} UTC" if row.disabled_at else "active"
                click.echo(f"{row.id:>4}  {row.email}  {row.name}  [{', '.join(row.roles)}]  {state}")


@staff.command()
@click.argument("email")
def disable(email: str) -> None:
    """End someone's access, and all their sessions, at once."""
    with application():
        from notifyhub import staff
        from notifyhub.database import transaction, utcnow

        with transaction() as session:
            row = staff.disable(session, email, utcnow())
        click.echo(f"{row.name} <{row.email}> is disabled", err=True)


@staff.command()
@click.argument("email")
@generate
def password(email: str, generate: bool) -> None:
    """Set a new password. All sessions of this member of staff end."""
    with application():
        from notifyhub import staff
        from notifyhub.database import reading, transaction, utcnow

        with reading() as session:
            staff.find(session, email)  # before anyone types a password in vain
        new = _password(generate)
        with transaction() as session:
            row = staff.set_password(session, email, new, utcnow())
        click.echo(f"{row.name} <{row.email}> has a new password", err=True)
        if generate:
            click.echo(new)


def _password(generate: bool) -> str:
    from notifyhub.staff import generated_password

    if generate:
        return generated_password()
    if sys.stdin.isatty():
        typed: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        return typed
    return sys.stdin.readline().rstrip("\r\n")
