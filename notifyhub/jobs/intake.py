from __future__ import annotations

from flask import current_app

from notifyhub import wake
from notifyhub.database import clock, reading, transaction
from notifyhub.intake import receiving
from notifyhub.jobs import Turn, job
from notifyhub.logs import log

AT_ONCE = 100


@job("intake")
def run() -> None:
    turn = Turn("intake")
    while True:
        with reading() as session:
            ids = receiving.waiting(session, clock(session), AT_ONCE)
        for id in ids:
            if turn.is_over():
                wake.now("intake")
                return
            try:
                with transaction() as session:
                    receiving.work_on(session, current_app.extensions["settings"], id, clock(session))
            except Exception as error:
                log.exception("a mail that cannot be worked on", id=str(id))
                with transaction() as session:
                    receiving.could_not(session, id, error, clock(session))
        if len(ids) < AT_ONCE:
            return
