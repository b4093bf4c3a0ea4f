"""How workers share their time between jobs of different kinds."""

from __future__ import annotations

from flask import Flask

from notifyhub import wake
from notifyhub.jobs import TURN_SECONDS, Turn


def test_a_job_gives_way_to_another_that_no_worker_is_at(app: Flask) -> None:
    wake.now("drain")
    assert wake.others_wait("fan_out")


def test_it_does_not_give_way_to_more_of_what_a_worker_has_just_begun(app: Flask) -> None:
    Turn("drain")
    wake.now("drain")
    assert not wake.others_wait("fan_out")


def test_with_nobody_waiting_it_goes_on(app: Flask) -> None:
    turn = Turn("fan_out")
    turn.looked -= TURN_SECONDS
    assert not turn.is_over()


def test_its_turn_is_over_once_another_waits(app: Flask) -> None:
    turn = Turn("fan_out")
    wake.now("drain")
    turn.looked -= TURN_SECONDS
    assert turn.is_over()


def test_whoever_has_stopped_is_at_nothing_any_more(app: Flask) -> None:
    Turn("drain")
    wake.now("drain")
    wake.stopped("drain")
    assert wake.others_wait("fan_out")


def test_a_large_fan_out_gives_way_to_a_small_one(app: Flask) -> None:
    turn = Turn("fan_out", alike=True)
    wake.now("fan_out", "another", 1)
    turn.looked -= TURN_SECONDS
    assert turn.is_over()
