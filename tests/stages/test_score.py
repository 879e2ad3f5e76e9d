"""Score days for real: with the champion of then, only ever forward, whatever races, dies or comes late."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.domain.decision import LedgerEntry
from include.domain.errors import EvaluationError, LedgerConflictError, ObjectMissingError, StoreError
from include.domain.results import Origin, RunType, ScoreInputs, ScoreResult
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.manifests import read_manifest
from include.io.models import LoadedModel, load_champion
from include.io.tables import get_frame
from include.stages import score
from include.stages.score import read_current_predictions
from tests.stages.shop import contents
from tests.support.model_nights import FIRST, NO_PROCESS, ROWS, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

EARLY = FIRST + timedelta(days=20)
LATE = EARLY + timedelta(days=10)
DAY = LATE + timedelta(days=1)
BETWEEN = EARLY + timedelta(days=5)
SCORED = (EARLY, BETWEEN, LATE, DAY)
ONE = [{"name": "linear", "estimator": "logistic_regression"}]
WEAK = [{"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
LAX: list[dict[str, Any]] = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory, prepared_tracking: Path) -> Nights:
    """Play two nights once: version 1 of EARLY is followed by the better version 2 of LATE."""
    folder = tmp_path_factory.mktemp("played")
    copy_prepared(prepared_tracking, folder)
    nights = Nights(folder, make_project(folder, candidates=WEAK, gates=LAX))
    nights.night(EARLY)
    # one yes too many costs less than one too few
    nights.project = make_project(folder, candidates=ONE, gates=LAX, threshold={"objective": "f_beta", "beta": 2.0})
    assert nights.night(LATE).champion_version == "2"
    for day in (BETWEEN, DAY):
        nights.write_day(day, unlabelled(day))
    return nights


@pytest.fixture
def nights(played: Nights, tmp_path: Path) -> Nights:
    """Return those nights in a store of the test's own."""
    mine = replace(played, folder=tmp_path)
    for key, data in needed(played).items():
        mine.store.put(key, data)
    return mine


def needed(nights: Nights) -> dict[str, bytes]:
    """Return what scoring reads: the ledger, the releases, and the features of some days."""
    prefixes = ["parcels/ledger/", "parcels/releases/"]
    prefixes += [keys.features_manifest("parcels", day).removesuffix("manifest.json") for day in SCORED]
    return {key: data for each in prefixes for key, data in contents(LocalStore(nights.store_url), each).items()}


def unlabelled(day: date) -> pd.DataFrame:
    """Return a day's rows as they are while most labels are not known."""
    frame = make_rows(day)
    return frame.assign(late=frame["late"].astype("Int8").mask(frame.index >= 5))


def run(nights: Nights, day: date, run_id: str = "run", run_type: RunType = "scheduled", **more: Any) -> ScoreResult:
    """Score a day."""
    inputs = nights.inputs(day, run_id, **more) | {"origin": Origin(run_id=run_id, run_type=run_type)}
    return score.run(nights.project, ScoreInputs(**inputs))


def frame_of(nights: Nights, day: date) -> pd.DataFrame:
    """Return the predictions in force."""
    manifest = read_manifest(nights.store, keys.predictions_manifest("parcels", day))
    assert manifest is not None
    return get_frame(nights.store, manifest.files["rows"])


def made_from(nights: Nights, day: date) -> dict[str, Any]:
    """Return the details of the predictions in force."""
    details: dict[str, Any] = json.loads(nights.store.get(keys.predictions_manifest("parcels", day)))["details"]
    return details


def stored(nights: Nights) -> dict[str, bytes]:
    """Return everything below the project's predictions."""
    return contents(LocalStore(nights.store_url), "parcels/predictions/")


def roll_back(nights: Nights, version: str) -> LedgerEntry:
    """Put an earlier champion in force again."""
    ledger = Ledger(nights.store, "parcels")
    target = next(entry for entry in ledger.champions() if entry.version == version)
    return ledger.append(lambda number, _: target.model_copy(update={"number": number, "kind": "rollback"}))


def test_all_rows_of_the_day_are_scored_by_the_champion(nights: Nights) -> None:
    result = run(nights, DAY)
    assert (result.day, result.rows, result.version, result.model_as_of) == (DAY, ROWS, "2", LATE)
    assert (result.written, result.hindsight, result.skipped) == (True, False, "")
    frame = frame_of(nights, DAY)
    assert list(frame.columns) == ["parcel", "score", "answer", "version"]
    assert frame["parcel"].tolist() == list(range(ROWS))
    assert set(frame["version"]) == {"2"}
    assert str(frame["score"].dtype) == "float64"
    entry = Ledger(nights.store, "parcels").champion()
    assert entry is not None
    model = load_champion(nights.store, entry).model
    assert np.array_equal(frame["score"], model.score(make_rows(DAY)))
    assert 0 < model.threshold < 0.5
    assert frame["answer"].tolist() == [int(score >= model.threshold) for score in frame["score"]]
    assert 0.5 < frame["answer"].mean() < 1
    assert 0 < frame["score"].min() < frame["score"].max() < 1
    manifest = read_manifest(nights.store, nights.store.key_of(result.predictions_uri))
    features = read_manifest(nights.store, keys.features_manifest("parcels", DAY))
    assert manifest is not None and features is not None
    assert (manifest.kind, manifest.day, manifest.origin.run_id) == ("predictions", DAY, "run")
    assert manifest.details == {
        "ledger_number": entry.number,
        "version": "2",
        "candidate_id": entry.candidate_id,
        "model_as_of": LATE.isoformat(),
        "features": features.fingerprint,
        "features_sha256": features.files["rows"].sha256,
        "hindsight": False,
        "threshold": model.threshold,
    }


def test_the_answer_is_given_at_the_threshold_of_the_champion_that_scores(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX, threshold={"value": 0.9})
    run(nights, BETWEEN)
    frame = frame_of(nights, BETWEEN)
    assert made_from(nights, BETWEEN)["threshold"] == 0.5
    assert frame["answer"].tolist() == [int(score >= 0.5) for score in frame["score"]]


def test_predictions_of_before_answers_were_given_stay_until_they_are_forced(nights: Nights) -> None:
    run(nights, DAY, "old")
    key = keys.predictions_manifest("parcels", DAY)
    manifest = json.loads(nights.store.get(key))
    del manifest["details"]["threshold"]
    nights.store.put(key, json.dumps(manifest).encode())
    assert not run(nights, DAY, "new").written
    assert run(nights, DAY, "forced", force=True).written
    assert made_from(nights, DAY)["threshold"] is not None


def test_a_past_day_is_scored_by_the_champion_of_then(nights: Nights) -> None:
    result = run(nights, BETWEEN)
    assert (result.version, result.model_as_of, result.hindsight) == ("1", EARLY, False)
    assert set(frame_of(nights, BETWEEN)["version"]) == {"1"}


def test_the_champions_own_day_is_scored_by_it(nights: Nights) -> None:
    assert run(nights, LATE).version == "2"
    assert run(nights, EARLY).version == "1"


@pytest.mark.parametrize("run_type", ["backfill", "scheduled"])
def test_a_day_before_the_first_champion_is_not_scored_and_says_why(nights: Nights, run_type: RunType) -> None:
    day = EARLY - timedelta(days=1)
    result = run(nights, day, run_type=run_type)
    assert (result.rows, result.written, result.version, result.model_as_of) == (0, False, "", None)
    assert result.skipped == (
        f"no champion as of {day}; the oldest is version 1 of {EARLY}; hindsight scores with the one in force"
    )
    assert stored(nights) == {}


def test_without_any_promotion_nothing_is_scored(tmp_path: Path) -> None:
    nights = Nights(tmp_path, make_project(tmp_path))
    for hindsight in (False, True):
        assert run(nights, DAY, hindsight=hindsight).skipped == f"no champion as of {DAY}: none was promoted yet"


def test_hindsight_scores_with_the_champion_in_force_and_says_so(nights: Nights) -> None:
    result = run(nights, BETWEEN, run_type="manual", hindsight=True)
    assert (result.version, result.model_as_of, result.hindsight, result.written) == ("2", LATE, True, True)
    assert made_from(nights, BETWEEN)["hindsight"] is True
    # asked for, and not needed: the model is not of later data
    assert run(nights, DAY, hindsight=True).hindsight is False
    assert made_from(nights, DAY)["hindsight"] is False


@pytest.mark.parametrize("force", [False, True])
def test_hindsight_never_replaces_what_was_predicted_without_it(nights: Nights, force: bool) -> None:
    run(nights, BETWEEN, "night")
    before = stored(nights)
    result = run(nights, BETWEEN, "person", "manual", hindsight=True, force=force)
    assert (result.version, result.written, result.hindsight) == ("1", False, False)
    assert stored(nights) == before


def test_predictions_without_hindsight_replace_those_with_it(nights: Nights) -> None:
    run(nights, BETWEEN, "person", "manual", hindsight=True)
    result = run(nights, BETWEEN, "night")
    assert (result.version, result.written, result.hindsight) == ("1", True, False)


def test_the_same_again_changes_nothing(nights: Nights) -> None:
    first = run(nights, DAY, "night")
    before = stored(nights)
    again = run(nights, DAY, "another run")
    assert again == first.model_copy(update={"written": False})
    # a retry of the run that wrote it hands on what its first try would have
    assert run(nights, DAY, "night") == first
    assert stored(nights) == before


def test_a_new_champion_scores_the_day_again_and_an_older_run_leaves_it(nights: Nights) -> None:
    rolled = roll_back(nights, "1")
    result = run(nights, DAY, "after the rollback")
    assert (result.version, made_from(nights, DAY)["ledger_number"]) == ("1", rolled.number)
    before = stored(nights)
    # the history as a run of before the rollback has seen it
    (nights.folder / "store" / keys.ledger_entry("parcels", rolled.number)).unlink()
    for force in (False, True):
        late = run(nights, DAY, "late run", "manual", force=force)
        assert (late.version, late.written) == ("1", False)
    assert stored(nights) == before


def test_changed_features_are_scored_again_by_a_night_and_not_by_a_backfill(nights: Nights) -> None:
    run(nights, DAY, "night")
    before = stored(nights)
    nights.write_day(DAY, unlabelled(DAY).iloc[:-1])
    kept = run(nights, DAY, "backfill", "backfill", force=True)
    assert (kept.rows, kept.written) == (ROWS, False)
    assert stored(nights) == before
    result = run(nights, DAY, "next night")
    assert (result.rows, result.written) == (ROWS - 1, True)
    # the old rows stay in the store
    assert set(before) < set(stored(nights))


def test_force_replaces_predictions_of_the_same_champion(nights: Nights) -> None:
    run(nights, DAY, "night")
    before = stored(nights)
    assert run(nights, DAY, "person", "manual", force=True).written
    after = stored(nights)
    assert set(after) == set(before)
    assert [key for key in after if after[key] != before[key]] == [keys.predictions_manifest("parcels", DAY)]


def test_a_backfill_writes_what_is_missing_and_replaces_nothing(nights: Nights) -> None:
    assert run(nights, BETWEEN, "backfill", "backfill").written
    run(nights, DAY, "night")
    roll_back(nights, "1")
    before = stored(nights)
    result = run(nights, DAY, "backfill", "backfill", force=True)
    assert (result.version, result.written) == ("2", False)
    assert stored(nights) == before


@pytest.mark.parametrize("run_type", ["scheduled", "backfill"])
@pytest.mark.parametrize("what", ["rows gone", "rows changed", "manifest torn", "manifest of another kind"])
def test_damaged_predictions_are_made_again(nights: Nights, what: str, run_type: RunType) -> None:
    run(nights, DAY, "night")
    before = stored(nights)
    place = keys.predictions_manifest("parcels", DAY)
    [rows] = set(before) - {place}
    if what == "rows gone":
        nights.store.delete(rows)
    elif what == "rows changed":
        nights.store.put(rows, b"something else")
    else:
        text = before[place].decode()
        torn = text[:100] if what == "manifest torn" else text.replace('"ledger_number"', '"number"')
        nights.store.put(place, torn.encode())
    result = run(nights, DAY, "healing", run_type)
    assert (result.rows, result.written) == (ROWS, True)
    assert stored(nights)[rows] == before[rows]
    assert read_current_predictions(nights.store, "parcels", DAY).found is not None


def test_a_run_killed_between_rows_and_manifest_is_healed_by_the_next(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = LocalStore.put

    def die(store: LocalStore, key: str, data: bytes, **more: Any) -> Any:
        if key == keys.predictions_manifest("parcels", DAY):
            raise StoreError("the store", "went away before the manifest")
        return put(store, key, data, **more)

    with monkeypatch.context() as dying:
        dying.setattr(LocalStore, "put", die)
        with pytest.raises(StoreError):
            run(nights, DAY, "night")
    [orphan] = stored(nights)
    assert orphan.endswith(".parquet")
    result = run(nights, DAY, "night")
    assert (result.rows, result.written) == (ROWS, True)
    assert set(stored(nights)) == {orphan, keys.predictions_manifest("parcels", DAY)}


def test_of_racing_runs_one_writes_and_all_tell_the_same(nights: Nights) -> None:
    gate = Barrier(6)

    def race(racer: int) -> ScoreResult:
        gate.wait(30)
        return run(nights, DAY, f"racer {racer}")

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(race, range(6)))
    assert sorted(result.written for result in results) == [False] * 5 + [True]
    assert {(result.version, result.rows) for result in results} == {("2", ROWS)}
    assert len(stored(nights)) == 2


@pytest.mark.parametrize("overtaken_by", ["a rollback", "new features"])
def test_a_slow_run_that_is_overtaken_looks_again(
    nights: Nights, monkeypatch: pytest.MonkeyPatch, overtaken_by: str
) -> None:
    write = score.write_predictions

    def overtake(*args: Any) -> Any:
        monkeypatch.setattr(score, "write_predictions", write)
        if overtaken_by == "a rollback":
            roll_back(nights, "1")
        else:
            nights.write_day(DAY, unlabelled(DAY).iloc[:-1])
        assert run(nights, DAY, "quick").written
        return write(*args)

    monkeypatch.setattr(score, "write_predictions", overtake)
    result = run(nights, DAY, "slow")
    expected = ("1", ROWS) if overtaken_by == "a rollback" else ("2", ROWS - 1)
    assert (result.version, result.rows, result.written) == (*expected, False)
    assert len(frame_of(nights, DAY)) == expected[1]


def test_a_run_that_is_overtaken_every_time_gives_up_for_a_retry(
    nights: Nights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score, "write_predictions", lambda *args: None)
    monkeypatch.setattr(score, "MAX_ATTEMPTS", 3)
    with pytest.raises(LedgerConflictError, match="changed the predictions every time; got: 3 attempts") as caught:
        run(nights, DAY)
    assert caught.value.retryable


def test_features_that_do_not_fit_the_champion_are_refused(nights: Nights) -> None:
    nights.write_day(DAY, unlabelled(DAY).drop(columns="weight"))
    with pytest.raises(EvaluationError) as caught:
        run(nights, DAY)
    assert str(caught.value) == (
        f"parcels/score on {DAY}: champion 2: the day's features lack columns that the model needs; got: missing: "
        "weight; allowed: city, distance, weight; hint: features.py or the declaration changed after its training: "
        "bring them back, or promote a new model"
    )
    assert stored(nights) == {}


def test_scores_that_are_no_probabilities_are_refused(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LoadedModel, "score", lambda model, frame: np.full(len(frame), np.nan))
    with pytest.raises(EvaluationError, match=f"champion 2: a model returned .* got: {ROWS} of {ROWS} rows"):
        run(nights, DAY)
    assert stored(nights) == {}


def test_a_day_without_features_is_refused(nights: Nights) -> None:
    with pytest.raises(ObjectMissingError, match="the day has no features; hint: run ingest, validate"):
        run(nights, DAY + timedelta(days=1))


def test_a_champion_without_its_release_is_refused(nights: Nights) -> None:
    nights.store.delete(keys.release_file("parcels", "2", "manifest.json"))
    with pytest.raises(ObjectMissingError, match="the release of champion 2 is gone"):
        run(nights, DAY)


def test_a_keys_own_column_called_day_stays(nights: Nights) -> None:
    nights.project = make_project(nights.folder, candidates=ONE, gates=LAX, keys=["day", "parcel"])
    nights.write_day(DAY, unlabelled(DAY).assign(day=DAY.day))
    run(nights, DAY)
    assert set(frame_of(nights, DAY)["day"]) == {DAY.day}


def test_scoring_on_s3_keeps_the_same_rules(nights: Nights, s3_url: str) -> None:
    on_s3 = replace(nights, s3_url=s3_url)
    for key, data in needed(nights).items():
        on_s3.store.put(key, data)
    assert run(on_s3, DAY, "night").written
    assert not run(on_s3, DAY, "again").written
    roll_back(on_s3, "1")
    assert run(on_s3, DAY, "after the rollback").version == "1"
    assert len(frame_of(on_s3, DAY)) == ROWS
