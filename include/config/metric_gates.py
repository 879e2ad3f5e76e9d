"""Declare the gates that look at one metric of the whole holdout."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from include.domain.base_model import Closed
from include.domain.validation_issue import Finding, FindingsError

MetricName = Literal["roc_auc", "average_precision", "brier_score", "log_loss", "accuracy", "f1"]
LOWER_IS_BETTER: frozenset[str] = frozenset({"brier_score", "log_loss"})
Confidence = Annotated[float, Field(ge=0.8, le=0.999)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300)]
# without a declared alarm, what is better than this is a leak until somebody has explained it
BELIEVED: dict[MetricName, float] = {
    "roc_auc": 0.995,
    "average_precision": 0.995,
    "accuracy": 0.995,
    "f1": 0.995,
    "brier_score": 0.005,
    "log_loss": 0.02,
}


class ReasonedGate(Closed):
    """Be a gate that may say why it is declared as it is.

    Attributes:
        because: Why the gate is declared as it is; the report prints it.
    """

    because: Reason = ""


class SwitchableGate(ReasonedGate):
    """Be a gate that is in force without being declared, and that a declaration can switch off.

    Attributes:
        off: Whether the gate is switched off; `because` must say why.
    """

    off: bool = False

    @model_validator(mode="after")
    def _off_says_why(self) -> SwitchableGate:
        if self.off and not self.because:
            hint = 'add because: "..." to the gate; every report prints it'
            raise FindingsError(
                [Finding(("because",), "a gate that is switched off needs a reason", "none", hint=hint)]
            )
        return self


class MinimumGate(ReasonedGate):
    """Pass when the candidate's metric on the holdout is at least a value.

    Attributes:
        kind: `minimum`.
        metric: The metric it looks at; one of which higher is better.
        value: The least that passes.
    """

    kind: Literal["minimum"]
    metric: MetricName
    value: float


class MaximumGate(ReasonedGate):
    """Pass when the candidate's metric on the holdout is at most a value.

    Attributes:
        kind: `maximum`.
        metric: The metric it looks at; one of which lower is better.
        value: The most that passes.
    """

    kind: Literal["maximum"]
    metric: MetricName
    value: float


class BeatsBaselineGate(ReasonedGate):
    """Pass when the candidate is proved better than the best answer that ignores the features; always in force.

    Attributes:
        kind: `beats_baseline`.
        metric: The metric it looks at.
        margin: By more than this it must be better on the holdout.
        confidence: How sure it must be that it is better at all: one-sided, of a bootstrap over days.
    """

    kind: Literal["beats_baseline"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95


class BetterThanChampionGate(ReasonedGate):
    """Pass when the candidate is proved better than the champion on the same rows; else HOLD. Always in force.

    Attributes:
        kind: `better_than_champion`.
        metric: The metric it looks at.
        margin: The least gain worth a change of champion: on the holdout it must be more than this.
        confidence: How sure it must be that there is a gain at all: one-sided, of a paired bootstrap over days.
    """

    kind: Literal["better_than_champion"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95


class NotWorseThanChampionGate(ReasonedGate):
    """Pass when the candidate is proved not worse than the champion by more than a margin, on the same rows.

    What is proved to be worse by more than the margin is rejected; what is only not proved is a HOLD.

    Attributes:
        kind: `not_worse_than_champion`.
        metric: The metric it looks at.
        margin: By at most this it may be worse.
        confidence: How sure: one-sided, of a paired bootstrap over days.
    """

    kind: Literal["not_worse_than_champion"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95


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
