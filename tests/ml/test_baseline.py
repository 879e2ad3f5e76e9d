"""The gain over the best trivial answer is what it says, and chance alone is hardly ever called a gain."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from math import comb
from typing import Any, get_args

import numpy as np
import pytest
from sklearn import metrics as sk

from include.config.gates import BeatsBaselineGate, Evidence, HoldoutGate
from include.domain.evidence import BaselineGain, HoldoutSize, Measurements
from include.domain.metrics import TRIVIALLY_PERFECT, MetricName, improvement, lower_is_better
from include.ml.baseline import SHUFFLES, baseline_gains, measure_trivial, shuffled_p_value, trivial_answer
from include.ml.metrics import Predictions, measure

METRICS: tuple[MetricName, ...] = get_args(MetricName)
# those in which a model can be better than the best trivial answer
BEATABLE = tuple(metric for metric in METRICS if metric not in TRIVIALLY_PERFECT)
OF_COUNTS: dict[str, Callable[..., float]] = {
    "accuracy": sk.accuracy_score,
    "balanced_accuracy": sk.balanced_accuracy_score,
    "f1": sk.f1_score,
    "matthews_corrcoef": sk.matthews_corrcoef,
    "precision": sk.precision_score,
    "recall": sk.recall_score,
}
PRIOR = 0.3


def rows(seed: int, signal: float = 0.0, days: int = 2, rows_a_day: int = 60, day_effect: float = 0.0) -> Predictions:
    """Return scores that tell `signal` of the labels; luck of the day moves labels and scores, each on its own."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows_a_day)
    truth = random.normal(size=len(day)) + day_effect * random.normal(size=days)[day]
    labels = (truth > 0.4).astype(int)
    told = signal * truth + random.normal(size=len(day)) + day_effect * random.normal(size=days)[day]
    return Predictions(labels, day.astype(str), 1 / (1 + np.exp(0.8 - 0.5 * told)), seed=seed, prior=PRIOR)


def judged(metric: MetricName, scored: Predictions, **declared: Any) -> Any:
    """Return how the gate judges what was measured."""
    gate = BeatsBaselineGate(kind="beats_baseline", metric=metric, **declared)
    measured = Measurements(over_baseline=baseline_gains(metric, scored, [gate.confidence]))
    values = measure([metric], scored.labels, scored.challenger, "test", scored.challenger_threshold)
    assert scored.prior is not None
    baseline = measure_trivial([metric], scored.labels, scored.prior, "test")
    (found,) = gate.judge(Evidence(values, baseline, measurements=measured))
    return found


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("positives", [3, 20, 50, 80, 97])
def test_no_constant_is_better_than_the_trivial_answer_but_of_scores_it_knows_the_train_part_only(
    metric: MetricName, positives: int
) -> None:
    labels = np.arange(100) < positives
    best = measure_trivial([metric], labels.astype(int), positives / 100, "test")[metric]
    for constant in (0.0, 0.2, 0.5, 0.7, 1.0):
        other = measure([metric], labels, np.full(100, constant), "test")[metric]
        assert improvement(metric, best, other) >= 0
    if metric in ("roc_auc", "average_precision", "brier_score", "log_loss"):
        assert trivial_answer(metric, labels.astype(int), PRIOR).score == PRIOR
    else:
        said = np.full(100, trivial_answer(metric, labels.astype(int), PRIOR).score >= 0.5)
        assert best == OF_COUNTS[metric](labels, said)


@pytest.mark.parametrize("metric", BEATABLE)
def test_the_gain_is_that_of_the_metric_and_proved_for_a_model_that_tells_something(metric: MetricName) -> None:
    scored = rows(1, signal=4.0)
    (found,) = baseline_gains(metric, scored, [0.95])
    values = measure([metric], scored.labels, scored.challenger, "test")
    assert found.value == pytest.approx(improvement(metric, values[metric], found.baseline))
    assert 0 < found.lower < found.value
    assert found.shuffled_p_value == 1 / (SHUFFLES + 1)
    result = judged(metric, scored)
    assert (result.passed, result.reference, result.on_failure) == (True, found.baseline, "reject")
    assert result.note.startswith(f"better than the best trivial answer ({found.answer}) by {found.value:.4g}, surely")
    assert f"at least {found.lower:.4g}" in result.note


@pytest.mark.parametrize("metric", METRICS)
def test_the_share_of_shuffles_is_that_of_all_ways_to_deal_the_labels_out(metric: MetricName) -> None:
    labels = np.array([1, 1, 0, 1, 0, 0, 0, 1, 0, 0])
    scores = np.array([0.9, 0.8, 0.8, 0.7, 0.6, 0.4, 0.4, 0.4, 0.2, 0.1])
    scored = Predictions(labels, np.repeat("2024-01-01", 10), scores, challenger_threshold=0.65)
    sign = -1 if lower_is_better(metric) else 1

    def value(truth: np.ndarray) -> float:
        return sign * measure([metric], truth, scores, "test", 0.65)[metric]

    dealt = [np.isin(np.arange(10), chosen).astype(int) for chosen in combinations(range(10), 4)]
    exact = sum(value(each) >= value(labels) - 1e-12 for each in dealt) / comb(10, 4)
    found = shuffled_p_value(metric, scored, within_days=False)
    # 999 shuffles know a share of 5 % to 0.007
    assert found == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / SHUFFLES) + 0.001)


def test_a_label_that_stays_in_its_day_proves_nothing_about_days() -> None:
    day = np.repeat(["a", "b"], 50)
    labels = np.concatenate([np.arange(50) < 40, np.arange(50) < 10]).astype(int)
    scored = Predictions(labels, day, np.where(day == "a", 0.8, 0.2), prior=0.5)
    assert shuffled_p_value("roc_auc", scored, within_days=False) < 0.01
    assert shuffled_p_value("roc_auc", scored, within_days=True) == 1.0
    result = judged("roc_auc", scored)
    assert not result.passed
    assert "not proved: labels shuffled within each day are as good in 999 of 999 tries" in result.note


@pytest.mark.parametrize(("days", "within"), [(1, True), (29, True), (30, False)])
def test_labels_stay_in_their_day_where_there_are_few(days: int, within: bool) -> None:
    (found,) = baseline_gains("roc_auc", rows(3, days=days, rows_a_day=120 // days), [0.95])
    assert found.within_days is within


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("days", "day_effect"), [(1, 0.0), (2, 0.7), (7, 0.7)])
def test_noise_is_hardly_ever_proved(metric: MetricName, days: int, day_effect: float) -> None:
    called = sum(
        judged(metric, rows(100 * days + seed, days=days, rows_a_day=120 // days, day_effect=day_effect)).passed
        for seed in range(40)
    )
    assert called <= 1


@pytest.mark.parametrize("metric", METRICS)
def test_a_model_that_is_never_wrong_on_two_rows_proves_nothing(metric: MetricName) -> None:
    scored = Predictions(np.array([0, 1]), np.array(["a", "a"]), np.array([0.01, 0.99]), prior=0.5)
    assert not judged(metric, scored).passed


def test_ranks_that_are_never_wrong_have_no_interval_and_the_shuffles_prove_them() -> None:
    labels = (np.arange(60) < 20).astype(int)
    scored = Predictions(labels, np.repeat("a", 60), np.where(labels == 1, 0.9, 0.1), prior=PRIOR)
    result = judged("roc_auc", scored)
    assert (result.passed, result.value) == (True, 1.0)
    assert "surely" not in result.note
    constant = Predictions(labels, np.repeat("a", 60), np.full(60, PRIOR), prior=PRIOR)
    for metric in METRICS:
        tie = judged(metric, constant)
        assert not tie.passed
        assert "not better than the best trivial answer" in tie.note


def test_a_rare_class_makes_no_constant_good() -> None:
    """Where one row in twelve is positive, always no has an accuracy of 0.92: a model as good as that has no gain."""
    labels = (np.arange(120) % 12 == 0).astype(int)
    scored = Predictions(labels, np.repeat("a", 120), np.full(120, 0.1), prior=1 / 12)
    result = judged("accuracy", scored)
    assert (result.passed, result.reference, result.value) == (False, 110 / 120, 110 / 120)


@pytest.mark.parametrize(
    ("margin", "passed", "threshold"),
    [(0.0, True, "> 0.5 with 95 % confidence"), (0.45, False, "> 0.95, > 0.5 with 95 % confidence")],
)
def test_the_margin_is_demanded_of_the_holdout(margin: float, passed: bool, threshold: str) -> None:
    result = judged("roc_auc", rows(1, signal=1.0), margin=margin)
    assert (result.passed, result.threshold) == (passed, threshold)
    assert ("more than 0.45 is demanded" in result.note) is not passed


def test_what_was_not_measured_is_not_proved() -> None:
    gate = BeatsBaselineGate(kind="beats_baseline", metric="roc_auc")
    (found,) = gate.judge(Evidence({"roc_auc": 0.9}, {"roc_auc": 0.5}))
    assert (found.passed, found.value, found.reference) == (False, 0.9, 0.5)
    assert "too small to tell" in found.note
    gain = BaselineGain(
        metric="roc_auc",
        value=0.4,
        standard_error=0.01,
        confidence=0.9,
        lower=0.3,
        upper=0.5,
        p_value=0.0,
        method="test",
        baseline=0.5,
        answer="30 % for all",
        shuffled_p_value=0.001,
        shuffles=SHUFFLES,
        within_days=True,
    )
    (other,) = gate.judge(
        Evidence({"roc_auc": 0.9}, {"roc_auc": 0.5}, measurements=Measurements(over_baseline=(gain,)))
    )
    assert not other.passed, "measured at another confidence"
    assert (
        baseline_gains("roc_auc", Predictions(np.array([0, 1]), np.array(["a", "a"]), np.array([0.1, 0.9])), [0.95])
        == ()
    )


@pytest.mark.parametrize(
    ("held", "passed"),
    [
        ((50, 10), (True, True, True)),
        ((49, 20), (False, True, True)),
        ((100, 9), (True, False, True)),
        ((100, 91), (True, True, False)),
        ((2, 1), (False, False, False)),
    ],
)
def test_a_holdout_needs_rows_of_both_classes(held: tuple[int, int], passed: tuple[bool, ...]) -> None:
    gate = HoldoutGate(kind="holdout")
    size = HoldoutSize(rows=held[0], positives=held[1], days=1)
    found = gate.judge(Evidence({}, {}, measurements=Measurements(holdout=size)))
    assert [each.metric for each in found] == ["holdout_rows", "holdout_positives", "holdout_negatives"]
    assert tuple(each.passed for each in found) == passed
    assert {each.on_failure for each in found} == {"reject"}
    own = HoldoutGate(kind="holdout", min_rows=2, min_positives=1, min_negatives=1, because="a trial")
    assert all(
        each.passed and each.because == "a trial"
        for each in own.judge(Evidence({}, {}, measurements=Measurements(holdout=size)))
    )
    assert not any(each.passed for each in gate.judge(Evidence({}, {})))
