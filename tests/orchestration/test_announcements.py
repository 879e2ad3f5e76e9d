"""Announce new features and champions to other Dags, but never from a backfill."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import AirflowSkipException

from include.orchestration import tasks
from include.orchestration.dag_building import champion_asset, features_asset

PLAN = {"stale": 2, "holdout": {"first": "2013-03-28", "last": "2013-04-01"}}
PROMOTED = {"champion_version": "3", "ledger_number": 7}


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> dict[Any, Any]:
    """Run in a task of a run of the type that the test names; return the events of its assets."""
    found = {asset("shop"): SimpleNamespace(extra=None) for asset in (features_asset, champion_asset)}
    context = {"dag_run": SimpleNamespace(run_type=request.param, dag_id="shop__retrain"), "outlet_events": found}
    monkeypatch.setattr(tasks, "get_current_context", lambda: context)
    return found


# Airflow's own enum: a guard that compares its str() lets every backfill through
LIVE = [DagRunType.SCHEDULED, DagRunType.MANUAL, DagRunType.ASSET_TRIGGERED]


@pytest.mark.parametrize("events", LIVE, indirect=True)
def test_a_nightly_run_announces(events: dict[Any, Any]) -> None:
    tasks.announce_features.function("shop", PLAN)
    tasks.announce_champion.function("shop", PROMOTED)
    assert events[features_asset("shop")].extra == {"days": 2, "last": "2013-04-01"}
    assert events[champion_asset("shop")].extra == {"version": "3", "ledger_number": 7}


@pytest.mark.parametrize("events", [DagRunType.BACKFILL], indirect=True)
def test_a_backfill_is_silent(events: dict[Any, Any]) -> None:
    with pytest.raises(AirflowSkipException, match="a backfill announces nothing"):
        tasks.announce_features.function("shop", PLAN)
    with pytest.raises(AirflowSkipException, match="a backfill announces nothing"):
        tasks.announce_champion.function("shop", PROMOTED)


@pytest.mark.parametrize("events", LIVE, indirect=True)
def test_without_new_days_there_are_no_new_features(events: dict[Any, Any]) -> None:
    with pytest.raises(AirflowSkipException, match="no day was prepared"):
        tasks.announce_features.function("shop", {**PLAN, "stale": 0})
