"""Read MLflow's SQLite database as plain values, so that two of them can be compared."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

# left out: times, for the clock that stands still for us does not for MLflow, and which process owned a run
QUESTIONS = {
    "runs": "select run_uuid, name, status, lifecycle_stage from runs",
    "params": "select run_uuid, key, value from params",
    "metrics": "select run_uuid, key, value, step from metrics",
    "tags": "select run_uuid, key, value from tags where key != 'owner'",
    "versions": "select name, version, run_id, source, status, description from model_versions",
    "version tags": "select name, version, key, value from model_version_tags",
    "aliases": "select name, alias, version from registered_model_aliases",
}


def tracked(database: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return runs, what was logged to them, model versions and aliases, each sorted."""
    with closing(sqlite3.connect(database, timeout=60)) as connection:
        return {name: sorted(connection.execute(question), key=str) for name, question in QUESTIONS.items()}
