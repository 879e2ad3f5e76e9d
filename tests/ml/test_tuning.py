from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from include.config.project import Candidate, Features
from include.domain.errors import EvaluationError
from include.ml import tuning
from include.ml.estimators import build_estimator, fit_preparation
from include.ml.metrics import measure
from include.ml.tuning import random_folds, settings_of, tune

FEATURES = Features(numeric=("a",))


def _candidate(trials: int, space: dict[str, list[Any]], params: dict[str, Any] | None = None) -> Candidate:
    return Candidate.model_validate(
        {
            "name": "trees",
            "estimator": "xgboost",
            "params": params or {},
            "search": {"trials": trials, "space": space},
        }
    )


def test_without_a_search_there_is_one_setting() -> None:
    candidate = Candidate(name="linear", estimator="logistic_regression", params={"C": 2.0})
    assert settings_of(candidate, 1) == [{"C": 2.0}]


def test_settings_are_distinct_points_of_the_space_over_the_declared_params() -> None:
    candidate = _candidate(7, {"max_depth": [2, 3, 4, 5], "gamma": [0.0, 0.5, 1.0]}, {"subsample": 0.8, "gamma": 9.0})
    found = settings_of(candidate, 1)
    assert len({tuple(sorted(setting.items())) for setting in found}) == 7
    for setting in found:
        assert setting["subsample"] == 0.8
        assert setting["max_depth"] in (2, 3, 4, 5)
        assert setting["gamma"] in (0.0, 0.5, 1.0)
    assert settings_of(candidate, 1) == found
    assert settings_of(candidate, 2) != found


def test_a_small_space_is_tried_whole_and_repeated_values_count_once() -> None:
    found = settings_of(_candidate(50, {"max_depth": [2, 3, 3], "gamma": [0, 1]}), 1)
    assert sorted((setting["max_depth"], setting["gamma"]) for setting in found) == [(2, 0), (2, 1), (3, 0), (3, 1)]


def _data(rows: int = 300) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    values = random.normal(size=rows)
    return pd.DataFrame({"a": values}), (values + random.normal(size=rows) > 0).astype(int)


@pytest.mark.parametrize(("metric", "best_c"), [("log_loss", 1.0), ("roc_auc", 1e-9)])
def test_the_best_setting_follows_the_metrics_direction(metric: str, best_c: float) -> None:
    # so strong a penalty leaves ranks as they are, so roc_auc ties and the first wins; log_loss must prefer the second
    inputs, labels = _data()
    folds = random_folds(labels, 3, seed=1)

    def build(params: Any) -> Any:
        return build_estimator("logistic_regression", params, FEATURES, seed=1, threads=1)

    tuned = tune(build, [{"C": 1e-9}, {"C": 1.0}], inputs, labels, folds, metric)
    best, trials = tuned.best, tuned.trials
    assert best.params == {"C": best_c}
    assert [trial.params for trial in trials] == [{"C": 1e-9}, {"C": 1.0}]
    assert all(len(trial.scores) == 3 for trial in trials)
    assert best.mean == pytest.approx(np.mean(best.scores))
    assert best.std == pytest.approx(np.std(best.scores))


def test_only_the_rows_of_the_folds_are_used() -> None:
    inputs, labels = _data()
    folds = random_folds(labels[:200], 3, seed=1)
    poisoned = inputs.copy()
    poisoned.iloc[200:] = np.inf

    def build(params: Any) -> Any:
        return build_estimator("logistic_regression", params, FEATURES, seed=1, threads=1)

    clean = tune(build, [{}], inputs, labels, folds, "roc_auc")
    same = tune(build, [{}], poisoned, labels, folds, "roc_auc")
    assert clean.best == same.best
    assert np.array_equal(clean.scores, same.scores, equal_nan=True)
    assert np.isnan(clean.scores[200:]).all() and not np.isnan(clean.scores[:200]).any()


def test_a_fold_that_cannot_be_scored_is_named() -> None:
    inputs, _ = _data(60)
    labels = np.array([0, 1] * 20 + [0] * 20)
    folds = [type(f)(np.arange(40), np.arange(40, 60)) for f in random_folds(labels, 2, seed=1)[:1]]

    def build(params: Any) -> Any:
        return build_estimator("logistic_regression", params, FEATURES, seed=1, threads=1)

    with pytest.raises(EvaluationError, match="cross-validation fold 1: both classes are needed"):
        tune(build, [{}], inputs, labels, folds, "roc_auc")


def test_settings_share_what_is_prepared_and_score_as_pipelines_of_their_own() -> None:
    inputs, labels = _data()
    folds = random_folds(labels, 3, seed=1)
    settings = [{"C": 0.1}, {"C": 1.0}, {"C": 0.01}]

    def build(params: Any) -> Any:
        return build_estimator("logistic_regression", params, FEATURES, seed=1, threads=1)

    prepared = []

    def noted(pipeline: Any, rows: pd.DataFrame) -> Any:
        prepared.append(len(rows))
        return fit_preparation(pipeline, rows)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tuning, "fit_preparation", noted)
        tuned = tune(build, settings, inputs, labels, folds, "log_loss")
    assert prepared == [len(fold.train) for fold in folds]
    for trial in tuned.trials:
        for fold, score in zip(folds, trial.scores, strict=True):
            alone = build(trial.params).fit(inputs.iloc[fold.train], labels[fold.train])
            scores = alone.predict_proba(inputs.iloc[fold.validation])[:, 1]
            assert measure(["log_loss"], labels[fold.validation], scores, "here")["log_loss"] == score
            if trial is tuned.best:
                assert np.array_equal(tuned.scores[fold.validation], scores)
