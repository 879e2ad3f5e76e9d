"""Measure binary scores against labels, one name and one direction a metric; both models' scores; curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn import metrics as sk
from sklearn.metrics import precision_recall_curve, roc_curve

from include.domain.errors import EvaluationError
from include.domain.metrics import MetricName

THRESHOLD = 0.5
# each takes labels, scores and the threshold, which only those of answers look at
_FUNCTIONS: dict[MetricName, Callable[[np.ndarray, np.ndarray, float], float]] = {
    "roc_auc": lambda labels, scores, _: sk.roc_auc_score(labels, scores),
    "average_precision": lambda labels, scores, _: sk.average_precision_score(labels, scores),
    "brier_score": lambda labels, scores, _: sk.brier_score_loss(labels, scores),
    "log_loss": lambda labels, scores, _: sk.log_loss(labels, scores, labels=[0, 1]),
    "accuracy": lambda labels, scores, threshold: sk.accuracy_score(labels, scores >= threshold),
    "balanced_accuracy": lambda labels, scores, threshold: sk.balanced_accuracy_score(labels, scores >= threshold),
    "f1": lambda labels, scores, threshold: sk.f1_score(labels, scores >= threshold, zero_division=0),
    "matthews_corrcoef": lambda labels, scores, threshold: sk.matthews_corrcoef(labels, scores >= threshold),
    "precision": lambda labels, scores, threshold: sk.precision_score(labels, scores >= threshold, zero_division=0),
    "recall": lambda labels, scores, threshold: sk.recall_score(labels, scores >= threshold),
}


def measure(
    names: Iterable[MetricName],
    labels: Sequence[int] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    where: str,
    threshold: float = THRESHOLD,
) -> dict[str, float]:
    """Return each named metric of `scores`.

    Args:
        names: Metrics; those of answers count a score of at least `threshold` as a yes.
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        where: What is measured, for the error: "holdout of telco_churn, 2024-05-01".
        threshold: See `names`.

    Raises:
        EvaluationError: There are no rows, one class only, or scores that are no probabilities.
    """
    truth = np.asarray(labels, dtype=int)
    predicted = np.asarray(scores, dtype="float64")
    _check(truth, predicted, where)
    return {name: float(_FUNCTIONS[name](truth, predicted, threshold)) for name in dict.fromkeys(names)}


def _check(labels: np.ndarray, scores: np.ndarray, where: str) -> None:
    classes = np.unique(labels)
    if len(classes) < 2:
        found = f"{len(labels)} rows, all of class {classes[0]}" if len(classes) else "no rows"
        raise EvaluationError(
            where,
            "both classes are needed to measure a model",
            got=found,
            hint="lengthen window.holdout_days, or look at the target's rule",
        )
    check_probabilities(scores, where)


def check_probabilities(scores: np.ndarray, where: str) -> None:
    """Refuse scores that are no probabilities.

    Args:
        scores: Shape (n_rows,).
        where: What they are of, for the error.

    Raises:
        EvaluationError: With how many they are.
    """
    bad = int((~((scores >= 0) & (scores <= 1))).sum())
    if bad:
        raise EvaluationError(
            where,
            "a model returned scores that are no probabilities",
            got=f"{bad} of {len(scores)} rows outside 0..1 or NaN",
            allowed=("0..1",),
            hint="train the candidate again with force",
        )


MAX_POINTS = 200


def roc_points(
    labels: Sequence[int] | np.ndarray, scores: np.ndarray, max_points: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Return (false positive rate, true positive rate) from (0, 0) to (1, 1), at most `max_points` of them.

    Long curves are thinned at equal steps of their length (|dx| + |dy|), so that steep parts keep their points.
    """
    false_rate, true_rate, _ = roc_curve(np.asarray(labels, dtype=int), scores)
    return _thinned(false_rate, true_rate, false_rate + true_rate, max_points)


def precision_recall_points(
    labels: Sequence[int] | np.ndarray, scores: np.ndarray, max_points: int = MAX_POINTS
) -> list[tuple[float, float]]:
    """Return (recall, precision) by rising recall from 0 to 1, at most `max_points` of them.

    At recall 0 stands the precision of the first positive that is found, as average precision counts it. Neither the
    (0, 1) that is often put there, which no threshold gives, nor the zeros of higher scores without any positive are
    drawn: both would be an upright line at the edge. Long curves are thinned at equal steps of recall: the few rows of
    the highest scores make a curve jagged, and would take all points.
    """
    precision, recall, _ = precision_recall_curve(np.asarray(labels, dtype=int), scores)
    # from the highest threshold to the lowest, without the point that belongs to none
    precision, recall = precision[-2::-1], recall[-2::-1]
    found = recall > 0
    precision, recall = precision[found], recall[found]
    points = _thinned(recall, precision, recall, max_points - 1)
    return [(0.0, points[0][1]), *points]


def _thinned(x: np.ndarray, y: np.ndarray, along: np.ndarray, max_points: int) -> list[tuple[float, float]]:
    """Return the points at equal steps of `along`, which rises; the first and the last are kept."""
    if len(x) > max_points:
        wanted = np.linspace(along[0], along[-1], max_points)
        keep = np.unique(np.searchsorted(along, wanted).clip(0, len(along) - 1))
        x, y = x[keep], y[keep]
    return [(round(float(each), 6), round(float(other), 6)) for each, other in zip(x, y, strict=True)]


@dataclass(frozen=True)
class Predictions:
    """Hold one entry a row, in one order; every array has shape (n_rows,).

    Attributes:
        labels: 0 or 1, int.
        days: The day of each row, ISO text.
        challenger: Probability of 1, float64.
        champion: The same; None when there is no champion, or it could not be scored.
        challenger_threshold: From which score on the challenger's answer is yes.
        champion_threshold: The same of the champion.
        challenger_objective: How its threshold was chosen, in words.
        champion_objective: The same of the champion.
        seed: Of every draw of chance.
        prior: Share of positives in the challenger's train part: what it would answer without features; None where
            it is not known, and then nothing is compared with the best trivial answer.
    """

    labels: np.ndarray
    days: np.ndarray
    challenger: np.ndarray
    champion: np.ndarray | None = None
    challenger_threshold: float = THRESHOLD
    champion_threshold: float = THRESHOLD
    challenger_objective: str = "fixed"
    champion_objective: str = "fixed"
    seed: int = 0
    prior: float | None = None
