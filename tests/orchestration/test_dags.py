"""Hold every Dag to the house's rules, and every broken project to breaking only itself."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.config.settings import ROOT
from include.config.stages import RETRAIN_STAGES, TRAINING_POOL
from tests.airflow_fixtures import write_project


def dag_bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags")


@pytest.fixture(scope="module")
def real_dags() -> dict[str, Any]:
    """Return the Dags of the projects of this checkout."""
    bag = dag_bag()
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_the_dags_are_exactly_those_of_the_projects(real_dags: dict[str, Any]) -> None:
    folders = {path.parent.name for path in (ROOT / "include" / "projects").glob("*/project.yaml")}
    assert {"flight_delay", "telco_churn"} <= folders
    assert set(real_dags) == {f"{name}__retrain" for name in folders}


def test_every_dag_keeps_the_rules(real_dags: dict[str, Any]) -> None:
    for dag_id, dag in real_dags.items():
        project = dag_id.removesuffix("__retrain")
        assert {"nightshift", project, "binary"} <= dag.tags
        assert dag.catchup is False
        assert dag.max_active_runs == 1
        assert dag.is_paused_upon_creation is True
        assert dag.start_date == datetime.fromisoformat("2012-01-01T00:00:00+00:00")
        assert dag.doc_md.startswith("# ")
        assert dag.description
        assert set(dag.params) == {"as_of", "window_days", "promotion_mode", "force", "refresh_raw"}
        for param in (dag.params.get_param(name) for name in dag.params):
            assert {"title", "description_md", "type"} <= set(param.schema)
        dag.timetable.validate()


def test_every_task_keeps_the_rules(real_dags: dict[str, Any]) -> None:
    for task in (task for dag in real_dags.values() for task in dag.tasks):
        assert task.owner not in ("", "airflow")
        assert task.retries == 2
        assert task.retry_exponential_backoff
        assert timedelta(seconds=1) <= task.retry_delay <= task.max_retry_delay <= timedelta(minutes=10)
        assert timedelta(0) < task.execution_timeout <= timedelta(hours=2)
        assert task.pool == (TRAINING_POOL if task.task_id == "train" else "default_pool")


def test_every_dag_has_the_stages_in_their_order(real_dags: dict[str, Any]) -> None:
    for dag in real_dags.values():
        assert set(RETRAIN_STAGES) < set(dag.task_ids)
        for earlier, later in itertools.pairwise(RETRAIN_STAGES):
            assert earlier in dag.get_task(later).upstream_task_ids
        prepared = {task.task_id for task in dag.task_group.get_child_by_label("prepare")}
        assert prepared == {"ingest", "validate", "build_features"}


def test_assets_are_made_by_the_announcements_alone(real_dags: dict[str, Any]) -> None:
    for dag_id, dag in real_dags.items():
        project = dag_id.removesuffix("__retrain")
        made = {(task.task_id, asset.name) for task in dag.tasks for asset in task.outlets}
        assert made == {
            ("announce_features", f"{project}__features"),
            ("announce_champion", f"{project}__champion"),
        }


@pytest.mark.parametrize("path", sorted((ROOT / "dags").glob("*.py")), ids=lambda path: path.name)
def test_a_dag_file_is_short_and_airflow_reads_it(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 20
    # Airflow silently skips a file without these words
    assert "airflow" in text.lower()
    assert "dag" in text.lower()


def test_a_broken_project_is_reported_alone_with_all_its_problems(projects_dir: Path) -> None:
    write_project(projects_dir, "torn", replace=("roc_auc, value: 0.6", "roc_auk, value: high"))
    bag = dag_bag()
    assert set(bag.dags) == {"shop__retrain", "bank__retrain"}
    [(path, trace)] = bag.import_errors.items()
    assert path.endswith("broken_projects.py")
    problems = [line for line in trace.splitlines() if "torn/project.yaml" in line]
    assert len(problems) == 2
    assert "roc_auk" in trace
    assert "Did you mean 'roc_auc'?" in trace


def test_a_task_builds_only_its_own_dag(projects_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.orchestration.retrain import retrain_dags

    assert [dag.dag_id for dag in retrain_dags()] == ["bank__retrain", "shop__retrain"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop__retrain")
    assert [dag.dag_id for dag in retrain_dags()] == ["shop__retrain"]


def test_a_dag_can_be_stored(real_dags: dict[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in real_dags.values():
        once, again = (DagSerialization.to_dict(dag) for _ in range(2))
        assert once == again
        stored = DagSerialization.from_dict(once)
        assert stored.timetable.partitioned
        assert stored.timetable.summary == dag.timetable.summary
