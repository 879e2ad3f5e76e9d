"""Months of retrains by backfill on a real scheduler: the same decisions in any order, and no harm done."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from include.airflow_client.api import AirflowApi
from include.airflow_client.backfill import close
from tests.e2e.door import LONGEST_SECONDS, Door, wait_for
from tests.e2e.monthly_flights import CHAMPION_DAY, DAG_ID, MONTHS, PROJECT, backfilled, monthly_flights, production
from tests.support.sizes import size

pytestmark = pytest.mark.e2e

SCORED = "2013-09-02"
# what preparing makes; the rest of a store is what training and deciding make
PREPARED = ("raw", "validation", "features")
# by the clock nothing runs: 2026's newest missed month would only take time
QUIET = {"AIRFLOW__SCHEDULER__USE_JOB_SCHEDULE": "False"}
ALL_AGAIN = ("--reprocess-behavior", "completed")


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return monthly_flights(tmp_path_factory.mktemp("monthly") / "projects")


@contextmanager
def opened(home: Path, projects: Path, prepared_by: Door | None = None) -> Iterator[Door]:
    """Yield a home whose stack runs and whose champion is of 1 September, by a real night."""
    door = Door(home, NIGHTSHIFT_PROJECTS=str(projects), **QUIET)
    if prepared_by is not None:
        for part in ("landing", *(f"{PROJECT}/{name}" for name in PREPARED)):
            shutil.copytree(prepared_by.home / "store" / part, home / "store" / part)
    try:
        door.up()
        door("run", PROJECT, "--as-of", str(CHAMPION_DAY))
        yield door
    finally:
        door("down")


def runs(api: AirflowApi, **query: Any) -> list[dict[str, Any]]:
    return api.every_run(DAG_ID, **query)


def ended(api: AirflowApi) -> bool:
    return not runs(api, state=["running", "queued"])


def most_at_once(found: list[dict[str, Any]]) -> int:
    """Return how many of the runs were running at one moment."""
    moments = [(run["start_date"], 1) for run in found] + [(run["end_date"], -1) for run in found]
    now = most = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory, projects: Path) -> Iterator[Door]:
    """Return a home in which Airflow's own command has backfilled the year, two months at once."""
    with opened(tmp_path_factory.mktemp("parallel"), projects) as door:
        scored = door("backfill", PROJECT, SCORED, SCORED, "--score")
        assert re.search(
            rf"^{SCORED} +scored +[0-9]+ predictions of version 1 \(data up to {CHAMPION_DAY}\)", scored, re.M
        )
        yield door


@pytest.fixture(scope="module")
def before(parallel: Door) -> dict[str, Any]:
    """Return what was in production before any backfill of the year."""
    return production(parallel)


@pytest.fixture(scope="module")
def paused(parallel: Door, before: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask for the year by Airflow's own command, and return its runs as long as the Dag is paused."""
    span = ("--from-date", str(MONTHS[0]), "--to-date", str(MONTHS[-1]))
    parallel("airflow", "backfill", "create", "--dag-id", DAG_ID, *span, "--max-active-runs", "2", *ALL_AGAIN)
    return runs(parallel.api(), run_type="backfill")


@pytest.fixture(scope="module")
def by_hand(parallel: Door, paused: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let the year run, and beside it two runs by hand; return those when all has ended."""
    api = parallel.api()
    with_key = {"logical_date": None, "partition_key": str(CHAMPION_DAY)}
    # its data interval is the day before
    with_date = {"logical_date": "2013-09-02T00:00:00+00:00"}
    asked = [api.trigger(DAG_ID, body) for body in (with_key, with_date)]
    api.set_paused(DAG_ID, False)
    wait_for("the backfill", lambda: ended(api), LONGEST_SECONDS)
    api.set_paused(DAG_ID, True)
    return [api.run(DAG_ID, run_id) for run_id in asked]


@pytest.fixture(scope="module")
def decided(parallel: Door, by_hand: list[dict[str, Any]]) -> dict[date, list[dict[str, Any]]]:
    """Return what the parallel backfill decided about each month."""
    return backfilled(parallel)


def test_a_paused_dag_takes_a_backfill_and_leaves_it_waiting(paused: list[dict[str, Any]]) -> None:
    assert [run["partition_key"] for run in paused] == [str(month) for month in MONTHS]
    assert {run["state"] for run in paused} == {"queued"}


def test_every_month_is_decided_once_and_two_ran_at_a_time(
    parallel: Door, decided: dict[date, list[dict[str, Any]]]
) -> None:
    found = runs(parallel.api(), run_type="backfill")
    assert {run["state"] for run in found} == {"success"}
    assert most_at_once(found) == 2
    assert sorted(decided) == list(MONTHS)
    assert {len(of_month) for of_month in decided.values()} == {1}
    for month, (decision,) in decided.items():
        assert decision["challenger"]["as_of"] == str(month)
        assert decision["holdout"]["last"] < str(month)
        assert (
            date.fromisoformat(decision["holdout"]["last"]) - date.fromisoformat(decision["train"]["first"])
        ).days == 89


def test_a_challenger_that_is_worse_is_not_promoted(decided: dict[date, list[dict[str, Any]]]) -> None:
    assert {decision["verdict"] for of_month in decided.values() for decision in of_month} == {"HOLD"}
    champions = {month: decision["champion"] for month, (decision,) in decided.items()}
    assert [month for month, champion in champions.items() if champion is None] == [
        month for month in champions if month < CHAMPION_DAY
    ]
    reasons = {month: decision["reason"] for month, (decision,) in decided.items()}
    assert reasons[CHAMPION_DAY] == "the challenger is champion 1 itself: a tie"
    late = [month for month in MONTHS if month > date(2013, 10, 1)]
    worse = [
        month
        for month in late
        if decided[month][0]["challenger"]["holdout"]["roc_auc"] < champions[month]["holdout"]["roc_auc"]
    ]
    assert worse
    for month in worse:
        assert re.match(r"not better than champion 1 by more than 0\.\d+: roc_auc 0\.", reasons[month])


def test_runs_by_hand_end_right_beside_a_backfill(
    parallel: Door, by_hand: list[dict[str, Any]], decided: dict[date, list[dict[str, Any]]]
) -> None:
    assert [run["state"] for run in by_hand] == ["success", "success"]
    backfill = runs(parallel.api(), run_type="backfill")
    last = max(run["end_date"] for run in backfill)
    # they did not wait for the backfill, though one run of the Dag by hand or by the clock is allowed at a time
    assert all(run["end_date"] < last for run in by_hand)
    assert most_at_once(by_hand) == 1
    for run in by_hand:
        entry = parallel.ledger(PROJECT).of_run(DAG_ID, run["dag_run_id"])
        assert entry is not None
        assert (entry.as_of, entry.verdict, entry.origin.run_type) == (CHAMPION_DAY, "HOLD", "manual")


def test_a_backfill_leaves_production_as_it_was(
    parallel: Door, before: dict[str, Any], decided: dict[date, list[dict[str, Any]]]
) -> None:
    assert {CHAMPION_DAY.replace(month=7), CHAMPION_DAY.replace(month=8)} <= set(decided)
    assert any(f"predictions/date={SCORED}/manifest.json" in name for name in before["files"])
    assert production(parallel) == before


def test_a_backfill_triggers_nothing_downstream(parallel: Door, decided: dict[date, list[dict[str, Any]]]) -> None:
    api = parallel.api()
    backfill = {run["dag_run_id"] for run in runs(api, run_type="backfill")}
    events = api.get("/assets/events", limit=100)["asset_events"]
    assert events, "the night that made the champion told of it"
    assert not [event for event in events if event["source_run_id"] in backfill]


@pytest.fixture(scope="module")
def in_order(
    tmp_path_factory: pytest.TempPathFactory, projects: Path, parallel: Door, decided: dict[date, list[dict[str, Any]]]
) -> Iterator[tuple[Door, str]]:
    """Return a home with the same days, in which our command has backfilled months in order, and what it said."""
    span = (str(MONTHS[0]), str(MONTHS[-1]))
    with opened(tmp_path_factory.mktemp("in_order"), projects, prepared_by=parallel) as door:
        yield door, door("backfill", PROJECT, *span, "--parallel", "1", "--reprocess", "completed")


def test_in_order_the_decisions_are_the_same(
    in_order: tuple[Door, str], decided: dict[date, list[dict[str, Any]]]
) -> None:
    door, _ = in_order
    found = runs(door.api(), run_type="backfill")
    by_start = sorted(found, key=lambda run: run["start_date"])
    assert [run["partition_key"] for run in by_start] == [str(month) for month in MONTHS]
    assert all(one["end_date"] <= next_one["start_date"] for one, next_one in pairwise(by_start))
    assert backfilled(door) == decided


def test_in_order_the_walk_forward_record_is_the_same(in_order: tuple[Door, str], parallel: Door) -> None:
    door, _ = in_order
    nights = [walked(night) for night in door.json("history", PROJECT)["nights"]]
    assert [night["as_of"] for night in nights] == [str(month) for month in MONTHS]
    assert nights == [walked(night) for night in parallel.json("history", PROJECT)["nights"]]


def walked(night: dict[str, Any]) -> dict[str, Any]:
    """Return what a night proves, without what two homes may differ in."""
    names = ("as_of", "candidate_id", "metric", "value", "interval", "champion_value", "gain", "verdict")
    return {name: night[name] for name in names}


def test_the_command_tells_of_every_month(
    in_order: tuple[Door, str], decided: dict[date, list[dict[str, Any]]]
) -> None:
    door, shown = in_order
    for month in MONTHS:
        (decision,) = decided[month]
        assert f"{month}: train" in shown
        (line,) = [line for line in shown.splitlines() if line.startswith(f"{month}  ")]
        assert line.split()[1] == "HOLD"
        assert decision["reason"][:40] in line
    assert f"{len(MONTHS)} of {len(MONTHS)} done" in shown
    assert f"{len(MONTHS)} days: {len(MONTHS)} HOLD" in shown
    assert f"./nightshift history {PROJECT}" in shown
    assert door.api().get(f"/dags/{DAG_ID}")["is_paused"]


def test_the_form_of_the_ui_reprocesses_backwards_with_the_same_decisions_and_models(
    in_order: tuple[Door, str], decided: dict[date, list[dict[str, Any]]]
) -> None:
    door, _ = in_order
    api = door.api()
    models = sorted(path.name for path in (door.home / "store" / PROJECT / "models").iterdir())
    body = {
        "dag_id": DAG_ID,
        "from_date": "2013-11-01T00:00:00Z",
        "to_date": "2013-12-31T23:00:00Z",
        "run_backwards": True,
        "max_active_runs": 1,
        "reprocess_behavior": "completed",
        "dag_run_conf": {},
    }
    made = api.create_backfill(body)
    api.set_paused(DAG_ID, False)
    wait_for("the backfill", lambda: ended(api), LONGEST_SECONDS)
    api.set_paused(DAG_ID, True)
    again = [
        run
        for run in runs(api, run_type="backfill")
        if datetime.fromisoformat(run["queued_at"]) >= datetime.fromisoformat(made["created_at"])
    ]
    by_start = sorted(again, key=lambda run: run["start_date"])
    assert [run["partition_key"] for run in by_start] == ["2013-12-01", "2013-11-01"]
    found = backfilled(door)
    for month in (date(2013, 11, 1), date(2013, 12, 1)):
        assert found[month] == decided[month] * 2
    assert sorted(path.name for path in (door.home / "store" / PROJECT / "models").iterdir()) == models


def test_days_that_have_run_are_left_out_and_told(in_order: tuple[Door, str]) -> None:
    door, _ = in_order
    shown = door("backfill", PROJECT, "2013-08-01", "2013-10-01")
    assert "nothing to do, every day of the range has run before" in shown
    assert "left out  3 that ran before: 2013-08-01 (success), 2013-09-01 (success), 2013-10-01 (success)" in shown
    planned = door.json("backfill", PROJECT, "2013-12-01", "2014-01-31", "--dry-run")
    assert planned == {
        "dag_id": DAG_ID,
        "days": [{"day": "2014-01-01", "result": "would run"}],
        "left_out": {"2013-12-01": "success"},
    }
    dry_run = {"dag_id": DAG_ID, "from_date": "2013-12-01T00:00:00Z", "to_date": "2014-01-31T00:00:00Z"}
    airflow = door.api().backfill_dry_run(dry_run)
    assert [found["partition_key"] for found in airflow] == [found["day"] for found in planned["days"]]


@pytest.fixture(scope="module")
def shuffled(
    tmp_path_factory: pytest.TempPathFactory, projects: Path, parallel: Door, in_order: tuple[Door, str]
) -> Iterator[Door]:
    """Return a home with the same days, in which the months were backfilled one by one, in no order."""
    months = random.Random(7).sample(MONTHS, k=size(3, len(MONTHS)))
    assert months != sorted(months)
    with opened(tmp_path_factory.mktemp("shuffled"), projects, prepared_by=parallel) as door:
        api = door.api()
        api.set_paused(DAG_ID, False)
        for month in months:
            moment = f"{month}T00:00:00Z"
            body = {"dag_id": DAG_ID, "from_date": moment, "to_date": moment, "reprocess_behavior": "completed"}
            made = api.create_backfill(body)
            wait_for(f"the run of {month}", lambda: not runs(api, state=["running", "queued"]), LONGEST_SECONDS)
            # the scheduler sees only twice a minute that a backfill has ended
            close(api, made["id"])
        yield door


def test_in_no_order_the_decisions_are_the_same(shuffled: Door, decided: dict[date, list[dict[str, Any]]]) -> None:
    found = backfilled(shuffled)
    assert len(found) == size(3, len(MONTHS))
    assert found == {month: decided[month] for month in found}
