"""The scheduler rests while nothing runs and nobody writes, and is woken by whoever does."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from include.stack import resting_executor
from include.stack.resting_executor import RestingExecutor, database_files, rest

LONG = 3600.0


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a SQLite database with one table, in the journal mode of Airflow's."""
    path = tmp_path / "airflow.db"
    with sqlite3.connect(path) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table run (id integer)")
    connection.close()
    return path


def _write(path: Path) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("insert into run values (1)")
    connection.close()


def test_a_rest_ends_when_somebody_writes_to_the_database(database: Path) -> None:
    files = database_files(f"sqlite:///{database}?timeout=60")
    seen = rest(files, (), LONG)
    writer = threading.Timer(0.1, _write, [database])
    writer.start()
    assert rest(files, seen, LONG) != seen
    writer.join()


def test_what_was_written_while_nobody_rested_is_looked_at_at_once(database: Path) -> None:
    files = database_files(f"sqlite:///{database}")
    seen = rest(files, (), LONG)
    _write(database)
    assert rest(files, seen, LONG) != seen


def test_a_rest_has_an_end_though_nobody_writes_and_reading_is_no_writing(database: Path) -> None:
    files = database_files(f"sqlite:///{database}")
    connection = sqlite3.connect(database)
    count = "select count(*) from run"
    assert connection.execute(count).fetchone() == (0,)
    seen = rest(files, (), LONG)
    assert connection.execute(count).fetchone() == (0,)
    assert rest(files, seen, 0.05) == seen
    connection.close()


@pytest.mark.parametrize("url", ["postgresql+psycopg2://a:b@host/airflow", "sqlite://", "sqlite:///:memory:"])
def test_another_database_has_no_file_to_look_at(url: str) -> None:
    assert database_files(url) == ()


@pytest.fixture
def executor(database: Path, monkeypatch: pytest.MonkeyPatch) -> RestingExecutor:
    """Return an executor of that database, without workers, that would rest for an hour."""
    monkeypatch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{database}")
    monkeypatch.setattr(resting_executor, "REST_SECONDS", LONG)
    made = RestingExecutor(parallelism=1)
    made.is_mp_using_fork = False
    made.start()
    made.sync()
    return made


def test_an_executor_with_nothing_to_do_rests_until_a_run_is_asked_for(
    executor: RestingExecutor, database: Path
) -> None:
    asked = threading.Event()

    def ask() -> None:
        asked.set()
        _write(database)

    writer = threading.Timer(0.1, ask)
    writer.start()
    executor.sync()
    assert asked.is_set()
    writer.join()


@pytest.mark.parametrize("kept", ["running", "queued_tasks", "event_buffer"])
def test_an_executor_never_rests_while_a_task_runs_waits_or_has_ended(executor: RestingExecutor, kept: str) -> None:
    held = getattr(executor, kept)
    held.add("task") if isinstance(held, set) else held.update({"task": None})
    # it would take an hour
    executor.sync()
