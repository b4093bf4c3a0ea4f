"""A mail of somebody, and what is known about it."""

from __future__ import annotations

from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import recipients
from notifyhub.intake import authentication, content, naming, threads
from notifyhub.intake.case import Case
from notifyhub.models import Account, Mailbox, Ticket
from notifyhub.tickets import quoting


class Letter:
    """Each thing is looked up when a step first asks."""

    def __init__(self, session: Session, case: Case) -> None:
        self.session, self.case = session, case
        self.author = authentication.author(case.message)

    @cached_property
    def proven(self) -> bool:
        wanted = self.case.settings.trusted_authserv_id
        return self.author is not None and authentication.is_proven(self.case.message, self.author.email, wanted)

    @cached_property
    def content(self) -> content.Content:
        return content.read(self.case.message)

    @cached_property
    def thread(self) -> threads.Thread | None:
        return threads.find(self.session, self.case.settings, self.case.mail.rcpt, self.case.message)

    @property
    def ticket(self) -> Ticket | None:
        return self.thread.ticket if self.thread else None

    @cached_property
    def mailbox_id(self) -> int | None:
        """Of its author, where we know that address."""
        if self.author is None:
            return None
        return self.session.execute(select(Mailbox.id).where(Mailbox.key == self.author.email.key)).scalar()

    @cached_property
    def registered(self) -> list[int]:
        """Ids of the accounts whose registered address it is from."""
        if self.mailbox_id is None:
            return []
        return list(self.session.scalars(select(Account.id).where(Account.registered_mailbox_id == self.mailbox_id).order_by(Account.id)))

    @cached_property
    def known(self) -> list[int]:
        """Ids of all accounts that use this address, or any that stands in its place."""
        keys = {*authentication.claimed(self.case.message), *([self.author.email.key] if self.author else [])}
        mailboxes = self.session.scalars(select(Mailbox.id).where(Mailbox.key.in_(keys))).all()
        return sorted({account_id for id in mailboxes for account_id in recipients.choosing(self.session, id)})

    @cached_property
    def named(self) -> list[int]:
        """Ids of the accounts whose services it names, in its own words."""
        return naming.owners(self.session, f"{self.content.subject}\n{self.own_words}", self.case.now)

    @cached_property
    def own_words(self) -> str:
        return "\n".join(text for text, quoted in quoting.apart(self.content.text) if not quoted)
