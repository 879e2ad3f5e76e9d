from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from include.config.sections import Value
from include.ml.business_value import MAX_POINTS, money, operating_point, profit_curve
from include.ml.metrics import Predictions

VALUE = Value(currency="EUR", true_positive=90.0, false_positive=-10.0, false_negative=-5.0, true_negative=0.25)


def _rows(seed: int = 0, rows: int = 500) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.3).astype(int)
    return labels, np.clip(random.normal(0.3 + 0.25 * labels, 0.2), 0, 0.99).round(2)


def _earned(labels: np.ndarray, scores: np.ndarray, threshold: float) -> float:
    total = 0.0
    for label, score in zip(labels, scores, strict=True):
        if score >= threshold:
            total += VALUE.true_positive if label else VALUE.false_positive
        else:
            total += VALUE.false_negative if label else VALUE.true_negative
    return 1000 * total / len(labels)


def _scored(**changes: object) -> Predictions:
    labels, challenger = _rows()
    values = {"labels": labels, "days": np.repeat("2013-04-01", len(labels)), "challenger": challenger}
    return Predictions(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.37, 0.5, 1.0])
def test_answers_are_counted_as_scikit_learn_counts_them(threshold: float) -> None:
    labels, scores = _rows()
    point = operating_point(labels, scores, threshold, "F1 on the train part", VALUE)
    counted = (point.true_negatives, point.false_positives, point.false_negatives, point.true_positives)
    assert counted == tuple(confusion_matrix(labels, scores >= threshold, labels=[0, 1]).ravel())
    assert point.value_per_1000 == pytest.approx(_earned(labels, scores, threshold), rel=1e-12)
    assert (point.threshold, point.objective) == (threshold, "F1 on the train part")


def test_without_declared_values_no_money_is_counted() -> None:
    assert operating_point(*_rows(), 0.5, "fixed", None).value_per_1000 is None


def test_the_profit_curve_is_what_a_loop_over_the_rows_earns() -> None:
    labels, scores = _rows()
    curve = profit_curve(labels, scores, VALUE, 0.3125)
    thresholds = [threshold for threshold, _ in curve]
    assert thresholds == sorted(set(thresholds))
    assert (thresholds[0], thresholds[-1]) == (0.0, 1.0)
    assert 0.3125 in thresholds
    assert len(curve) <= MAX_POINTS
    for threshold, earned in curve[::7]:
        assert earned == pytest.approx(_earned(labels, scores, threshold), rel=1e-12)


def test_crowded_scores_have_their_points_on_the_curve() -> None:
    random = np.random.default_rng(5)
    scores = random.beta(1, 400, size=20_000)
    labels = (random.random(len(scores)) < scores).astype(int)
    curve = profit_curve(labels, scores, VALUE, 0.5)
    assert sum(threshold <= scores.max() for threshold, _ in curve) >= 90
    assert len(curve) <= MAX_POINTS


def test_every_model_has_its_own_curve_and_none_has_an_empty_one() -> None:
    labels, champion = _rows(seed=1)
    both = money(_scored(champion=champion, challenger_threshold=0.123, champion_threshold=0.456), VALUE)
    assert both.currency == "EUR"
    assert dict(both.challenger_curve)[0.123] == pytest.approx(_earned(*_rows(), 0.123))
    assert dict(both.champion_curve)[0.456] == pytest.approx(_earned(_rows()[0], champion, 0.456))
    assert money(_scored(), VALUE).champion_curve == ()
    assert len(labels) == len(champion)


@pytest.mark.parametrize(("cost", "all_yes"), [(-10.0, True), (-80.0, False)])
def test_the_better_answer_that_is_the_same_for_all_is_found(cost: float, all_yes: bool) -> None:
    value = Value(currency="EUR", true_positive=90.0, false_positive=cost)
    labels, _ = _rows()
    expected = 1000 * (90.0 * labels.mean() + cost * (1 - labels.mean())) if all_yes else 0.0
    found = money(_scored(), value)
    assert found.all_yes is all_yes
    assert found.always_the_same == pytest.approx(expected)
    ends = (found.challenger_curve[0][1], found.challenger_curve[-1][1])
    assert ends[0 if all_yes else 1] == pytest.approx(found.always_the_same)
