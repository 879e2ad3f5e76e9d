"""The interval of a metric is that of a plain bootstrap of whole days, and there is none where it would be a lie."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from scipy import stats

from include.domain.metrics import MetricName
from include.ml.bootstrap import INTERVAL_RESAMPLES, MIN_DAYS, interval_by_days
from include.ml.metrics import measure


def _holdout(days: int, rows: int, seed: int = 3, decimals: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, scores (with ties) and days of different sizes, whose difficulty differs from day to day."""
    chance = np.random.default_rng(seed)
    day = np.sort(chance.integers(0, days, rows))
    labels = (chance.random(rows) < 0.25).astype(int)
    strength = chance.normal(1.0, 0.5, days)[day]
    scores = 1 / (1 + np.exp(-(strength * labels + chance.normal(size=rows) - 1)))
    return labels, scores.round(decimals), np.array([f"2013-04-{one + 1:02d}" for one in day])


def _draw_by_draw(metric: MetricName, labels: Any, scores: Any, days: Any, seed: int) -> tuple[float, float]:
    """Return the interval by putting each draw's rows together and measuring them as any holdout is."""
    names = np.unique(days)
    drawn = np.random.default_rng(seed).multinomial(len(names), [1 / len(names)] * len(names), size=INTERVAL_RESAMPLES)
    values = []
    for times in drawn:
        rows = np.concatenate(
            [np.repeat(np.flatnonzero(days == name), count) for name, count in zip(names, times, strict=True)]
        )
        values.append(measure([metric], labels[rows], scores[rows], "draw")[metric])
    return tuple(np.quantile(values, [0.025, 0.975]))


@pytest.mark.parametrize("metric", get_args(MetricName))
def test_the_interval_is_that_of_measuring_every_draw_of_days(metric: MetricName) -> None:
    labels, scores, days = _holdout(days=9, rows=500)
    expected = _draw_by_draw(metric, labels, scores, days, seed=11)
    assert interval_by_days(metric, labels, scores, days, seed=11) == pytest.approx(expected, rel=1e-12)


def test_the_interval_is_that_of_scipy_within_the_chance_of_its_draws() -> None:
    labels, scores, days = _holdout(days=14, rows=3000)
    groups = [np.flatnonzero(days == name) for name in np.unique(days)]

    def brier(drawn: np.ndarray) -> float:
        rows = np.concatenate([groups[one] for one in drawn])
        return float(np.mean((labels[rows] - scores[rows]) ** 2))

    ours = interval_by_days("brier_score", labels, scores, days, seed=1)
    theirs = stats.bootstrap(
        (np.arange(14),), brier, vectorized=False, method="percentile", n_resamples=2000, rng=np.random.default_rng(2)
    )
    interval, spread = theirs.confidence_interval, theirs.standard_error
    assert ours == pytest.approx((interval.low, interval.high), abs=0.25 * spread)


def test_days_that_differ_widen_the_interval_far_beyond_that_of_single_rows() -> None:
    labels, scores, days = _holdout(days=10, rows=2000)
    # on every other day the scores mean nothing
    spoilt = np.isin(days, np.unique(days)[::2])
    scores = np.where(spoilt, np.random.default_rng(0).random(len(scores)), scores)
    low, high = interval_by_days("accuracy", labels, scores, days, seed=5) or (0.0, 0.0)
    single = interval_by_days("accuracy", labels, scores, np.arange(len(labels)), seed=5) or (0.0, 0.0)
    assert high - low > 2 * (single[1] - single[0])


def test_the_same_evidence_gives_the_same_interval_in_any_order_of_the_rows() -> None:
    labels, scores, days = _holdout(days=7, rows=400)
    shuffled = np.random.default_rng(0).permutation(len(labels))
    first = interval_by_days("roc_auc", labels, scores, days, seed=5)
    assert first == interval_by_days("roc_auc", labels, scores, days, seed=5)
    assert first == pytest.approx(
        interval_by_days("roc_auc", labels[shuffled], scores[shuffled], days[shuffled], seed=5)
    )
    assert first != interval_by_days("roc_auc", labels, scores, days, seed=6)


def test_too_few_days_have_no_interval() -> None:
    labels, scores, days = _holdout(days=MIN_DAYS, rows=300)
    few = days != np.unique(days)[-1]
    assert interval_by_days("roc_auc", labels, scores, days, seed=5) is not None
    assert interval_by_days("roc_auc", labels[few], scores[few], days[few], seed=5) is None


@pytest.mark.parametrize(("days_with_positives", "known"), [(1, False), (8, True)])
def test_there_is_none_when_many_draws_hold_one_class_only(days_with_positives: int, known: bool) -> None:
    labels, scores, days = _holdout(days=10, rows=500)
    labels = np.where(np.isin(days, np.unique(days)[:days_with_positives]), labels, 0)
    for metric in ("roc_auc", "average_precision"):
        interval = interval_by_days(metric, labels, scores, days, seed=5)
        assert (interval is not None) is known
