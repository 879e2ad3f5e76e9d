"""Split the train part into folds, try settings of one candidate by cross-validation inside it, and pick the best."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import ParameterGrid, ParameterSampler, StratifiedKFold
from sklearn.pipeline import Pipeline

from include.config.estimators import ParamValue
from include.config.project import Candidate, CrossValidation
from include.domain.errors import TrainingError
from include.domain.metrics import MetricName, lower_is_better
from include.domain.results import Receipt
from include.ml.estimators import fit_preparation, prepare, scores_of_prepared
from include.ml.metrics import measure


@dataclass(frozen=True)
class Fold:
    """Hold the row positions of one fold: fit on `train`, score on `validation`."""

    train: np.ndarray
    validation: np.ndarray


def split(days: Sequence[object], target: Sequence[int] | np.ndarray, how: CrossValidation, seed: int) -> list[Fold]:
    """Return the folds that a project declares.

    Args:
        days: The day of each row; anything that sorts by time (dates, ISO text).
        target: 0 or 1 for each row.
        how: Number of folds and order.
        seed: Used by random folds alone.

    Raises:
        TrainingError: There are too few days or rows, or a fold would hold one class only.
    """
    labels = np.asarray(target, dtype=int)
    folds = time_folds(days, how.folds) if how.order == "time" else random_folds(labels, how.folds, seed)
    for number, fold in enumerate(folds, start=1):
        for part, rows in (("train", fold.train), ("validation", fold.validation)):
            if len(np.unique(labels[rows])) < 2:
                raise TrainingError(
                    f"cross-validation fold {number} of {len(folds)}",
                    f"the {part} part holds one class only",
                    got=f"{len(rows)} rows",
                    hint="lengthen window.days or lower cross_validation.folds",
                )
    return folds


def time_folds(days: Sequence[object], folds: int) -> list[Fold]:
    """Return expanding folds over whole days: fold k fits on blocks 1..k and is scored on block k + 1.

    The days are cut into `folds + 1` consecutive blocks of about the same number of rows; a day is never divided.

    Raises:
        TrainingError: There are fewer than `folds + 1` days.
    """
    ordinals, names = pd.factorize(np.asarray(days, dtype=object), sort=True)
    if len(names) < folds + 1:
        raise TrainingError(
            "cross-validation by time",
            f"{folds} folds need at least {folds + 1} days with rows",
            got=f"{len(names)} days",
            hint="lengthen window.days or lower cross_validation.folds",
        )
    block_of_day = _blocks(np.bincount(ordinals, minlength=len(names)), folds + 1)
    block = block_of_day[ordinals]
    return [Fold(np.flatnonzero(block < k), np.flatnonzero(block == k)) for k in range(1, folds + 1)]


def random_folds(labels: np.ndarray, folds: int, seed: int) -> list[Fold]:
    """Return shuffled folds with the same share of positives in each.

    Raises:
        TrainingError: A class has fewer rows than there are folds.
    """
    smallest = int(np.bincount(labels, minlength=2).min())
    if smallest < folds:
        raise TrainingError(
            "cross-validation at random",
            f"{folds} folds need at least {folds} rows of each class",
            got=f"{smallest} rows of the rarer class",
            hint="lengthen window.days or lower cross_validation.folds",
        )
    splitter = StratifiedKFold(n_splits=folds, shuffle=True, random_state=seed)
    return [Fold(train, validation) for train, validation in splitter.split(np.zeros(len(labels)), labels)]


def _blocks(rows_of_day: np.ndarray, blocks: int) -> np.ndarray:
    """Return the block of each day: cut where the rows so far pass k/blocks, each block at least one day."""
    total = rows_of_day.cumsum()
    cuts = np.searchsorted(total, total[-1] * np.arange(1, blocks) / blocks, side="left") + 1
    n_days = len(rows_of_day)
    for position in range(len(cuts)):
        first = cuts[position - 1] + 1 if position else 1
        last = n_days - (len(cuts) - position)
        cuts[position] = min(max(cuts[position], first), last)
    return np.searchsorted(cuts, np.arange(n_days), side="right")


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
    answers = np.full((len(settings), len(labels)), np.nan)
    measured = np.empty((len(settings), len(folds)))
    for number, fold in enumerate(folds):
        pipelines = [build(params) for params in settings]
        # the settings are the model's: what is prepared for the first is prepared for all
        train = fit_preparation(pipelines[0], inputs.iloc[fold.train])
        validation = prepare(pipelines[0], inputs.iloc[fold.validation])
        for each, pipeline in enumerate(pipelines):
            pipeline[-1].fit(train, labels[fold.train])
            answers[each, fold.validation] = scores = scores_of_prepared(pipeline, validation)
            where = f"cross-validation fold {number + 1}"
            measured[each, number] = measure([metric], labels[fold.validation], scores, where)[metric]
    trials = [Trial(params=params, scores=tuple(row.tolist())) for params, row in zip(settings, measured, strict=True)]
    best = max(range(len(trials)), key=lambda each: sign * trials[each].mean)
    return Tuned(trials[best], trials, answers[best])


def _distinct(values: Sequence[ParamValue]) -> list[ParamValue]:
    return list({repr(value): value for value in values}.values())
