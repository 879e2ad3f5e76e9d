"""Count the answers at a threshold, say what they earn, and choose the threshold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.config.sections import Threshold, Value
from include.domain.evidence import Money, OperatingPoint, Points
from include.domain.results import Receipt
from include.ml.metrics import THRESHOLD, Predictions

PER_ROWS = 1000
MAX_POINTS = 200


@dataclass(frozen=True)
class AnswerCounts:
    """Count the outcomes at thresholds; every array has shape (n_thresholds,), int."""

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    true_negatives: np.ndarray


def count_at(labels: np.ndarray, scores: np.ndarray, thresholds: np.ndarray) -> AnswerCounts:
    """Count the outcomes when a score of at least the threshold is a yes, for every threshold at once.

    Args:
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        thresholds: Shape (n_thresholds,), in any order.
    """
    positives, negatives = np.sort(scores[labels == 1]), np.sort(scores[labels == 0])
    missed = np.searchsorted(positives, thresholds, side="left")
    left_alone = np.searchsorted(negatives, thresholds, side="left")
    return AnswerCounts(len(positives) - missed, len(negatives) - left_alone, missed, left_alone)


def value_per_1000(counts: AnswerCounts, value: Value) -> np.ndarray:
    """Return what 1,000 rows earn at each threshold, in `value.currency`; shape (n_thresholds,)."""
    total = (
        counts.true_positives * value.true_positive
        + counts.false_positives * value.false_positive
        + counts.false_negatives * value.false_negative
        + counts.true_negatives * value.true_negative
    )
    rows = counts.true_positives + counts.false_positives + counts.false_negatives + counts.true_negatives
    return np.asarray(PER_ROWS * total / rows)


def operating_point(
    labels: np.ndarray, scores: np.ndarray, threshold: float, objective: str, value: Value | None
) -> OperatingPoint:
    """Count one model's answers at its threshold.

    Args:
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        threshold: A score of at least this is a yes.
        objective: How it was chosen, in words.
        value: What each outcome is worth; None counts no money.
    """
    counts = count_at(labels, scores, np.array([threshold]))
    return OperatingPoint(
        threshold=threshold,
        objective=objective,
        true_positives=int(counts.true_positives[0]),
        false_positives=int(counts.false_positives[0]),
        false_negatives=int(counts.false_negatives[0]),
        true_negatives=int(counts.true_negatives[0]),
        value_per_1000=None if value is None else float(value_per_1000(counts, value)[0]),
    )


def profit_curve(labels: np.ndarray, scores: np.ndarray, value: Value, threshold: float) -> Points:
    """Return (threshold, value per 1,000 rows), thresholds growing from 0 to 1.

    At most 200 points: even steps from 0 to 1, quantiles of the scores, so that crowded scores have their points, and
    the model's own threshold.
    """
    even = np.linspace(0, 1, MAX_POINTS // 2 + 1)
    crowded = np.quantile(scores, np.linspace(0, 1, MAX_POINTS - len(even) - 1))
    thresholds = np.unique(np.concatenate([even, crowded, [threshold]]))
    earned = value_per_1000(count_at(labels, scores, thresholds), value)
    return tuple((float(x), float(y)) for x, y in zip(thresholds, earned, strict=True))


def money(scored: Predictions, value: Value) -> Money:
    """Return what the answers of both models earn on the holdout, beside the better answer that is the same for all."""
    halves = np.full(len(scored.labels), 0.5)
    all_yes, all_no = value_per_1000(count_at(scored.labels, halves, np.array([0.0, 1.0])), value)
    curves = {
        role: profit_curve(scored.labels, scores, value, threshold)
        for role, scores, threshold in (
            ("challenger", scored.challenger, scored.challenger_threshold),
            ("champion", scored.champion, scored.champion_threshold),
        )
        if scores is not None
    }
    return Money(
        currency=value.currency,
        always_the_same=float(max(all_yes, all_no)),
        all_yes=bool(all_yes >= all_no),
        challenger_curve=curves["challenger"],
        champion_curve=curves.get("champion", ()),
    )


FIXED = "fixed"


class ChosenThreshold(Receipt):
    """Say from which score on a model's answer is yes, and how that was chosen.

    Attributes:
        value: A score of at least this is a yes.
        objective: In words: "F1 on the train part".
        reached: The objective out of fold: F-beta, value per 1,000 rows, or precision; None when nothing was chosen.
    """

    value: float = THRESHOLD
    objective: str = FIXED
    reached: float | None = None


def objective_in_words(how: Threshold) -> str:
    """Return how a threshold is chosen, for people."""
    words = {
        "fixed": FIXED,
        "f_beta": f"F{how.beta:g} on the train part",
        "value": "value on the train part",
        "precision_at_recall": f"precision at a recall of {how.recall:g} on the train part",
    }
    return words[how.objective]


def choose_threshold(how: Threshold, value: Value | None, labels: np.ndarray, scores: np.ndarray) -> ChosenThreshold:
    """Return the threshold that is best by the declared objective.

    A recall can always be had: yes to all finds everything.

    Args:
        how: The objective.
        value: What each outcome is worth; needed for the objective `value`.
        labels: 0 or 1, both present, shape (n_rows,).
        scores: Out-of-fold probability of 1, shape (n_rows,); NaN where a row validates no fold: it is left out.

    Raises:
        ValueError: The objective is `value` and none is given; a declaration like that is refused.
    """
    if how.objective == "fixed":
        return ChosenThreshold(value=how.value)
    known = ~np.isnan(scores)
    labels, scores = labels[known], scores[known]
    thresholds = np.unique(scores)
    reached = _reached(how, value, count_at(labels, scores, thresholds))
    best = int(np.argmax(reached))
    return ChosenThreshold(
        value=float(thresholds[best]), objective=objective_in_words(how), reached=float(reached[best])
    )


def _reached(how: Threshold, value: Value | None, counts: AnswerCounts) -> np.ndarray:
    """Return the objective at each threshold, shape (n_thresholds,); -inf where it may not be chosen."""
    found, false_alarms, missed = counts.true_positives, counts.false_positives, counts.false_negatives
    if how.objective == "f_beta":
        # C. J. van Rijsbergen, Information Retrieval (1979), chapter 7, written in counts
        weight = how.beta**2
        return np.asarray((1 + weight) * found / ((1 + weight) * found + weight * missed + false_alarms))
    if how.objective == "precision_at_recall":
        enough = found / (found + missed) >= how.recall
        return np.where(enough, found / (found + false_alarms), -np.inf)
    if value is None:
        raise ValueError("objective 'value' needs to know what each outcome is worth")
    return value_per_1000(counts, value)
