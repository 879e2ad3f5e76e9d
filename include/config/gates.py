"""Declare gates: what a candidate must prove. How each one is judged is in `include/ml/gates.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MetricName = Literal["roc_auc", "average_precision", "brier_score", "log_loss", "accuracy", "f1"]
LOWER_IS_BETTER: frozenset[str] = frozenset({"brier_score", "log_loss"})


class _Gate(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MinimumGate(_Gate):
    """Pass when the candidate's `metric` on the holdout is at least `value`."""

    kind: Literal["minimum"]
    metric: MetricName
    value: float


class MaximumGate(_Gate):
    """Pass when the candidate's `metric` on the holdout is at most `value`."""

    kind: Literal["maximum"]
    metric: MetricName
    value: float


class BeatsBaselineGate(_Gate):
    """Pass when the candidate is better than a model that ignores the features, by more than `margin`."""

    kind: Literal["beats_baseline"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)


class NotWorseThanChampionGate(_Gate):
    """Pass when the candidate is at most `margin` worse than the champion on the same holdout."""

    kind: Literal["not_worse_than_champion"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)


class LeakAlarmGate(_Gate):
    """Pass when the candidate is not better than `above`: a score too good to be true is a leak until explained."""

    kind: Literal["leak_alarm"]
    metric: MetricName
    above: float


Gate = Annotated[
    MinimumGate | MaximumGate | BeatsBaselineGate | NotWorseThanChampionGate | LeakAlarmGate,
    Field(discriminator="kind"),
]
