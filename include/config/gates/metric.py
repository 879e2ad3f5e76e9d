"""Bound one metric of the challenger alone."""

from __future__ import annotations

from typing import Literal

from include.config.gates.base import (
    BaseGate,
    Evidence,
    SwitchableGate,
    result,
)
from include.domain.decision import GateResult
from include.domain.metrics import OF_ANSWERS, MetricName, improvement, lower_is_better

# without a declared alarm, what is better than this is a leak until somebody has explained it
BELIEVED: dict[MetricName, float] = {
    "roc_auc": 0.995,
    "average_precision": 0.995,
    **dict.fromkeys(sorted(OF_ANSWERS), 0.995),
    "brier_score": 0.005,
    "log_loss": 0.02,
}


class MinimumGate(BaseGate):
    """Pass when the candidate's metric on the holdout is at least a value.

    Attributes:
        kind: `minimum`.
        metric: The metric it looks at; one of which higher is better.
        value: The least that passes.
    """

    kind: Literal["minimum"]
    metric: MetricName
    value: float

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the metric is at least the value."""
        value = evidence.challenger[self.metric]
        return (result(self, f">= {self.value:.6g}", value, value >= self.value),)


class MaximumGate(BaseGate):
    """Pass when the candidate's metric on the holdout is at most a value.

    Attributes:
        kind: `maximum`.
        metric: The metric it looks at; one of which lower is better.
        value: The most that passes.
    """

    kind: Literal["maximum"]
    metric: MetricName
    value: float

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the metric is at most the value."""
        value = evidence.challenger[self.metric]
        return (result(self, f"<= {self.value:.6g}", value, value <= self.value),)


class LeakAlarmGate(SwitchableGate):
    """Pass when the candidate is not too good to be true: such a score is a leak until explained. In force by default.

    Attributes:
        kind: `leak_alarm`.
        metric: The metric it looks at.
        above: The best score that is believed; left out, 0.995, or 0.005 of brier_score and 0.02 of log_loss.
    """

    kind: Literal["leak_alarm"]
    metric: MetricName
    above: float | None = None

    @property
    def believed(self) -> float:
        """Return the best score that is believed."""
        return BELIEVED[self.metric] if self.above is None else self.above

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the metric is still believable."""
        value = evidence.challenger[self.metric]
        passed = improvement(self.metric, value, self.believed) <= 0
        note = "" if passed else "too good to be true: look for a feature that is not known at prediction time"
        sign = ">=" if lower_is_better(self.metric) else "<="
        return (result(self, f"{sign} {self.believed:.6g}", value, passed, note=note),)
