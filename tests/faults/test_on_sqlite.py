"""Each fault for a moment, on SQLite with one worker: real processes, a few hundred mails. `make faults` does it at full size."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.faults.command import BRIEF_SIZE, run
from tests.faults.faults import FAULTS
from tests.faults.hub import Hub, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs the parent-death signal")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with running("sqlite", brief=True) as hub:
        yield hub


@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.sqlite])
def test_nothing_is_lost_and_nothing_is_told_twice(hub: Hub, name: str) -> None:
    assert run(hub, name, BRIEF_SIZE, brief=True).wrong == []
