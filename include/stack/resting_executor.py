"""Run tasks as Airflow's LocalExecutor does, and let the scheduler rest while nothing runs and nobody writes.

Airflow's scheduler looks for work after each idle sleep, ten times a second here, which burns an eighth of a core all
day. It calls its executor in every turn. This one returns at once while a task runs or waits; else it returns when
somebody has written to the SQLite database (a run was asked for, an answer given), and after a second at the latest,
because a schedule's time comes without anybody writing. On another database it is a LocalExecutor.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from airflow.configuration import conf
from airflow.executors.local_executor import LocalExecutor

REST_SECONDS = 0.9
LOOK_SECONDS = 0.02

Stamp = tuple[tuple[int, int], ...]


class RestingExecutor(LocalExecutor):
    """Be a LocalExecutor in whose turn the scheduler rests while there is nothing to do."""

    def start(self) -> None:
        """Start the workers, and find the database's files."""
        super().start()
        self._files = database_files(conf.get("database", "sql_alchemy_conn"))
        # what has been written before the scheduler's next look is seen by that
        self._seen: Stamp = ()

    def sync(self) -> None:
        """Take the results of tasks; with nothing to wait for, rest until the database changes."""
        super().sync()
        busy = self.running or self.queued_tasks or self.queued_callbacks or self.queued_connection_tests
        if self._files and not busy and not self.event_buffer:
            self._seen = rest(self._files, self._seen, REST_SECONDS)


def database_files(url: str) -> tuple[Path, ...]:
    """Return the files that a write to a SQLite database changes; none for another database, or one in memory."""
    from sqlalchemy.engine import make_url

    address = make_url(url)
    if address.get_backend_name() != "sqlite" or not address.database or address.database == ":memory:":
        return ()
    return Path(address.database), Path(f"{address.database}-wal")


def rest(files: Sequence[Path], seen: Stamp, seconds: float) -> Stamp:
    """Wait until files are not as they were seen, at most so long; return how they are then.

    What changed since they were seen last, while nobody waited, ends the wait before it begins.

    Args:
        files: Their paths; a file may come and go.
        seen: What the call before returned; empty before the first.
        seconds: At most.
    """
    end = time.monotonic() + seconds
    while (now := _stamp(files)) == seen and time.monotonic() < end:
        time.sleep(LOOK_SECONDS)
    return now


def _stamp(files: Sequence[Path]) -> Stamp:
    found = []
    for path in files:
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        found.append((state.st_mtime_ns, state.st_size))
    return tuple(found)
