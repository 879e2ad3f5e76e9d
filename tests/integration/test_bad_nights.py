"""Spoil the newest day of a night that has a champion, in every way a source can: the run fails, nothing else moves.

What validation says of spoilt days in detail is in tests/stages/test_bad_partitions.py; here it is the whole Dag, and
what serving would load afterwards.
"""

from __future__ import annotations

import io
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from include.demo_feed.flights import flights_key
from include.domain.errors import NightshiftError, PartitionRejectedError, SourceDataError, SourceIncompleteError
from include.io import keys
from include.io.local_store import TEMPORARY
from include.io.manifests import read_manifest
from tests.stages.shop import assert_nothing_half_written, contents
from tests.support.demo_nights import DemoNights, demo_nights, error_of, states

pytestmark = pytest.mark.integration

PROJECT = "flight_delay"
# twelve days whose figures are far from every gate, so that the first night promotes
CHAMPION_NIGHT, NIGHT = date(2013, 4, 4), date(2013, 4, 5)
BAD = date(2013, 4, 4)
DOWNSTREAM = ("build_features", "train", "evaluate", "promote", "announce_features", "announce_champion")

Spoil = Callable[[pd.DataFrame], pd.DataFrame]


def to_parquet(flights: pd.DataFrame) -> bytes:
    return bytes(flights.to_parquet(index=False))


@dataclass(frozen=True)
class Fault:
    """Name a way a day can be spoilt, and the error that must come of it."""

    name: str
    error: type[NightshiftError]
    message: str
    spoil: Spoil = lambda flights: flights
    damage: Callable[[bytes], bytes] = bytes

    @property
    def stage(self) -> str:
        """Return the stage that must refuse the day."""
        return "ingest" if issubclass(self.error, SourceDataError) else "validate"

    def apply(self, data: bytes) -> bytes:
        """Return a day's file, spoilt."""
        return self.damage(to_parquet(self.spoil(pd.read_parquet(io.BytesIO(data)))))


def nulls_in_three_of_ten_landed(flights: pd.DataFrame) -> pd.DataFrame:
    landed = flights.index[flights["arr_time"].notna()].to_series()
    flights.loc[landed.sample(frac=0.3, random_state=1), "arr_delay"] = None
    return flights


def below_nought(flights: pd.DataFrame) -> pd.DataFrame:
    flights.loc[:199, "distance"] = -7
    return flights


A_MISSING_COLUMN = Fault(
    "a missing column",
    PartitionRejectedError,
    "assemble: declared columns are missing: arr_delay; the tables have ",
    lambda flights: flights.drop(columns="arr_delay"),
)
WRONG_TYPES = Fault(
    "wrong types",
    PartitionRejectedError,
    "expect_column_type_to_be(sched_dep_time): found str",
    lambda flights: flights.astype({"sched_dep_time": "str"}),
)
MANY_DUPLICATED_KEYS = Fault(
    "many duplicated keys",
    PartitionRejectedError,
    "keys_are_unique(year, month, day, carrier, flight, origin): 100 rows, for example 2013/4/4/",
    lambda flights: pd.concat([flights, flights.head(100)], ignore_index=True),
)
NULLS_IN_THE_TARGET = Fault(
    "nulls in 30 % of the target",
    PartitionRejectedError,
    "expect_column_proportion_of_non_null_values_to_be_between(arr_delay): found 0.69",
    nulls_in_three_of_ten_landed,
)
VALUES_OUT_OF_RANGE = Fault(
    "values out of range",
    PartitionRejectedError,
    "expect_column_values_to_be_between(distance): 200 rows, for example -7",
    below_nought,
)
NO_ROWS = Fault("zero rows", SourceDataError, "the file has no rows; got: 0 rows, ", lambda flights: flights.head(0))
# it may still be arriving: the only fault that a later try may find mended
A_TRUNCATED_FILE = Fault(
    "a truncated file", SourceIncompleteError, "not a readable Parquet file", damage=lambda data: data[:-1000]
)
FAULTS = [
    A_MISSING_COLUMN,
    WRONG_TYPES,
    MANY_DUPLICATED_KEYS,
    NULLS_IN_THE_TARGET,
    VALUES_OUT_OF_RANGE,
    NO_ROWS,
    A_TRUNCATED_FILE,
]


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoNights, Path]]:
    """Return nights with a champion, the next day delivered and not yet read, and a copy of all that is there."""
    folder = tmp_path_factory.mktemp("bad_nights")
    with demo_nights(folder / "home", PROJECT) as nights:
        nights.shorten()
        nights.deliver(CHAMPION_NIGHT, NIGHT)
        assert nights.run(CHAMPION_NIGHT).state == "success"
        shutil.copytree(folder / "home", folder / "kept")
        yield nights, folder / "kept"


@pytest.fixture
def nights(promoted: tuple[DemoNights, Path]) -> DemoNights:
    """Return the nights as they were after the champion's, whatever the test before did."""
    played, kept = promoted
    home = played.settings.home
    for name in ("store", "projects"):
        shutil.rmtree(home / name)
        shutil.copytree(kept / name, home / name)
    # MLflow keeps its connections open: the file must stay the same one
    with (
        closing(sqlite3.connect(kept / "mlflow" / "mlflow.db")) as before,
        closing(sqlite3.connect(home / "mlflow" / "mlflow.db")) as now,
    ):
        before.backup(now)
    return played


def in_force(nights: DemoNights) -> dict[str, Any]:
    """Return all that says which model is in force, and that model, byte for byte."""
    champion = nights.ledger.champion()
    assert champion is not None
    found = {
        "ledger": contents(nights.store, keys.ledger_prefix(PROJECT)),
        "releases": contents(nights.store, f"{PROJECT}/releases/"),
        "alias": nights.alias(),
    }
    assert keys.release_pointer(PROJECT) in found["releases"]
    assert found["alias"] == champion.version
    return found


def assert_store_is_whole(nights: DemoNights) -> None:
    assert_nothing_half_written(nights.store, f"{PROJECT}/")
    assert [path for path in nights.store.root.rglob("*") if path.name.startswith(TEMPORARY)] == []


def spoil_newest_day(nights: DemoNights, fault: Fault) -> bytes:
    """Spoil the newest day's file, and return it as it was."""
    whole = nights.store.get(flights_key(BAD))
    nights.store.put(flights_key(BAD), fault.apply(whole))
    return whole


def assert_nothing_moved(nights: DemoNights, fault: Fault, before: dict[str, Any]) -> None:
    """Check what a night that failed for a fault has left: its champion, and nothing of the day that a model reads."""
    assert in_force(nights) == before
    assert_store_is_whole(nights)
    assert contents(nights.store, f"{PROJECT}/features/date={BAD}/") == {}
    validation = read_manifest(nights.store, keys.validation_manifest(PROJECT, BAD))
    if fault.stage == "validate":
        assert validation is not None
        assert validation.status == "rejected"
    else:
        assert validation is None
        assert contents(nights.store, f"{PROJECT}/raw/date={BAD}/") == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_spoilt_day_is_refused_and_moves_nothing(nights: DemoNights, fault: Fault) -> None:
    before = in_force(nights)
    spoil_newest_day(nights, fault)
    with pytest.raises(fault.error) as caught:
        nights.prepare(NIGHT)
    text = str(caught.value)
    assert text.startswith(f"{PROJECT}/{fault.stage}: 1 of 2 days ")
    assert f"; got: [{BAD}] " in text
    assert fault.message in text
    assert "; hint: have the source deliver the day again and run again, or list " in text
    assert_nothing_moved(nights, fault, before)


@pytest.mark.parametrize("fault", [A_MISSING_COLUMN, A_TRUNCATED_FILE], ids=lambda fault: fault.name)
def test_a_spoilt_day_fails_the_whole_dag_and_moves_nothing(
    nights: DemoNights, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    from include.orchestration import stage_call

    monkeypatch.setitem(stage_call.DEFAULT_ARGS, "retry_delay", timedelta(0))
    before = in_force(nights)
    tracked = nights.alias("challenger")
    models = contents(nights.store, f"{PROJECT}/models/")
    spoil_newest_day(nights, fault)

    night = nights.run(NIGHT)

    assert night.state == "failed"
    found = states(night)
    assert found["plan"] == {"success"}
    assert found[fault.stage] == {"failed"}
    assert set().union(*(found[name] for name in DOWNSTREAM)) == {"upstream_failed"}
    tries = 1 + stage_call.DEFAULT_ARGS["retries"] if fault.error.retryable else 1
    assert {one.try_number for one in night.get_task_instances() if one.task_id == fault.stage} == {tries}
    text = error_of(night, fault.stage)
    assert text.startswith(f"{fault.error.__name__}: {PROJECT}/{fault.stage}: 1 of 2 days ")
    assert fault.message in text
    assert nights.ledger.of_run(night.dag_id, night.run_id) is None
    assert nights.alias("challenger") == tracked
    assert contents(nights.store, f"{PROJECT}/models/") == models
    assert_nothing_moved(nights, fault, before)


@pytest.mark.parametrize("fault", [VALUES_OUT_OF_RANGE, A_TRUNCATED_FILE], ids=lambda fault: fault.name)
def test_a_repaired_source_lets_the_same_night_through(nights: DemoNights, fault: Fault) -> None:
    whole = spoil_newest_day(nights, fault)
    with pytest.raises(fault.error):
        nights.prepare(NIGHT)
    nights.store.put(flights_key(BAD), whole)

    night = nights.run(NIGHT)

    assert night.state == "success"
    assert states(night)["build_features"] == {"success"}
    decided = nights.ledger.of_run(night.dag_id, night.run_id)
    assert decided is not None
    assert decided.as_of == NIGHT
    assert decided.verdict in ("PROMOTE", "HOLD")
    made = read_manifest(nights.store, keys.features_manifest(PROJECT, BAD))
    assert made is not None
    assert made.details["rows"] > 800
    in_force(nights)
    assert_store_is_whole(nights)


def test_a_day_that_is_never_repaired_can_be_excluded(nights: DemoNights) -> None:
    spoil_newest_day(nights, VALUES_OUT_OF_RANGE)
    with pytest.raises(PartitionRejectedError, match=r"or list it in window\.excluded"):
        nights.prepare(NIGHT)
    nights.edit("holdout_days: 4", f"holdout_days: 4\n  excluded: [{BAD}]")

    night = nights.run(NIGHT)

    assert night.state == "success"
    assert states(night)["evaluate"] == {"success"}
    assert contents(nights.store, f"{PROJECT}/features/date={BAD}/") == {}
    in_force(nights)
    assert_store_is_whole(nights)
