"""A worker by itself: a process that sends, and serves nothing."""

from __future__ import annotations

import subprocess
import sys

LOAD = """
import sys
from notifyhub import create_app
from notifyhub.config import Settings
from notifyhub.jobs import drain, fan_out, intake, schedule, sweep, worker
app = create_app(Settings.from_environ({"DATA_DIR": sys.argv[1], "NOTIFYHUB_SECRET_KEY": "k" * 32}), serving=False)
print([rule.endpoint for rule in app.url_map.iter_rules()], "notifyhub.routes" in sys.modules)
"""


def test_it_holds_neither_pages_nor_api(tmp_path: object) -> None:
    """They would be a third of its memory."""
    loaded = subprocess.run([sys.executable, "-c", LOAD, str(tmp_path)], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "['static'] False"
