"""What a conversation can be, who takes part in it, and its times."""

from __future__ import annotations

from datetime import timedelta

# waiting: nobody has answered. running: an agent did. unanswered: nobody did in time, and there is no address that a ticket could be
# answered at; nothing is promised then. ticket: it became one. ended: by one of both, or by itself.
STATUSES = ("waiting", "running", "unanswered", "ticket", "ended")
OVER = ("ticket", "ended")

# What happens to it, told to both sides. nobody: nobody is there at the moment; late: nobody answered in time.
EVENTS = ("nobody", "late", "ticket", "ended")

BODY_CHARACTERS = 4000
NAME_CHARACTERS = 100
MOST_A_MINUTE = 20  # messages of one visitor

LAST_WORDS = timedelta(seconds=30)  # after a message when nobody is there: visitors write in several short ones
IDLE = timedelta(hours=1)  # once answered: nobody says anything any more
GIVEN_UP = timedelta(days=1)  # until an address is given
