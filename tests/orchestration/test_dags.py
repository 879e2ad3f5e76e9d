"""Hold every Dag to the house's rules, and every broken project to breaking only itself."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.config.settings import ROOT
from include.domain.names import RETRAIN_STAGES, SCORE_STAGES, TRAINING_POOL
from tests.airflow_fixtures import write_project

# by family of Dags: the fields of the form, and which task makes which asset
FORMS = {
    "retrain": {"as_of", "window_days", "promotion_mode", "force", "refresh_raw"},
    "score": {"as_of", "hindsight", "force"},
}
ASSETS = {
    "retrain": {("announce_features", "features"), ("announce_champion", "champion")},
    "score": {("announce_predictions", "predictions")},
}


def dag_bag() -> Any:
    from airflow.dag_processing.dagbag import DagBag

    return DagBag(ROOT / "dags")


@pytest.fixture(scope="module")
def real_dags() -> dict[str, Any]:
    """Return the Dags of the projects of this checkout."""
    bag = dag_bag()
    assert bag.import_errors == {}
    # those of tests/orchestration/test_operations.py belong to no project
    return {dag_id: dag for dag_id, dag in bag.dags.items() if "operations" not in dag.tags}


def test_the_dags_are_exactly_those_of_the_projects(real_dags: dict[str, Any]) -> None:
    folders = {path.parent.name for path in (ROOT / "include" / "projects").glob("*/project.yaml")}
    assert {"flight_delay", "telco_churn"} <= folders
    assert set(real_dags) == {f"{name}__{family}" for name in folders for family in ("retrain", "score")}


def test_a_project_that_declares_no_scoring_has_no_score_dag(projects_dir: Path) -> None:
    gates = "gates:\n"
    write_project(projects_dir, "scored", replace=(gates, f'scoring: {{schedule: "45 4 * * *"}}\n{gates}'))
    bag = dag_bag()
    assert bag.import_errors == {}
    assert {dag_id for dag_id in bag.dags if dag_id.endswith("__score")} == {"scored__score"}
    assert str(bag.dags["scored__score"].timetable.summary) == "45 4 * * *"


def test_every_dag_keeps_the_rules(real_dags: dict[str, Any]) -> None:
    for dag_id, dag in real_dags.items():
        project, family = dag_id.split("__")
        assert {"nightshift", project, "binary"} <= dag.tags
        assert dag.catchup is False
        assert dag.max_active_runs == 1
        assert dag.is_paused_upon_creation is True
        assert dag.start_date == datetime.fromisoformat("2012-01-01T00:00:00+00:00")
        assert dag.doc_md.startswith("# ")
        assert dag.description
        assert set(dag.params) == FORMS[family]
        for param in (dag.params.get_param(name) for name in dag.params):
            assert {"title", "description_md", "type"} <= set(param.schema)
        # Airflow is not left to do it at each parse: the fields' schemas are right, and so are their defaults
        dag.params.validate()
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
    stages = {"retrain": RETRAIN_STAGES, "score": SCORE_STAGES}
    for dag_id, dag in real_dags.items():
        family = dag_id.split("__")[1]
        assert set(stages[family]) < set(dag.task_ids)
        for earlier, later in itertools.pairwise(stages[family]):
            assert earlier in dag.get_task(later).upstream_task_ids
        if family == "retrain":
            prepared = {task.task_id for task in dag.task_group.get_child_by_label("prepare")}
            assert prepared == {"ingest", "validate", "build_features"}


def test_assets_are_made_by_the_announcements_alone(real_dags: dict[str, Any]) -> None:
    for dag_id, dag in real_dags.items():
        project, family = dag_id.split("__")
        made = {(task.task_id, asset.name) for task in dag.tasks for asset in task.outlets}
        assert made == {(task, f"{project}__{asset}") for task, asset in ASSETS[family]}


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
    assert {dag_id for dag_id in bag.dags if dag_id.endswith("__retrain")} == {"shop__retrain", "bank__retrain"}
    [(path, trace)] = bag.import_errors.items()
    assert path.endswith("broken_projects.py")
    problems = [line for line in trace.splitlines() if "torn/project.yaml" in line]
    assert len(problems) == 2
    assert "roc_auk" in trace
    assert "Did you mean 'roc_auc'?" in trace


def test_a_task_builds_only_its_own_dag(projects_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.orchestration.retrain import retrain_dags
    from include.orchestration.score import score_dags

    for name in ("kiosk", "store"):
        write_project(projects_dir, name, replace=("gates:\n", 'scoring: {schedule: "@daily"}\ngates:\n'))
    names = ["bank", "kiosk", "shop", "store"]
    assert [dag.dag_id for dag in retrain_dags()] == [f"{name}__retrain" for name in names]
    assert [dag.dag_id for dag in score_dags()] == ["kiosk__score", "store__score"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "store__retrain")
    assert [dag.dag_id for dag in retrain_dags()] == ["store__retrain"]
    assert list(score_dags()) == []
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "store__score")
    assert list(retrain_dags()) == []
    assert [dag.dag_id for dag in score_dags()] == ["store__score"]


def test_no_task_holds_a_copy_of_the_fields_of_the_form(real_dags: dict[str, Any]) -> None:
    for dag_id, dag in real_dags.items():
        held = {task.task_id: set(task.params) for task in dag.tasks if task.params}
        assert held == ({"approve": {"reason"}} if dag_id.endswith("__retrain") else {})


def test_a_task_reads_only_its_own_project(projects_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.config import discovery
    from include.orchestration import dag_building
    from include.orchestration.retrain import retrain_dags

    read: list[str] = []
    real = discovery.read_project

    def noted(folder: Path) -> Any:
        read.append(folder.name)
        return real(folder)

    for module in (discovery, dag_building):
        monkeypatch.setattr(module, "read_project", noted)
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop__retrain")
    assert [dag.dag_id for dag in retrain_dags()] == ["shop__retrain"]
    assert read == ["shop"]


def test_a_task_whose_project_is_broken_by_now_says_what_is_wrong(
    projects_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.domain.errors import DeclarationError
    from include.orchestration.retrain import retrain_dags

    write_project(projects_dir, "torn", replace=("roc_auc, value: 0.6", "roc_auk, value: 0.6"))
    assert [dag.dag_id for dag in retrain_dags()] == ["bank__retrain", "shop__retrain"]
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "torn__retrain")
    with pytest.raises(DeclarationError, match="Did you mean 'roc_auc'"):
        list(retrain_dags())
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop__retrain")
    assert [dag.dag_id for dag in retrain_dags()] == ["shop__retrain"]


def test_what_a_project_says_now_is_in_the_next_parse(projects_dir: Path) -> None:
    def shown() -> tuple[str, list[str]]:
        bag = dag_bag()
        assert bag.import_errors == {}
        dag = bag.dags["shop__retrain"]
        return dag.doc_md, list(dag.params.get_param("promotion_mode").schema["enum"])

    before = shown()
    assert shown() == before
    folder = projects_dir / "shop"
    (folder / "README.md").write_text("# another shop\n")
    with (folder / "project.yaml").open("a") as file:
        file.write("promotion: {mode: hold}\n")
    assert shown() == ("# another shop\n", ["declared", "hold"])
    assert dag_bag().dags["bank__retrain"].doc_md.startswith("# bank")


def test_a_dag_can_be_stored(real_dags: dict[str, Any]) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    for dag in real_dags.values():
        once, again = (DagSerialization.to_dict(dag) for _ in range(2))
        assert once == again
        stored = DagSerialization.from_dict(once)
        assert stored.timetable.partitioned
        assert stored.timetable.summary == dag.timetable.summary


READMES: dict[str, bytes] = {
    "not UTF-8": "# Prüfung\n".encode("latin-1"),
    "zero bytes": b"# a\0b\n",
}


@pytest.mark.parametrize("content", READMES.values(), ids=READMES)
def test_a_readme_that_cannot_be_shown_breaks_its_project_alone(projects_dir: Path, content: bytes) -> None:
    (write_project(projects_dir, "torn") / "README.md").write_bytes(content)
    bag = dag_bag()
    assert {dag_id for dag_id in bag.dags if dag_id.endswith("__retrain")} == {"shop__retrain", "bank__retrain"}
    [(path, trace)] = bag.import_errors.items()
    assert path.endswith("broken_projects.py")
    assert "torn/README.md" in trace


@pytest.mark.parametrize("text", ["pyproject.md", f"# {'a' * 300}\n\nMore in docs/time.md"])
def test_a_readme_that_ends_like_the_name_of_a_file_is_not_one(
    projects_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    (tmp_path / "pyproject.md").write_text("of somebody else")
    monkeypatch.chdir(tmp_path)
    (write_project(projects_dir, "noted") / "README.md").write_text(text)
    bag = dag_bag()
    assert bag.import_errors == {}
    assert bag.dags["noted__retrain"].doc_md == f"{text}\n"


def test_a_dag_that_cannot_be_built_hides_no_other(projects_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from include.orchestration import retrain

    runs_at_once = retrain.runs_at_once

    def fail(project: Any) -> int:
        if project.name == "bank":
            raise ZeroDivisionError("no slots")
        return runs_at_once(project)

    monkeypatch.setattr(retrain, "runs_at_once", fail)
    bag = dag_bag()
    assert {dag_id for dag_id in bag.dags if dag_id.endswith("__retrain")} == {"shop__retrain"}
    [(path, trace)] = bag.import_errors.items()
    assert path.endswith("broken_projects.py")
    assert "bank/: its Dag cannot be built; got: ZeroDivisionError: no slots" in trace
