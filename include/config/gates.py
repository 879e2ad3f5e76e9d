"""Declare gates: what a candidate must prove. How each one is judged is in `include/ml/gates`.

A gate is hard: a candidate that fails it is rejected. The comparisons with the champion are the exception: what is only
not proved is a HOLD, and what is proved to be worse a REJECT.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from include.config.group_gates import (
    CalibrationGate,
    FairnessGate,
    SliceGate,
    ValueGate,
)
from include.config.metric_gates import (
    LOWER_IS_BETTER,
    BeatsBaselineGate,
    BetterThanChampionGate,
    LeakAlarmGate,
    MaximumGate,
    MetricName,
    MinimumGate,
    NotWorseThanChampionGate,
)
from include.config.model_gates import (
    BehaviourGate,
    HoldoutGate,
    LabelsGate,
    LatencyGate,
    LeakageGate,
    MemoryGate,
    ServesGate,
    SizeGate,
    StabilityGate,
)

__all__ = [
    "LOWER_IS_BETTER",
    "BeatsBaselineGate",
    "BehaviourGate",
    "BetterThanChampionGate",
    "CalibrationGate",
    "FairnessGate",
    "Gate",
    "HoldoutGate",
    "LabelsGate",
    "LatencyGate",
    "LeakAlarmGate",
    "LeakageGate",
    "MaximumGate",
    "MemoryGate",
    "MetricGate",
    "MetricName",
    "MinimumGate",
    "NotWorseThanChampionGate",
    "ServesGate",
    "SizeGate",
    "SliceGate",
    "StabilityGate",
    "ValueGate",
    "gate_metrics",
]

# those with a metric of their own
MetricGate = (
    MinimumGate
    | MaximumGate
    | BeatsBaselineGate
    | BetterThanChampionGate
    | NotWorseThanChampionGate
    | LeakAlarmGate
    | SliceGate
)
Gate = Annotated[
    MetricGate
    | HoldoutGate
    | LeakageGate
    | LabelsGate
    | FairnessGate
    | CalibrationGate
    | ValueGate
    | LatencyGate
    | MemoryGate
    | SizeGate
    | ServesGate
    | StabilityGate
    | BehaviourGate,
    Field(discriminator="kind"),
]


def gate_metrics(gates: Iterable[Gate]) -> list[MetricName]:
    """Return the metrics that gates look at, in their order, each once."""
    return list(dict.fromkeys(gate.metric for gate in gates if isinstance(gate, MetricGate)))
