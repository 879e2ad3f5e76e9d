"""Compare how a model's answers treat the groups of one protected column.

Demographic parity asks that groups are selected equally often; equalized odds (M. Hardt, E. Price and N. Srebro,
Equality of Opportunity in Supervised Learning, NIPS 2016) asks that among the positives, and among the negatives, they
are. The differences are fairlearn's: the largest less the smallest rate; for equalized odds, the greater of those of
the true and the false positive rates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference

from include.config.evidence import Fairness, GroupRates
from include.ml.slices import grouping


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
