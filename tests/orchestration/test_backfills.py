"""What Airflow 3.3.2 makes of a backfill of our Dags: its own functions on a real database, without a scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from include.domain.clock import newest_complete_day
from include.orchestration.stage_call import origin

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("airflow_db")]
DAG_ID = "shop__retrain"


@pytest.fixture
def stored(projects_dir: Path) -> Iterator[None]:
    """Store the Dags in the database, as the Dag processor does; leave no run behind."""
    from airflow.dag_processing.bundles.manager import DagBundlesManager
    from airflow.dag_processing.dagbag import BundleDagBag, sync_bag_to_db
    from airflow.models.backfill import Backfill, BackfillDagRun
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    manager = DagBundlesManager()
    with create_session() as session:
        manager.sync_bundles_to_db(session=session)
    for bundle in manager.get_all_dag_bundles():
        bundle.initialize()
        bag = BundleDagBag(dag_folder=bundle.path, bundle_path=bundle.path, bundle_name=bundle.name)
        sync_bag_to_db(bag, bundle.name, None)
    yield
    with create_session() as session:
        session.execute(delete(BackfillDagRun))
        session.execute(delete(DagRun).where(DagRun.backfill_id.is_not(None)))
        session.execute(delete(Backfill))


def backfill(first: str, last: str, **given: Any) -> list[Any]:
    """Create a backfill and return its runs as they are stored, in the order in which they will start."""
    from airflow.models.backfill import BackfillDagRun, ReprocessBehavior, _create_backfill
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    made = _create_backfill(
        dag_id=DAG_ID,
        from_date=datetime.fromisoformat(first).replace(tzinfo=UTC),
        to_date=datetime.fromisoformat(last).replace(tzinfo=UTC),
        max_active_runs=2,
        reverse=given.get("reverse", False),
        dag_run_conf={},
        triggering_user_name="ada",
        reprocess_behavior=ReprocessBehavior(given.get("reprocess", "none")),
    )
    with create_session() as session:
        query = (
            select(DagRun)
            .join(BackfillDagRun, BackfillDagRun.dag_run_id == DagRun.id)
            .where(BackfillDagRun.backfill_id == made.id)
            .order_by(BackfillDagRun.sort_ordinal)
        )
        return list(session.scalars(query))


def finish(state: str) -> None:
    """End every run and backfill."""
    from airflow.models.backfill import Backfill
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    moment = datetime.now(UTC)
    with create_session() as session:
        session.execute(
            update(DagRun)
            .where(DagRun.backfill_id.is_not(None))
            .values(state=state, start_date=moment, end_date=moment)
        )
        session.execute(update(Backfill).values(completed_at=moment))


def keys(runs: list[Any]) -> list[str]:
    return [run.partition_key for run in runs]


@pytest.mark.usefixtures("stored")
def test_a_backfilled_run_is_about_its_day_and_says_who_asked() -> None:
    runs = backfill("2013-04-01", "2013-04-03")
    assert keys(runs) == ["2013-04-01", "2013-04-02", "2013-04-03"]
    found = origin(runs[0])
    assert (found.run_type, found.triggered_by, found.dag_id) == ("backfill", "ada", DAG_ID)
    assert runs[0].partition_date == datetime(2013, 4, 1, tzinfo=UTC)
    assert (runs[0].logical_date, runs[0].data_interval_start) == (None, None)


@pytest.mark.usefixtures("stored")
def test_backwards_the_newest_day_is_first() -> None:
    assert keys(backfill("2013-04-01", "2013-04-03", reverse=True)) == ["2013-04-03", "2013-04-02", "2013-04-01"]


@pytest.mark.usefixtures("stored")
def test_days_that_are_not_complete_are_left_out() -> None:
    newest = newest_complete_day()
    runs = backfill(str(newest - timedelta(days=1)), str(newest + timedelta(days=9)))
    assert [date.fromisoformat(key) for key in keys(runs)] == [newest - timedelta(days=1), newest]


@pytest.mark.usefixtures("stored")
def test_days_that_are_all_in_the_future_are_refused() -> None:
    from airflow.models.backfill import InvalidBackfillDate

    with pytest.raises(InvalidBackfillDate):
        backfill("2999-01-01", "2999-01-02")


@pytest.mark.usefixtures("stored")
def test_a_second_backfill_is_refused_while_one_is_active() -> None:
    from airflow.models.backfill import AlreadyRunningBackfill

    backfill("2013-04-01", "2013-04-01")
    with pytest.raises(AlreadyRunningBackfill):
        backfill("2013-05-01", "2013-05-01")


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("state", "reprocess", "again"),
    [
        ("success", "none", False),
        ("failed", "none", False),
        ("success", "failed", False),
        ("failed", "failed", True),
        ("success", "completed", True),
    ],
)
def test_reprocessing_makes_a_new_run_beside_the_old_one(state: str, reprocess: str, again: bool) -> None:
    [first] = backfill("2013-04-01", "2013-04-01")
    finish(state)
    runs = backfill("2013-04-01", "2013-04-01", reprocess=reprocess)
    assert keys(runs) == (["2013-04-01"] if again else [])
    assert all(run.run_id != first.run_id for run in runs)


@pytest.mark.usefixtures("stored")
def test_a_day_before_the_start_date_runs_its_tasks() -> None:
    from airflow.models.dagbag import DBDagBag
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session

    from include.orchestration.retrain import START_DATE

    [made] = backfill("2011-12-30", "2011-12-30")
    with create_session() as session:
        run = session.get(DagRun, made.id)
        assert run is not None
        assert run.partition_date is not None
        assert run.partition_date < START_DATE
        run.dag = DBDagBag().get_dag_for_run(run, session=session)
        ready = run.task_instance_scheduling_decisions(session=session).schedulable_tis
        # with a logical date Airflow would run none of them, and call that a success
        assert [task.task_id for task in ready] == ["plan"]
