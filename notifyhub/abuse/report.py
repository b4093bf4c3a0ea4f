from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Report(NamedTuple):
    """What a report says, in whichever format it came. No text in it can act."""

    format: str  # xarf, arf
    key: str  # two reports with the same one are the same report
    type: str  # "messaging/spam", "feedback/abuse": a key of labels.ABUSE_TYPES
    reporter: str  # an organisation or a domain
    contact: str  # its mail address; empty where it has none that can be written to
    address: str  # an IP address or prefix in its plain spelling; another identifier; empty
    occurred_at: datetime | None  # aware, UTC
    evidence: str
    complaint: bool = True  # False: it holds nothing against anyone
