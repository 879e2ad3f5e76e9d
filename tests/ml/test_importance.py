"""Importance is what a slow loop says, agrees with scikit-learn's, and compares two models on the same shuffles."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn.inspection import permutation_importance
from sklearn.pipeline import Pipeline

from include.config.project import Features
from include.domain.errors import EvaluationError
from include.domain.metrics import MetricName, improvement
from include.ml.estimators import build_estimator, positive_scores
from include.ml.explanations import importance, judged_rows
from include.ml.metrics import measure

ROWS = 800
FEATURES = Features(numeric=("strong", "weak", "noise"), categorical=("town",))


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    chance = np.random.default_rng(1)
    columns = {name: chance.normal(size=ROWS) for name in FEATURES.numeric}
    frame = pd.DataFrame(columns | {"town": chance.choice(["Bonn", "Lyon", "Oslo"], ROWS)}).astype({"town": "str"})
    frame.loc[::7, "strong"] = np.nan
    frame.loc[::5, "town"] = None
    return frame


@pytest.fixture(scope="module")
def labels(table: pd.DataFrame) -> np.ndarray:
    signal = 2 * table["strong"].fillna(0) + 0.6 * table["weak"] + 1.0 * (table["town"] == "Oslo")
    return np.asarray(signal + np.random.default_rng(2).normal(size=ROWS) > 0.5, dtype=int)


@pytest.fixture(scope="module")
def model(table: pd.DataFrame, labels: np.ndarray) -> Pipeline:
    return build_estimator("logistic_regression", {}, FEATURES, seed=1, threads=1).fit(table, labels)


@pytest.fixture(scope="module")
def score(model: Pipeline) -> Callable[[pd.DataFrame], np.ndarray]:
    return lambda frame: positive_scores(model, frame)


@pytest.mark.parametrize("metric", ["roc_auc", "log_loss", "f1"])
def test_each_loss_is_that_of_a_slow_loop(
    metric: MetricName, table: pd.DataFrame, labels: np.ndarray, score: Callable[[pd.DataFrame], np.ndarray]
) -> None:
    judged = judged_rows(table.iloc[::-1], labels[::-1], metric, seed=3)
    found = importance(judged, FEATURES.names, score, threshold=0.3)
    whole = measure([metric], labels, score(table), "loop", 0.3)[metric]
    for name in FEATURES.names:
        losses = []
        for shuffle in judged.shuffles:
            shuffled = judged.table.copy()
            shuffled[name] = [judged.table[name].iloc[place] for place in shuffle]
            losses.append(
                improvement(metric, whole, measure([metric], judged.labels, score(shuffled), "loop", 0.3)[metric])
            )
        assert found[name].mean == pytest.approx(np.mean(losses), abs=1e-9)
        assert found[name].spread == pytest.approx(np.std(losses), abs=1e-9)


def test_it_agrees_with_scikit_learn(
    table: pd.DataFrame, labels: np.ndarray, model: Pipeline, score: Callable[[pd.DataFrame], np.ndarray]
) -> None:
    theirs = permutation_importance(model, table, labels, scoring="roc_auc", n_repeats=12, random_state=4)
    ours = importance(judged_rows(table, labels, "roc_auc", seed=5), FEATURES.names, score)
    for place, name in enumerate(table.columns):
        # the mean of three shuffles is sure to within this
        assert ours[name].mean == pytest.approx(theirs.importances_mean[place], abs=4 * theirs.importances_std[place])
    assert ours["strong"].mean > 0.15 > ours["town"].mean > ours["noise"].mean
    assert abs(ours["noise"].mean) < 0.005


def test_a_feature_that_the_model_lacks_costs_nothing_and_the_draw_is_the_same_for_all(
    table: pd.DataFrame, labels: np.ndarray, score: Callable[[pd.DataFrame], np.ndarray]
) -> None:
    judged = judged_rows(table, labels, "roc_auc", seed=6)
    by_one = importance(judged, ["strong"], lambda frame: frame["strong"].rank(pct=True).fillna(0.5).to_numpy())
    blind = importance(judged, ["noise"], lambda frame: frame["strong"].rank(pct=True).fillna(0.5).to_numpy())
    assert by_one["strong"].mean > 0.2
    assert (blind["noise"].mean, blind["noise"].spread) == (0.0, 0.0)
    again = judged_rows(table, labels, "roc_auc", seed=6)
    assert np.array_equal(again.shuffles, judged.shuffles)
    assert importance(again, FEATURES.names, score) == importance(judged, FEATURES.names, score)


def test_rows_of_one_class_are_refused(table: pd.DataFrame, score: Callable[[pd.DataFrame], np.ndarray]) -> None:
    with pytest.raises(EvaluationError, match="both classes are needed to measure a model"):
        importance(judged_rows(table, np.zeros(ROWS, dtype=int), "roc_auc", seed=1), ["weak"], score)
