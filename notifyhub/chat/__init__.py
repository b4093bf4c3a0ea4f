"""Live chat: visitors of a web site ask, agents answer while they are there, and what nobody answers becomes a ticket (docs/chat.md)."""

from notifyhub.chat.figures import first_answers
from notifyhub.chat.keeping import prune

__all__ = ["first_answers", "prune"]
