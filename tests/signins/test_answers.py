"""How often one address is answered automatically."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Flask

from notifyhub.database import transaction, utcnow
from notifyhub.signins import attempts

JANE, JOE = attempts.key_of("jane@else.example"), attempts.key_of("joe@else.example")


def answered(key: bytes, now: datetime) -> bool:
    with transaction() as session:
        return attempts.may_answer_mail(session, key, now)


def test_three_an_hour_and_each_address_by_itself(app: Flask) -> None:
    now = utcnow()
    assert [answered(JANE, now) for _ in range(4)] == [True, True, True, False]
    assert answered(JOE, now)
    assert not answered(JANE, now + timedelta(minutes=59))
    assert answered(JANE, now + timedelta(minutes=61))


def test_ten_a_day(app: Flask) -> None:
    now = utcnow()
    found = [answered(JANE, now + timedelta(minutes=21 * number)) for number in range(15)]
    assert found == [True] * 10 + [False] * 5
    assert answered(JANE, now + timedelta(hours=23, minutes=1))


def test_what_is_refused_is_not_counted(app: Flask) -> None:
    now = utcnow()
    for _ in range(10):
        answered(JANE, now)
    assert answered(JANE, now + timedelta(minutes=61))
