"""For any WSGI server: `gunicorn wsgi:app`. `notifyhub web` starts gunicorn as it should be started."""

from notifyhub import create_app

app = create_app()
