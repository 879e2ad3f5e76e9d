"""Look for features that tell the answer by themselves: they are known only afterwards, or made from the target.

Each feature is asked alone, on the holdout, how well it sorts the rows. Nothing is fitted beforehand: where the
target's rate by value is needed, it is learnt on one random half of the rows and judged on the other, and the other way
round, so that a feature of many values is not praised for what it learnt by heart.

All is reckoned from how many positives and negatives each value has, which is counted once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

# a number is also looked at in about this many parts of equally many rows: a leak need not rise with it
PARTS = 64
# the rate of a value is drawn towards that of all rows as if it had so many more rows
SMOOTHING_ROWS = 10
# of each class: among fewer rows with a value, chance sorts well
MIN_KNOWN_OF_CLASS = 50
# of each class and value, on average: that no value has both classes is else what few rows look like
MIN_ROWS_OF_VALUE = 5


@dataclass(frozen=True)
class Counts:
    """Count the rows of each value of a feature; each array has shape (n_values,), numbers by rising value.

    Attributes:
        positives: Rows of class 1.
        negatives: Rows of class 0.
    """

    positives: np.ndarray
    negatives: np.ndarray

    @property
    def rows(self) -> np.ndarray:
        """Return the rows of each value."""
        return self.positives + self.negatives

    def at(self, index: np.ndarray | slice) -> Counts:
        """Return those of some values, in that order."""
        return Counts(self.positives[index], self.negatives[index])

    def less(self, others: Counts) -> Counts:
        """Return what is left without other rows."""
        return Counts(self.positives - others.positives, self.negatives - others.negatives)

    def gathered(self, place: np.ndarray) -> Counts:
        """Return those of groups of values: `place` is the group of each value, shape (n_values,)."""
        return Counts(np.bincount(place, weights=self.positives), np.bincount(place, weights=self.negatives))


@dataclass(frozen=True)
class Feature:
    """Hold what is counted of one feature; a missing value is the first, with or without rows.

    Attributes:
        numeric: Whether values have an order.
        whole: Of all rows.
        half: Of a random half of them.
    """

    numeric: bool
    whole: Counts
    half: Counts


def count(column: pd.Series, kind: Literal["numeric", "categorical"], labels: np.ndarray, half: np.ndarray) -> Feature:
    """Return how many positives and negatives each value has.

    Args:
        column: Numbers, or categories as text; shape (n_rows,).
        kind: Which of the two.
        labels: 0 or 1, shape (n_rows,).
        half: Which rows belong to the half, shape (n_rows,).
    """
    place = _places(column, kind)
    length = int(place.max()) + 1
    # 0 to 3: in the half or not, positive or not
    which = np.bincount(place * 4 + half * 2 + labels, minlength=length * 4).reshape(length, 4).astype("float64")
    inside = Counts(which[:, 3], which[:, 2])
    return Feature(kind == "numeric", Counts(which[:, 1] + which[:, 3], which[:, 0] + which[:, 2]), inside)


def alone_auc(feature: Feature) -> float:
    """Return the ROC AUC of one feature alone, at least 0.5.

    A number sorts the rows by itself, upwards or downwards, missing ones at either end; or by the target's rate in
    parts of its range; a category by the target's rate. The best counts. Where values are missing, so it does among the
    rows that have one, if they are enough.
    """
    found = [_area_by_rate(feature)]
    known = feature.whole.at(slice(1, None))
    enough = min(known.positives.sum(), known.negatives.sum()) >= MIN_KNOWN_OF_CLASS
    partly = enough and feature.whole.rows[0] > 0
    if feature.numeric:
        first_is_last = np.roll(np.arange(len(feature.whole.rows)), -1)
        found += [area(feature.whole), area(feature.whole.at(first_is_last))]
        found += [area(known)] if partly else []
    if partly:
        found.append(
            _area_by_rate(Feature(feature.numeric, _without_missing(feature.whole), _without_missing(feature.half)))
        )
    return max(max(each, 1 - each) for each in found)


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of a ROC AUC, rows being independent.

    Source: J. A. Hanley and B. J. McNeil, The Meaning and Use of the Area under a ROC Curve, Radiology 143 (1982).

    Args:
        auc: Between 0 and 1.
        positives, negatives: Rows of each class, at least one.
    """
    two_positives, two_negatives = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (positives - 1) * (two_positives - auc**2) + (negatives - 1) * (two_negatives - auc**2)
    ) / (positives * negatives)
    return float(np.sqrt(max(0.0, variance)))


def determines(counts: Counts) -> bool:
    """Tell whether every value belongs to one class, a missing value being one: the target itself under another name.

    Two values do whatever their rows; more must repeat, because each value of a number that never repeats has one
    class, too.
    """
    if np.any((counts.positives > 0) & (counts.negatives > 0)):
        return False
    if np.count_nonzero(counts.rows) == 2:
        return True
    return all(
        rows.sum() >= MIN_ROWS_OF_VALUE * np.count_nonzero(rows) for rows in (counts.positives, counts.negatives)
    )


def area(counts: Counts) -> float:
    """Return the ROC AUC of rows sorted by their values: pairs of a positive and a negative in order, equal ones half.

    Source: J. A. Hanley and B. J. McNeil, Radiology 143 (1982).

    Returns:
        0.5 where a class has no rows.
    """
    below = np.cumsum(counts.negatives) - counts.negatives
    pairs = counts.positives.sum() * counts.negatives.sum()
    return float((counts.positives * (below + counts.negatives / 2)).sum() / pairs) if pairs else 0.5


def _places(column: pd.Series, kind: Literal["numeric", "categorical"]) -> np.ndarray:
    """Return which value each row has: 0 where it is missing, numbers by rising value."""
    if kind == "categorical":
        return np.asarray(pd.factorize(column.astype("str"))[0]) + 1
    numbers = np.asarray(column, dtype="float64")
    known = ~np.isnan(numbers)
    found = np.zeros(len(numbers), dtype=int)
    found[known] = np.unique(numbers[known], return_inverse=True)[1] + 1
    return found


def _without_missing(counts: Counts) -> Counts:
    kept = Counts(counts.positives.copy(), counts.negatives.copy())
    kept.positives[0] = kept.negatives[0] = 0
    return kept


def _area_by_rate(feature: Feature) -> float:
    """Return the mean over two halves of the AUC of the target's rate by value, learnt on the other half."""
    halves = (feature.half, feature.whole.less(feature.half))
    found = []
    for judged, learnt in (halves, halves[::-1]):
        place = _parts(learnt) if feature.numeric else np.arange(len(learnt.rows))
        rate = _rates(learnt.gathered(place))
        _, order = np.unique(rate, return_inverse=True)
        found.append(area(judged.gathered(place).gathered(order)))
    return sum(found) / len(found)


def _parts(learnt: Counts) -> np.ndarray:
    """Return in which part of the range each value lies, 0 for the missing one; parts have about equally many rows."""
    rows = learnt.rows[1:]
    before = np.cumsum(rows) - rows
    return np.append(0, 1 + PARTS * before // max(rows.sum(), 1)).astype(int)


def _rates(learnt: Counts) -> np.ndarray:
    """Return the target's rate of each value, drawn towards that of all rows; a value without rows has the latter."""
    rows = learnt.rows
    prior = learnt.positives.sum() / max(rows.sum(), 1)
    return (learnt.positives + SMOOTHING_ROWS * prior) / (rows + SMOOTHING_ROWS)
