"""What is said in a conversation, by both sides, in one order: it is locked while something is added, and each message has its number."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from notifyhub import audit
from notifyhub.chat import presence, telling
from notifyhub.chat.states import BODY_CHARACTERS, GIVEN_UP, IDLE, LAST_WORDS, MOST_A_MINUTE, OVER
from notifyhub.chat.visitors import Visitor
from notifyhub.database import new_id, take_turns
from notifyhub.errors import Conflict, FieldError, Invalid, NotFound, TooMany
from notifyhub.languages import N_
from notifyhub.models import Account, Chat, ChatMessage, Staff
from notifyhub.signins import attempts
from notifyhub.words import pasted


class Over(Conflict):
    def __init__(self) -> None:
        super().__init__(N_("This conversation is over."))


def hash_of(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def find(session: Session, token: str) -> Chat:
    """Raises NotFound."""
    chat = session.scalars(select(Chat).where(Chat.token_hash == hash_of(token))).first()
    if chat is None:
        raise NotFound(N_("There is no such conversation."))
    return chat


def get(session: Session, id: uuid.UUID) -> Chat:
    """Raises NotFound."""
    chat = session.get(Chat, id)
    if chat is None:
        raise NotFound(N_("There is no such conversation."))
    return chat


def lock(session: Session, chat: Chat) -> Chat:
    """As it stands now, and nobody else changes it until this transaction ends."""
    if chat.account_id:  # before the conversation: whoever erases an account goes that way
        session.execute(select(Account.id).where(Account.id == chat.account_id).with_for_update(read=True, key_share=True))
    session.refresh(chat, with_for_update=True)
    return chat


# --- the visitor ------------------------------------------------------------------------------------------------------


def ask(session: Session, token: str, visitor: Visitor, id: uuid.UUID, body: str, patience: timedelta, now: datetime) -> ChatMessage:
    """Begins the conversation with its first message. The same id again is answered with what it made the first time.

    Raises Invalid, Over, TooMany.
    """
    text = _text(body)
    key = hash_of(token)
    take_turns(session, f"chat {key.hex()}")
    chat = session.scalars(select(Chat).where(Chat.token_hash == key)).first()
    if chat is None:
        chat = _begin(session, key, visitor, now)
    elif known := _known(session, lock(session, chat), "visitor", id):
        return known
    _refuse_over(chat)
    _refuse_flood(session, chat, now)
    message = add(session, chat, "visitor", now, client_id=id, body=text)
    chat.waiting_since = chat.waiting_since or now
    _mind_the_time(session, chat, patience, now)
    return message


def _begin(session: Session, key: bytes, visitor: Visitor, now: datetime) -> Chat:
    place = f"account {visitor.account_id}" if visitor.account_id else visitor.place
    if wait := attempts.chat_must_wait(session, place, now):
        raise TooMany(N_("Too many conversations were begun from where you are. Please try again later."), int(wait.total_seconds()) + 1)
    chat = Chat(
        id=new_id(), token_hash=key, account_id=visitor.account_id, name=visitor.name, email=None, locale=visitor.locale, page=visitor.page,
        status="waiting", last_number=0, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(chat)
    session.flush()
    return chat


def _refuse_flood(session: Session, chat: Chat, now: datetime) -> None:
    newest = select(ChatMessage.created_at).where(ChatMessage.chat_id == chat.id, ChatMessage.author == "visitor")
    lately = session.scalars(newest.order_by(ChatMessage.number.desc()).limit(MOST_A_MINUTE)).all()
    wait = lately[-1] + timedelta(minutes=1) - now if len(lately) == MOST_A_MINUTE else timedelta()
    if wait > timedelta():
        raise TooMany(N_("These are too many messages at once. Please wait a little."), int(wait.total_seconds()) + 1)


def _mind_the_time(session: Session, chat: Chat, patience: timedelta, now: datetime) -> None:
    """Until when someone has to answer. If nobody is there, the visitor hears of it at once, and may finish what there is to say."""
    assert chat.waiting_since is not None
    if chat.status == "unanswered":
        chat.due_at = now + GIVEN_UP
        return
    chat.due_at = chat.waiting_since + patience
    if not presence.someone(session, now):
        chat.due_at = min(chat.due_at, now + LAST_WORDS)
        if chat.nobody_at is None:
            chat.nobody_at = now
            add(session, chat, "system", now, event="nobody")


def asks_address(chat: Chat) -> bool:
    """Without it, nobody could answer later; nothing is promised until it is given."""
    unknown = chat.account_id is None and chat.email is None
    return unknown and chat.status not in OVER and (chat.status == "unanswered" or chat.nobody_at is not None)


# --- staff ------------------------------------------------------------------------------------------------------------


def answer(session: Session, id: uuid.UUID, staff: Staff, client_id: uuid.UUID, body: str, now: datetime) -> ChatMessage:
    """From then on it is theirs. Raises NotFound, Invalid, Over."""
    text = _text(body)
    chat = lock(session, get(session, id))
    if known := _known(session, chat, "staff", client_id):
        return known
    _refuse_over(chat)
    message = add(session, chat, "staff", now, staff_id=staff.id, client_id=client_id, body=text)
    if chat.staff_id != staff.id:
        audit.record(session, "chat.answered", f"chat:{chat.id}", chat.account_id)
    chat.status, chat.staff_id, chat.answered_at = "running", staff.id, chat.answered_at or now
    chat.waiting_since, chat.nobody_at, chat.due_at = None, None, now + IDLE
    return message


# --- both -------------------------------------------------------------------------------------------------------------


def end(session: Session, chat: Chat, by: str, now: datetime) -> None:
    """Of a conversation that is locked. `by`: visitor, staff, system. Where it is over already, nothing."""
    if chat.status in OVER:
        return
    close(chat, "ended")
    add(session, chat, "system", now, event="ended", details={"by": by})
    if by == "staff":
        audit.record(session, "chat.ended", f"chat:{chat.id}", chat.account_id)


def close(chat: Chat, status: str) -> None:
    chat.status, chat.waiting_since, chat.due_at = status, None, None


def add(session: Session, chat: Chat, author: str, now: datetime, **values: Any) -> ChatMessage:
    """To a conversation that is locked."""
    chat.last_number += 1
    message = ChatMessage(chat_id=chat.id, number=chat.last_number, author=author, created_at=now, **{"body": "", "details": {}} | values)
    session.add(message)
    chat.updated_at = now
    session.flush()
    telling.signal(session, chat)
    return message


def messages(session: Session, chat_id: uuid.UUID, after: int = 0) -> Sequence[ChatMessage]:
    """Oldest first."""
    said = select(ChatMessage).where(ChatMessage.chat_id == chat_id, ChatMessage.number > after)
    return session.scalars(said.order_by(ChatMessage.number)).all()


def _text(body: str) -> str:
    """Raises Invalid."""
    try:
        return pasted(body, BODY_CHARACTERS, 1)
    except ValueError as error:
        raise Invalid(FieldError("body", str(error))) from None


def _known(session: Session, chat: Chat, author: str, client_id: uuid.UUID) -> ChatMessage | None:
    of_these = ChatMessage.chat_id == chat.id, ChatMessage.author == author, ChatMessage.client_id == client_id
    return session.scalars(select(ChatMessage).where(*of_these)).first()


def _refuse_over(chat: Chat) -> None:
    if chat.status in OVER:
        raise Over
