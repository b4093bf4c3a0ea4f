"""Reports of abuse: whose address they name, and what of them may be passed on."""

from notifyhub.abuse.accepting import Accepted, accept, accept_raw, prune

__all__ = ["Accepted", "accept", "accept_raw", "prune"]
