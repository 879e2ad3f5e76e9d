"""Find the function that judges a gate of a kind, and say which gates are always in force."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.decision import GateResult
from include.config.gates import BeatsBaselineGate, Gate, MetricName
from include.ml.gates import against_champion, by_data, by_group, by_metric
from include.ml.gates.results import Evidence, Judges, not_measured

JUDGES: Judges = {
    **by_metric.JUDGES,
    **against_champion.JUDGES,
    **by_data.JUDGES,
    **by_group.JUDGES,
}


def gates_in_force(declared: Sequence[Gate], primary: MetricName) -> tuple[Gate, ...]:
    """Return the declared gates, and `beats_baseline` of the primary metric, which cannot be switched off."""
    has_baseline = any(isinstance(gate, BeatsBaselineGate) and gate.metric == primary for gate in declared)
    extra = () if has_baseline else (BeatsBaselineGate(kind="beats_baseline", metric=primary),)
    return (*declared, *extra)


def judge(gate: Gate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how `gate` is judged on `evidence`: one result for each bound it declares, at least one."""
    function = JUDGES.get(type(gate))
    return function(gate, evidence) if function else (not_measured(gate, "is measured", "no rule for this gate"),)
