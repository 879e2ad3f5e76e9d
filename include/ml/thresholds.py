"""Choose the threshold of a model: from which score on its answer is yes."""

from __future__ import annotations

import numpy as np

from include.config.sections import Threshold, Value
from include.domain.results import Receipt
from include.ml.business_value import AnswerCounts, count_at, value_per_1000
from include.ml.metrics import THRESHOLD

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
