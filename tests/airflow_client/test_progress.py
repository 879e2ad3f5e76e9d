from __future__ import annotations

from typing import Any

import pytest

from include.airflow_client.runs import stages
from include.domain.names import RETRAIN_STAGES

AT = "2026-01-01T00:00:{:02d}+00:00"


def task(task_id: str, state: str | None, start: int | None = None, end: int | None = None) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "state": state,
        "start_date": None if start is None else AT.format(start),
        "end_date": None if end is None else AT.format(end),
    }


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([None], "waiting"),
        (["queued", "scheduled"], "waiting"),
        (["success", "queued"], "running"),
        (["running"], "running"),
        (["success", "up_for_retry"], "retrying"),
        (["success", "failed", "running"], "failed"),
        (["upstream_failed"], "not run"),
        (["success", "failed", "upstream_failed"], "failed"),
        (["success", "skipped"], "done"),
        (["skipped", "skipped"], "skipped"),
    ],
)
def test_a_mapped_stage_has_one_state(states: list[str | None], expected: str) -> None:
    (train,) = [stage for stage in stages([task("train", state) for state in states]) if stage.stage == "train"]
    assert train.state == expected
    assert train.total == len(states)


def test_stages_come_in_their_order_and_groups_are_left_out() -> None:
    found = stages([task("promote", None), task("prepare.ingest", "success", 1, 3), task("announce", None)])
    assert tuple(stage.stage for stage in found) == RETRAIN_STAGES
    assert found[1].done == 1


def test_another_task_is_shown_once_it_has_begun() -> None:
    assert stages([task("announce", "running", 1)])[-1].stage == "announce"
    assert stages([task("announce", "skipped")])[-1].stage == RETRAIN_STAGES[-1]
    assert stages([task("announce", "upstream_failed")])[-1].stage == RETRAIN_STAGES[-1]


def test_a_question_to_a_person_stands_between_evaluate_and_promote() -> None:
    asked = stages([task("promote", None), task("approve", "awaiting_input", 1)])
    assert [(stage.stage, stage.state) for stage in asked[-2:]] == [
        ("approve", "waits for a person"),
        ("promote", "waiting"),
    ]
    assert tuple(stage.stage for stage in stages([task("approve", "skipped")])) == RETRAIN_STAGES


def test_a_finished_stage_took_from_its_first_start_to_its_last_end() -> None:
    (train,) = [
        s for s in stages([task("train", "success", 2, 9), task("train", "success", 4, 30)]) if s.stage == "train"
    ]
    assert train.seconds == 28
    assert train.done == 2


def test_a_running_stage_is_timed_until_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NIGHTSHIFT_NOW", AT.format(20))
    train = stages([task("train", "success", 2, 9), task("train", "running", 4)])[RETRAIN_STAGES.index("train")]
    assert train.seconds == 18
