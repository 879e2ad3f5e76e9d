from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn import metrics as sk

from include.config.sections import Threshold, Value
from include.ml.thresholds import ChosenThreshold, choose_threshold

VALUE = Value(currency="EUR", true_positive=90.0, false_positive=-10.0, false_negative=-5.0)


def _scores(seed: int = 0, rows: int = 400, digits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return labels and scores with many ties."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.3).astype(int)
    return labels, np.clip(random.normal(0.3 + 0.25 * labels, 0.2), 0, 1).round(digits)


def _earned(labels: np.ndarray, yes: np.ndarray, value: Value) -> float:
    total = 0.0
    for label, answer in zip(labels, yes, strict=True):
        if answer:
            total += value.true_positive if label else value.false_positive
        else:
            total += value.false_negative if label else value.true_negative
    return 1000 * total / len(labels)


def _precision_if_enough(labels: np.ndarray, yes: np.ndarray, recall: float) -> float:
    found = sk.recall_score(labels, yes)
    return float(sk.precision_score(labels, yes)) if found >= recall else -1.0


OBJECTIVES: list[tuple[dict[str, Any], Any]] = [
    ({"objective": "f_beta"}, sk.f1_score),
    ({"objective": "f_beta", "beta": 2.0}, lambda labels, yes: sk.fbeta_score(labels, yes, beta=2.0)),
    ({"objective": "f_beta", "beta": 0.5}, lambda labels, yes: sk.fbeta_score(labels, yes, beta=0.5)),
    ({"objective": "value"}, lambda labels, yes: _earned(labels, yes, VALUE)),
    ({"objective": "precision_at_recall"}, lambda labels, yes: _precision_if_enough(labels, yes, 0.8)),
    ({"objective": "precision_at_recall", "recall": 0.35}, lambda labels, yes: _precision_if_enough(labels, yes, 0.35)),
    ({"objective": "precision_at_recall", "recall": 1.0}, lambda labels, yes: _precision_if_enough(labels, yes, 1.0)),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("declared", "measure"), OBJECTIVES)
def test_no_other_threshold_is_better_by_the_objective(declared: dict[str, Any], measure: Any, seed: int) -> None:
    labels, scores = _scores(seed)
    chosen = choose_threshold(Threshold(**declared), VALUE, labels, scores)
    tried = {float(threshold): measure(labels, scores >= threshold) for threshold in np.unique(scores)}
    assert chosen.reached == pytest.approx(max(tried.values()), rel=1e-12)
    assert tried[chosen.value] == pytest.approx(chosen.reached, rel=1e-12)
    assert chosen.value == min(each for each, found in tried.items() if found >= chosen.reached - 1e-9)


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"objective": "f_beta"}, "F1 on the train part"),
        ({"objective": "f_beta", "beta": 0.5}, "F0.5 on the train part"),
        ({"objective": "value"}, "value on the train part"),
        ({"objective": "precision_at_recall", "recall": 0.9}, "precision at a recall of 0.9 on the train part"),
    ],
)
def test_the_objective_is_told_in_words(declared: dict[str, Any], words: str) -> None:
    assert choose_threshold(Threshold(**declared), VALUE, *_scores()).objective == words


def test_a_fixed_threshold_is_what_was_declared() -> None:
    labels, scores = _scores()
    assert choose_threshold(Threshold(), None, labels, scores) == ChosenThreshold(value=0.5, objective="fixed")
    assert choose_threshold(Threshold(value=0.3), VALUE, labels, scores).value == 0.3


@pytest.mark.parametrize("objective", ["f_beta", "value", "precision_at_recall"])
def test_rows_without_an_out_of_fold_score_do_not_count(objective: str) -> None:
    labels, scores = _scores()
    how = Threshold.model_validate({"objective": objective})
    first = np.full(300, np.nan)
    more = choose_threshold(how, VALUE, np.append(np.ones(300, dtype=int), labels), np.append(first, scores))
    assert more == choose_threshold(how, VALUE, labels, scores)


def test_with_calibrated_scores_the_most_valuable_threshold_is_where_a_yes_pays_for_itself() -> None:
    # C. Elkan, The foundations of cost-sensitive learning (2001), equation 2
    random = np.random.default_rng(3)
    scores = random.random(200_000)
    labels = (random.random(len(scores)) < scores).astype(int)
    wrong_yes, wrong_no = VALUE.true_negative - VALUE.false_positive, VALUE.true_positive - VALUE.false_negative
    chosen = choose_threshold(Threshold(objective="value"), VALUE, labels, scores)
    assert chosen.value == pytest.approx(wrong_yes / (wrong_yes + wrong_no), abs=0.02)


def test_the_rarer_a_yes_pays_the_higher_the_threshold() -> None:
    labels, scores = _scores(rows=4000, digits=6)
    costs = [-2.0, -20.0, -200.0]
    values = [Value(currency="EUR", true_positive=90.0, false_positive=cost) for cost in costs]
    chosen = [choose_threshold(Threshold(objective="value"), value, labels, scores).value for value in values]
    assert chosen == sorted(set(chosen))


def test_scores_that_are_all_the_same_give_that_score() -> None:
    labels, _ = _scores()
    chosen = choose_threshold(Threshold(objective="f_beta"), None, labels, np.full(len(labels), 0.25))
    assert chosen.value == 0.25
    assert chosen.reached == pytest.approx(sk.f1_score(labels, np.ones(len(labels))))


def test_money_without_values_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="needs to know what each outcome is worth"):
        choose_threshold(Threshold(objective="value"), None, *_scores())
