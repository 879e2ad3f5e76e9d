"""Test whether two models are right equally often on the same rows: McNemar's test.

Only rows where one model is right and the other wrong tell them apart. If both are right equally often, each such row
is as likely to favour one as the other: the count of one kind is binomial with chance 1/2.

Sources: Q. McNemar, Note on the sampling error of the difference between correlated proportions or percentages,
Psychometrika 12 (1947); the correction for continuity is A. L. Edwards, Psychometrika 13 (1948).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from statsmodels.stats import contingency_tables

from include.config.evidence import PairedTest

NOTE = "rows are taken as independent; where those of one day are alike, p is too small"
# with fewer disagreements the chi-square is too rough, and the binomial itself is used
MIN_FOR_CHI_SQUARE = 25


def mcnemar(
    labels: Sequence[int] | np.ndarray,
    challenger: Sequence[float] | np.ndarray,
    champion: Sequence[float] | np.ndarray,
    challenger_threshold: float,
    champion_threshold: float,
) -> PairedTest:
    """Test that challenger and champion have the same accuracy, each at its own threshold.

    Args:
        labels: 0 or 1, at least one row, shape (n_rows,).
        challenger: Its probability of 1, shape (n_rows,).
        champion: Its probability of 1 for the same rows, shape (n_rows,).
        challenger_threshold: A score of at least this is a 1.
        champion_threshold: The same for the champion.

    Returns:
        The test; p is 1 when each model is right as often where the other is wrong, or when they never disagree.
    """
    positive = np.asarray(labels, dtype=int) == 1
    challenger_right = (np.asarray(challenger, dtype="float64") >= challenger_threshold) == positive
    champion_right = (np.asarray(champion, dtype="float64") >= champion_threshold) == positive
    won = int((challenger_right & ~champion_right).sum())
    lost = int((~challenger_right & champion_right).sum())
    return PairedTest(
        name="McNemar",
        metric="accuracy",
        gain=(won - lost) / len(positive),
        statistic=min(won, lost),
        p_value=_p_value(won, lost),
        note=NOTE,
    )


def _p_value(won: int, lost: int) -> float:
    """Return the two-sided p of two counts of disagreement."""
    if won == lost:
        # the correction would take one from a difference of 0 and find one of 1
        return 1.0
    exact = won + lost < MIN_FOR_CHI_SQUARE
    # rows on which both are right, or both wrong, do not count
    return float(contingency_tables.mcnemar([[0, won], [lost, 0]], exact=exact, correction=True).pvalue)
