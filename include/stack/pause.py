"""Let a paused Dag run for one night and pause it again afterwards, even when the command that asked was killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from include.stack.airflow_api import AirflowApi
from include.stack.environment import database_file

FILE = "unpaused_for_one_night"


@contextmanager
def unpaused(api: AirflowApi, dag_id: str, home: Path) -> Iterator[bool]:
    """Let the Dag run; pause it again at the end when it was paused. Yield whether it was.

    Args:
        api: The Airflow that knows the Dag.
        dag_id: The Dag.
        home: Where a mark is left as long as the Dag has to be paused again.
    """
    was_paused = bool((api.dag(dag_id) or {}).get("is_paused"))
    mark = home / FILE
    if was_paused:
        mark.write_text(dag_id, encoding="utf-8")
        api.set_paused(dag_id, False)
    try:
        yield was_paused
    finally:
        if was_paused:
            api.set_paused(dag_id, True)
            mark.unlink(missing_ok=True)


def pause_again(home: Path) -> str:
    """Pause the Dag that a killed command left unpaused, before a scheduler runs it; return its id, if there is one.

    Straight in the database, because no Airflow runs yet: its first act would be to schedule a missed night.
    """
    mark = home / FILE
    if not mark.is_file():
        return ""
    dag_id = mark.read_text(encoding="utf-8")
    if database_file(home).is_file():
        with closing(sqlite3.connect(database_file(home), timeout=60)) as connection, connection:
            connection.execute("UPDATE dag SET is_paused = 1 WHERE dag_id = ?", (dag_id,))
    mark.unlink()
    return dag_id
