"""Roll back and pin from Airflow: the Dags with a form do what the commands do, once, and say who asked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from include.domain.decision import LedgerEntry
from include.domain.errors import TrackingError
from include.domain.promotion_rules import ROLLED_BACK
from include.io.ledger import Ledger
from include.io.tracking import Tracking
from tests.orchestration.test_dags import dag_bag
from tests.orchestration.test_namespaces import told_by
from tests.orchestration.test_retrain_run import states, xcom
from tests.support.model_nights import Nights
from tests.support.played_nights import day, declare, entries, in_force

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]

FORMS = {
    "nightshift__rollback": {"project", "version", "reason"},
    "nightshift__pin": {"project", "action", "reason"},
}
BECAUSE = {"project": "parcels", "reason": "late parcels in Oslo"}


@pytest.fixture
def nights(played_nights: Nights, home: Path, monkeypatch: pytest.MonkeyPatch) -> Nights:
    """Return the nights that the Dags find, as their own project, in their own store and MLflow."""
    declare(played_nights, home / "projects")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
    monkeypatch.setenv("NIGHTSHIFT_STORE_URL", played_nights.store_url)
    monkeypatch.setenv("NIGHTSHIFT_TRACKING_URL", played_nights.tracking_url)
    monkeypatch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc123")
    return played_nights


def made() -> dict[str, Any]:
    """Return the Dags by their ids."""
    from include.orchestration.operations import operation_dags

    return {dag.dag_id: dag for dag in operation_dags()}


def run(dag_id: str, **conf: Any) -> Any:
    """Run a Dag once with what the form gives, and return its run."""
    return made()[f"nightshift__{dag_id}"].test(run_conf={**BECAUSE, **conf})


def newest(nights: Nights) -> LedgerEntry:
    return entries(nights)[-1]


def test_the_dags_are_there_and_may_be_triggered_at_once(projects_dir: Path) -> None:
    bag = dag_bag()
    assert bag.import_errors == {}
    found = {dag_id: dag for dag_id, dag in bag.dags.items() if "operations" in dag.tags}
    assert set(found) >= set(FORMS)
    for dag_id, fields in FORMS.items():
        dag = found[dag_id]
        assert dag.is_paused_upon_creation is False
        assert dag.timetable.can_be_scheduled is False
        assert dag.catchup is False
        assert dag.max_active_runs == 1
        assert dag.doc_md.startswith("# ")
        assert dag.description
        assert set(dag.params) == fields
        assert dag.params.get_param("project").schema["enum"] == ["bank", "shop"]
        for param in (dag.params.get_param(name) for name in dag.params):
            assert {"title", "description_md", "type"} <= set(param.schema)
        for task in dag.tasks:
            assert task.owner == "nightshift"
            assert (task.retries, task.pool, task.retry_exponential_backoff) == (2, "default_pool", True)
            assert timedelta(0) < task.execution_timeout <= timedelta(hours=1)


def test_a_task_builds_only_its_own_dag(projects_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for dag_id in FORMS:
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        assert set(made()) == {dag_id}
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop__retrain")
    assert made() == {}


def test_without_a_valid_project_there_is_nothing_to_act_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "none").mkdir()
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(home / "none"))
    assert made() == {}


def test_a_dag_can_be_stored(projects_dir: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in made().values():
        once, again = (DagSerialization.to_dict(dag) for _ in range(2))
        assert once == again
        DagSerialization.from_dict(once)


def test_a_rollback_takes_effect_and_the_next_night_respects_it(nights: Nights) -> None:
    dag_run = run("rollback")
    assert dag_run.state == "success"
    assert in_force(nights) == ("1", "1", "1")
    assert xcom(dag_run, "roll_back", "return_value") == {
        "project": "parcels",
        "before": "2",
        "after": "1",
        "ledger_number": 7,
    }
    entry = newest(nights)
    assert (entry.kind, entry.version, entry.reason) == ("rollback", "1", "late parcels in Oslo")
    origin = entry.origin
    assert (origin.dag_id, origin.run_id, origin.run_type) == ("nightshift__rollback", dag_run.run_id, "manual")
    assert origin.triggered_by == (dag_run.triggering_user_name or "")
    assert origin.git_commit == "abc123"
    # a Dag that waits for the champion hears of it, as it hears of a promotion
    assert told_by(dag_run.run_id) == {"parcels__champion"}
    assert nights.night(day(2), "the same night again").reason == ROLLED_BACK


def test_to_a_version_of_the_form(nights: Nights) -> None:
    assert run("rollback", version="1").state == "success"
    assert in_force(nights) == ("1", "1", "1")


def test_what_is_not_possible_fails_at_once_and_says_why(nights: Nights) -> None:
    dag_run = run("rollback", version="3")
    assert dag_run.state == "failed"
    (instance,) = dag_run.get_task_instances()
    assert instance.try_number == 1
    error = xcom(dag_run, "roll_back", "error")
    assert error.startswith("ActRefusedError: the ledger of parcels: this version is none of the earlier champions")
    assert in_force(nights) == ("2", "2", "2")


def test_a_pin_holds_the_next_night_until_it_is_taken_off(nights: Nights) -> None:
    run("rollback")
    assert states(run("pin", action="pin")) == {"change_pin": ["success"]}
    assert (newest(nights).kind, newest(nights).standing.pin) == ("pin", 8)
    held = nights.night(day(5))
    assert held.verdict == "HOLD"
    assert "is pinned by" in held.reason and "(late parcels in Oslo)" in held.reason
    assert states(run("pin", action="unpin", reason="over")) == {"change_pin": ["success"]}
    assert Ledger(nights.store, "parcels").in_force().pin is None
    assert nights.night(day(5), "once more").verdict == "PROMOTE"


@pytest.mark.parametrize(
    ("dag_id", "conf", "said"),
    [
        ("rollback", {"reason": ""}, "Invalid input for param reason"),
        ("rollback", {"reason": "  "}, "Invalid input for param reason"),
        ("rollback", {"project": "nothing"}, "Invalid input for param project"),
        ("rollback", {"version": "newest"}, "Invalid input for param version"),
        ("pin", {"action": "nail"}, "Invalid input for param action"),
    ],
)
def test_the_form_refuses_what_makes_no_sense(nights: Nights, dag_id: str, conf: dict[str, Any], said: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError, match=said):
        run(dag_id, **conf)
    assert len(entries(nights)) == 6


@pytest.mark.parametrize("dag_id", ["rollback", "pin"])
def test_project_and_reason_have_no_default(nights: Nights, dag_id: str) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    for missing in ("project", "reason"):
        conf = {name: value for name, value in BECAUSE.items() if name != missing}
        with pytest.raises(ParamValidationError, match="No value passed"):
            made()[f"nightshift__{dag_id}"].test(run_conf=conf)
    assert len(entries(nights)) == 6


def test_a_field_that_the_form_has_not_is_refused(nights: Nights) -> None:
    dag_run = run("rollback", verison="1")
    assert dag_run.state == "failed"
    assert "Did you mean 'version'?" in xcom(dag_run, "roll_back", "error")
    assert in_force(nights) == ("2", "2", "2")


def test_mlflow_that_is_away_is_tried_again_and_nothing_is_rolled_back_twice(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Tracking.version_of_alias
    asked: list[str] = []

    def away_at_first(tracking: Tracking, alias: str) -> str | None:
        asked.append(alias)
        if len(asked) <= 2:
            raise TrackingError("MLflow", "is away")
        return answers(tracking, alias)

    monkeypatch.setattr(Tracking, "version_of_alias", away_at_first)
    dag = made()["nightshift__rollback"]
    dag.get_task("roll_back").retry_delay = timedelta(milliseconds=1)
    dag_run = dag.test(run_conf=BECAUSE)
    assert dag_run.state == "success"
    (instance,) = dag_run.get_task_instances()
    assert instance.try_number == 2
    assert [entry.kind for entry in entries(nights)].count("rollback") == 1
    assert in_force(nights) == ("1", "1", "1")
