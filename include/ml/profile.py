"""Describe the rows of a window: each feature in train part and holdout, the target over time, what goes together."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score
from xgboost import XGBClassifier

from include.domain.explanation import DayOfTarget, FeatureProfile
from include.ml.calibration import count_between, psi, tenths

BINS = 20
# whole numbers of a range up to this have a bin each
MAX_WHOLE_NUMBERS = 25
# what lies beyond these quantiles would press all else into one bin
ENDS = (0.005, 0.995)
MAX_CATEGORIES = 12
OTHER = "(other)"
# of each part, to tell them apart at all
MIN_ADVERSARIAL_ROWS = 100


def feature_profile(train: pd.Series, holdout: pd.Series, numeric: bool) -> FeatureProfile:
    """Return how a feature is spread over the train part and over the holdout.

    Args:
        train: Its values there, numbers or text; at least one row.
        holdout: The same of the holdout.
        numeric: Which of the two.
    """
    return _of_numbers(train, holdout) if numeric else _of_categories(train, holdout)


def target_by_day(days: pd.Series, labels: pd.Series, holdout: tuple[date, date]) -> tuple[DayOfTarget, ...]:
    """Return rows and share of positives of each day, oldest first.

    Args:
        days: ISO text, shape (n_rows,).
        labels: 0 or 1, shape (n_rows,).
        holdout: Its first and its last day.
    """
    by_day = labels.astype("float64").groupby(days.to_numpy()).agg(["size", "mean"]).sort_index()
    found = [(date.fromisoformat(str(day)), int(rows), float(rate)) for day, rows, rate in by_day.itertuples()]
    return tuple(
        DayOfTarget(day=day, rows=rows, positive_rate=rate, holdout=holdout[0] <= day <= holdout[1])
        for day, rows, rate in found
    )


def rank_correlation(table: pd.DataFrame) -> tuple[tuple[float | None, ...], ...]:
    """Return Spearman's correlation of each two columns of numbers, over the rows that have both.

    None stands where one of the two is constant.
    """
    found = table.astype("float64").corr(method="spearman").to_numpy()
    return tuple(tuple(float(value) if np.isfinite(value) else None for value in row) for row in found)


def adversarial_auc(train: pd.DataFrame, holdout: pd.DataFrame, numeric: frozenset[str], seed: int) -> float | None:
    """Return how well a small model tells the rows of the holdout from those of the train part, as ROC AUC.

    It is fitted on one random half of the rows and asked about the other, and the other way round: 0.5 says that the
    two are alike.

    Args:
        train: The features of rows of the train part.
        holdout: The same of as many rows of the holdout.
        numeric: Which features are numbers.
        seed: Of the halves.

    Returns:
        None where there are too few rows.
    """
    if min(len(train), len(holdout)) < MIN_ADVERSARIAL_ROWS:
        return None
    both = pd.concat([train, holdout], ignore_index=True)
    truth = np.repeat([0, 1], [len(train), len(holdout)])
    values = np.column_stack([_as_numbers(both[name], name in numeric) for name in both.columns.astype("str")])
    first = np.random.default_rng(seed).permutation(len(both)) % 2 == 0
    areas = []
    for judged in (first, ~first):
        model = XGBClassifier(n_estimators=30, max_depth=3, tree_method="hist", n_jobs=1, random_state=seed)
        model.fit(values[~judged], truth[~judged])
        areas.append(roc_auc_score(truth[judged], model.predict_proba(values[judged])[:, 1]))
    return float(np.mean(areas))


def _of_numbers(train: pd.Series, holdout: pd.Series) -> FeatureProfile:
    parts = [np.asarray(part, dtype="float64") for part in (train, holdout)]
    known = [part[np.isfinite(part)] for part in parts]
    edges = _edges(np.concatenate(known))
    shares = [
        np.histogram(values.clip(edges[0], edges[-1]), bins=edges)[0] / len(part)
        for values, part in zip(known, parts, strict=True)
    ]
    cuts = tenths(known[0]) if len(known[0]) else np.zeros(0)
    counts = [
        np.append(count_between(cuts, values), len(part) - len(values))
        for values, part in zip(known, parts, strict=True)
    ]
    gaps = [1 - len(values) / len(part) for values, part in zip(known, parts, strict=True)]
    return FeatureProfile(
        name=str(train.name),
        kind="numeric",
        missing={"train": gaps[0], "holdout": gaps[1]},
        edges=tuple(edges.tolist()),
        train=_rounded(shares[0]),
        holdout=_rounded(shares[1]),
        psi=psi(counts[0], counts[1]),
    )


def _edges(known: np.ndarray) -> np.ndarray:
    """Return the ends of the histogram's bins."""
    if not len(known):
        return np.array([0.0, 1.0])
    low, high = (float(value) for value in np.quantile(known, ENDS, method="nearest"))
    if high - low < MAX_WHOLE_NUMBERS and np.all(known == np.round(known)):
        return np.arange(low, high + 2) - 0.5
    if low == high:
        low, high = float(known.min()), float(known.max())
    return np.linspace(low, high, BINS + 1) if low < high else np.array([low - 0.5, low + 0.5])


def _of_categories(train: pd.Series, holdout: pd.Series) -> FeatureProfile:
    """Return the shares of the largest categories of the whole window."""
    parts = [part.astype("str") for part in (train, holdout)]
    counts = [part.value_counts() for part in parts]
    rows = counts[0].add(counts[1], fill_value=0)
    names = sorted(rows.index, key=lambda name: (-rows[name], str(name)))[:MAX_CATEGORIES]
    table = np.array([[int(count.get(name, 0)) for name in names] for count in counts]).reshape(2, len(names))
    missing = np.array([int(part.isna().sum()) for part in parts])
    sizes = np.array([len(part) for part in parts])
    if len(rows) > len(names):
        table = np.column_stack([table, sizes - missing - table.sum(axis=1)])
    shares = table / sizes[:, None]
    both = np.column_stack([table, missing])
    return FeatureProfile(
        name=str(train.name),
        kind="categorical",
        missing={"train": float(missing[0] / sizes[0]), "holdout": float(missing[1] / sizes[1])},
        categories=(*(str(name) for name in names), *([OTHER] if len(rows) > len(names) else [])),
        train=_rounded(shares[0]),
        holdout=_rounded(shares[1]),
        psi=psi(both[0], both[1]),
    )


def _rounded(shares: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(share), 6) for share in shares)


def _as_numbers(column: pd.Series, numeric: bool) -> np.ndarray:
    """Return numbers as they are, and categories by how many rows they have, 0 being the largest; NaN where missing."""
    if numeric:
        return np.asarray(column, dtype="float64")
    names = column.astype("str")
    order = {name: place for place, name in enumerate(names.value_counts().index)}
    return names.map(order).to_numpy(dtype="float64")
