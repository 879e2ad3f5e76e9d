"""Let a paused Dag run for as long as a command needs it, and pause it again, even when that command was killed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from include.stack.airflow_api import AirflowApi
from include.stack.claims import claim, claims, settled
from include.stack.environment import database_file


@contextmanager
def unpaused(api: AirflowApi, dag_id: str, home: Path) -> Iterator[bool]:
    """Let the Dag run; pause it again at the end when it was paused. Yield whether it was.

    Several commands may need one Dag at once: the last of them pauses it. A Dag that a killed command left unpaused
    counts as paused.

    Args:
        api: The Airflow that knows the Dag.
        dag_id: The Dag.
        home: Where a claim is left as long as the Dag has to be paused again.
    """
    with settled(home):
        was_paused = bool(claims(home, "unpaused", dag_id)) or bool((api.dag(dag_id) or {}).get("is_paused"))
        mine = claim(home, "unpaused", dag_id) if was_paused else None
        if mine:
            api.set_paused(dag_id, False)
    try:
        yield was_paused
    finally:
        if mine:
            with settled(home):
                others = [made for made in claims(home, "unpaused", dag_id) if made != mine]
                if not any(made.living() for made in others):
                    api.set_paused(dag_id, True)
                    for made in others:
                        made.release()
                mine.release()


def others_need(home: Path, dag_id: str) -> bool:
    """Tell whether another command of this home has let the Dag run, too, and still needs it."""
    return sum(made.living() for made in claims(home, "unpaused", dag_id)) > 1


def pause_again(home: Path) -> str:
    """Pause the Dags that killed commands left unpaused, before a scheduler runs them; return their ids.

    Straight in the database, because no Airflow runs yet: its first act would be to schedule a missed night.
    """
    with settled(home):
        left = claims(home, "unpaused")
        dag_ids = sorted({made.dag_id for made in left})
        if dag_ids and database_file(home).is_file():
            with closing(sqlite3.connect(database_file(home), timeout=60)) as connection, connection:
                connection.executemany("UPDATE dag SET is_paused = 1 WHERE dag_id = ?", [(name,) for name in dag_ids])
        for made in left:
            made.release()
    return ", ".join(dag_ids)
