"""Try settings of one candidate by cross-validation inside the train part, and pick the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
) -> tuple[Trial, list[Trial]]:
    """Score every setting in every fold; return the best trial, and all in the order tried.

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
    trials = []
    for params in settings:
        scores = tuple(
            _score(build(params), inputs, labels, fold, metric, f"cross-validation fold {number}")
            for number, fold in enumerate(folds, start=1)
        )
        trials.append(Trial(params=params, scores=scores))
    sign = -1.0 if lower_is_better(metric) else 1.0
    best = max(trials, key=lambda trial: sign * trial.mean)
    return best, trials


def _score(
    pipeline: Pipeline, inputs: pd.DataFrame, labels: np.ndarray, fold: Fold, metric: MetricName, where: str
) -> float:
    pipeline.fit(inputs.iloc[fold.train], labels[fold.train])
    scores = positive_scores(pipeline, inputs.iloc[fold.validation])
    return measure([metric], labels[fold.validation], scores, where)[metric]


def _distinct(values: Sequence[ParamValue]) -> list[ParamValue]:
    return list({repr(value): value for value in values}.values())
