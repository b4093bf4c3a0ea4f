"""What ops publish to many accounts: drafts, audiences, the fan-out, and who was told."""
