"""Read from Airflow's database what has run and what waits, before any Airflow is started."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Literal, NoReturn

from include.config.errors import SettingsError
from include.stack.claims import claims
from include.stack.environment import database_file
from include.stack.home import DATABASE_STAMP

Reprocess = Literal["none", "failed", "completed"]
UNFINISHED = ("queued", "running")


def states_of_days(home: Path, dag_id: str, first: date, last: date) -> dict[date, str]:
    """Return the state of the newest run of each day that has one; an Airflow need not run for it.

    What a killed command left unfinished counts as failed: `end_left` will end it so.
    """
    if not _has_database(home):
        return {}
    # the order in which a backfill looks for the run that counts
    query = (
        "SELECT partition_key, state FROM dag_run WHERE dag_id = ? AND partition_key BETWEEN ? AND ?"
        " ORDER BY start_date IS NULL, start_date DESC"
    )
    with closing(sqlite3.connect(database_file(home), timeout=60)) as connection:
        rows = connection.execute(query, (dag_id, first.isoformat(), last.isoformat())).fetchall()
    found: dict[date, str] = {}
    for key, state in rows:
        found.setdefault(date.fromisoformat(key), str(state))
    if _left_by_the_dead(home, dag_id):
        found = {day: "failed" if state in UNFINISHED else state for day, state in found.items()}
    return found


def left_out(days: Sequence[date], states: Mapping[date, str], reprocess: Reprocess) -> dict[date, str]:
    """Return the days that a backfill leaves out because a run of them exists, with the state of that run."""
    again = {"none": (), "failed": ("failed",), "completed": ("failed", "success")}[reprocess]
    return {day: states[day] for day in days if day in states and states[day] not in again}


def refuse_second_early(home: Path, dag_id: str) -> None:
    """Refuse like `refuse_second`, by Airflow's database, before a stack is started.

    Raises:
        SettingsError: A backfill of the Dag is active, and it is not the left one of a killed command.
    """
    if not _has_database(home) or _left_by_the_dead(home, dag_id):
        return
    query = (
        "SELECT id, from_date, to_date FROM backfill WHERE dag_id = ? AND completed_at IS NULL AND EXISTS"
        " (SELECT 1 FROM dag_run WHERE backfill_id = backfill.id AND state IN ('queued', 'running'))"
    )
    with closing(sqlite3.connect(database_file(home), timeout=60)) as connection:
        active = connection.execute(query, (dag_id,)).fetchone()
    if active is not None:
        refuse(dag_id, *active)


def refuse(dag_id: str, number: int, first: str, last: str) -> NoReturn:
    """Refuse a backfill beside an active one.

    Raises:
        SettingsError: Always.
    """
    raise SettingsError(
        f"backfill of {dag_id}",
        "another backfill of this Dag is active, and Airflow takes one at a time",
        got=f"backfill {number}, {first[:10]} to {last[:10]}",
        hint="wait for it, or cancel it in the UI of ./nightshift up, on the page of the Dag",
    )


def _has_database(home: Path) -> bool:
    return database_file(home).is_file() and (home / "airflow" / DATABASE_STAMP).is_file()


def _left_by_the_dead(home: Path, dag_id: str) -> bool:
    return any(not left.living() for left in claims(home, "backfill", dag_id))
