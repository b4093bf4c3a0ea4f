"""Puts the clock of a Python process wrong by FAULTS_CLOCK_OFF seconds, when this folder is on its PYTHONPATH.

Only the time of day: what counts seconds (time.monotonic) goes on as it is, as with a machine whose clock is wrong.
"""

import datetime
import os

import time_machine

_now = datetime.datetime.now(datetime.UTC)
time_machine.travel(_now + datetime.timedelta(seconds=float(os.environ["FAULTS_CLOCK_OFF"])), tick=True).start()
