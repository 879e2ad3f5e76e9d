from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient

from include.domain.errors import StoreError, TrainingError
from include.io import keys
from include.io.local_store import LocalStore
from include.io.models import TrainingRecord, read_candidate
from include.io.tracking_database import busy_safe
from include.stages import train
from tests.support.model_nights import FIRST, HOLDOUT_DAYS, ROWS, Nights, make_project, make_rows
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    return Nights(tmp_path, make_project(tmp_path))


def _runs(nights: Nights) -> list[tuple[str, str]]:
    client = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))
    experiment = client.get_experiment_by_name(nights.project.name)
    return [(run.info.status, run.data.tags["candidate_id"]) for run in client.search_runs([experiment.experiment_id])]


def test_a_trained_candidate_is_kept_whole(nights: Nights) -> None:
    result = nights.train(AS_OF, "trees")
    manifest, model, record = read_candidate(nights.store, "parcels", result.candidate_id)
    assert set(manifest.files) == {"model.skops", "signature.json", "training.json"}
    assert (manifest.kind, manifest.details["tracking_run_id"]) == ("model", result.tracking_run_id)
    assert result.model_uri == nights.store.uri(manifest.files["model.skops"].key)
    assert result.rows == record.rows == 6 * ROWS
    assert (result.cv_mean, result.cv_std) == (record.cv_mean, record.cv_std)
    assert record.cv_mean == pytest.approx(np.mean(record.fold_scores))
    assert len(record.fold_scores) == nights.project.cross_validation.folds
    assert record.versions.keys() >= {"python", "numpy", "scikit-learn", "skops", "xgboost"}
    assert model.signature.names == ["weight", "distance", "city"]
    assert set(model.signature.features[2].categories) == {"Bonn", "Lyon", "Oslo"}
    assert 0.75 < record.cv_mean < 0.95


def test_the_record_names_all_that_made_the_model(nights: Nights) -> None:
    plan = nights.plan(AS_OF)
    result = nights.train(AS_OF, "trees")
    _, _, record = read_candidate(nights.store, "parcels", result.candidate_id)
    project, spec = nights.project, record.spec
    assert spec is not None
    assert (spec.project, spec.problem, spec.seed, spec.metric) == ("parcels", "binary", 7, "roc_auc")
    assert spec.candidate == project.candidate("trees")
    assert (spec.features, spec.target, spec.cross_validation) == (
        project.features,
        project.target,
        project.cross_validation,
    )
    assert (record.lock_hash, record.threads) == ("lock", 1)
    assert [rows.day for rows in record.data] == list(plan.days[:-HOLDOUT_DAYS])
    assert sum(rows.rows for rows in record.data) == record.rows
    for rows in record.data:
        assert hashlib.sha256(nights.store.get(rows.key)).hexdigest() == rows.sha256


def test_a_record_of_before_these_parts_were_kept_is_read(nights: Nights) -> None:
    result = nights.train(AS_OF, "linear")
    _, _, record = read_candidate(nights.store, "parcels", result.candidate_id)
    old = record.model_dump(mode="json", exclude={"spec", "data", "lock_hash"})
    read = TrainingRecord.model_validate_json(json.dumps(old))
    assert (read.spec, read.data, read.lock_hash) == (None, (), "unknown")


def test_the_holdouts_rows_are_never_read(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = nights.plan(AS_OF)
    read: list[str] = []
    get = LocalStore.get
    monkeypatch.setattr(LocalStore, "get", lambda store, key: read.append(key) or get(store, key))
    result = nights.train(AS_OF, "linear")
    used = {key.split("date=")[1][:10] for key in read if "/features/" in key}
    assert used == {day.isoformat() for day in plan.days[:-HOLDOUT_DAYS]}

    # and what the holdout holds changes nothing, even when all of it is gone
    for day in plan.days[-HOLDOUT_DAYS:]:
        nights.write_day(day, make_rows(day).head(0))
    assert nights.train(AS_OF, "linear").candidate_id == result.candidate_id


def test_trained_again_it_is_found_not_made(nights: Nights) -> None:
    first = nights.train(AS_OF, "linear", "run 1")
    key = keys.model_manifest("parcels", first.candidate_id)
    etag = nights.store.head(key)
    again = nights.train(AS_OF, "linear", "run 2")
    assert again == first.model_copy(update={"reused": True})
    assert nights.store.head(key) == etag
    assert _runs(nights) == [("FINISHED", first.candidate_id)]


def test_force_makes_it_again_and_it_is_the_same(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    first = nights.train(AS_OF, "trees", "run 1")
    key = keys.model_manifest("parcels", first.candidate_id)
    before = nights.store.get(key)
    made: list[str] = []
    fit = train.fit

    def counted(*given: Any, **more: Any) -> Any:
        made.append("again")
        return fit(*given, **more)

    monkeypatch.setattr(train, "fit", counted)
    assert nights.train(AS_OF, "trees", "run 2").reused
    assert made == []
    assert nights.train(AS_OF, "trees", "run 3", force=True) == first
    assert made == ["again"]
    # the same model: what an earlier run has written, and may have published, stays as it is
    assert nights.store.get(key) == before
    assert _runs(nights) == [("FINISHED", first.candidate_id)]


def test_other_inputs_are_another_candidate(nights: Nights) -> None:
    ids = {nights.train(AS_OF, "linear").candidate_id, nights.train(AS_OF, "trees").candidate_id}
    ids.add(nights.train(AS_OF + timedelta(days=1), "linear").candidate_id)
    nights.project = make_project(nights.folder, seed=8)
    ids.add(nights.train(AS_OF, "linear").candidate_id)
    nights.project = make_project(nights.folder)
    day = nights.plan(AS_OF).days[0]
    nights.write_day(day, make_rows(day, rows=ROWS - 1))
    ids.add(nights.train(AS_OF, "linear").candidate_id)
    assert len(ids) == 5

    # gates and other candidates do not matter to a model
    nights.project = make_project(nights.folder, gates=[{"kind": "minimum", "metric": "f1", "value": 0.1}])
    assert nights.train(AS_OF, "linear").candidate_id in ids


def test_a_damaged_model_is_made_again(nights: Nights) -> None:
    first = nights.train(AS_OF, "linear")
    nights.store.put(keys.model_file("parcels", first.candidate_id, "model.skops"), b"half a model")
    again = nights.train(AS_OF, "linear")
    assert (again.candidate_id, again.reused) == (first.candidate_id, False)
    read_candidate(nights.store, "parcels", again.candidate_id)
    assert _runs(nights) == [("FINISHED", first.candidate_id)]


def test_a_crash_before_the_manifest_is_healed(nights: Nights, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*args: object) -> None:
        raise StoreError("the store", "does not answer")

    with monkeypatch.context() as broken:
        broken.setattr(train, "write_manifest", crash)
        with pytest.raises(StoreError):
            nights.train(AS_OF, "linear")
    result = nights.train(AS_OF, "linear")
    assert not result.reused
    assert [status for status, _ in _runs(nights)].count("FINISHED") == 1
    assert nights.train(AS_OF, "linear").reused


def test_mlflow_gets_its_run_back_when_its_database_was_lost(nights: Nights, prepared_tracking: Path) -> None:
    first = nights.train(AS_OF, "linear")
    for path in nights.folder.glob("mlflow.db*"):
        path.unlink()
    other = Nights(nights.folder / "new", nights.project)
    other.folder.mkdir()
    copy_prepared(prepared_tracking, other.folder)
    (other.folder / "store").symlink_to(nights.folder / "store")
    again = other.train(AS_OF, "linear")
    assert (again.candidate_id, again.reused) == (first.candidate_id, True)
    assert _runs(other) == [("FINISHED", first.candidate_id)]


def test_tags_params_and_folds_are_in_mlflow(nights: Nights) -> None:
    nights.project = make_project(
        nights.folder,
        candidates=[
            {
                "name": "trees",
                "estimator": "xgboost",
                "params": {"n_estimators": 5},
                "search": {"trials": 2, "space": {"max_depth": [1, 2, 3]}},
            }
        ],
    )
    result = nights.train(AS_OF, "trees", "scheduled__2013")
    client = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))
    run = client.get_run(result.tracking_run_id)
    assert run.info.artifact_uri.startswith(nights.store.uri(keys.tracking_artifacts("parcels")))
    expected = {"airflow_run_id": "scheduled__2013", "git_commit": "abc", "lock_hash": "lock", "as_of": str(AS_OF)}
    assert expected.items() <= run.data.tags.items()
    assert run.data.params["n_estimators"] == "5"
    assert run.data.metrics["cv_roc_auc_mean"] == pytest.approx(result.cv_mean)
    assert len(client.get_metric_history(result.tracking_run_id, "cv_roc_auc_fold")) == 2
    trials = client.get_metric_history(result.tracking_run_id, "cv_roc_auc_trial")
    assert max(trial.value for trial in trials) == pytest.approx(result.cv_mean)
    stored = json.loads(nights.store.get(keys.model_file("parcels", result.candidate_id, "training.json")))
    assert {trial["params"]["max_depth"] for trial in stored["trials"]} < {1, 2, 3}
    assert len(stored["trials"]) == 2


def test_a_train_part_of_one_class_closes_the_run_as_failed(nights: Nights) -> None:
    for day in nights.plan(AS_OF).days:
        nights.write_day(day, make_rows(day).assign(late=np.int8(0)))
    with pytest.raises(TrainingError) as caught:
        nights.train(AS_OF, "linear")
    assert str(caught.value) == (
        "parcels, target late: the train part needs rows of both classes; got: 720 rows, 0 positive; "
        "hint: lengthen window.days, or look at the target's rule"
    )
    assert [status for status, _ in _runs(nights)] == ["FAILED"]
    assert not list(nights.store.list("parcels/models/"))


def test_a_feature_without_any_value_is_refused_by_its_name(nights: Nights) -> None:
    for day in nights.plan(AS_OF).days:
        nights.write_day(day, make_rows(day).assign(weight=np.nan))
    with pytest.raises(TrainingError, match="got: weight: all 720 rows missing"):
        nights.train(AS_OF, "linear")


def test_an_estimators_own_error_names_the_candidate(nights: Nights) -> None:
    nights.project = make_project(
        nights.folder,
        candidates=[{"name": "linear", "estimator": "logistic_regression", "params": {"C": 1.0}}],
    )
    day = nights.plan(AS_OF).days[0]
    nights.write_day(day, make_rows(day).assign(weight=np.inf))
    with pytest.raises(TrainingError) as caught:
        nights.train(AS_OF, "linear")
    assert str(caught.value).startswith(
        "candidate linear: logistic_regression could not be trained; got: ValueError: Input X contains infinity"
    )
    assert [status for status, _ in _runs(nights)] == ["FAILED"]


def test_what_a_library_warns_of_is_kept(nights: Nights) -> None:
    nights.project = make_project(
        nights.folder,
        candidates=[{"name": "linear", "estimator": "logistic_regression", "params": {"max_iter": 1}}],
    )
    result = nights.train(AS_OF, "linear")
    _, _, record = read_candidate(nights.store, "parcels", result.candidate_id)
    assert [note.split(":")[0] for note in record.notes] == ["ConvergenceWarning"]
