"""Say whether scores are probabilities: of the rows scored about 0.3, are about 30 % positive?

Sources: the expected calibration error is M. P. Naeini, G. F. Cooper and M. Hauskrecht, Obtaining Well Calibrated
Probabilities Using Bayesian Binning, AAAI 2015; bins of equal numbers of rows rather than of equal width are
K. Nguyen and B. O'Connor, Posterior Calibration and Exploratory Analysis for Natural Language Processing Models,
EMNLP 2015; the reliability is that part of the Brier score in A. H. Murphy, A New Vector Partition of the Probability
Score, Journal of Applied Meteorology 12 (1973).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from include.domain.evidence import Calibration, CalibrationBin


def calibration(labels: Sequence[int] | np.ndarray, scores: Sequence[float] | np.ndarray, bins: int) -> Calibration:
    """Return the expected calibration error: the mean over rows of how far their bin's score is from its positives.

    ece = sum over bins of rows / n_rows * |mean score - share of positives|
    reliability = sum over bins of rows / n_rows * (mean score - share of positives)^2

    Args:
        labels: 0 or 1, shape (n_rows,), at least one row.
        scores: Probability of 1, shape (n_rows,).
        bins: How many there are at most; ties and few rows make them fewer.

    Returns:
        The error, the bins that hold rows, by rising score, and the Brier score with its reliability.
    """
    truth = np.asarray(labels, dtype="float64")
    predicted = np.asarray(scores, dtype="float64")
    order = np.argsort(predicted, kind="stable")
    bin_of_row = _bins_of_equal_rows(predicted[order], bins)
    rows = np.bincount(bin_of_row, minlength=bins)
    held = rows > 0
    rows = rows[held]
    mean_score = np.bincount(bin_of_row, weights=predicted[order], minlength=bins)[held] / rows
    positive_rate = np.bincount(bin_of_row, weights=truth[order], minlength=bins)[held] / rows
    share, gap = rows / len(truth), mean_score - positive_rate
    return Calibration(
        ece=float(np.sum(share * np.abs(gap))),
        brier_score=float(np.mean((predicted - truth) ** 2)),
        reliability=float(np.sum(share * gap**2)),
        bins=tuple(
            CalibrationBin(rows=int(count), mean_score=float(score), positive_rate=float(rate))
            for count, score, rate in zip(rows, mean_score, positive_rate, strict=True)
        ),
    )


def _bins_of_equal_rows(ordered: np.ndarray, bins: int) -> np.ndarray:
    """Return the bin of each row; equal scores share the bin in which the middle of them lies.

    So a cut that would divide equal scores moves to the nearer end of them.

    Args:
        ordered: Scores by rising value, shape (n_rows,).
        bins: How many equal parts the rows are cut into.

    Returns:
        0 to bins - 1, rising, shape (n_rows,).
    """
    _, starts, counts = np.unique(ordered, return_index=True, return_counts=True)
    # twice the middle, so that all is whole numbers
    twice_middle = 2 * starts + counts
    return np.repeat(twice_middle * bins // (2 * len(ordered)), counts)
