"""Say in words which rows a range of a column means: "departure_minute > 1200", "airline in UA, B6".

A column is coded as small whole numbers whose order a tree can cut: numbers by their size, categories by how high the
loss is among them (W. D. Fisher, On Grouping for Maximum Homogeneity, JASA 53, 1958: for a mean, the best split of
categories into two is one of that order).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

PARTS = 32
# categories of fewer rows are one, and nobody is told by name
MIN_CATEGORY_ROWS = 10
RARE = "(rare)"
MISSING = "(missing)"
# so many names of categories are written out
NAMED = 6


@dataclass(frozen=True)
class Coding:
    """Hold a coded column and what its codes mean.

    Attributes:
        name: The column.
        codes: Of each row, shape (n_rows,): for numbers 0 where the value is missing, then 1 to `length` - 1.
        ends: Of numbers: code c means above ends[c - 2] and at most ends[c - 1]; the last has no upper end.
        names: Of categories: the name of each code.
        often: The same names, those of most rows first, the rare ones last: as they are written out.
        missing: Whether any value is.
    """

    name: str
    codes: np.ndarray
    ends: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    often: tuple[str, ...] = ()
    missing: bool = False

    @property
    def length(self) -> int:
        """Return how many codes there are."""
        return len(self.names) if self.names else len(self.ends) + 2


def code(column: pd.Series, numeric: bool, learnt: np.ndarray, loss: np.ndarray) -> Coding:
    """Return a column coded, by what some rows of it are like.

    Args:
        column: Numbers, or categories as text; shape (n_rows,).
        numeric: Which of the two.
        learnt: Places of the rows that decide how it is coded, shape (n_learnt,).
        loss: Of those rows, which puts categories in order, shape (n_learnt,).
    """
    return _numbers(column, learnt) if numeric else _categories(column, learnt, loss)


def words(coding: Coding, low: int, high: int) -> str:
    """Return which rows have codes from `low` to `high`, both included."""
    return _of_names(coding, low, high) if coding.names else _of_numbers(coding, low, high)


def _numbers(column: pd.Series, learnt: np.ndarray) -> Coding:
    values = np.asarray(column, dtype="float64")
    missing = np.isnan(values)
    known = values[learnt][~missing[learnt]]
    cuts = np.quantile(known, np.arange(1, PARTS) / PARTS, method="lower") if len(known) else np.zeros(0)
    # as they are written, so that the words are the rule itself
    ends = np.unique([float(f"{cut:.6g}") for cut in cuts])
    codes = np.where(missing, 0, 1 + np.searchsorted(ends, values, side="left"))
    return Coding(str(column.name), codes, ends=tuple(ends.tolist()), missing=bool(missing.any()))


def _categories(column: pd.Series, learnt: np.ndarray, loss: np.ndarray) -> Coding:
    values = column.astype("str").fillna(MISSING).reset_index(drop=True)
    counts = values.iloc[learnt].value_counts()
    often = values.isin(counts[counts >= MIN_CATEGORY_ROWS].index)
    values = values.where(often, RARE)
    mean_loss = pd.Series(loss).groupby(values.iloc[learnt].to_numpy()).mean()
    # the names that only other rows have are rare ones
    names = sorted(set(mean_loss.index) | set(values[~often]), key=lambda name: (mean_loss.get(name, 0.0), name))
    codes = values.map({name: number for number, name in enumerate(names)}).to_numpy(dtype=int)
    by_rows = sorted(names, key=lambda name: (name == RARE, -int(counts.get(name, 0)), name))
    return Coding(str(column.name), codes, names=tuple(names), often=tuple(by_rows))


def _of_numbers(coding: Coding, low: int, high: int) -> str:
    name, ends = coding.name, coding.ends
    if high == 0:
        return f"{name} is missing"
    above = f"{ends[low - 2]:.6g}" if low >= 2 else ""
    at_most = f"{ends[high - 1]:.6g}" if high < coding.length - 1 else ""
    if above and at_most:
        return f"{above} < {name} <= {at_most}"
    if above:
        return f"{name} > {above}"
    if not at_most:
        return f"{name} is known"
    return f"{name} <= {at_most}" + (" (or missing)" if low == 0 and coding.missing else "")


def _of_names(coding: Coding, low: int, high: int) -> str:
    chosen = coding.names[low : high + 1]
    inside = [name for name in coding.often if name in chosen]
    outside = [name for name in coding.often if name not in chosen]
    if len(outside) < len(inside):
        return f"{coding.name} {'is not' if len(outside) == 1 else 'not in'} {_list(outside)}"
    return f"{coding.name} {'is' if len(inside) == 1 else 'in'} {_list(inside)}"


def _list(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
