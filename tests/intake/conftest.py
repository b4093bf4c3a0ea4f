from __future__ import annotations

import pytest

from tests.intake.people import MX


@pytest.fixture
def environ(environ: dict[str, str]) -> dict[str, str]:
    return environ | {"NOTIFYHUB_TRUSTED_AUTHSERV_ID": MX}
