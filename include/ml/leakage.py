"""Look for features that tell the answer by themselves, and for rows of the holdout that the model has learnt from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from include.domain.evidence import Repeats

# a number is also looked at in about this many parts of equally many rows: a leak need not rise with it
PARTS = 64
# the rate of a value is drawn towards that of all rows as if it had so many more rows
SMOOTHING_ROWS = 10
# of each class: among fewer rows with a value, chance sorts well
MIN_KNOWN_OF_CLASS = 50
# of each class and value, on average: that no value has both classes is else what few rows look like
MIN_ROWS_OF_VALUE = 5


@dataclass(frozen=True)
class ValueCounts:
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

    def at(self, index: np.ndarray | slice) -> ValueCounts:
        """Return those of some values, in that order."""
        return ValueCounts(self.positives[index], self.negatives[index])

    def less(self, others: ValueCounts) -> ValueCounts:
        """Return what is left without other rows."""
        return ValueCounts(self.positives - others.positives, self.negatives - others.negatives)

    def gathered(self, place: np.ndarray) -> ValueCounts:
        """Return those of groups of values: `place` is the group of each value, shape (n_values,)."""
        return ValueCounts(np.bincount(place, weights=self.positives), np.bincount(place, weights=self.negatives))


@dataclass(frozen=True)
class FeatureToCheck:
    """Hold what is counted of one feature; a missing value is the first, with or without rows.

    Attributes:
        numeric: Whether values have an order.
        whole: Of all rows.
        half: Of a random half of them.
    """

    numeric: bool
    whole: ValueCounts
    half: ValueCounts


def count(
    column: pd.Series, kind: Literal["numeric", "categorical"], labels: np.ndarray, half: np.ndarray
) -> FeatureToCheck:
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
    inside = ValueCounts(which[:, 3], which[:, 2])
    return FeatureToCheck(kind == "numeric", ValueCounts(which[:, 1] + which[:, 3], which[:, 0] + which[:, 2]), inside)


def alone_auc(feature: FeatureToCheck) -> float:
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
            _area_by_rate(
                FeatureToCheck(feature.numeric, _without_missing(feature.whole), _without_missing(feature.half))
            )
        )
    return max(max(each, 1 - each) for each in found)


def determines(counts: ValueCounts) -> bool:
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


def area(counts: ValueCounts) -> float:
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


def _without_missing(counts: ValueCounts) -> ValueCounts:
    kept = ValueCounts(counts.positives.copy(), counts.negatives.copy())
    kept.positives[0] = kept.negatives[0] = 0
    return kept


def _area_by_rate(feature: FeatureToCheck) -> float:
    """Return the mean over two halves of the AUC of the target's rate by value, learnt on the other half."""
    halves = (feature.half, feature.whole.less(feature.half))
    found = []
    for judged, learnt in (halves, halves[::-1]):
        place = _parts(learnt) if feature.numeric else np.arange(len(learnt.rows))
        rate = _rates(learnt.gathered(place))
        _, order = np.unique(rate, return_inverse=True)
        found.append(area(judged.gathered(place).gathered(order)))
    return sum(found) / len(found)


def _parts(learnt: ValueCounts) -> np.ndarray:
    """Return in which part of the range each value lies, 0 for the missing one; parts have about equally many rows."""
    rows = learnt.rows[1:]
    before = np.cumsum(rows) - rows
    return np.append(0, 1 + PARTS * before // max(rows.sum(), 1)).astype(int)


def _rates(learnt: ValueCounts) -> np.ndarray:
    """Return the target's rate of each value, drawn towards that of all rows; a value without rows has the latter."""
    rows = learnt.rows
    prior = learnt.positives.sum() / max(rows.sum(), 1)
    return (learnt.positives + SMOOTHING_ROWS * prior) / (rows + SMOOTHING_ROWS)


# a day of fewer different rows may equal another by chance
MIN_DIFFERENT_ROWS = 10
# labels that are drawn anew differ at least this often, of what chance alone would make them; copied ones never
FRESH = 0.25
# so many are named
NAMED = 3


def find_repeats(
    train: pd.DataFrame, holdout: pd.DataFrame, *, keys: Sequence[str], features: Sequence[str], target: str, day: str
) -> Repeats:
    """Return which share of the holdout's rows stands in the train part, too, and what of it is natural.

    Args:
        train: What the model has learnt from, at least one row.
        holdout: What it is judged on, at least one row.
        keys: Columns that identify a row.
        features: Columns that models use.
        target: The column of labels, 0 or 1.
        day: The column of the rows' days.
    """
    both = pd.concat([train, holdout], ignore_index=True)
    is_train = np.arange(len(both)) < len(train)
    days, labels = both[day].to_numpy(), both[target].to_numpy(dtype="int64")
    known = [name for name in dict.fromkeys((*keys, *features)) if name in train and name in holdout]
    numbers = {name: _numbered(both[name]) for name in known}
    of_key = _together([numbers[name] for name in keys if name in numbers])
    of_features = _together([numbers[name] for name in features if name in numbers])
    rows = _together([of_features, labels])
    copied = _copied_days(rows, days, is_train)
    return Repeats(
        rows=_same_rows(_together([of_key, of_features]), labels, is_train),
        keys=_share_found(of_key, is_train),
        keys_by_nature=_share_on_other_days(of_key[is_train], days[is_train]),
        alike=_share_found(rows, is_train),
        alike_by_nature=_by_nature(rows[is_train], days[is_train]),
        copied=float(np.isin(days[~is_train], [found for found, _ in copied]).mean()),
        copied_days=tuple(copied[:NAMED]),
    )


def _numbered(column: pd.Series) -> np.ndarray:
    """Return a number for each row, the same for equal values; missing ones are equal."""
    return np.asarray(pd.factorize(column, use_na_sentinel=True)[0], dtype="int64")


def _together(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return a number for each row, the same where all columns are equal."""
    found = np.zeros(len(columns[0]), dtype="int64")
    for column in columns:
        wide = found * (int(column.max()) + 2) + column + 1
        found = np.unique(wide, return_inverse=True)[1].astype("int64")
    return found


def _share_found(values: np.ndarray, is_train: np.ndarray) -> float:
    return float(np.isin(values[~is_train], values[is_train]).mean())


def _share_on_other_days(values: np.ndarray, days: np.ndarray) -> float | None:
    """Return the share of rows whose value stands on another day, too; None of a single day."""
    _, day = np.unique(days, return_inverse=True)
    count = int(day.max()) + 1
    if count < 2:
        return None
    pairs = np.unique(values * count + day)
    on_days = np.bincount(pairs // count, minlength=int(values.max()) + 1)
    return float((on_days[values] > 1).mean())


def _by_nature(values: np.ndarray, days: np.ndarray) -> float:
    """Return the share of a new day's rows that stand in the train part by chance, as its own days show it.

    A day of the train part is looked for on one day fewer. Of a single day, the share of its rows that are not alone.
    """
    found, count = _share_on_other_days(values, days), len(np.unique(days))
    if found is None:
        return float((np.bincount(values)[values] > 1).mean())
    return min(1.0, found * count / (count - 1))


def _same_rows(values: np.ndarray, labels: np.ndarray, is_train: np.ndarray) -> float:
    """Return the share of the holdout's rows that stand in the train part with key, features and label.

    Who stands there every day with the same features, and gets a new label each day, is no copy: then labels of one
    key differ about as often as chance makes them.
    """
    rows, positives = np.bincount(values), np.bincount(values, weights=labels)
    in_train = np.bincount(values, weights=is_train)
    crossing = (in_train > 0) & (in_train < rows)
    if not crossing.any():
        return 0.0
    mixed = crossing & (positives > 0) & (positives < rows)
    rate = float(labels.mean())
    by_chance = (1 - rate ** rows[crossing] - (1 - rate) ** rows[crossing]).sum()
    if mixed.sum() >= max(1.0, FRESH * by_chance):
        return 0.0
    return float((crossing & ~mixed)[values[~is_train]].mean())


def _copied_days(rows: np.ndarray, days: np.ndarray, is_train: np.ndarray) -> list[tuple[str, str]]:
    """Return the days of the holdout that hold the very rows of a day of the train part, and which day that is."""
    learnt = {_content(rows[is_train & (days == day)]): str(day) for day in np.unique(days[is_train])}
    found = []
    for day in np.unique(days[~is_train]):
        content = _content(rows[~is_train & (days == day)])
        if content in learnt and len(np.unique(rows[~is_train & (days == day)])) >= MIN_DIFFERENT_ROWS:
            found.append((str(day), learnt[content]))
    return found


def _content(rows: np.ndarray) -> bytes:
    return np.sort(rows).tobytes()
