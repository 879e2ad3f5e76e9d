"""Name the metrics a project can declare, and say in which direction each is better."""

from __future__ import annotations

from typing import Literal

MetricName = Literal[
    "roc_auc",
    "average_precision",
    "brier_score",
    "log_loss",
    "accuracy",
    "balanced_accuracy",
    "f1",
    "matthews_corrcoef",
    "precision",
    "recall",
]
# counts of yes and no at the model's threshold; the others look at the scores themselves
OF_ANSWERS: frozenset[MetricName] = frozenset(
    {"accuracy", "balanced_accuracy", "f1", "matthews_corrcoef", "precision", "recall"}
)
# yes to all is as good as can be: no model is better than that
TRIVIALLY_PERFECT: frozenset[str] = frozenset({"recall"})
LOWER_IS_BETTER: frozenset[str] = frozenset({"brier_score", "log_loss"})


def lower_is_better(metric: str) -> bool:
    """Tell the direction of a metric."""
    return metric in LOWER_IS_BETTER


def improvement(metric: str, value: float, over: float) -> float:
    """Return by how much `value` is better than `over`: positive is better, whatever the metric's direction."""
    return over - value if lower_is_better(metric) else value - over
