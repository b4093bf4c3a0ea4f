"""Who may read tickets, and who may answer them."""

from __future__ import annotations

import pytest

from notifyhub.staff import ROLES
from notifyhub.tickets import promise, rights


@pytest.mark.parametrize(
    ("roles", "readable", "answerable"),
    [
        (["agent"], ("technical", "financial"), ("technical", "financial")),
        (["admin"], ("technical", "financial"), ("technical", "financial")),
        (["billing"], ("financial",), ("financial",)),
        (["ops"], ("technical", "financial"), ()),
        (["billing", "ops"], ("technical", "financial"), ("financial",)),
        (["abuse"], (), ()),
        ([], (), ()),
    ],
)
def test_who_may_what(roles: list[str], readable: tuple[str, ...], answerable: tuple[str, ...]) -> None:
    assert rights.readable(roles) == readable
    assert tuple(name for name in ("technical", "financial") if rights.may_answer(roles, name)) == answerable


def test_whoever_is_alerted_may_answer() -> None:
    assert all(rights.may_answer([role], department) for department, role in promise.ROLES.items())


def test_every_role_that_is_named_exists() -> None:
    assert set(rights.MAY_READ) <= set(ROLES)
