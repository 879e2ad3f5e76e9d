"""Ask a running Airflow for its own backfill of a Dag, follow it or end it early, and read what has run before."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, NoReturn

from include.airflow_client.api import AirflowApi
from include.airflow_client.run_locks import RunLock, lock_run, locks_held_still, run_locks
from include.airflow_client.runs import Tasks
from include.config.settings import DATABASE_STAMP, database_file
from include.domain import clock
from include.domain.errors import AirflowApiError, SettingsError, StackError

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
    return any(not left.living() for left in run_locks(home, "backfill", dag_id))


POLL_SECONDS = 1.0
FAIL_ATTEMPTS = 5


@dataclass(frozen=True)
class BackfillRequest:
    """Say what is asked for.

    Attributes:
        first, last: The days, both included; Airflow takes those of them that the schedule has.
        parallel: How many runs at once; runs by the schedule or by hand do not count.
        reprocess: Which days run again though a run of them exists: none, the failed ones, or all.
        conf: The fields of the trigger form that differ from their defaults, for every run.
        backwards: The newest day first.
    """

    dag_id: str
    first: date
    last: date
    parallel: int = 2
    reprocess: Reprocess = "none"
    conf: dict[str, Any] = field(default_factory=dict)
    backwards: bool = False


@dataclass(frozen=True)
class DayRun:
    """Say how the run of one day stands.

    Attributes:
        state: queued, running, success or failed.
        seconds: How long it has run.
        tasks: Its task instances, while it runs.
    """

    day: date
    run_id: str
    state: str
    seconds: float | None = None
    tasks: Tasks = ()


@dataclass(frozen=True)
class Created:
    """Be a backfill that Airflow has taken.

    Attributes:
        number: Airflow's id of it.
        runs: In the order in which they will start.
        lock: Says that this command follows it.
    """

    request: BackfillRequest
    number: int
    runs: tuple[DayRun, ...]
    lock: RunLock


def create(api: AirflowApi, request: BackfillRequest, home: Path) -> Created:
    """Create the backfill; from here on it is this command's, or the next one's if this one is killed.

    Raises:
        SettingsError: Another backfill of the Dag is active.
        AirflowApiError: Airflow refuses something; its reason is in the message.
    """
    refuse_second(api, request.dag_id)
    mine = lock_run(home, "backfill", request.dag_id)
    body = {
        "dag_id": request.dag_id,
        "from_date": _midnight(request.first),
        "to_date": _midnight(request.last),
        "max_active_runs": request.parallel,
        "reprocess_behavior": request.reprocess,
        "run_backwards": request.backwards,
        "dag_run_conf": request.conf,
    }
    try:
        made = api.create_backfill(body)
    except AirflowApiError as error:
        if 400 <= error.status < 500:
            mine.release()
        raise
    since = datetime.fromisoformat(made["created_at"])
    runs = [run for run in _backfilled(api, request) if datetime.fromisoformat(run["queued_at"]) >= since]
    return Created(request, int(made["id"]), tuple(_day_run(run) for run in runs), mine)


def refuse_second(api: AirflowApi, dag_id: str) -> None:
    """Refuse when a backfill of the Dag is active: Airflow takes one at a time.

    One whose runs have all ended is closed instead: the scheduler does so only twice a minute.

    Raises:
        SettingsError: One is.
    """
    active = api.active_backfill(dag_id)
    if active is None:
        return
    if api.every_run(dag_id, run_type="backfill", state=list(UNFINISHED)):
        refuse(dag_id, active["id"], active["from_date"], active["to_date"])
    close(api, active["id"])


def close(api: AirflowApi, number: int) -> None:
    """Mark a backfill as ended now: the scheduler sees only twice a minute that all its runs have; queued ones fail."""
    try:
        api.cancel_backfill(number)
    except AirflowApiError as error:
        # the scheduler was faster
        if error.status != 409:
            raise


def follow(
    api: AirflowApi,
    created: Created,
    show: Callable[[Sequence[DayRun]], None],
    check: Callable[[], None],
) -> Iterator[DayRun]:
    """Yield each run when it has ended.

    Args:
        api: The Airflow it runs on.
        created: The backfill.
        show: Is given every run, once a second.
        check: Raises when the stack has died, so that nobody waits for ever.
    """
    request, runs = created.request, {run.run_id: run for run in created.runs}
    while any(run.state in UNFINISHED for run in runs.values()):
        running = api.every_run(request.dag_id, run_type="backfill", state="running")
        seen = {run.run_id: run for run in map(_day_run, running) if run.run_id in runs}
        for run_id in [name for name, run in runs.items() if run.state == "running" and name not in seen]:
            seen[run_id] = _day_run(api.run(request.dag_id, run_id))
        if not seen:
            # nothing runs: a run was shorter than a look at it, somebody ended one, or all are about to start
            seen = {run.run_id: run for run in map(_day_run, _backfilled(api, request)) if run.run_id in runs}
        for run in seen.values():
            before, runs[run.run_id] = runs[run.run_id], _with_tasks(api, request.dag_id, run)
            if before.state in UNFINISHED and run.state not in UNFINISHED:
                yield run
        show(list(runs.values()))
        check()
        time.sleep(POLL_SECONDS)


def end(api: AirflowApi, dag_id: str, note: str) -> int:
    """Cancel the active backfill of a Dag and end its runs; return how many were not finished."""
    active = api.active_backfill(dag_id)
    unfinished = api.every_run(dag_id, run_type="backfill", state=list(UNFINISHED))
    if active is not None:
        close(api, active["id"])
    # it lets running ones go on, which would hold up the next backfill or, without a stack, wait for one for ever
    left = [run["dag_run_id"] for run in api.every_run(dag_id, run_type="backfill", state=list(UNFINISHED))]
    _fail(api, dag_id, left, note)
    return len(unfinished)


def end_left(api: AirflowApi, home: Path) -> list[str]:
    """End the backfills whose commands were killed; return a sentence for each."""
    told = []
    with locks_held_still(home):
        for left in run_locks(home, "backfill"):
            if left.living():
                continue
            if api.dag(left.dag_id) is not None:
                count = end(api, left.dag_id, "the ./nightshift backfill that asked for it was killed")
                told.append(f"ended the backfill of {left.dag_id} whose command was killed: {count} runs unfinished")
            left.release()
    return told


@contextmanager
def ended_with_us(api: AirflowApi, created: Created, interrupted: Callable[[int], None]) -> Iterator[None]:
    """End the backfill when the command that follows it is interrupted or fails.

    When the stack has died, there is nobody to end it: the next command does.

    Args:
        api: The Airflow it runs on.
        created: The backfill.
        interrupted: Is told how many runs were not finished.
    """
    try:
        yield
    except StackError:
        raise
    except BaseException:
        interrupted(end(api, created.request.dag_id, "the ./nightshift backfill that asked for it was interrupted"))
        created.lock.release()
        raise
    close(api, created.number)
    created.lock.release()


def _fail(api: AirflowApi, dag_id: str, run_ids: Sequence[str], note: str) -> None:
    """End runs as failed, and see that they stay so.

    Airflow skips the tasks that have not begun. A scheduler in the middle of a look at such a run sees nothing but
    skipped tasks and writes success over it: its day would count as done without a decision. On SQLite that look can
    hold the database for a minute, and Airflow refuses everything meanwhile.

    Raises:
        AirflowApiError: It refused to the last.
    """
    for attempt in range(1, FAIL_ATTEMPTS + 1):
        try:
            for run_id in run_ids:
                api.fail_run(dag_id, run_id, note)
            if run_ids:
                time.sleep(POLL_SECONDS)
            run_ids = [run_id for run_id in run_ids if api.run(dag_id, run_id)["state"] != "failed"]
        except AirflowApiError as error:
            busy = error.status == 0 or error.status >= 500
            if not busy or attempt == FAIL_ATTEMPTS:
                raise
            time.sleep(POLL_SECONDS)


def _backfilled(api: AirflowApi, request: BackfillRequest) -> list[dict[str, Any]]:
    span = {"partition_date_gte": request.first.isoformat(), "partition_date_lte": request.last.isoformat()}
    return api.every_run(request.dag_id, run_type="backfill", **span)


def _day_run(run: Mapping[str, Any]) -> DayRun:
    began, ended = run["start_date"], run["end_date"]
    seconds = None
    if began and run["state"] != "queued":
        until = datetime.fromisoformat(ended) if ended else clock.now()
        seconds = max((until - datetime.fromisoformat(began)).total_seconds(), 0.0)
    return DayRun(date.fromisoformat(run["partition_key"]), run["dag_run_id"], str(run["state"]), seconds)


def _with_tasks(api: AirflowApi, dag_id: str, run: DayRun) -> DayRun:
    if run.state != "running":
        return run
    return DayRun(run.day, run.run_id, run.state, run.seconds, api.tasks(dag_id, run.run_id))


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00+00:00"
