"""Part rows into groups by the values of a column, measure both models in each, and compare how groups are treated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from include.domain.evidence import Fairness, Group, GroupRates
from include.domain.metrics import MetricName, improvement
from include.ml.bootstrap import difference
from include.ml.metrics import Predictions, measure

MISSING = "(missing)"
OTHER = "(other)"
# the largest values of a column have a group each, the rest one group: more groups are harder to prove anything of
LARGEST = 12
# a column of more different numbers than this is cut into ranges that hold about equally many rows
MAX_NUMBERS = 5
RANGES = 4
# draws for each of many groups: they know a standard error to 3 %
RESAMPLES = 500
# one-sided, of each end of a two-sided interval at 95 %
_EACH_END = 0.975


@dataclass(frozen=True)
class Grouping:
    """Say to which group each row belongs.

    Attributes:
        names: Of the groups: numbers by size, other values as text; then "(other)", then "(missing)".
        of_row: Each row's place in `names`, shape (n_rows,).
    """

    names: tuple[str, ...]
    of_row: np.ndarray


def grouping(values: Sequence[Any] | np.ndarray | pd.Series, largest: int | None = LARGEST) -> Grouping:
    """Return the groups of a column, each with at least one row.

    Args:
        values: Shape (n_rows,), at least one. Numbers of which there are more than `MAX_NUMBERS` make up ranges, from
            their lowest to their highest value; a missing value belongs to "(missing)".
        largest: How many of the largest groups stand alone, the rest being "(other)"; None lets all.
    """
    column = pd.Series(values).reset_index(drop=True)
    missing = column.isna().to_numpy()
    known = column[~missing]
    if known.empty:
        return Grouping((MISSING,), np.zeros(len(column), dtype=int))
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        names, index = _of_numbers(known.to_numpy(dtype="float64"))
    else:
        names, index = _of_values(known, largest)
    if missing.any():
        of_row = np.full(len(column), len(names))
        of_row[~missing] = index
        return Grouping((*names, MISSING), of_row)
    return Grouping(tuple(names), index)


def measure_slices(
    metric: MetricName, column: str, values: np.ndarray | pd.Series, scored: Predictions, min_rows: int
) -> tuple[Group, ...]:
    """Return what both models are like in each group of a column.

    Args:
        metric: Which; in a group of one class only it has no value.
        column: The column's name.
        values: Its values, shape (n_rows,).
        scored: Labels and scores of the same rows.
        min_rows: A group with fewer rows is shown, but not judged.

    Returns:
        By group. A group is judged when it has enough rows of both classes, and, beside a champion, enough of them on
        enough days for the gain's standard error.
    """
    groups = grouping(values)
    return tuple(
        _group(metric, column, name, _rows(scored, groups.of_row == number), min_rows)
        for number, name in enumerate(groups.names)
    )


def _rows(scored: Predictions, chosen: np.ndarray) -> Predictions:
    return replace(
        scored,
        labels=scored.labels[chosen],
        days=scored.days[chosen],
        challenger=scored.challenger[chosen],
        champion=None if scored.champion is None else scored.champion[chosen],
    )


def _group(metric: MetricName, column: str, name: str, part: Predictions, min_rows: int) -> Group:
    rows, positive_rate = len(part.labels), float(part.labels.mean())
    bare = Group(column=column, group=name, metric=metric, rows=rows, positive_rate=positive_rate)
    if positive_rate in (0.0, 1.0):
        return bare
    where = f"{column} {name}"
    ours = measure([metric], part.labels, part.challenger, where, part.challenger_threshold)[metric]
    if part.champion is None:
        return bare.model_copy(update={"challenger": ours, "judged": rows >= min_rows})
    theirs = measure([metric], part.labels, part.champion, where, part.champion_threshold)[metric]
    values = {"challenger": ours, "champion": theirs, "gain": improvement(metric, ours, theirs)}
    found = difference(metric, part, _EACH_END, RESAMPLES)
    if found is None:
        return bare.model_copy(update=values)
    sure = {
        "standard_error": found.standard_error,
        "degrees_of_freedom": found.degrees_of_freedom,
        "interval": (found.lower, found.upper),
        "judged": rows >= min_rows,
    }
    return bare.model_copy(update={**values, **sure})


def _of_numbers(numbers: np.ndarray) -> tuple[list[str], np.ndarray]:
    """Return the names of the numbers or of their ranges, rising, and each row's place among them."""
    different = np.unique(numbers)
    if len(different) <= MAX_NUMBERS:
        return [_text(value) for value in different.tolist()], np.searchsorted(different, numbers)
    # a cut belongs to the range below it; equal ones cut once
    cuts = np.unique(np.quantile(numbers, np.arange(1, RANGES) / RANGES, method="inverted_cdf"))
    # a cut at the highest number leaves nothing above it
    _, index = np.unique(np.searchsorted(cuts, numbers, side="left"), return_inverse=True)
    parts = [numbers[index == number] for number in range(index.max() + 1)]
    return _range_names([(float(part.min()), float(part.max())) for part in parts]), index


def _range_names(ends: Sequence[tuple[float, float]]) -> list[str]:
    """Return "35.5 to 70.3" for each range, with decimals enough for a hundredth of the narrowest one."""
    widths = [high - low for low, high in ends if high > low]
    for decimals in range(7):
        exact = all(abs(round(end, decimals) - end) <= 0.01 * min(widths, default=0) for pair in ends for end in pair)
        names = [_range_name(low, high, decimals) for low, high in ends]
        if exact and len(set(names)) == len(names):
            return names
    return [f"{low!r} to {high!r}" for low, high in ends]


def _range_name(low: float, high: float, decimals: int) -> str:
    if low == high:
        return _text(low)
    # adding nothing makes -0 a 0
    return " to ".join(f"{round(end, decimals) + 0.0:.{decimals}f}" for end in (low, high))


def _of_values(values: pd.Series, largest: int | None) -> tuple[list[str], np.ndarray]:
    """Return the names of the values as text, sorted, and each row's place among them."""
    codes, different = pd.factorize(values)
    texts, place = np.unique(np.array([_text(value) for value in different.tolist()], dtype=str), return_inverse=True)
    index = place[codes]
    names = [str(text) for text in texts]
    if largest is None or len(names) <= largest:
        return names, index
    # of equally large ones the first by name
    kept = np.sort(np.argsort(-np.bincount(index, minlength=len(names)), kind="stable")[:largest])
    moved = np.full(len(names), largest)
    moved[kept] = np.arange(largest)
    return [*(names[number] for number in kept), OTHER], moved[index]


def _text(value: Any) -> str:
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def fairness(
    column: str,
    groups: Sequence[Any] | np.ndarray | pd.Series,
    labels: Sequence[int] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    threshold: float,
    min_rows: int,
) -> Fairness:
    """Return the rates of each group, and how far apart those of the judged groups are.

    Args:
        column: The protected column's name.
        groups: Its values, shape (n_rows,); missing ones make up a group of their own, and many different numbers
            ranges (see `slices`).
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,); at least `threshold` is selected.
        threshold: Of the answers.
        min_rows: A group with fewer rows is shown, but not judged: its rates are mostly chance.

    Returns:
        By group, each value of a text a group of its own. With fewer than two judged groups there is no difference; nor
        is there one of equalized odds when a judged group has no positives or no negatives, as its rate would count
        as 0.
    """
    parts = grouping(groups, largest=None)
    truth = np.asarray(labels).astype(int)
    selected = (np.asarray(scores, dtype="float64") >= threshold).astype(int)
    members = [parts.of_row == number for number in range(len(parts.names))]
    rates = tuple(
        _rates(name, truth[rows], selected[rows], min_rows) for name, rows in zip(parts.names, members, strict=True)
    )
    judged = [group for group in rates if group.judged]
    parity, odds = None, None
    if len(judged) >= 2:
        rows = np.array([group.judged for group in rates])[parts.of_row]
        answers = {"y_true": truth[rows], "y_pred": selected[rows], "sensitive_features": parts.of_row[rows]}
        parity = float(demographic_parity_difference(**answers))
        if all(group.true_positive_rate is not None and group.false_positive_rate is not None for group in judged):
            odds = float(equalized_odds_difference(**answers))
    return Fairness(column=column, groups=rates, demographic_parity_difference=parity, equalized_odds_difference=odds)


def _rates(name: str, labels: np.ndarray, selected: np.ndarray, min_rows: int) -> GroupRates:
    return GroupRates(
        group=name,
        rows=len(labels),
        selection_rate=float(selected.mean()),
        true_positive_rate=_share(selected[labels == 1]),
        false_positive_rate=_share(selected[labels == 0]),
        judged=len(labels) >= min_rows,
    )


def _share(selected: np.ndarray) -> float | None:
    return float(selected.mean()) if len(selected) else None
