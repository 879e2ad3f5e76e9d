"""Say which features a model leans on: how much worse it gets when a feature's values are shuffled among the rows.

Source: L. Breiman, Random Forests, Machine Learning 45 (2001), section 10. Features that tell the same share their
importance: shuffling one of them costs little while the other is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.domain.metrics import MetricName, improvement
from include.ml.metrics import THRESHOLD, measure

REPEATS = 3


@dataclass(frozen=True)
class Loss:
    """Hold by how much a metric gets worse without a feature; `spread` is the standard deviation over the shuffles."""

    mean: float
    spread: float


@dataclass(frozen=True)
class Judged:
    """Hold the rows that importance is measured on.

    Attributes:
        table: The rows with every feature.
        labels: 0 or 1, both there, shape (n_rows,).
        metric: What gets worse.
        shuffles: Orders of the rows, one a repeat, shape (n_repeats, n_rows): the same for every feature and every
            model, so that what differs between them is not the draw.
    """

    table: pd.DataFrame
    labels: np.ndarray
    metric: MetricName
    shuffles: np.ndarray


def judged_rows(table: pd.DataFrame, labels: np.ndarray, metric: MetricName, seed: int) -> Judged:
    """Return the rows with their shuffles drawn."""
    random = np.random.default_rng(seed)
    shuffles = np.stack([random.permutation(len(table)) for _ in range(REPEATS)])
    return Judged(table.reset_index(drop=True), labels, metric, shuffles)


def importance(
    judged: Judged,
    names: Sequence[str],
    score: Callable[[pd.DataFrame], np.ndarray],
    threshold: float = THRESHOLD,
) -> dict[str, Loss]:
    """Return by how much the metric gets worse without each feature: positive is worse, whatever its direction.

    Args:
        judged: The rows.
        names: The model's features.
        score: Gives the probability of 1 for each row of a frame; it sees raw features, as in production.
        threshold: From which score on the answer is yes.

    Raises:
        EvaluationError: The rows are of one class only, or scores are no probabilities.
    """
    times = len(judged.shuffles)

    def worth(scores: np.ndarray) -> float:
        return measure([judged.metric], judged.labels, scores, "importance", threshold)[judged.metric]

    whole = worth(score(judged.table))
    # all repeats of a feature are scored in one go: most of the time of a call is not spent on rows
    repeated = judged.table.loc[np.tile(np.arange(len(judged.table)), times)].reset_index(drop=True)
    found = {}
    for name in names:
        shuffled = judged.table[name].take(judged.shuffles.ravel()).reset_index(drop=True)
        scores = score(repeated.assign(**{name: shuffled})).reshape(times, -1)
        losses = [improvement(judged.metric, whole, worth(each)) for each in scores]
        found[name] = Loss(float(np.mean(losses)), float(np.std(losses)))
    return found
