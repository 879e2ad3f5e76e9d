"""Ask a running Airflow for one night, follow its tasks, see what came of it, and answer what waits for a person."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from include.airflow_client.api import AirflowApi
from include.domain import clock
from include.domain.errors import AirflowApiError, SettingsError, StackError
from include.domain.names import APPROVE_TASK, RETRAIN_STAGES, retrain_dag_id
from include.domain.results import EvaluateResult

Tasks = Sequence[Mapping[str, Any]]
RUN_PREFIX = "nightshift__"
POLL_SECONDS = 0.7
PARSED_SECONDS = 120
TRIGGER_ATTEMPTS = 4
CONFLICT = 409
ERROR_KEY = "error"


@dataclass(frozen=True)
class TaskFailure:
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
    failures: tuple[TaskFailure, ...] = ()


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


def remove_unfinished_runs(api: AirflowApi, dag_id: str) -> list[str]:
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


def _failure(api: AirflowApi, dag_id: str, run_id: str, task: Mapping[str, Any], logs: Path) -> TaskFailure:
    index, task_id = task["map_index"], task["task_id"]
    folder = logs / f"dag_id={dag_id}" / f"run_id={run_id}" / f"task_id={task_id}"
    if index >= 0:
        folder = folder / f"map_index={index}"
    log = folder / f"attempt={task['try_number']}.log"
    error = api.result(dag_id, run_id, task_id, key=ERROR_KEY, map_index=index) or error_in_log(log)
    name = f"{task_id} ({index})" if index >= 0 else task_id
    return TaskFailure(name, str(error), log, str(task.get("rendered_map_index") or "") if index >= 0 else "")


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


FINISHED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
ASKING = "waits for a person"
# what one instance of a stage tells of all of it, the worst first
TELLING = {"failed": "failed", "upstream_failed": "not run", "up_for_retry": "retrying", "awaiting_input": ASKING}
ORDER = (*RETRAIN_STAGES[:-1], APPROVE_TASK, RETRAIN_STAGES[-1])
WAITING = frozenset({"", "scheduled", "queued", "deferred", "up_for_reschedule"})


@dataclass(frozen=True)
class StageProgress:
    """Say how far a stage is.

    Attributes:
        stage: The stage's name (a task's id, for other tasks).
        state: waiting, running, retrying, waits for a person, done, skipped, failed, or not run after another failed.
        done, total: Task instances that are finished, and that are known; a mapped stage has several.
        seconds: From its first start to its last end, or to now.
    """

    stage: str
    state: str
    done: int
    total: int
    seconds: float | None


def stages(tasks: Sequence[Mapping[str, Any]]) -> list[StageProgress]:
    """Return the stages of a run in their order, a person's part among them, and its other tasks that have begun.

    Args:
        tasks: Task instances, as Airflow's REST API describes them.
    """
    grouped: dict[str, list[Mapping[str, Any]]] = {stage: [] for stage in ORDER}
    for task in tasks:
        grouped.setdefault(str(task["task_id"]).rpartition(".")[2], []).append(task)
    summed = [_stage(name, instances) for name, instances in grouped.items()]
    return [
        stage
        for stage in summed
        if stage.stage in RETRAIN_STAGES or stage.state not in ("waiting", "skipped", "not run")
    ]


def _stage(name: str, instances: Sequence[Mapping[str, Any]]) -> StageProgress:
    states = [str(task["state"] or "") for task in instances]
    done = sum(state in FINISHED for state in states)
    return StageProgress(name, _state(states), done, len(states), _seconds(instances))


def _state(states: Sequence[str]) -> str:
    told = next((word for state, word in TELLING.items() if state in states), "")
    if told:
        return told
    if states and all(state in FINISHED for state in states):
        return "skipped" if all(state == "skipped" for state in states) else "done"
    if all(state in WAITING for state in states):
        return "waiting"
    return "running"


def _seconds(instances: Sequence[Mapping[str, Any]]) -> float | None:
    starts = [datetime.fromisoformat(task["start_date"]) for task in instances if task["start_date"]]
    if not starts:
        return None
    running = any(task["state"] not in FINISHED for task in instances if task["start_date"])
    ends = [datetime.fromisoformat(task["end_date"]) for task in instances if task["end_date"]]
    end = clock.now() if running or not ends else max(ends)
    return max((end - min(starts)).total_seconds(), 0.0)


AWAITING = "awaiting_input"
OPTIONS: Mapping[str, str] = {"approve": "Approve", "reject": "Reject"}
# far more than ever wait
MOST = 100


@dataclass(frozen=True)
class OpenApproval:
    """Be one open question.

    Attributes:
        subject: In one line.
        body: What there is to know, in Markdown.
        since: When it was asked, ISO 8601.
        url: The page on which it is answered.
    """

    run_id: str
    subject: str
    body: str
    since: str
    url: str


def approval_url(airflow_url: str, dag_id: str, run_id: str) -> str:
    """Return the page of Airflow on which the question of a run is answered."""
    run = f"/dags/{quote(dag_id)}/runs/{quote(run_id, safe=':+')}"
    return f"{airflow_url}{run}/tasks/{APPROVE_TASK}/required_actions"


def open_approvals(api: AirflowApi, dag_id: str) -> list[OpenApproval]:
    """Return a retrain Dag's open questions, oldest first."""
    waiting = {"response_received": "false", "state": AWAITING, "order_by": "created_at", "limit": MOST}
    found = api.get(f"/dags/{quote(dag_id)}/dagRuns/~/hitlDetails", **waiting)["hitl_details"]
    return [
        OpenApproval(
            run_id=(run_id := str(detail["task_instance"]["dag_run_id"])),
            subject=str(detail["subject"]),
            body=str(detail["body"] or ""),
            since=str(detail["created_at"]),
            url=approval_url(api.url, dag_id, run_id),
        )
        for detail in found
    ]


def chosen_approval(project: str, questions: Sequence[OpenApproval], run_id: str) -> OpenApproval:
    """Return the question of a run; without a run's id, the only one there is.

    Raises:
        SettingsError: No question is open, none of that run, or several without saying which.
    """
    runs = tuple(question.run_id for question in questions)
    if not questions:
        raise SettingsError(project, "no question waits for an answer", hint=f"./nightshift ledger {project}")
    if not run_id and len(questions) > 1:
        raise SettingsError("option --run", f"{len(questions)} questions wait: say which", allowed=runs)
    found = next((question for question in questions if run_id in ("", question.run_id)), None)
    if found is None:
        raise SettingsError("option --run", "no question of that run waits", got=repr(run_id), allowed=runs)
    return found


def answer(
    api: AirflowApi, dag_id: str, question: OpenApproval, verb: Literal["approve", "reject"], reason: str
) -> dict[str, Any]:
    """Answer a question, and return what Airflow recorded: who and when.

    Raises:
        SettingsError: Somebody else was faster.
        AirflowApiError: Airflow does not take the answer.
    """
    body = {"chosen_options": [OPTIONS[verb]], "params_input": {"reason": reason or None}}
    try:
        return api.answer(dag_id, question.run_id, APPROVE_TASK, body)
    except AirflowApiError as error:
        if error.status == CONFLICT:
            raise SettingsError(question.subject, "it was answered meanwhile", got=question.run_id) from error
        raise


def waiting_for_a_person(tasks: Sequence[Mapping[str, Any]]) -> bool:
    """Tell whether a run waits for an answer.

    Args:
        tasks: Its task instances, as Airflow's REST API describes them.
    """
    return any(task["task_id"] == APPROVE_TASK and task["state"] == AWAITING for task in tasks)
