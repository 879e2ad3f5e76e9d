"""Declare gates: what a candidate must prove. How each one is judged is in `include/ml/gates.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from include.config.closed import Closed

MetricName = Literal["roc_auc", "average_precision", "brier_score", "log_loss", "accuracy", "f1"]
LOWER_IS_BETTER: frozenset[str] = frozenset({"brier_score", "log_loss"})


class MinimumGate(Closed):
    """Pass when the candidate's metric on the holdout is at least a value.

    Attributes:
        kind: `minimum`.
        metric: The metric it looks at; one of which higher is better.
        value: The least that passes.
    """

    kind: Literal["minimum"]
    metric: MetricName
    value: float


class MaximumGate(Closed):
    """Pass when the candidate's metric on the holdout is at most a value.

    Attributes:
        kind: `maximum`.
        metric: The metric it looks at; one of which lower is better.
        value: The most that passes.
    """

    kind: Literal["maximum"]
    metric: MetricName
    value: float


class BeatsBaselineGate(Closed):
    """Pass when the candidate is better than a model that ignores the features.

    Attributes:
        kind: `beats_baseline`.
        metric: The metric it looks at.
        margin: By more than this it must be better.
    """

    kind: Literal["beats_baseline"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)


class NotWorseThanChampionGate(Closed):
    """Pass when the candidate is not worse than the champion on the same holdout.

    Attributes:
        kind: `not_worse_than_champion`.
        metric: The metric it looks at.
        margin: By at most this it may be worse.
    """

    kind: Literal["not_worse_than_champion"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)


class LeakAlarmGate(Closed):
    """Pass when the candidate is not too good to be true: such a score is a leak until explained.

    Attributes:
        kind: `leak_alarm`.
        metric: The metric it looks at.
        above: The best score that is believed.
    """

    kind: Literal["leak_alarm"]
    metric: MetricName
    above: float


Gate = Annotated[
    MinimumGate | MaximumGate | BeatsBaselineGate | NotWorseThanChampionGate | LeakAlarmGate,
    Field(discriminator="kind"),
]
