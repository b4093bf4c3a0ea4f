"""Accounts and their services, as the provider's systems describe them."""
