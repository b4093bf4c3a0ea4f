"""What the rules look at, and what they answer."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

from notifyhub.config import Settings
from notifyhub.intake import reports
from notifyhub.intake.parsing import Part
from notifyhub.models import IncomingMail


class Case(NamedTuple):
    settings: Settings
    mail: IncomingMail
    message: Part
    now: datetime

    def about(self) -> uuid.UUID | None:
        return reports.subject(self.settings, self.mail.rcpt, self.mail.raw, self.message)


class Outcome(NamedTuple):
    name: str  # a key of labels.OUTCOMES
    detail: str
    delivery_id: uuid.UUID | None = None
    reply: str | None = None
