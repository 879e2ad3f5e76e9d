from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from sklearn import metrics as sk

from include.domain.metrics import MetricName
from include.ml import bootstrap
from include.ml.bootstrap import difference, differences
from include.ml.metrics import Predictions

DAYS = 14
ROWS_A_DAY = 80


def scored(seed: int, gain: float = 0.0, days: int = DAYS, rows_a_day: int = ROWS_A_DAY) -> Predictions:
    """Return rows whose days differ, scored by two models that are equally noisy when `gain` is 0."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), rows_a_day)
    signal = random.normal(size=len(day)) + 0.5 * random.normal(size=days)[day]
    labels = (signal + random.normal(size=len(day)) > 0.4).astype(int)

    def model(noise: float) -> np.ndarray:
        # a mistake about a whole day, and one about each row
        wrong = 0.4 * random.normal(size=days)[day] + noise * random.normal(size=len(day))
        return 1 / (1 + np.exp(-(signal + wrong)))

    names = np.array([f"2013-04-{number + 1:02d}" for number in range(days)])[day]
    return Predictions(labels, names, model(1.0 - gain), model(1.0), 0.4, 0.5, seed=seed)


def by_hand(metric: MetricName, data: Predictions) -> float:
    """Return the gain by scikit-learn."""
    assert data.champion is not None

    def value(scores: np.ndarray, threshold: float) -> float:
        answers = scores >= threshold
        return {
            "roc_auc": lambda: sk.roc_auc_score(data.labels, scores),
            "average_precision": lambda: sk.average_precision_score(data.labels, scores),
            "brier_score": lambda: -sk.brier_score_loss(data.labels, scores),
            "log_loss": lambda: -sk.log_loss(data.labels, scores),
            "accuracy": lambda: sk.accuracy_score(data.labels, answers),
            "balanced_accuracy": lambda: sk.balanced_accuracy_score(data.labels, answers),
            "f1": lambda: sk.f1_score(data.labels, answers),
            "matthews_corrcoef": lambda: sk.matthews_corrcoef(data.labels, answers),
            "precision": lambda: sk.precision_score(data.labels, answers),
            "recall": lambda: sk.recall_score(data.labels, answers),
        }[metric]()

    return value(data.challenger, data.challenger_threshold) - value(data.champion, data.champion_threshold)


METRICS: tuple[MetricName, ...] = get_args(MetricName)


@pytest.mark.parametrize("metric", METRICS)
def test_gain_and_error_are_those_of_a_bootstrap_written_out(metric: MetricName) -> None:
    data = scored(1)
    found = difference(metric, data, 0.95)
    assert found is not None
    assert found.value == pytest.approx(by_hand(metric, data), abs=1e-12)
    assert found.method == "paired bootstrap, 2000 draws of 14 days"
    random = np.random.default_rng(99)
    rows = [np.flatnonzero(data.days == name) for name in np.unique(data.days)]
    assert data.champion is not None
    gains = []
    for _ in range(400):
        drawn = np.concatenate([rows[index] for index in random.integers(0, DAYS, DAYS)])
        part = Predictions(data.labels[drawn], data.days[drawn], data.challenger[drawn], data.champion[drawn], 0.4, 0.5)
        gains.append(by_hand(metric, part))
    # 400 draws know a standard error to 3.5 %
    assert found.standard_error == pytest.approx(np.std(gains) * np.sqrt(DAYS / (DAYS - 1)), rel=0.14)
    assert found.lower < found.value < found.upper


def test_a_lower_loss_is_a_gain() -> None:
    better = scored(3, gain=0.8)
    for metric in METRICS:
        found = difference(metric, better, 0.95)
        assert found is not None
        assert found.value > 0
        # precision alone does not tell a better model: the champion's threshold says yes less often
        assert metric == "precision" or found.p_value < 0.05


def test_models_that_score_alike_have_no_gain_at_all() -> None:
    data = scored(2)
    assert data.champion is not None
    same = Predictions(data.labels, data.days, data.champion, data.champion, seed=5)
    found = difference("roc_auc", same, 0.95)
    assert found is not None
    assert (found.value, found.standard_error, found.lower, found.upper, found.p_value) == (0.0, 0.0, 0.0, 0.0, 1.0)


def test_the_same_rows_give_the_same_answer_and_more_confidence_wider_bounds() -> None:
    data = scored(4)
    found, again, surer = (difference("roc_auc", data, level) for level in (0.9, 0.9, 0.99))
    assert found is not None
    assert surer is not None
    assert found == again
    assert surer.lower < found.lower
    assert found.upper < surer.upper
    assert found.value == surer.value


def test_however_many_confidences_are_asked_for_the_draws_are_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = scored(4)
    alone = tuple(difference("average_precision", data, level) for level in (0.8, 0.95, 0.99))
    asked: list[MetricName] = []
    measured = bootstrap.over_draws

    def counted(metric: MetricName, *rest: Any) -> np.ndarray:
        asked.append(metric)
        return measured(metric, *rest)

    monkeypatch.setattr(bootstrap, "over_draws", counted)
    assert differences("average_precision", data, (0.8, 0.95, 0.99)) == alone
    assert asked == ["average_precision"] * 2


def test_changing_sides_changes_the_sign() -> None:
    data = scored(6)
    assert data.champion is not None
    turned = Predictions(data.labels, data.days, data.champion, data.challenger, 0.5, 0.4, seed=data.seed)
    found, other = difference("f1", data, 0.95), difference("f1", turned, 0.95)
    assert found is not None
    assert other is not None
    assert other.value == -found.value
    assert other.lower == pytest.approx(-found.upper)
    assert other.p_value == pytest.approx(1 - found.p_value)


def test_a_holdout_of_few_days_is_drawn_in_blocks_of_rows() -> None:
    found = difference("roc_auc", scored(7, days=2), 0.95)
    assert found is not None
    assert found.method == "paired bootstrap, 2000 draws of 100 random blocks of rows"
    assert found.standard_error > 0


def test_there_is_none_without_a_champion_and_when_draws_hold_one_class_only() -> None:
    data = scored(8)
    assert difference("roc_auc", Predictions(data.labels, data.days, data.challenger), 0.95) is None
    labels = np.zeros(len(data.labels), dtype=int)
    labels[0] = 1
    one = Predictions(labels, data.days, data.challenger, data.champion)
    assert difference("roc_auc", one, 0.95) is None


def test_of_equal_models_few_are_called_better() -> None:
    """At 95 % one in twenty may be; 400 tries know that to 0.011, and three of these are allowed."""
    called = 0
    for seed in range(400):
        found = difference("brier_score", scored(1000 + seed), 0.95)
        assert found is not None
        called += found.lower > 0
    assert called / 400 <= 0.05 + 3 * 0.011


def test_of_models_that_are_better_most_are_called_so() -> None:
    called = 0
    for seed in range(100):
        found = difference("roc_auc", scored(5000 + seed, gain=0.5), 0.95)
        assert found is not None
        called += found.lower > 0
    assert called >= 80
