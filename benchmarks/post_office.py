"""django-post_office, sending mails from its queue: `python -m benchmarks.post_office DATABASE_URL SMTP_PORT MAILS [PROCESSES…]`.

MAILS has a JSON object {to, subject, text, html, headers} a line. Prints the seconds that it took, a line for each number of
processes. A process of its own, since Django is configured once for all.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


def configure(database_url: str, smtp_port: int) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command

    url = urlsplit(database_url)
    settings.configure(
        SECRET_KEY="benchmark",
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "post_office"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": url.path[1:],
                "USER": url.username,
                "PASSWORD": url.password,
                "HOST": url.hostname,
                "PORT": url.port,
            }
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=smtp_port,
        # as its documentation advises for many mails: large batches, a few connections, no log row for each success
        POST_OFFICE={"BATCH_SIZE": 10_000, "THREADS_PER_PROCESS": 5, "LOG_LEVEL": 1, "CELERY_ENABLED": False},
    )
    django.setup()
    call_command("migrate", verbosity=0)


def send(mails: Path, processes: int) -> float:
    from django.db import connections
    from post_office.mail import send_queued_mail_until_done
    from post_office.models import PRIORITY, STATUS, Email

    Email.objects.all().delete()
    with mails.open() as lines:
        Email.objects.bulk_create([_email(json.loads(line), PRIORITY.medium, STATUS.queued) for line in lines], batch_size=500)
    connections.close_all()
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        send_queued_mail_until_done(lockfile=f"{folder}/lock", processes=processes)
        seconds = time.monotonic() - started
    left = Email.objects.exclude(status=STATUS.sent).count()
    if left:
        raise SystemExit(f"post_office left {left} mails unsent")
    return seconds


def _email(mail: dict[str, Any], priority: int, status: int) -> Any:
    from post_office.models import Email

    return Email(
        from_email="Provider Support <support@provider.example>", to=[mail["to"]], subject=mail["subject"], message=mail["text"],
        html_message=mail["html"], headers=mail["headers"], priority=priority, status=status,
    )  # fmt: skip


def main() -> None:
    database_url, smtp_port, mails, *processes = sys.argv[1:]
    configure(database_url, int(smtp_port))
    for count in processes or ["1"]:
        print(send(Path(mails), int(count)), flush=True)


if __name__ == "__main__":
    main()
