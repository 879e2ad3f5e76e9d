"""Say whether scores are probabilities, and by how much they would move if the challenger took the champion's place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from include.domain.evidence import Calibration, CalibrationBin, Stability


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


# an empty bin counts as this many rows, so that its logarithm is finite
_LEAST_ROWS = 0.5


def stability(challenger: Sequence[float] | np.ndarray, champion: Sequence[float] | np.ndarray) -> Stability:
    """Return the population stability index of the challenger's scores over the tenths of the champion's.

    psi = sum over bins of (challenger's share - champion's share) * ln(challenger's share / champion's share)

    Bins are cut at the champion's nine inner deciles, each belonging to the bin below it; equal ones cut once, and the
    first and last bin have no outer end.

    Args:
        challenger: Scores, shape (n_rows,), at least one row.
        champion: Scores on the same rows, shape (n_rows,).
    """
    new = np.asarray(challenger, dtype="float64")
    old = np.asarray(champion, dtype="float64")
    cuts = tenths(old)
    return Stability(
        psi=psi(count_between(cuts, old), count_between(cuts, new)),
        challenger_mean=float(new.mean()),
        champion_mean=float(old.mean()),
    )


def tenths(values: np.ndarray) -> np.ndarray:
    """Return the nine inner deciles of numbers, rising; equal ones once."""
    return np.unique(np.quantile(values, np.arange(1, 10) / 10))


def count_between(cuts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return how many values lie in each bin, shape (n_cuts + 1,); a cut belongs to the bin below it."""
    return np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1)


def psi(old: np.ndarray, new: np.ndarray) -> float:
    """Return the population stability index of rows counted in the same bins.

    A bin that is empty in one of the two counts as half a row there; one that is empty in both is none.
    """
    held = old + new > 0
    old_share = np.maximum(old[held], _LEAST_ROWS) / old.sum()
    new_share = np.maximum(new[held], _LEAST_ROWS) / new.sum()
    return float(np.sum((new_share - old_share) * np.log(new_share / old_share)))
