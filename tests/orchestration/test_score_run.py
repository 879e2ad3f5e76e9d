"""Run whole score Dags in one process, with stages that follow a script: the wiring is what is tested."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.domain.errors import EvaluationError
from tests.airflow_fixtures import write_project
from tests.orchestration.conftest import DAY, Script
from tests.orchestration.test_notify import read, smtp_connection, told
from tests.orchestration.test_retrain_run import states, xcom
from tests.sinks import smtp_sink

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]

SCORING = 'scoring: {schedule: "45 4 * * *"}\n'
WINDOW = "holdout_days: 5}"


@pytest.fixture(autouse=True)
def _scored(projects_dir: Path) -> None:
    excluding = WINDOW.replace("}", ", excluded: [2013-03-31]}")
    folder = write_project(projects_dir, "kiosk", replace=(WINDOW, excluding))
    path = folder / "project.yaml"
    path.write_text(path.read_text() + SCORING)


def run(conf: dict[str, Any] | None = None) -> Any:
    """Run the score Dag once and return its run."""
    from include.config.discovery import load_project
    from include.config.settings import Settings
    from include.orchestration.score import build_score_dag

    project = load_project(Settings.from_environment().projects_dir, "kiosk")
    assert project.scoring is not None
    return build_score_dag(project, project.scoring).test(run_conf={"as_of": str(DAY), **(conf or {})})


def announced(dag_run: Any) -> list[dict[str, Any]]:
    """Return what a run told those who wait for its project's predictions."""
    from airflow.models.asset import AssetEvent
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = select(AssetEvent).where(
            AssetEvent.source_dag_id == dag_run.dag_id, AssetEvent.source_run_id == dag_run.run_id
        )
        return [dict(event.extra) for event in session.scalars(found)]


def as_backfill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next run be one of a backfill, which the scheduler alone makes."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.types import DagRunType

    made = DagRun.__init__

    def make(self: Any, *args: Any, **given: Any) -> None:
        made(self, *args, **(given | {"run_type": DagRunType.BACKFILL_JOB}))

    monkeypatch.setattr(DagRun, "__init__", make)


def test_the_day_is_prepared_scored_and_announced(script: Script) -> None:
    dag_run = run()
    assert dag_run.state == "success"
    assert set().union(*states(dag_run).values()) == {"success"}
    assert [stage for stage, _ in script.calls] == ["ingest", "validate", "build_features", "score"]
    assert [inputs.days for inputs in (script.calls[n][1] for n in range(3))] == [(DAY,)] * 3
    inputs = script.of("score")[0]
    assert (inputs.as_of, inputs.hindsight, inputs.force) == (DAY, False, False)
    assert (inputs.origin.dag_id, inputs.origin.run_type) == ("kiosk__score", "manual")
    assert xcom(dag_run, "score", "return_value")["rows"] == 9
    assert announced(dag_run) == [{"day": str(DAY), "version": "3", "rows": 9, "hindsight": False}]


def test_without_a_champion_the_run_is_green_and_says_why(script: Script) -> None:
    script.no_champion = "no champion as of 2013-04-01"
    dag_run = run()
    assert dag_run.state == "success"
    found = states(dag_run)
    assert found["score"] == found["announce_predictions"] == ["skipped"]
    assert found["build_features"] == ["success"]
    assert xcom(dag_run, "score", "return_value")["skipped"] == "no champion as of 2013-04-01"
    assert announced(dag_run) == []


def test_predictions_that_were_there_already_are_not_announced(script: Script) -> None:
    script.new_predictions = False
    dag_run = run()
    assert (dag_run.state, states(dag_run)["score"]) == ("success", ["success"])
    assert states(dag_run)["announce_predictions"] == ["skipped"]
    assert announced(dag_run) == []


def test_a_backfill_scores_and_stays_silent(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    as_backfill(monkeypatch)
    dag_run = run()
    assert (dag_run.state, dag_run.run_type) == ("success", "backfill")
    assert script.of("score")[0].origin.run_type == "backfill"
    assert states(dag_run)["announce_predictions"] == ["skipped"]
    assert announced(dag_run) == []


def test_the_form_reaches_the_stage(script: Script) -> None:
    run({"hindsight": True, "force": True})
    inputs = script.of("score")[0]
    assert (inputs.hindsight, inputs.force) == (True, True)
    assert script.of("build_features")[0].force


def test_an_excluded_day_is_not_scored(script: Script) -> None:
    dag_run = run({"as_of": "2013-03-31"})
    assert dag_run.state == "success"
    assert set().union(*states(dag_run).values()) == {"skipped"}
    assert script.calls == []


def test_a_run_that_asks_for_nonsense_fails_before_any_stage(script: Script) -> None:
    dag_run = run({"hind-sight": True})
    assert dag_run.state == "failed"
    assert script.calls == []
    assert xcom(dag_run, "choose_day", "error") == (
        "SettingsError: the run's configuration: no such field; got: 'hind-sight'; allowed: as_of, force, hindsight; "
        "hint: Did you mean 'hindsight'?"
    )


def test_a_failure_that_no_retry_heals_fails_the_run_at_once_and_the_owner_is_told(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.listeners.listener import get_listener_manager

    assert any(type(plugin).__name__ == "OwnerListener" for plugin in get_listener_manager().pm.get_plugins())
    script.failures["score"] = [EvaluationError("kiosk", "does not fit")]
    with smtp_sink() as (port, messages):
        smtp_connection(monkeypatch, port)
        dag_run = run()
        told()
    assert dag_run.state == "failed"
    assert len(script.of("score")) == 1
    assert states(dag_run)["announce_predictions"] == ["upstream_failed"]
    assert xcom(dag_run, "score", "error") == "EvaluationError: kiosk: does not fit"
    [message] = messages
    parsed, body = read(message)
    assert parsed["Subject"] == "[nightshift] kiosk 2013-04-01: the run failed"
    assert "task score, try 1: EvaluationError: kiosk: does not fit" in body
    assert "/dags/kiosk__score/runs/manual__" in body
