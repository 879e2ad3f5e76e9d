"""Tell which process trains in an MLflow run, and whether it is gone: a killed one closes nothing behind it.

Of a process on this machine the kernel is asked. Of one elsewhere nobody can be: it is taken for gone once it has been
at work for longer than any training may take, when its scheduler has ended it. Being wrong does no harm: a process that
is alive after all records its result and closes the run as finished (`Tracking.finish`).
"""

from __future__ import annotations

import os
import socket
from datetime import datetime, timedelta

import psutil
from pydantic import ValidationError

from include.config import clock
from include.config.results import Receipt

# the kernel's start time of a process moves when the machine's clock is set
CLOCK_TOLERANCE_SECONDS = 2.0


class RunOwner(Receipt):
    """Name the process that trains in a run.

    Attributes:
        host: The machine's name.
        started: When the process began, in seconds since 1970, as the kernel tells it: numbers of processes come back.
        since: When it took the run.
    """

    host: str
    pid: int
    started: float
    since: datetime


def this_process() -> RunOwner:
    """Return the process that asks, as the owner of a run from now on."""
    pid = os.getpid()
    return RunOwner(host=socket.gethostname(), pid=pid, started=psutil.Process(pid).create_time(), since=clock.now())


def parse_owner(tag: str | None) -> RunOwner | None:
    """Return the owner that a run's tag names, or None when it names none."""
    try:
        return RunOwner.model_validate_json(tag or "")
    except ValidationError:
        return None


def is_gone(owner: RunOwner, longest: timedelta) -> bool:
    """Tell whether the process has ended; `longest` is how long a training may take."""
    if owner.host != socket.gethostname():
        return clock.now() - owner.since > longest
    try:
        process = psutil.Process(owner.pid)
        same = abs(process.create_time() - owner.started) < CLOCK_TOLERANCE_SECONDS
        return not same or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
