"""Say how sure a metric is: its 95 % interval over the days that might have made up the holdout.

The rows of one day share its weather, its staff and its campaigns, so they are no independent draws: resampling single
rows would give far too narrow an interval. What is drawn here is whole days, with replacement, as many as the holdout
has; the interval is the 2.5 % and 97.5 % quantile of the metric over the draws.

Sources: the percentile interval is B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13;
drawing whole clusters and keeping their rows together is A. C. Davison and D. V. Hinkley, Bootstrap Methods and their
Application (1997), section 3.8, and C. A. Field and A. H. Welsh, Bootstrapping clustered data, JRSS B 69 (2007).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from include.config.gates import MetricName
from include.ml.draws import over_draws
from include.ml.metrics import THRESHOLD

LEVEL = 0.95
RESAMPLES = 500
# fewer days do not show how much days differ; an interval of theirs would promise what it cannot keep
MIN_DAYS = 5
# draws that hold one class only have no value; more of them than this and the rest is no fair sample
MAX_UNDEFINED = 0.05


def interval_by_days(
    metric: MetricName,
    labels: Sequence[int] | np.ndarray,
    scores: Sequence[float] | np.ndarray,
    days: Sequence[str] | np.ndarray,
    seed: int,
    threshold: float = THRESHOLD,
) -> tuple[float, float] | None:
    """Return the 95 % interval of a metric, the same for the same arguments.

    With one seed and the same days, two models are measured on the same draws.

    Args:
        metric: Its direction does not matter.
        labels: 0 or 1, shape (n_rows,).
        scores: Probability of 1, shape (n_rows,).
        days: The day of each row, shape (n_rows,).
        seed: Of the draws.
        threshold: From which score on the answer is yes.

    Returns:
        The lower and the upper end; None when there are fewer than `MIN_DAYS` days, or when too many draws hold one
        class only.
    """
    names, day = np.unique(np.asarray(days, dtype=str), return_inverse=True)
    if len(names) < MIN_DAYS:
        return None
    drawn = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=RESAMPLES)
    values = over_draws(metric, np.asarray(labels, dtype=int), np.asarray(scores, "float64"), day, drawn, threshold)
    defined = values[np.isfinite(values)]
    if len(defined) < (1 - MAX_UNDEFINED) * RESAMPLES:
        return None
    low, high = np.quantile(defined, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
