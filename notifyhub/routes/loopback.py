"""What is there for whoever sits at this machine, and for nobody else."""

from __future__ import annotations

from flask import abort

from notifyhub import neighbours


def only() -> None:
    if not neighbours.is_here():
        abort(404)
