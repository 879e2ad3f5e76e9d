"""Say by how much the scores that people work with would move if the challenger took the champion's place.

Source: the population stability index is N. Siddiqi, Credit Risk Scorecards (2006). By its rule of thumb, below 0.1
is no change to speak of and above 0.25 is a great one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from include.domain.evidence import Stability

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
