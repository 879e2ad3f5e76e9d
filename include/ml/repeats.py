"""Look for rows of the holdout that the model has learnt from: the same rows again, or the same under another date.

What natural repetition there is, the train part shows by itself: customers who come back every day, and rows of few
and coarse features that are equal by chance. Only what goes beyond it is held against a model.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from include.config.evidence import Repeats

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
