"""Say by how much the scores that people work with would move if the challenger took the champion's place.

Source: the population stability index is N. Siddiqi, Credit Risk Scorecards (2006). By its rule of thumb, below 0.1
is no change to speak of and above 0.25 is a great one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from include.config.evidence import Stability

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
    edges = np.unique(np.quantile(old, np.arange(1, 10) / 10))
    new_share, old_share = _shares(new, edges), _shares(old, edges)
    return Stability(
        psi=float(np.sum((new_share - old_share) * np.log(new_share / old_share))),
        challenger_mean=float(new.mean()),
        champion_mean=float(old.mean()),
    )


def _shares(scores: np.ndarray, edges: np.ndarray) -> np.ndarray:
    rows = np.bincount(np.searchsorted(edges, scores, side="left"), minlength=len(edges) + 1)
    return np.maximum(rows, _LEAST_ROWS) / len(scores)
