"""Count the answers at a threshold, and say what they earn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from include.config.sections import Value
from include.domain.evidence import Money, OperatingPoint, Points
from include.ml.metrics import Predictions

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
