"""Test two models on the same rows: DeLong's test of two ROC AUCs, and McNemar's of right and wrong answers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm, rankdata
from statsmodels.stats import contingency_tables

from include.domain.evidence import PairedTest

NOTE = "rows are taken as independent; where those of one day are alike, p is too small"
# the variance within a class needs two of its rows
MIN_ROWS = 2


def delong(
    labels: Sequence[int] | np.ndarray,
    challenger: Sequence[float] | np.ndarray,
    champion: Sequence[float] | np.ndarray,
) -> PairedTest | None:
    """Test that challenger and champion have the same ROC AUC.

    Args:
        labels: 0 or 1, shape (n_rows,).
        challenger: Its scores, without NaN, shape (n_rows,); only their order matters.
        champion: Its scores of the same rows, shape (n_rows,).

    Returns:
        The test, with z 0 and p 1 when the two order the rows alike. None when a class has fewer than `MIN_ROWS` rows,
        or when the areas differ by the same share at every row: with no spread at all there is nothing to judge by.
    """
    positive = np.asarray(labels, dtype=int) == 1
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if min(positives, negatives) < MIN_ROWS:
        return None
    of_challenger = _pairs_in_order(positive, challenger)
    of_champion = _pairs_in_order(positive, champion)
    # these are multiples of a half, so equal orders differ by exactly 0
    by_positive, by_negative = (one - other for one, other in zip(of_challenger, of_champion, strict=True))
    gain = float(by_positive.sum()) / (positives * negatives)
    variance = (
        float(by_positive.var(ddof=1)) / negatives**2 / positives
        + float(by_negative.var(ddof=1)) / positives**2 / negatives
    )
    if variance == 0 and gain != 0:
        return None
    z = gain / math.sqrt(variance) if variance else 0.0
    p_value = float(2 * norm.sf(abs(z)))
    return PairedTest(name="DeLong", metric="roc_auc", gain=gain, statistic=z, p_value=p_value, note=NOTE)


def _pairs_in_order(positive: np.ndarray, scores: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Count for each row the rows of the other class that are scored on the right side of it, ties counting half.

    A row's midrank among all rows less its midrank within its class is how many of the other class lie below it.

    Args:
        positive: Which rows are, shape (n_rows,).
        scores: Shape (n_rows,).

    Returns:
        For positives, how many negatives lie below, shape (n_positives,); for negatives, how many positives lie above,
        shape (n_negatives,).
    """
    values = np.asarray(scores, dtype="float64")
    ranks = rankdata(values)
    below = ranks[positive] - rankdata(values[positive])
    above = positive.sum() - (ranks[~positive] - rankdata(values[~positive]))
    return below, above


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
