"""Every name that the product uses has its words for readers."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator

from notifyhub import deliveries, kinds, labels, routing
from notifyhub.tickets import states


def reasons() -> Iterator[str]:
    """The strings of the routing policy that end up as reasons."""
    for node in ast.walk(ast.parse(inspect.getsource(routing))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Decision" and isinstance(node.args[-1], ast.Constant):
            yield str(node.args[-1].value)
        if (
            isinstance(node, ast.Tuple)
            and len(node.elts) == 2
            and isinstance(node.elts[1], ast.Constant)
            and isinstance(node.elts[1].value, str)
        ):
            yield node.elts[1].value
    yield from routing.INBOX_REASONS.values()
    yield from routing.SKIPPED_STATES.values()


def test_every_reason_of_the_policy_can_be_translated() -> None:
    found = {reason for reason in reasons() if " " in reason}
    assert found <= set(labels.REASONS)
    assert len(found) > 10


def test_every_kind_category_and_state_has_its_words() -> None:
    assert set(kinds.KINDS) <= set(labels.KINDS)
    assert set(kinds.CATEGORIES) == set(labels.CATEGORIES)
    assert {lane.name for lane in kinds.Lane} == set(labels.LANES)
    assert (set(states.STATUSES), set(states.PRIORITIES), set(states.DEPARTMENTS)) == (
        set(labels.TICKET_STATUSES),
        set(labels.PRIORITIES),
        set(labels.DEPARTMENTS),
    )
    assert {*deliveries.MAY_FOLLOW, "skipped"} <= set(labels.DELIVERY_STATES)
