"""Run retention from Airflow: a dry run unless the form says else, one task instance a project."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.domain.clock import NOW_VARIABLE
from include.domain.results import Origin
from include.io import keys
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, put_file, write_manifest
from tests.orchestration.test_dags import dag_bag
from tests.orchestration.test_retrain_run import states
from tests.support.tracking import copy_prepared

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]

DAG_ID = "nightshift__retention"
NEWEST = date(2024, 3, 1)
OLD = (NEWEST - timedelta(days=900), NEWEST - timedelta(days=800))


@pytest.fixture
def store(projects_dir: Path, home: Path, prepared_tracking: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """Return a store, two days later, in which `shop` has two days that are older than it keeps, and `bank` nothing."""
    store = LocalStore(f"file://{home / 'store'}")
    for day in (*OLD, NEWEST):
        ref = put_file(store, keys.features_rows("shop", day, "f" * 16), b"rows")
        manifest = Manifest(
            kind="features",
            project="shop",
            day=day,
            fingerprint="f",
            files={"rows": ref},
            origin=Origin(run_id="r"),
            made_at=datetime(2024, 3, 1, tzinfo=UTC),
        )
        write_manifest(store, keys.features_manifest("shop", day), manifest)
    monkeypatch.setenv("NIGHTSHIFT_TRACKING_URL", copy_prepared(prepared_tracking, home))
    monkeypatch.setenv(NOW_VARIABLE, (datetime.now(UTC) + timedelta(days=2)).isoformat())
    return store


def run(**conf: Any) -> Any:
    """Run the Dag once with what the form gives, and return its run."""
    from include.orchestration.operations import retention_dags

    [dag] = retention_dags()
    return dag.test(run_conf=conf)


def summaries(dag_run: Any) -> dict[str, dict[str, Any]]:
    """Return what the run handed on, by project."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    found = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids="retain", key="return_value")
    with create_session() as session:
        values = [XComModel.deserialize_value(row) for row in session.scalars(found).all()]
    return {value["project"]: value for value in values}


def keys_of(store: LocalStore) -> list[str]:
    return [one.key for one in store.list()]


def test_the_dag_waits_for_a_person_and_offers_every_project(projects_dir: Path) -> None:
    bag = dag_bag()
    assert bag.import_errors == {}
    dag = bag.dags[DAG_ID]
    assert dag.timetable.can_be_scheduled is False
    assert (dag.is_paused_upon_creation, dag.catchup, dag.max_active_runs) == (False, False, 1)
    assert dag.params.get_param("project").schema["enum"] == ["all projects", "bank", "shop"]
    assert dag.params.dump() == {"project": "all projects", "dry_run": True}
    assert {"nightshift", "operations"} <= set(dag.tags)


def test_a_run_without_any_field_is_a_dry_run_of_all(store: LocalStore) -> None:
    before = keys_of(store)
    done = run()
    assert states(done) == {"choose_projects": ["success"], "retain": ["success", "success"]}
    found = summaries(done)
    bank, shop = found["bank"], found["shop"]
    assert bank["files"] == 0
    assert (shop["dry_run"], shop["files"]) == (True, 4)
    assert [(total["kind"], total["count"]) for total in shop["totals"]] == [("features", 2)]
    assert keys_of(store) == before


def test_it_removes_when_the_form_says_so(store: LocalStore) -> None:
    done = run(project="shop", dry_run=False)
    found = summaries(done)
    assert set(found) == {"shop"}
    assert (found["shop"]["dry_run"], found["shop"]["files"], found["shop"]["left"]) == (False, 4, 0)
    assert keys_of(store) == [
        f"shop/features/date={NEWEST}/{'f' * 16}.parquet",
        f"shop/features/date={NEWEST}/manifest.json",
    ]


def test_a_field_that_the_form_does_not_have_is_refused(store: LocalStore) -> None:
    before = keys_of(store)
    assert states(run(dry=False))["choose_projects"] == ["failed"]
    assert keys_of(store) == before
