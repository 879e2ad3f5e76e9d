"""Ask a running Airflow for one night of one project, follow it to its end, and find out what came of it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from include.config import clock
from include.config.errors import AirflowApiError, StackError
from include.config.results import EvaluateResult
from include.config.stages import retrain_dag_id
from include.stack.airflow_api import AirflowApi

Tasks = Sequence[Mapping[str, Any]]
RUN_PREFIX = "nightshift__"
POLL_SECONDS = 0.7
PARSED_SECONDS = 120
TRIGGER_ATTEMPTS = 4
CONFLICT = 409
ERROR_KEY = "error"


@dataclass(frozen=True)
class Failure:
    """Name a failed task with its error and its log.

    Attributes:
        task: "train", or "train (2)" for the third instance of a mapped task.
        about: What a mapped instance is about, as Airflow shows it: "2026-01-01 to 2026-01-16 (16 days)".
    """

    task: str
    error: str
    log: Path
    about: str = ""


@dataclass(frozen=True)
class NightOutcome:
    """Say how a run ended.

    Attributes:
        succeeded: Airflow's own opinion; a REJECT fails the run on purpose.
        evaluated: The receipt of `evaluate`, when it came so far.
        failures: The tasks that failed by themselves.
        url: The run's page in the Airflow UI.
    """

    dag_id: str
    run_id: str
    url: str
    succeeded: bool
    evaluated: EvaluateResult | None
    failures: tuple[Failure, ...] = ()


@dataclass(frozen=True)
class NightRequest:
    """Say what is asked for; `conf` holds the fields of the trigger form that differ from their defaults."""

    project: str
    as_of: date
    conf: dict[str, Any] = field(default_factory=dict)
    namespace: str = ""

    @property
    def dag_id(self) -> str:
        """Return the Dag that is triggered."""
        return retrain_dag_id(self.project, self.namespace)


def wait_until_parsed(
    api: AirflowApi, dag_id: str, since: datetime, while_waiting: Callable[[], None] = lambda: None
) -> None:
    """Wait until Airflow has read a Dag anew: a stored one may be of older code.

    Raises:
        StackError: The Dag does not appear; with Airflow's import errors.
    """
    deadline = time.monotonic() + PARSED_SECONDS
    while time.monotonic() < deadline:
        dag = api.dag(dag_id)
        parsed = dag["last_parsed_time"] if dag and not dag["is_stale"] else None
        if parsed and datetime.fromisoformat(parsed) >= since:
            return
        while_waiting()
        time.sleep(POLL_SECONDS)
    errors = "\n".join(f"{name}: {trace.strip().splitlines()[-1]}" for name, trace in api.import_errors().items())
    raise StackError(
        dag_id, "the Dag does not appear in Airflow", got=errors or "no import error", hint="./nightshift check"
    )


def drop_leftovers(api: AirflowApi, dag_id: str) -> list[str]:
    """Fail the runs that an interrupted `./nightshift run` left behind: one run at a time, they would block the next.

    Only for a stack that has just started, in which nothing of them can still be running.
    """
    left = [run["dag_run_id"] for run in api.runs(dag_id, "running", "queued")]
    mine = [run_id for run_id in left if run_id.startswith(RUN_PREFIX)]
    for run_id in mine:
        api.fail_run(dag_id, run_id, "the ./nightshift run that asked for it was interrupted")
    return mine


def trigger(api: AirflowApi, request: NightRequest) -> str:
    """Create the run and return its id; a server that is busy for a while is asked again for the same run.

    Raises:
        AirflowApiError: Airflow refuses a field; its reason is in the message. Or it does not take the run at all.
    """
    moment = clock.now()
    run_id = f"{RUN_PREFIX}{request.as_of}__{moment:%Y%m%dT%H%M%S%f}"
    body = {
        "dag_run_id": run_id,
        "logical_date": None,
        "partition_key": request.as_of.isoformat(),
        "conf": request.conf,
        "note": "asked for by ./nightshift run",
    }
    for attempt in range(1, TRIGGER_ATTEMPTS + 1):
        try:
            return api.trigger(request.dag_id, body)
        except AirflowApiError as error:
            if error.status == CONFLICT and attempt > 1:
                # an earlier try was taken, and its answer was lost
                return run_id
            # SQLite stays locked for a minute when many write at once
            busy = error.status == 0 or error.status >= 500
            if not busy or attempt == TRIGGER_ATTEMPTS:
                raise
            time.sleep(POLL_SECONDS)
    raise AssertionError("the last attempt returns or raises")


def follow(
    api: AirflowApi, dag_id: str, run_id: str, show: Callable[[str, Tasks], None], check: Callable[[], None]
) -> tuple[bool, Tasks]:
    """Follow a run to its end.

    Args:
        api: The Airflow it runs on.
        dag_id: The run's Dag.
        run_id: The run.
        show: Is given the run's state and its task instances, twice a second.
        check: Raises when the stack has died, so that nobody waits for ever.

    Returns:
        Whether the run succeeded, and its task instances.
    """
    while True:
        state, tasks = str(api.run(dag_id, run_id)["state"]), api.tasks(dag_id, run_id)
        show(state, tasks)
        if state in ("success", "failed"):
            return state == "success", tasks
        check()
        time.sleep(POLL_SECONDS)


def outcome(api: AirflowApi, dag_id: str, run_id: str, succeeded: bool, tasks: Tasks, logs: Path) -> NightOutcome:
    """Return what came of a finished run.

    Args:
        api: The Airflow it ran on.
        dag_id: The run's Dag.
        run_id: The run.
        succeeded: What Airflow says.
        tasks: Its task instances.
        logs: The folder of task logs.
    """
    evaluated = api.result(dag_id, run_id, "evaluate")
    failures = tuple(_failure(api, dag_id, run_id, task, logs) for task in tasks if task["state"] == "failed")
    return NightOutcome(
        dag_id,
        run_id,
        f"{api.url}/dags/{dag_id}/runs/{run_id}",
        succeeded,
        EvaluateResult.model_validate(evaluated) if evaluated else None,
        failures,
    )


def _failure(api: AirflowApi, dag_id: str, run_id: str, task: Mapping[str, Any], logs: Path) -> Failure:
    index, task_id = task["map_index"], task["task_id"]
    folder = logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
    if index >= 0:
        folder = folder / f"map_index={index}"
    log = folder / f"attempt={task['try_number']}.log"
    error = api.result(dag_id, run_id, task_id, key=ERROR_KEY, map_index=index) or error_in_log(log)
    name = f"{task_id} ({index})" if index >= 0 else task_id
    return Failure(name, str(error), log, str(task.get("rendered_map_index") or "") if index >= 0 else "")


def error_in_log(log: Path) -> str:
    """Return the newest exception of a task's log (JSON lines), else its newest error line."""
    if not log.is_file():
        return "the task wrote no log: it was killed before it began, or its process died"
    newest = ""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not isinstance(entry, dict):
            continue
        for raised in (entry.get("error_detail") or [])[:1]:
            newest = f"{raised.get('exc_type')}: {raised.get('exc_value')}"
        if not newest and entry.get("level") in ("error", "critical"):
            newest = str(entry.get("event"))
    return newest or "the task's log holds no error: its process was killed"
