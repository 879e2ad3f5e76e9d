"""Find the function that judges a gate of a kind, and say which gates are always in force."""

from __future__ import annotations

from collections.abc import Sequence

from include.config.decision import GateResult
from include.config.gates import (
    BeatsBaselineGate,
    BehaviourGate,
    BetterThanChampionGate,
    Gate,
    HoldoutGate,
    LabelsGate,
    MetricName,
)
from include.ml.gates import against_baseline, against_champion, by_data, by_group, by_metric, by_release, by_value
from include.ml.gates.results import Evidence, Judges, not_measured

JUDGES: Judges = {
    **by_metric.JUDGES,
    **against_baseline.JUDGES,
    **against_champion.JUDGES,
    **by_data.JUDGES,
    **by_group.JUDGES,
    **by_release.JUDGES,
    **by_value.JUDGES,
}


def gates_in_force(declared: Sequence[Gate], primary: MetricName) -> tuple[Gate, ...]:
    """Return the declared gates, and those of the primary metric that cannot be switched off, only declared otherwise.

    These are `holdout`, `beats_baseline` and `better_than_champion`.
    """
    always = (
        HoldoutGate(kind="holdout"),
        BeatsBaselineGate(kind="beats_baseline", metric=primary),
        BetterThanChampionGate(kind="better_than_champion", metric=primary),
    )
    own = {(gate.kind, getattr(gate, "metric", "")) for gate in declared}
    return (*declared, *(gate for gate in always if (gate.kind, getattr(gate, "metric", "")) not in own))


def judge_all(declared: Sequence[Gate], primary: MetricName, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how all gates in force are judged: besides those above, `labels` and `behaviour` wherever measured."""
    gates, measured = gates_in_force(declared, primary), evidence.measurements
    if measured.labels is not None and not any(isinstance(gate, LabelsGate) for gate in gates):
        gates = (*gates, LabelsGate(kind="labels"))
    if measured.behaviour and not any(isinstance(gate, BehaviourGate) for gate in gates):
        gates = (*gates, BehaviourGate(kind="behaviour"))
    return tuple(found for gate in gates for found in judge(gate, evidence))


def judge(gate: Gate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how `gate` is judged on `evidence`: one result for each bound it declares, at least one."""
    function = JUDGES.get(type(gate))
    return function(gate, evidence) if function else (not_measured(gate, "is measured", "no rule for this gate"),)
