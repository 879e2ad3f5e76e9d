"""Judge the declared gates: one function a kind. A value that is not a number never passes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from include.config.decision import GateResult
from include.config.gates import (
    BeatsBaselineGate,
    Gate,
    LeakAlarmGate,
    MaximumGate,
    MetricName,
    MinimumGate,
    NotWorseThanChampionGate,
)
from include.ml.metrics import improvement, lower_is_better

NO_CHAMPION = "no champion as of this day"


@dataclass(frozen=True)
class Evidence:
    """Hold what was measured on one holdout, by metric.

    Attributes:
        challenger: The candidate under judgement.
        baseline: A model that ignores the features.
        champion: None when there is none, or it could not be scored.
        no_champion: Why `champion` is None.
    """

    challenger: Mapping[str, float]
    baseline: Mapping[str, float]
    champion: Mapping[str, float] | None = None
    no_champion: str = field(default=NO_CHAMPION)


def gates_in_force(declared: Sequence[Gate], primary: MetricName) -> tuple[Gate, ...]:
    """Return the declared gates, and `beats_baseline` of the primary metric, which cannot be switched off."""
    has_baseline = any(isinstance(gate, BeatsBaselineGate) and gate.metric == primary for gate in declared)
    extra = () if has_baseline else (BeatsBaselineGate(kind="beats_baseline", metric=primary),)
    return (*declared, *extra)


def judge(gate: Gate, evidence: Evidence) -> GateResult:
    """Return how `gate` is judged on `evidence`."""
    if isinstance(gate, MinimumGate):
        return _minimum(gate, evidence)
    if isinstance(gate, MaximumGate):
        return _maximum(gate, evidence)
    if isinstance(gate, BeatsBaselineGate):
        return _beats_baseline(gate, evidence)
    if isinstance(gate, NotWorseThanChampionGate):
        return _not_worse_than_champion(gate, evidence)
    return _leak_alarm(gate, evidence)


def _minimum(gate: MinimumGate, evidence: Evidence) -> GateResult:
    value = evidence.challenger[gate.metric]
    return _result(gate, f">= {gate.value:.6g}", value, value >= gate.value)


def _maximum(gate: MaximumGate, evidence: Evidence) -> GateResult:
    value = evidence.challenger[gate.metric]
    return _result(gate, f"<= {gate.value:.6g}", value, value <= gate.value)


def _beats_baseline(gate: BeatsBaselineGate, evidence: Evidence) -> GateResult:
    value, baseline = evidence.challenger[gate.metric], evidence.baseline[gate.metric]
    lower = lower_is_better(gate.metric)
    bound = baseline - gate.margin if lower else baseline + gate.margin
    passed = improvement(gate.metric, value, bound) > 0
    return _result(gate, f"{'<' if lower else '>'} {bound:.6g}", value, passed, reference=baseline)


def _not_worse_than_champion(gate: NotWorseThanChampionGate, evidence: Evidence) -> GateResult:
    value = evidence.challenger[gate.metric]
    lower = lower_is_better(gate.metric)
    side = "<=" if lower else ">="
    if evidence.champion is None:
        margin = f" {'+' if lower else '-'} {gate.margin:.6g}" if gate.margin else ""
        threshold = f"{side} champion{margin}"
        return _result(gate, threshold, value, not math.isnan(value), note=evidence.no_champion)
    champion = evidence.champion[gate.metric]
    bound = champion + gate.margin if lower else champion - gate.margin
    passed = improvement(gate.metric, value, bound) >= 0
    return _result(gate, f"{side} {bound:.6g}", value, passed, reference=champion)


def _leak_alarm(gate: LeakAlarmGate, evidence: Evidence) -> GateResult:
    value = evidence.challenger[gate.metric]
    passed = improvement(gate.metric, value, gate.above) <= 0
    note = "" if passed else "too good to be true: look for a feature that is not known at prediction time"
    return _result(gate, f"{'>=' if lower_is_better(gate.metric) else '<='} {gate.above:.6g}", value, passed, note=note)


def _result(
    gate: Gate, threshold: str, value: float, passed: bool, *, reference: float | None = None, note: str = ""
) -> GateResult:
    return GateResult(
        kind=gate.kind,
        metric=gate.metric,
        threshold=threshold,
        value=value,
        reference=reference,
        passed=bool(passed),
        note=note,
    )
