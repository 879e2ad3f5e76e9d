"""Sum up the task instances of a run to one line a stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from include.config import clock
from include.config.stages import APPROVE_TASK, RETRAIN_STAGES

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
