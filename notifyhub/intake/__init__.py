"""Mail that comes in: stored whole before it is answered, then sorted by a table of rules."""
