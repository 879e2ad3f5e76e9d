"""Declare and judge gates: what a candidate must prove, one module a family.

A gate is hard: a candidate that fails it is rejected. The comparisons with the champion are the exception: what is only
not proved is a HOLD, and what is proved to be worse a REJECT. Each gate judges itself from numbers (`judge`), and
touches neither rows nor models. A new gate is a class in its family's module, a name in the union below and, where it
needs no declaration, a line in `gates_in_force`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from include.config.gates.base import NO_CHAMPION, Evidence
from include.config.gates.baseline import BeatsBaselineGate, HoldoutGate
from include.config.gates.champion import BetterThanChampionGate, NotWorseThanChampionGate
from include.config.gates.data import LabelsGate, LeakageGate
from include.config.gates.groups import CalibrationGate, FairnessGate, SliceGate, StabilityGate
from include.config.gates.metric import LeakAlarmGate, MaximumGate, MinimumGate
from include.config.gates.release import BehaviourGate, LatencyGate, MemoryGate, ServesGate, SizeGate
from include.config.gates.value import ValueGate
from include.domain.metrics import MetricName

__all__ = [
    "NO_CHAMPION",
    "BeatsBaselineGate",
    "BehaviourGate",
    "BetterThanChampionGate",
    "CalibrationGate",
    "Evidence",
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
