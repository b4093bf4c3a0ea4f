"""NotifyHub: who must be told this, where, and did it reach them?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from notifyhub.config import Settings

ROOT = Path(__file__).parent.parent


def create_app(settings: Settings | None = None) -> Flask:
    """The only place where things are wired."""
    from flask import Flask

    from notifyhub import access, logs, models, routes, wake
    from notifyhub.config import Settings
    from notifyhub.database import db, engine_options
    from notifyhub.proxies import BehindProxies

    settings = settings or Settings.from_environ()
    logs.configure()
    app = Flask("notifyhub", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_keys[0],
        SECRET_KEY_FALLBACKS=list(settings.secret_keys[1:]),
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(settings.database_url, pool_size=20),
    )
    app.extensions["settings"] = settings
    db.init_app(app)
    assert models  # the tables are known from here on
    wake.init_app(app)
    access.init_app(app)
    routes.init_app(app)
    app.wsgi_app = BehindProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
    return app
