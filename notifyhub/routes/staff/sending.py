"""How sending goes: what waits in each lane, what left in the last hour, how the relay answers, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from flask import Blueprint, Response, g, render_template, request
from sqlalchemy.orm import Session

from notifyhub import access, labels, measures, readiness, tallies
from notifyhub.channels import CARRIED
from notifyhub.database import db, utcnow
from notifyhub.kinds import Lane
from notifyhub.languages import N_
from notifyhub.measures import Measures, Waiting
from notifyhub.routes import progress
from notifyhub.signins import sessions

blueprint = Blueprint("staff_sending", __name__, url_prefix="/staff/sending")

HEIGHT = 24  # of a chart; a minute is one wide
RARE: tuple[tuple[tallies.Name, str, str], ...] = (
    ("lapsed", "", N_("Deliveries taken back from a host that was gone")),
    ("spared", "journal", N_("Mails that a killed worker had handed over, and that were not sent again")),
    ("spared", "repeated", N_("Things that were to be told a second time, and were not")),
    ("rested", "failed", N_("Times that the relay could not be used")),
    ("rested", "refused", N_("Times that mail was held back")),
)


class Row(NamedTuple):
    """One lane, over all channels that are carried."""

    lane: str
    waiting: Waiting
    oldest: float  # seconds
    sent: int
    peak: int
    bars: str  # of the minutes, as an SVG path


class Answer(NamedTuple):
    label: labels.Label
    code: str
    subject: str | None
    mails: int


@blueprint.get("")
@access.staff()
def page() -> str:
    return render_template("staff/sending.html", **_figures(db.session()))


@blueprint.get("/figures")
@access.staff()
def follow() -> Response:
    """The same as it changes, as server-sent events."""
    session = db.session()
    session.refresh(g.staff)
    session.expunge(g.staff)  # it says how numbers and times are written, long after this session is given back
    token = request.cookies.get(access.STAFF_COOKIE, "")
    return progress.stream(lambda session: _told(session, token))


def _told(session: Session, token: str) -> tuple[Any, bool]:
    if sessions.member(session, token, utcnow()) is None:
        return None, True  # signed out meanwhile
    return {"html": render_template("staff/_sending.html", **_figures(session))}, False


def _figures(session: Session) -> dict[str, Any]:
    parts = readiness.parts()
    found = measures.watched(session)
    return {
        "parts": parts,
        "rows": [_row(found, lane) for lane in Lane],
        "answers": _answers(found.last_hour("answer")),
        "fan_outs": found.fan_outs,
        "rare": [(says, found.last_hour(name).get(label, 0), found.total(name, label)) for name, label, says in RARE],
    }


def _row(found: Measures, lane: Lane) -> Row:
    waiting = [found.waiting[lane, channel] for channel in CARRIED]
    per_minute = [
        sum(counts) for counts in zip(*(found.per_minute("sent", tallies.way(lane, channel)) for channel in CARRIED), strict=True)
    ]
    return Row(
        lane.name,
        Waiting(*map(sum, zip(*waiting, strict=True))),
        found.oldest_due[lane],
        sum(per_minute),
        max(per_minute),
        _bars(per_minute),
    )


def _bars(counts: Sequence[int]) -> str:
    highest = max(counts) or 1
    heights = [max(1.0, count / highest * HEIGHT) if count else 0.0 for count in counts]
    return "".join(f"M{at} {HEIGHT}v-{height:.1f}h.8V{HEIGHT}z" for at, height in enumerate(heights) if height)


def _answers(counts: dict[str, int]) -> list[Answer]:
    """Those that say more stand under their class, the most frequent first."""
    found = []
    for answer, count in sorted(counts.items(), key=lambda item: (item[0][0], -item[1])):
        code, _, enhanced = answer.partition(" ")
        subject = labels.ANSWER_SUBJECTS.get(enhanced[-1:]) if not enhanced.startswith("2") else None
        label = labels.ANSWERS.get(code[0], labels.ANSWERS["5"])  # as the channel takes what is out of place
        found.append(Answer(label, enhanced or code, subject, count))
    return found
