"""The Dags of namespaces beside production's: other ids, pools and assets, and runs that are given their own places."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from include.config.settings import Settings
from include.domain.names import begin_removal, register
from tests.orchestration.conftest import Script
from tests.orchestration.test_dags import dag_bag

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]

BASE = {
    *("bank__retrain", "shop__retrain"),
    *("nightshift__pin", "nightshift__rollback", "nightshift__retention"),
}


def named(namespace: str) -> set[str]:
    return {f"{namespace}.{dag_id}" for dag_id in BASE}


def made() -> dict[str, Any]:
    """Return every Dag of every family by its id."""
    from include.orchestration.operations import operation_dags, retention_dags
    from include.orchestration.retrain import retrain_dags
    from include.orchestration.score import score_dags

    families = (operation_dags(), retention_dags(), retrain_dags(), score_dags())
    return {dag.dag_id: dag for family in families for dag in family}


def test_every_registered_namespace_has_every_dag(projects_dir: Path, home: Path) -> None:
    assert set(made()) == BASE
    register(home, "a")
    register(home, "b")
    assert set(made()) == BASE | named("a") | named("b")
    begin_removal(home, "a")
    assert set(made()) == BASE | named("b")
    assert dag_bag().import_errors == {}


def test_an_airflow_of_a_namespaces_own_has_its_dags_alone(
    projects_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NIGHTSHIFT_NAMESPACE", "own")
    assert set(made()) == named("own")


def test_a_task_builds_its_own_dag_and_needs_no_registry(
    projects_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(home, "a")
    for dag_id in ("elsewhere.shop__retrain", "elsewhere.nightshift__pin", "elsewhere.nightshift__retention"):
        monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", dag_id)
        assert set(made()) == {dag_id}
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "shop__retrain")
    assert set(made()) == {"shop__retrain"}


def test_names_differ_and_nothing_else_does(projects_dir: Path, home: Path) -> None:
    register(home, "a")
    dags = made()
    base, other = dags["shop__retrain"], dags["a.shop__retrain"]
    assert other.tags == base.tags | {"namespace a"}
    assert (base.get_task("train").pool, other.get_task("train").pool) == ("training", "a.training")
    for task in base.tasks:
        twin = other.get_task(task.task_id)
        assert twin.pool == ("a.training" if task.task_id == "train" else task.pool)
        assert twin.upstream_task_ids == task.upstream_task_ids
        assert (twin.retries, twin.execution_timeout) == (task.retries, task.execution_timeout)
    assert other.is_paused_upon_creation is True


def test_no_asset_of_a_namespace_is_productions(projects_dir: Path, home: Path) -> None:
    register(home, "a")
    dags = made()
    assets = {
        dag_id: {(outlet.name, outlet.uri) for task in dags[dag_id].tasks for outlet in task.outlets}
        for dag_id in ("shop__retrain", "a.shop__retrain")
    }
    assert assets["shop__retrain"] == {
        ("shop__features", "nightshift://shop/features"),
        ("shop__champion", "nightshift://shop/champion"),
    }
    assert assets["a.shop__retrain"] == {
        ("a.shop__features", "nightshift://a.shop/features"),
        ("a.shop__champion", "nightshift://a.shop/champion"),
    }


def test_a_run_is_given_the_places_of_its_namespace_and_tells_only_its_own_assets(
    projects_dir: Path, home: Path, script: Script
) -> None:
    register(home, "a")
    dag_run = made()["a.shop__retrain"].test(run_conf={"as_of": "2013-04-01"})
    assert dag_run.state == "success"
    base = Settings.from_environment()
    there = base.in_namespace("a")
    for _, inputs in script.calls:
        assert (inputs.store_url, inputs.tracking_url) == (there.store_url, there.tracking_url)
        assert inputs.origin.dag_id == "a.shop__retrain"
    assert {inputs.landing_url for inputs in script.of("ingest")} == {base.store_url}
    assert {inputs.landing_url for inputs in script.of("validate")} == {""}
    assert told_by(dag_run.run_id) == {"a.shop__features", "a.shop__champion"}


def test_the_owner_is_told_which_namespace_has_failed(projects_dir: Path, home: Path) -> None:
    from include.orchestration.notify import FailedRun, compose
    from tests.airflow_fixtures import write_decision

    base = Settings.from_environment()
    write_decision(base.in_namespace("a").store_url, "shop", run_id="r", verdict="REJECT")
    failed = FailedRun("shop__retrain", "r", 0, "2013-04-01")
    assert "the run failed" in compose(base, failed).subject
    # `write_decision` names production's Dag as the origin
    entry = compose(base.in_namespace("a"), failed)
    assert "REJECT, there is still no champion" in entry.subject
    told = compose(base.in_namespace("a"), FailedRun("a.shop__retrain", "other", 0, "2013-04-01"))
    assert told.subject == "[nightshift] a.shop 2013-04-01: the run failed"
    assert "/dags/a.shop__retrain/runs/other" in told.text


def told_by(run_id: str) -> set[str]:
    """Return the names of the assets that a run has announced."""
    from airflow.models.asset import AssetEvent, AssetModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        query = select(AssetModel.name).join(AssetEvent, AssetEvent.asset_id == AssetModel.id)
        return set(session.scalars(query.where(AssetEvent.source_run_id == run_id)).all())
