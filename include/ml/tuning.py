"""Try settings of one candidate by cross-validation inside the train part, and pick the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline

from include.config.estimators import ParamValue
from include.config.gates import MetricName
from include.config.project import Candidate
from include.config.results import Receipt
from include.ml.estimators import positive_scores
from include.ml.metrics import lower_is_better, measure
from include.ml.splitting import Fold

Params = dict[str, ParamValue]
Builder = Callable[[Mapping[str, Any]], Pipeline]


class Trial(Receipt):
    """Hold one setting with its score in each fold."""

    params: Params
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Return the mean over the folds."""
        return float(np.mean(self.scores))

    @property
    def std(self) -> float:
        """Return the population standard deviation over the folds."""
        return float(np.std(self.scores))


@dataclass(frozen=True)
class Tuned:
    """Hold what cross-validation says.

    Attributes:
        best: The trial that won.
        trials: All, in the order tried.
        scores: The best trial's probability of 1 for each row, from the model of the fold that the row validates; NaN
            where it validates none. Shape (n_rows,), float64.
    """

    best: Trial
    trials: list[Trial]
    scores: np.ndarray


def settings_of(candidate: Candidate, seed: int) -> list[Params]:
    """Return the settings to try: `params` alone, or `search.trials` distinct points of the space laid over them.

    A space with fewer points than trials is tried whole. The same seed gives the same settings in the same order.
    """
    if candidate.search is None:
        return [dict(candidate.params)]
    # a value listed twice is one value: settings are to be distinct
    axes = {name: _distinct(values) for name, values in sorted(candidate.search.space.items())}
    trials = min(candidate.search.trials, len(ParameterGrid(axes)))
    return [{**candidate.params, **point} for point in ParameterSampler(axes, trials, random_state=seed)]


def tune(
    build: Builder,
    settings: Sequence[Params],
    inputs: pd.DataFrame,
    labels: np.ndarray,
    folds: Sequence[Fold],
    metric: MetricName,
) -> Tuned:
    """Score every setting in every fold, and return the best trial with its scores; nothing is fitted twice.

    Args:
        build: Makes an unfitted pipeline from a setting.
        settings: What to try.
        inputs: Model input of the train part, shape (n_rows, n_features).
        labels: 0 or 1, shape (n_rows,).
        folds: Row positions of each fold.
        metric: The score; the first of equal settings wins.

    Raises:
        EvaluationError: A fold cannot be scored.
    """
    sign = -1.0 if lower_is_better(metric) else 1.0
    tried = []
    for params in settings:
        answers = np.full(len(labels), np.nan)
        measured = []
        for number, fold in enumerate(folds, start=1):
            pipeline = build(params).fit(inputs.iloc[fold.train], labels[fold.train])
            answers[fold.validation] = positive_scores(pipeline, inputs.iloc[fold.validation])
            where = f"cross-validation fold {number}"
            measured.append(measure([metric], labels[fold.validation], answers[fold.validation], where)[metric])
        tried.append((Trial(params=params, scores=tuple(measured)), answers))
    best, scores = max(tried, key=lambda each: sign * each[0].mean)
    return Tuned(best, [trial for trial, _ in tried], scores)


def _distinct(values: Sequence[ParamValue]) -> list[ParamValue]:
    return list({repr(value): value for value in values}.values())
