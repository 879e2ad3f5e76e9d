"""Say what the best answer without features is worth, and how surely a model is better than that.

The trivial answer is the same for every row. Of a metric of answers (`accuracy`, `f1`, ...) it is the better of no and
yes to all, on the very rows that are judged; of one of scores it is the share of positives in the train part, which
orders nothing.

Two things are measured of the gain over it. Its one-sided interval is that of a gain over the champion (see `paired`).
Beside it the labels are shuffled: how often does chance alone give the very same scores a metric as good as this? That
share is exact whatever the metric, the number of rows and the share of positives, where an interval knows only how wide
the gain spreads (R. A. Fisher, The Design of Experiments (1935), section 21; the p-value counts the holdout itself: B.
Phipson and G. K. Smyth, Permutation p-values should never be zero, Statistical Applications in Genetics and Molecular
Biology 9 (2010)). Labels are shuffled among the rows of their day: few days differ by luck, and a model that is right
about which day is worse has guessed one of a handful of things. From `ENOUGH_DAYS` days on the interval over whole days
can tell such luck, and the labels are shuffled among all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from include.domain.evidence import BaselineGain
from include.domain.metrics import OF_ANSWERS, MetricName
from include.ml.bootstrap import differences_to
from include.ml.metrics import THRESHOLD, Predictions, measure

SHUFFLES = 999
# fewer groups make the interval over them too narrow: A. C. Cameron and D. L. Miller, A Practitioner's Guide to
# Cluster-Robust Inference, Journal of Human Resources 50 (2015), section VI
ENOUGH_DAYS = 30
# so many labels are shuffled at once: 8 MB
_AT_ONCE = 1_000_000
# two sums of the same numbers in another order may differ by this share
_SAME = 1e-12
_SMALLEST = np.finfo("float64").eps


@dataclass(frozen=True)
class Trivial:
    """Hold an answer that is the same for every row.

    Attributes:
        score: Probability of 1, given for every row.
        words: What it is: "no to all".
    """

    score: float
    words: str


def trivial_answer(metric: MetricName, labels: np.ndarray, prior: float) -> Trivial:
    """Return the best answer that looks at no feature.

    Args:
        metric: Of it the answer is the best.
        labels: 0 or 1, of the rows that are judged, shape (n_rows,).
        prior: Share of positives in the train part.
    """
    no, yes = Trivial(0.0, "no to all"), Trivial(1.0, "yes to all")
    if metric == "accuracy":
        return yes if 2 * int(labels.sum()) > len(labels) else no
    # who says no to all finds nothing; for balanced accuracy and Matthews' coefficient any answer to all is the same
    return yes if metric in OF_ANSWERS else Trivial(prior, f"{100 * prior:.4g} % for all")


def measure_trivial(names: Iterable[MetricName], labels: np.ndarray, prior: float, where: str) -> dict[str, float]:
    """Return each named metric of its best trivial answer.

    Raises:
        EvaluationError: The rows are of one class only.
    """
    return {
        name: measure([name], labels, np.full(len(labels), trivial_answer(name, labels, prior).score), where)[name]
        for name in dict.fromkeys(names)
    }


def baseline_gains(metric: MetricName, scored: Predictions, confidences: Sequence[float]) -> tuple[BaselineGain, ...]:
    """Return the challenger's gain over the best trivial answer, one for each confidence.

    Returns:
        None at all where the train part's share of positives is not known, and when too many draws of the holdout hold
        one class only.
    """
    if scored.prior is None:
        return ()
    trivial = trivial_answer(metric, scored.labels, scored.prior)
    constant = np.full(len(scored.labels), trivial.score)
    found = differences_to(metric, scored, (constant, THRESHOLD), confidences)
    if not found:
        return ()
    within = len(np.unique(scored.days)) < ENOUGH_DAYS
    chance = shuffled_p_value(metric, scored, within_days=within)
    value = measure([metric], scored.labels, constant, "best trivial answer")[metric]
    return tuple(
        BaselineGain(
            **each.model_dump(),
            baseline=value,
            answer=trivial.words,
            shuffled_p_value=chance,
            shuffles=SHUFFLES,
            within_days=within,
        )
        for each in found
    )


def shuffled_p_value(metric: MetricName, scored: Predictions, *, within_days: bool) -> float:
    """Return how often labels dealt out at random make the challenger's metric as good as it is, at most 1.

    Args:
        within_days: Whether a label stays in its day.
    """
    order = np.argsort(scored.days.astype(str), kind="stable")
    labels, scores = scored.labels[order].astype("int8"), scored.challenger[order]
    days = np.unique(scored.days.astype(str)[order], return_index=True)[1] if within_days else np.array([0])
    goodness = _GOODNESS[metric](scores, scored.challenger_threshold)
    observed = goodness(labels[None])[0]
    reached = observed - _SAME * max(1.0, abs(observed))
    random, as_good = np.random.default_rng(scored.seed), 0
    at_once = max(1, _AT_ONCE // len(labels))
    for first in range(0, SHUFFLES, at_once):
        dealt = np.tile(labels, (min(at_once, SHUFFLES - first), 1))
        for part in np.split(dealt, days[1:], axis=1):
            part[:] = random.permuted(part, axis=1)
        as_good += int((goodness(dealt) >= reached).sum())
    return (1 + as_good) / (1 + SHUFFLES)


# of labels of shape (n_shuffles, n_rows), how good the scores are: larger is better, in any unit that orders as the
# metric does when the number of positives stays as it is; shape (n_shuffles,)
_Goodness = Callable[[np.ndarray], np.ndarray]


def _of_ranks(scores: np.ndarray, _: float) -> _Goodness:
    """Order as the ROC AUC: by the sum of the positives' ranks."""
    ranks = rankdata(scores)
    return lambda labels: labels @ ranks


def _of_precision(scores: np.ndarray, _: float) -> _Goodness:
    order = np.argsort(-scores, kind="stable")
    # where a score ends, so that rows of equal scores come in together
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)

    def precision(labels: np.ndarray) -> np.ndarray:
        found = np.cumsum(labels[:, order], axis=1, dtype="int32")[:, ends]
        return np.asarray((np.diff(found, axis=1, prepend=0) * (found / (ends + 1))).sum(axis=1))

    return precision


def _of_squares(scores: np.ndarray, _: float) -> _Goodness:
    """Order as the Brier score: by the part of it that depends on who is positive."""
    return lambda labels: labels @ scores


def _of_logs(scores: np.ndarray, _: float) -> _Goodness:
    """Order as the log loss: by the part of it that depends on who is positive."""
    odds = np.log(np.clip(scores, _SMALLEST, 1)) - np.log(np.clip(1 - scores, _SMALLEST, 1))
    return lambda labels: labels @ odds


def _of_answers(scores: np.ndarray, threshold: float) -> _Goodness:
    """Order as every metric of answers: with the yeses and the positives given, it rises with the hits alone."""
    said = (scores >= threshold).astype("float64")
    return lambda labels: labels @ said


_GOODNESS: dict[MetricName, Callable[[np.ndarray, float], _Goodness]] = {
    "roc_auc": _of_ranks,
    "average_precision": _of_precision,
    "brier_score": _of_squares,
    "log_loss": _of_logs,
    **dict.fromkeys(sorted(OF_ANSWERS), _of_answers),
}
