"""For tests that need not run on both databases each."""

from __future__ import annotations

from collections.abc import Iterator
from zlib import crc32

import pytest

from tests.conftest import Templates


@pytest.fixture
def database_url(request: pytest.FixtureRequest, templates: Templates) -> Iterator[str]:
    """Tests of pages are many and slow: half of them run on each, and each always on the same one."""
    kinds = ("sqlite", "postgresql")
    with templates.lent(kinds[crc32(request.node.nodeid.encode()) % 2]) as url:
        yield url
