"""Find the function that judges a gate of a kind, and judge all gates in force."""

from __future__ import annotations

from include.config.gates import Gate
from include.config.gates_in_force import is_off, undeclared
from include.config.project import Project
from include.domain.decision import GateResult
from include.ml.gates import against_baseline, against_champion, by_data, by_group, by_metric, by_release, by_value
from include.ml.gates.results import Evidence, Judges, not_measured, off, told_why, unjudged

JUDGES: Judges = {
    **by_metric.JUDGES,
    **against_baseline.JUDGES,
    **against_champion.JUDGES,
    **by_data.JUDGES,
    **by_group.JUDGES,
    **by_release.JUDGES,
    **by_value.JUDGES,
}


def judge_all(project: Project, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how all gates in force are judged, and which ones the project switches off."""
    declared = (told_why(found) for gate in project.gates if not is_off(gate) for found in judge(gate, evidence))
    others = (found for gate in undeclared(project) for found in judge_undeclared(gate, evidence))
    return (*declared, *others, *(told_why(off(gate)) for gate in project.gates if is_off(gate)))


def judge_undeclared(gate: Gate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how a gate is judged that nobody asked for: where groups are too small to judge, it is not applicable.

    A declared one stays closed there: whoever declares it says that they are large enough.
    """
    found, too_small = judge(gate, evidence), by_group.too_small(gate, evidence)
    if not too_small:
        return found
    return tuple(unjudged(each, too_small) if each.value is None else each for each in found)


def judge(gate: Gate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how `gate` is judged on `evidence`: one result for each bound it declares, at least one."""
    function = JUDGES.get(type(gate))
    return function(gate, evidence) if function else (not_measured(gate, "is measured", "no rule for this gate"),)
