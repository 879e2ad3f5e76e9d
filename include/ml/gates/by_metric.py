"""Judge the gates that look at one metric of the challenger alone."""

from __future__ import annotations

from include.config.gates import LeakAlarmGate, MaximumGate, MinimumGate
from include.domain.decision import GateResult
from include.ml.gates.results import Evidence, Judges, result
from include.ml.metrics import improvement, lower_is_better


def minimum(gate: MinimumGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric is at least the value."""
    value = evidence.challenger[gate.metric]
    return (result(gate, f">= {gate.value:.6g}", value, value >= gate.value),)


def maximum(gate: MaximumGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric is at most the value."""
    value = evidence.challenger[gate.metric]
    return (result(gate, f"<= {gate.value:.6g}", value, value <= gate.value),)


def leak_alarm(gate: LeakAlarmGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric is still believable."""
    value = evidence.challenger[gate.metric]
    passed = improvement(gate.metric, value, gate.believed) <= 0
    note = "" if passed else "too good to be true: look for a feature that is not known at prediction time"
    sign = ">=" if lower_is_better(gate.metric) else "<="
    return (result(gate, f"{sign} {gate.believed:.6g}", value, passed, note=note),)


JUDGES: Judges = {
    MinimumGate: minimum,
    MaximumGate: maximum,
    LeakAlarmGate: leak_alarm,
}
