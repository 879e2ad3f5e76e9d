"""Name the metrics a project can declare, and say in which direction each is better."""

from __future__ import annotations

from typing import Literal

MetricName = Literal["roc_auc", "average_precision", "brier_score", "log_loss", "accuracy", "f1"]
LOWER_IS_BETTER: frozenset[str] = frozenset({"brier_score", "log_loss"})


def lower_is_better(metric: str) -> bool:
    """Tell the direction of a metric."""
    return metric in LOWER_IS_BETTER


def improvement(metric: str, value: float, over: float) -> float:
    """Return by how much `value` is better than `over`: positive is better, whatever the metric's direction."""
    return over - value if lower_is_better(metric) else value - over
