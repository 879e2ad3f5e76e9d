"""Run whole retrain Dags in one process, with stages that follow a script: the wiring is what is tested."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.domain.errors import CandidateRejectedError, StoreError
from tests.orchestration.conftest import DAY, Script

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]


def run(conf: dict[str, Any] | None = None, name: str = "shop") -> Any:
    """Run a project's Dag once and return its run."""
    from include.config.discovery import load_project
    from include.config.settings import Settings
    from include.orchestration.retrain import build_retrain_dag

    project = load_project(Settings.from_environment().projects_dir, name)
    return build_retrain_dag(project).test(run_conf={"as_of": "2013-04-01", **(conf or {})})


def states(dag_run: Any) -> dict[str, list[str]]:
    """Return the states of each task's instances."""
    found: dict[str, list[str]] = {}
    for instance in dag_run.get_task_instances():
        found.setdefault(instance.task_id, []).append(str(instance.state))
    return found


def test_promote_runs_everything_and_announces(projects_dir: Path, script: Script) -> None:
    script.batches = ((DAY,), (date(2013, 3, 30), date(2013, 3, 31)))
    dag_run = run()
    assert dag_run.state == "success"
    found = states(dag_run)
    assert found["build_features"] == ["success", "success"]
    assert found["train"] == ["success", "success"]
    assert found["promote"] == found["announce_champion"] == found["announce_features"] == ["success"]
    labels = {(task.task_id, task.map_index): task.rendered_map_index for task in dag_run.get_task_instances()}
    assert labels["ingest", 0] == labels["build_features", 0] == "2013-04-01"
    assert labels["validate", 1] == "2013-03-30 to 2013-03-31 (2 days)"
    assert (labels["train", 0], labels["train", 1]) == ("simple", "trees")
    # the scheduler may start mapped tasks in any order
    assert sorted(inputs.candidate for inputs in script.of("train")) == ["simple", "trees"]
    assert [result.candidate for result in script.of("evaluate")[0].trained] == ["simple", "trees"]
    inputs = script.of("train")[0]
    assert inputs.as_of == DAY
    assert inputs.origin.run_id == dag_run.run_id
    assert (inputs.origin.dag_id, inputs.origin.run_type) == ("shop__retrain", "manual")
    assert inputs.origin.git_commit == "abc123"
    assert inputs.connections == {}


def test_no_stale_day_does_not_block_training(projects_dir: Path, script: Script) -> None:
    script.batches = ()
    found = states(run())
    assert found["ingest"] == found["validate"] == found["build_features"] == ["skipped"]
    assert found["announce_features"] == ["skipped"]
    assert found["promote"] == ["success"]


def test_hold_is_a_green_run_with_a_skipped_promotion_that_still_hands_its_receipt_on(
    projects_dir: Path, script: Script
) -> None:
    script.verdict = "HOLD"
    dag_run = run()
    assert dag_run.state == "success"
    found = states(dag_run)
    assert found["promote"] == found["announce_champion"] == ["skipped"]
    assert xcom(dag_run, "promote", "return_value")["ledger_number"] == 7


def test_reject_fails_the_run_at_once(projects_dir: Path, script: Script) -> None:
    script.failures["promote"] = [CandidateRejectedError("shop: roc_auc", "below the minimum", got=0.5, hint="look")]
    dag_run = run()
    assert dag_run.state == "failed"
    assert states(dag_run)["promote"] == ["failed"]
    assert states(dag_run)["announce_champion"] == ["upstream_failed"]
    assert len(script.of("promote")) == 1
    assert xcom(dag_run, "promote", "error") == (
        "CandidateRejectedError: shop: roc_auc: below the minimum; got: 0.5; hint: look"
    )


@pytest.mark.parametrize("error", [StoreError("store", "does not answer"), OSError("no space left on device")])
def test_what_may_heal_is_retried(
    projects_dir: Path, script: Script, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    from include.orchestration import stage_call

    monkeypatch.setitem(stage_call.DEFAULT_ARGS, "retry_delay", timedelta(0))
    script.failures["evaluate"] = [error]
    dag_run = run()
    assert dag_run.state == "success"
    assert len(script.of("evaluate")) == 2


@pytest.mark.parametrize("error", [ZeroDivisionError("division by zero"), KeyError("tailnum")])
def test_a_bug_fails_at_once(projects_dir: Path, script: Script, error: Exception) -> None:
    script.failures["evaluate"] = [error]
    dag_run = run()
    assert dag_run.state == "failed"
    assert len(script.of("evaluate")) == 1
    assert xcom(dag_run, "evaluate", "error") == f"{type(error).__name__}: {error}"


def test_a_retryable_failure_gives_up_after_two_retries(
    projects_dir: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.orchestration import stage_call

    monkeypatch.setitem(stage_call.DEFAULT_ARGS, "retry_delay", timedelta(0))
    script.failures["evaluate"] = [StoreError("store", "does not answer") for _ in range(5)]
    assert run().state == "failed"
    assert len(script.of("evaluate")) == 3


def test_the_form_reaches_the_stages(projects_dir: Path, script: Script) -> None:
    run({"window_days": 12, "promotion_mode": "hold", "force": True, "refresh_raw": True})
    assert script.of("plan")[0].window_days == 12
    assert (script.of("plan")[0].force, script.of("plan")[0].refresh_raw) == (True, True)
    assert script.of("ingest")[0].refresh_raw is True
    assert script.of("evaluate")[0].promotion_mode == "hold"
    script.calls.clear()
    run()
    assert script.of("plan")[0].window_days is None
    assert (script.of("plan")[0].force, script.of("plan")[0].refresh_raw) == (False, False)
    assert script.of("evaluate")[0].promotion_mode is None


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        (
            {"as-of": "2013-04-02"},
            "no such field; got: 'as-of'; allowed: as_of, force, promotion_mode, refresh_raw, window_days",
        ),
        ({"as_of": "2999-01-01"}, "the day is not complete yet; got: 2999-01-01; allowed: up to"),
    ],
)
def test_a_run_that_asks_for_nonsense_fails_before_any_stage(
    projects_dir: Path, script: Script, conf: dict[str, Any], message: str
) -> None:
    dag_run = run(conf)
    assert dag_run.state == "failed"
    assert script.calls == []
    assert message in xcom(dag_run, "plan", "error")


@pytest.mark.parametrize(
    ("conf", "message"),
    [
        ({"window_days": 9}, "9 is less than the minimum of 10"),
        ({"window_days": "many"}, "'many' is not of type 'null', 'integer'"),
        ({"promotion_mode": "always"}, "'always' is not one of"),
        ({"as_of": "yesterday"}, "'yesterday' is not a 'date'"),
        ({"force": "yes"}, "'yes' is not of type 'boolean'"),
    ],
)
def test_the_form_refuses_what_is_out_of_bounds(
    projects_dir: Path, script: Script, conf: dict[str, Any], message: str
) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match=message):
        run(conf)


def xcom(dag_run: Any, task_id: str, key: str) -> Any:
    """Return what a task handed on under a key."""
    from airflow.models.xcom import XComModel

    found = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=task_id, key=key)
    from airflow.utils.session import create_session

    with create_session() as session:
        row = session.scalars(found).first()
        assert row is not None
        return XComModel.deserialize_value(row)
