from __future__ import annotations

import math
from typing import get_args

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from include.domain.errors import EvaluationError
from include.domain.metrics import MetricName, improvement
from include.ml.metrics import measure

LABELS = [0, 0, 1, 1]
SCORES = [0.1, 0.6, 0.4, 0.9]
# by hand: 3 of 4 pairs in order; precision 1/1 and 2/3 at the positives; squared errors .01 .36 .36 .01
EXPECTED = {
    "roc_auc": 0.75,
    "average_precision": (1 + 2 / 3) / 2,
    "brier_score": 0.185,
    "log_loss": -(math.log(0.9) + math.log(0.4) + math.log(0.4) + math.log(0.9)) / 4,
    "accuracy": 0.5,
    # one of two yeses is right, and one of two positives is found: no better than chance
    "balanced_accuracy": 0.5,
    "f1": 0.5,
    "matthews_corrcoef": 0.0,
    "precision": 0.5,
    "recall": 0.5,
}


@pytest.mark.parametrize("metric", get_args(MetricName))
def test_each_metric_has_the_value_found_by_hand(metric: str) -> None:
    assert measure([metric], LABELS, SCORES, "here") == {metric: pytest.approx(EXPECTED[metric])}


def test_a_score_of_one_half_counts_as_positive_and_no_positive_is_no_error() -> None:
    assert measure(["accuracy", "f1"], LABELS, [0.5] * 4, "here") == {"accuracy": 0.5, "f1": pytest.approx(2 / 3)}
    assert measure(["f1"], LABELS, [0.1] * 4, "here") == {"f1": 0.0}


def test_a_constant_is_measured_like_the_dummy_classifier() -> None:
    train, labels = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 1, 0, 1, 0, 0])
    dummy = DummyClassifier(strategy="prior").fit(np.zeros((5, 1)), train)
    names = get_args(MetricName)
    expected = measure(names, labels, dummy.predict_proba(np.zeros((7, 1)))[:, 1], "dummy")
    assert measure(names, labels, np.full(7, train.mean()), "constant") == expected
    assert expected["roc_auc"] == 0.5


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        ([0, 0], [0.1, 0.2], "both classes are needed to measure a model; got: 2 rows, all of class 0"),
        ([1], [0.1], "both classes are needed to measure a model; got: 1 rows, all of class 1"),
        ([], [], "both classes are needed to measure a model; got: no rows"),
        ([0, 1], [0.1, math.nan], "scores that are no probabilities; got: 1 of 2 rows outside 0..1 or NaN"),
        ([0, 1], [math.inf, -0.1], "scores that are no probabilities; got: 2 of 2 rows outside 0..1 or NaN"),
    ],
)
def test_what_cannot_be_measured_is_refused(labels: list[int], scores: list[float], message: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        measure(["roc_auc"], labels, scores, "holdout of parcels")
    assert message in str(caught.value)
    assert str(caught.value).startswith("holdout of parcels: ")


@pytest.mark.parametrize(("metric", "sign"), [("roc_auc", 1), ("f1", 1), ("log_loss", -1), ("brier_score", -1)])
def test_improvement_knows_the_direction(metric: str, sign: int) -> None:
    assert improvement(metric, 0.7, 0.5) == pytest.approx(0.2 * sign)
