"""Split the train part into folds: by time, so that no fold learns from its future, or at random by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from include.config.errors import TrainingError
from include.config.project import CrossValidation


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
