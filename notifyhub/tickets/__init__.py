"""Tickets: what customers ask support, and how soon they are answered (docs/tickets.md)."""
