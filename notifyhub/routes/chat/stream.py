"""A conversation followed live by its visitor, as server-sent events: messages by number, so that none is lost and none comes twice."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

from flask import Blueprint, Response, current_app, request, stream_with_context

from notifyhub import access
from notifyhub.chat import conversation, presence, showing, telling
from notifyhub.chat.states import OVER
from notifyhub.database import db, reading, utcnow
from notifyhub.models import Chat
from notifyhub.news import News
from notifyhub.routes import streams
from notifyhub.routes.chat import origins
from notifyhub.routes.chat.visitor import number, token
from notifyhub.stopping import stopping

blueprint = Blueprint("chat_stream", __name__, url_prefix="/chat")
blueprint.after_request(origins.allow)


class Seen(NamedTuple):
    messages: list[dict[str, Any]]
    state: dict[str, Any]


@blueprint.get("/stream")
@access.public
def stream() -> Response:
    """Events: `message`, whose id is its number (Last-Event-ID resumes after it), and `state`. It ends with the conversation."""
    id, after = conversation.find(db.session(), token()).id, number(request.headers.get("Last-Event-ID"))
    db.session.remove()  # a stream lives for hours and needs the database for milliseconds
    news: News = current_app.extensions["news"]
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Response(stream_with_context(_events(news, id, after)), mimetype="text/event-stream", headers=headers)


def _events(news: News, id: uuid.UUID, after: int) -> Iterator[str]:
    with news.follow(telling.topic(id)) as hints:
        yield f"retry: {streams.RETRY_MS}\n\n"
        looked = spoken = float("-inf")
        state: dict[str, Any] = {}
        while not stopping():
            hint = streams.next_hint(hints) if looked > 0 else None
            if hint or time.monotonic() - looked > streams.LOOK_AGAIN:
                looked = time.monotonic()
                seen = _look(id, after)
                for message in seen.messages:
                    after, spoken = message["number"], looked
                    yield streams.event("message", message, str(after))
                if seen.state != state:
                    state, spoken = seen.state, looked
                    yield streams.event("state", state)
                if state["status"] in OVER:
                    return
            elif time.monotonic() - spoken > streams.HEARTBEAT:
                spoken = time.monotonic()
                yield ": still here\n\n"


def _look(id: uuid.UUID, after: int) -> Seen:
    try:
        with reading() as session:
            chat = session.get_one(Chat, id)
            return Seen(showing.messages(session, id, after), showing.state(chat, presence.someone(session, utcnow())))
    finally:
        db.session.remove()
