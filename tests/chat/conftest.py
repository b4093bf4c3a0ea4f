from __future__ import annotations

from datetime import datetime

import pytest
from flask import Flask

from notifyhub.database import utcnow
from tests.chat.steps import account_id
from tests.conftest import Api
from tests.tickets.steps import customer


@pytest.fixture
def now(app: Flask) -> datetime:
    return utcnow()


@pytest.fixture
def mine(api: Api) -> dict[str, int]:
    """Of a conversation of a customer."""
    customer(api, name="One Ltd")
    return {"account_id": account_id()}
