"""Choose the threshold while training: out of fold, kept with the model, part of what the model is."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow import MlflowClient
from sklearn.base import clone
from sklearn.metrics import f1_score

from include.io.feature_rows import read_window
from include.io.manifests import put_file
from include.io.models import load_from, read_candidate
from include.io.tracking_database import busy_safe
from include.ml.signature import model_input
from include.ml.tuning import split
from tests.support.model_nights import FIRST, HOLDOUT_DAYS, Nights, make_project
from tests.support.tracking import copy_prepared

AS_OF = FIRST + timedelta(days=20)
BY_F1: dict[str, Any] = {"threshold": {"objective": "f_beta"}}


@pytest.fixture
def nights(tmp_path: Path, prepared_tracking: Path) -> Nights:
    copy_prepared(prepared_tracking, tmp_path)
    return Nights(tmp_path, make_project(tmp_path))


@pytest.mark.parametrize("order", ["time", "random"])
def test_the_threshold_is_chosen_out_of_fold_and_kept_with_the_model(nights: Nights, order: str) -> None:
    folds = {"folds": 2, "order": order}
    nights.project = make_project(nights.folder, **BY_F1, cross_validation=folds)
    result = nights.train(AS_OF, "linear")
    _, model, record = read_candidate(nights.store, "parcels", result.candidate_id)
    chosen = record.threshold
    assert (model.threshold, model.objective) == (chosen.value, chosen.objective)
    assert chosen.objective == "F1 on the train part"

    # the same by scikit-learn, fold by fold
    frame = read_window(nights.store, nights.project, nights.plan(AS_OF).days[:-HOLDOUT_DAYS]).frame
    labels, table = frame["late"].to_numpy(dtype=int), model_input(frame, model.signature)
    truth, scores = [], []
    for fold in split(frame["day"].tolist(), labels, nights.project.cross_validation, nights.project.seed):
        fitted = clone(model.pipeline).fit(table.iloc[fold.train], labels[fold.train])
        truth.append(labels[fold.validation])
        scores.append(fitted.predict_proba(table.iloc[fold.validation])[:, 1])
    expected, found = np.concatenate(truth), np.concatenate(scores)
    assert chosen.reached == pytest.approx(f1_score(expected, found >= chosen.value - 1e-9))
    assert chosen.reached == pytest.approx(max(f1_score(expected, found >= each) for each in np.unique(found)))


def test_the_threshold_is_part_of_the_candidates_identity(nights: Nights) -> None:
    worth = {"currency": "EUR", "true_positive": 10.0, "false_positive": -2.0}
    declared: list[dict[str, Any]] = [
        {},
        {"threshold": {"value": 0.4}},
        BY_F1,
        {"threshold": {"objective": "value"}, "value": worth},
        {"threshold": {"objective": "value"}, "value": {**worth, "false_positive": -4.0}},
    ]
    ids = []
    for changes in declared:
        nights.project = make_project(nights.folder, **changes)
        ids.append(nights.train(AS_OF, "linear").candidate_id)
    assert len(set(ids)) == len(declared)
    # money that chooses no threshold makes no other model
    nights.project = make_project(nights.folder, **BY_F1, value=worth)
    assert nights.train(AS_OF, "linear").candidate_id == ids[2]


def test_mlflow_is_told_the_threshold(nights: Nights) -> None:
    nights.project = make_project(nights.folder, **BY_F1)
    result = nights.train(AS_OF, "linear")
    _, model, record = read_candidate(nights.store, "parcels", result.candidate_id)
    run = MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url)).get_run(result.tracking_run_id)
    assert run.data.params["threshold_objective"] == "F1 on the train part"
    assert run.data.metrics["threshold"] == pytest.approx(model.threshold)
    assert run.data.metrics["threshold_cv_reached"] == pytest.approx(record.threshold.reached)


def test_a_model_of_before_thresholds_were_chosen_says_yes_from_a_half_on(nights: Nights) -> None:
    result = nights.train(AS_OF, "linear")
    manifest, _, record = read_candidate(nights.store, "parcels", result.candidate_id)
    old = json.dumps(record.model_dump(mode="json", exclude={"threshold": True, "spec": {"threshold", "value"}}))
    key = manifest.files["training.json"].key
    files = {**manifest.files, "training.json": put_file(nights.store, key, old.encode())}
    model = load_from(nights.store, manifest.model_copy(update={"files": files}))
    assert (model.threshold, model.objective) == (0.5, "fixed")
