"""What was said in a ticket and what was changed about it, as one story."""

from __future__ import annotations

from notifyhub.tickets.finding import Change, Message, Whole

Entry = Message | Change

# That a reply makes the other side wait for the next one goes without saying.
BACK_AND_FORTH = {("open", "waiting_for_customer"), ("waiting_for_customer", "open")}


def entries(whole: Whole) -> list[Entry]:
    """Oldest first; what was changed along with a message comes after it."""
    moments = {message.created_at for message in whole.messages}
    changes = [change for change in whole.changes if not (_is_routine(change) and change.at in moments)]
    told: list[Entry] = [*whole.messages, *changes]
    return sorted(told, key=lambda entry: entry.created_at if isinstance(entry, Message) else entry.at)


def _is_routine(change: Change) -> bool:
    return change.field == "status" and (change.before, change.after) in BACK_AND_FORTH
