"""Spoil real days of `flight_delay` in every way a source can, and check that nothing bad gets through."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from include.config.discovery import load_project
from include.config.project import Project
from include.config.settings import ROOT
from include.demo_feed import feed
from include.domain.errors import NightshiftError, PartitionRejectedError, ProjectCodeError, SourceDataError
from include.domain.results import FeaturesResult, Origin, PartitionInputs
from include.io import keys
from include.io.keys import REASONS_COLUMN, ROW_COLUMN
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, read_manifest
from include.io.tables import get_frame
from include.stages import build_features, ingest, validate
from tests.stages.shop import assert_nothing_half_written, contents

pytestmark = pytest.mark.integration

DAY_BEFORE, GOOD, BAD = date(2013, 4, 8), date(2013, 4, 9), date(2013, 4, 10)
FLIGHTS = f"landing/nyc_flights/flights/date={BAD}.parquet"

Spoil = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def project() -> Project:
    return load_project(ROOT / "include" / "projects", "flight_delay")


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with three real days delivered."""
    folder = tmp_path_factory.mktemp("delivered") / "store"
    feed.load("flight_delay", DAY_BEFORE, BAD, store_url=f"file://{folder}", connections={})
    return folder


@pytest.fixture
def store(delivered: Path, tmp_path: Path) -> LocalStore:
    shutil.copytree(delivered, tmp_path / "store")
    return LocalStore(f"file://{tmp_path / 'store'}")


def spoil(store: LocalStore, change: Spoil) -> pd.DataFrame:
    flights = pd.read_parquet(io.BytesIO(store.get(FLIGHTS)))
    store.put(FLIGHTS, change(flights.copy()).to_parquet(index=False))
    return flights


def prepare(project: Project, store: LocalStore) -> FeaturesResult:
    inputs = PartitionInputs(
        as_of=date(2013, 4, 11),
        store_url=store.url,
        tracking_url="unused",
        origin=Origin(run_id="manual__test"),
        days=(GOOD, BAD),
    )
    ingest.run(project, inputs)
    validate.run(project, inputs)
    return build_features.run(project, inputs)


def refusal(project: Project, store: LocalStore, kind: type[NightshiftError]) -> str:
    """Return the error's text, after checking what the store holds of the bad day: nothing a model could read."""
    with pytest.raises(kind) as caught:
        prepare(project, store)
    assert_nothing_half_written(store, "flight_delay/")
    assert read_manifest(store, keys.features_manifest(project.name, BAD)) is None
    assert contents(store, f"flight_delay/features/date={BAD}/") == {}
    return str(caught.value)


def validation(store: LocalStore, day: date) -> Manifest:
    found = read_manifest(store, keys.validation_manifest("flight_delay", day))
    assert found is not None
    return found


def set_values(column: str, value: object, rows: int) -> Spoil:
    def change(flights: pd.DataFrame) -> pd.DataFrame:
        flights.loc[: rows - 1, column] = value
        return flights

    return change


def test_good_days_pass_whole(project: Project, store: LocalStore) -> None:
    result = prepare(project, store)
    assert result.written == 2
    assert result.rows > 1800
    assert {validation(store, day).details["quarantined"] for day in (GOOD, BAD)} == {0}
    assert_nothing_half_written(store, "flight_delay/")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("arr_delay", "assemble: declared columns are missing: arr_delay; the tables have "),
        ("tailnum", "assemble(tables) fails on this day's tables with KeyError: 'tailnum'"),
        ("distance", "expect_column_values_to_be_between(distance): cannot be evaluated: "),
    ],
)
def test_a_missing_column_is_refused(project: Project, store: LocalStore, column: str, message: str) -> None:
    spoil(store, lambda flights: flights.drop(columns=column))
    text = refusal(project, store, PartitionRejectedError)
    assert text.startswith("flight_delay/validate: 1 of 3 days were rejected; got: [2013-04-10] ")
    assert message in text
    assert column in text


@pytest.mark.parametrize("column", ["dep_delay", "sched_dep_time", "arr_delay"])
def test_a_wrong_type_is_refused(project: Project, store: LocalStore, column: str) -> None:
    spoil(store, lambda flights: flights.assign(**{column: flights[column].astype("str")}))
    text = refusal(project, store, PartitionRejectedError)
    assert "1 of 3 days were rejected; got: [2013-04-10] " in text
    assert f"({column}): cannot be evaluated: " in text or f"({column}): found str" in text


def test_a_few_duplicated_keys_are_set_aside(project: Project, store: LocalStore) -> None:
    flights = spoil(store, lambda flights: pd.concat([flights, flights.head(5)], ignore_index=True))
    prepare(project, store)
    rows = get_frame(store, validation(store, BAD).files["rows"])
    # the project's own expectation names both copies, the engine only the second
    assert len(rows) == 10
    assert rows[REASONS_COLUMN].str.contains("expect_compound_columns_to_be_unique(year, month", regex=False).all()
    assert rows[REASONS_COLUMN].str.contains("keys_are_unique(year, month", regex=False).sum() == 5
    assert validation(store, BAD).details["rows"] == len(flights) + 5
    made = read_manifest(store, keys.features_manifest(project.name, BAD))
    assert made is not None
    assert not get_frame(store, made.files["rows"]).duplicated(list(project.keys)).any()


def test_many_duplicated_keys_are_refused(project: Project, store: LocalStore) -> None:
    spoil(store, lambda flights: pd.concat([flights, flights.head(100)], ignore_index=True))
    text = refusal(project, store, PartitionRejectedError)
    assert "quality.max_rejected_fraction: " in text
    assert "allowed 2.0%" in text
    assert "keys_are_unique(year, month, day, carrier, flight, origin): 100 rows, for example 2013/4/10/" in text


def test_nulls_in_a_third_of_the_target_are_refused(project: Project, store: LocalStore) -> None:
    spoil(store, set_values("arr_delay", None, 300))
    assert "(arr_delay): found 0.6" in refusal(project, store, PartitionRejectedError)


def test_a_few_values_out_of_range_are_set_aside(project: Project, store: LocalStore) -> None:
    spoil(store, set_values("distance", -7, 4))
    prepare(project, store)
    rows = get_frame(store, validation(store, BAD).files["rows"])
    assert rows[ROW_COLUMN].tolist() == [0, 1, 2, 3]
    assert set(rows[REASONS_COLUMN]) == {"expect_column_values_to_be_between(distance)"}
    assert rows["distance"].tolist() == [-7] * 4


def test_many_values_out_of_range_are_refused(project: Project, store: LocalStore) -> None:
    spoil(store, set_values("distance", -7, 200))
    text = refusal(project, store, PartitionRejectedError)
    assert "expect_column_values_to_be_between(distance): 200 rows, for example -7" in text


def test_no_rows_are_refused_before_anything_is_written(project: Project, store: LocalStore) -> None:
    spoil(store, lambda flights: flights.head(0))
    text = refusal(project, store, SourceDataError)
    assert "flight_delay/ingest: 1 of 3 days could not be read from the source; got: [2013-04-10] " in text
    assert "table 'flights'" in text
    assert "the file has no rows; got: 0 rows" in text
    assert contents(store, f"flight_delay/raw/date={BAD}/") == {}


def test_a_truncated_file_is_refused_before_anything_is_written(project: Project, store: LocalStore) -> None:
    store.put(FLIGHTS, store.get(FLIGHTS)[:-1000])
    text = refusal(project, store, SourceDataError)
    assert "not a readable Parquet file" in text
    assert FLIGHTS in text
    assert contents(store, f"flight_delay/raw/date={BAD}/") == {}


def test_the_delay_at_departure_is_refused_as_a_leak(project: Project, store: LocalStore, tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "flight_delay"
    shutil.copytree(project.folder, folder)
    features = (folder / "features.py").read_text()
    assert 'raw["distance"]' in features
    (folder / "features.py").write_text(features.replace('raw["distance"]', 'raw["dep_delay"]'))
    text = refusal(load_project(tmp_path / "projects", "flight_delay"), store, ProjectCodeError)
    assert re.match(
        r"flight_delay/features\.py:\d+ on 2013-04-09: build_features asks for a column that is not known at "
        r"prediction time: a leak; got: dep_delay; allowed: ",
        text,
    )


def test_a_repaired_source_heals_the_day(project: Project, store: LocalStore) -> None:
    whole = store.get(FLIGHTS)
    spoil(store, set_values("distance", -7, 200))
    refusal(project, store, PartitionRejectedError)
    store.put(FLIGHTS, whole)
    assert prepare(project, store).written == 2
    assert validation(store, BAD).status == "complete"
    assert_nothing_half_written(store, "flight_delay/")
