"""Alembic's environment, run by Flask-Migrate inside of the application (`notifyhub db upgrade`)."""

from alembic import context
from flask import current_app

from notifyhub.database import db

engine = db.engine
options = {"target_metadata": db.metadata, "compare_type": True, "render_as_batch": engine.dialect.name == "sqlite"}


def run_offline() -> None:
    context.configure(url=current_app.extensions["settings"].database_url, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    with engine.connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


if context.is_offline_mode():
    run_offline()
else:
    run_online()
