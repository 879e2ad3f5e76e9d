"""Remember which command holds a Dag, and pause a Dag again that a killed command had let run.

A lock is a file: `<home>/claims/<kind>/<name>.json` with the Dag and the process. It is gone when its command has
ended in order; one whose process is dead was left by a killed command.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from include.airflow_client.api import AirflowApi
from include.config.credentials import make_home, write_private
from include.config.settings import database_file
from include.io.processes import ProcessId

FOLDER = "claims"
LOCK = "claims.lock"
LockKind = Literal["unpaused", "backfill"]


class RunLock(BaseModel):
    """Say that a command holds a Dag: `unpaused` as long as it lets it run, `backfill` while it follows one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dag_id: str
    owner: ProcessId
    file: Path

    def living(self) -> bool:
        """Tell whether the command still runs."""
        return self.owner.process() is not None

    def release(self) -> None:
        """Forget the lock: its command has put everything right, or another one has done it in its place."""
        self.file.unlink(missing_ok=True)


def lock_run(home: Path, kind: LockKind, dag_id: str) -> RunLock:
    """Write down that this process holds a Dag."""
    file = home / FOLDER / kind / f"{secrets.token_hex(8)}.json"
    made = RunLock(dag_id=dag_id, owner=ProcessId.of(os.getpid()), file=file)
    write_private(made.file, made.model_dump_json())
    return made


def run_locks(home: Path, kind: LockKind, dag_id: str = "") -> list[RunLock]:
    """Return the locks of a kind, of all Dags or of one."""
    found = []
    for file in sorted((home / FOLDER / kind).glob("*.json")):
        # its command may end at this moment
        with suppress(FileNotFoundError):
            found.append(RunLock.model_validate_json(file.read_text(encoding="utf-8")))
    return [made for made in found if dag_id in ("", made.dag_id)]


@contextmanager
def locks_held_still(home: Path) -> Iterator[None]:
    """Hold all locks of the home still while something is decided by them."""
    make_home(home)
    with (home / LOCK).open("a") as held:
        # freed by the kernel when this process ends, however it ends
        fcntl.flock(held.fileno(), fcntl.LOCK_EX)
        yield


@contextmanager
def unpaused(api: AirflowApi, dag_id: str, home: Path) -> Iterator[bool]:
    """Let the Dag run; pause it again at the end when it was paused. Yield whether it was.

    Several commands may need one Dag at once: the last of them pauses it. A Dag that a killed command left unpaused
    counts as paused.

    Args:
        api: The Airflow that knows the Dag.
        dag_id: The Dag.
        home: Where a lock is left as long as the Dag has to be paused again.
    """
    with locks_held_still(home):
        was_paused = bool(run_locks(home, "unpaused", dag_id)) or bool((api.dag(dag_id) or {}).get("is_paused"))
        mine = lock_run(home, "unpaused", dag_id) if was_paused else None
        if mine:
            api.set_paused(dag_id, False)
    try:
        yield was_paused
    finally:
        if mine:
            with locks_held_still(home):
                others = [made for made in run_locks(home, "unpaused", dag_id) if made != mine]
                if not any(made.living() for made in others):
                    api.set_paused(dag_id, True)
                    for made in others:
                        made.release()
                mine.release()


def others_need(home: Path, dag_id: str) -> bool:
    """Tell whether another command of this home has let the Dag run, too, and still needs it."""
    return sum(made.living() for made in run_locks(home, "unpaused", dag_id)) > 1


def pause_again(home: Path) -> str:
    """Pause the Dags that killed commands left unpaused, before a scheduler runs them; return their ids.

    Straight in the database, because no Airflow runs yet: its first act would be to schedule a missed night.
    """
    with locks_held_still(home):
        left = run_locks(home, "unpaused")
        dag_ids = sorted({made.dag_id for made in left})
        if dag_ids and database_file(home).is_file():
            with closing(sqlite3.connect(database_file(home), timeout=60)) as connection, connection:
                connection.executemany("UPDATE dag SET is_paused = 1 WHERE dag_id = ?", [(name,) for name in dag_ids])
        for made in left:
            made.release()
    return ", ".join(dag_ids)
