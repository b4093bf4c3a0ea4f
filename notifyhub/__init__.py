"""NotifyHub: who must be told this, where, and did it reach them?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from notifyhub.config import Settings

ROOT = Path(__file__).parent.parent


def create_app(settings: Settings | None = None, *, serving: bool = True) -> Flask:
    """The only place where things are wired. What serves no requests is spared pages and API, a third of the memory of a process."""
    from flask import Flask

    from notifyhub import logs, models, wake
    from notifyhub.config import Settings
    from notifyhub.database import db, engine_options

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
    if serving:
        _serve(app, settings)
    return app


def _serve(app: Flask, settings: Settings) -> None:
    from notifyhub import access, routes
    from notifyhub.proxies import BehindProxies

    access.init_app(app)
    routes.init_app(app)
    app.wsgi_app = BehindProxies(app.wsgi_app, settings.trusted_proxies)  # type: ignore[method-assign]
