"""The tables that this version needs: whether the database has them, and how it gets them."""

from __future__ import annotations

from functools import cache

from flask import Flask
from sqlalchemy import inspect, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from notifyhub import ROOT
from notifyhub.database import db, reading

MISSING = "not migrated: run `notifyhub db upgrade`"


def state() -> str:
    """ "ok", or what is wrong with the database."""
    try:
        with reading() as session:
            version = there(session)
    except SQLAlchemyError as error:
        return f"away: {type(error).__name__}"
    return "ok" if version == newest() else MISSING


def there(session: Session) -> str | None:
    """The version of the tables; None where there are none."""
    if not inspect(session.connection()).has_table("alembic_version"):
        return None
    version: str | None = session.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return version


def upgrade(app: Flask) -> None:
    """Brings the tables up to date. Safe to repeat."""
    import flask_migrate

    init_app(app)
    with app.app_context():
        flask_migrate.upgrade()


def write(app: Flask, message: str) -> None:
    """A new migration that brings the database to the models; to be read and mended by whoever asked for it."""
    import flask_migrate

    init_app(app)
    with app.app_context():
        flask_migrate.migrate(message=message)


def init_app(app: Flask) -> None:
    """Alembic takes half a second to import, and only who migrates needs it."""
    from flask_migrate import Migrate

    Migrate(app, db, directory=str(ROOT / "migrations"))


@cache
def newest() -> str | None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head()
