"""Say by how much the challenger is better than the champion on the same rows, and how sure that is.

Both models are measured on the same draws of whole days (see `intervals`), so what a day does to both cancels. A
holdout has few days, and the quantiles of a bootstrap over few groups promise too much; so the bootstrap gives the
standard error, widened for the number of groups, and Student's t with one degree less than there are groups gives the
bounds: A. C. Cameron, J. B. Gelbach and D. L. Miller, Bootstrap-based improvements for inference with clustered errors,
Review of Economics and Statistics 90 (2008), section III; B. Efron and R. J. Tibshirani, An Introduction to the
Bootstrap (1993), chapters 6 and 12.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.stats import t as student_t

from include.config.evidence import Difference
from include.config.gates import MetricName
from include.ml.draws import over_draws
from include.ml.intervals import MAX_UNDEFINED, MIN_DAYS
from include.ml.metrics import improvement
from include.ml.scored import Scored

RESAMPLES = 2000
# of a holdout of fewer than MIN_DAYS days: rows are then drawn as if they were independent, in this many random blocks
BLOCKS = 100


def difference(metric: MetricName, scored: Scored, confidence: float, resamples: int = RESAMPLES) -> Difference | None:
    """Return the challenger's gain at one confidence; see `differences`."""
    return next(iter(differences(metric, scored, (confidence,), resamples)), None)


def differences(
    metric: MetricName, scored: Scored, confidences: Sequence[float], resamples: int = RESAMPLES
) -> tuple[Difference, ...]:
    """Return the challenger's gain over the champion in one metric, the same for the same arguments.

    The draws are made and measured once, however many confidences are asked for.

    Args:
        metric: Its direction is taken care of: a positive gain is better.
        scored: Labels and scores of both models.
        confidences: Of the two bounds, each one-sided.
        resamples: How many draws; they know the standard error to 1 in the square root of twice their number.

    Returns:
        One for each confidence; none without a champion, and when too many draws hold one class only.
    """
    if scored.champion is None:
        return ()
    return differences_to(metric, scored, (scored.champion, scored.champion_threshold), confidences, resamples)


def differences_to(
    metric: MetricName,
    scored: Scored,
    rival: tuple[np.ndarray, float],
    confidences: Sequence[float],
    resamples: int = RESAMPLES,
) -> tuple[Difference, ...]:
    """Return the challenger's gain over any scores of the same rows; see `differences`.

    Args:
        rival: The scores it is compared with, shape (n_rows,), and the threshold of their answers.
    """
    group, n_groups, unit = _groups(scored)
    drawn = np.random.default_rng(scored.seed).multinomial(n_groups, [1 / n_groups] * n_groups, size=resamples)
    # the last draw is the holdout itself: every group once
    drawn = np.vstack([drawn, np.ones((1, n_groups), dtype=drawn.dtype)])
    ours = over_draws(metric, scored.labels, scored.challenger, group, drawn, scored.challenger_threshold)
    theirs = over_draws(metric, scored.labels, rival[0], group, drawn, rival[1])
    gains = improvement(metric, 1.0, 0.0) * (ours - theirs)
    value, gains = float(gains[-1]), gains[:-1][np.isfinite(gains[:-1])]
    if len(gains) < (1 - MAX_UNDEFINED) * resamples:
        return ()
    error = float(np.std(gains, ddof=1)) * float(np.sqrt(n_groups / (n_groups - 1)))
    reach = {level: float(student_t.ppf(level, n_groups - 1)) * error for level in confidences}
    return tuple(
        Difference(
            metric=metric,
            value=value,
            standard_error=error,
            confidence=level,
            lower=value - reach[level],
            upper=value + reach[level],
            p_value=_p_value(value, error, n_groups),
            method=f"paired bootstrap, {resamples} draws of {n_groups} {unit}",
            degrees_of_freedom=n_groups - 1,
        )
        for level in confidences
    )


def _groups(scored: Scored) -> tuple[np.ndarray, int, str]:
    """Return each row's group, how many groups there are, and what they are."""
    names, day = np.unique(scored.days.astype(str), return_inverse=True)
    if len(names) >= MIN_DAYS:
        return day, len(names), "days"
    rows = len(scored.labels)
    blocks = min(BLOCKS, rows)
    return np.random.default_rng(scored.seed).permutation(rows) % blocks, blocks, "random blocks of rows"


def _p_value(value: float, error: float, n_groups: int) -> float:
    if error == 0:
        return 0.0 if value > 0 else 1.0
    return float(student_t.sf(value / error, n_groups - 1))
