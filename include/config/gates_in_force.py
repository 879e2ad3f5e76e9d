"""Judge the gates in force in a project: those it declares, and of every other family one with bounds that fit.

Nothing has to be asked for. A declaration changes a bound, or switches a gate off and says why. Families that have
nothing to look at in a project (no groups, no protected columns, no values of outcomes, no tests of behaviour) are in
force wherever there is something.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from include.config.gates import (
    BeatsBaselineGate,
    BehaviourGate,
    BetterThanChampionGate,
    CalibrationGate,
    Evidence,
    FairnessGate,
    Gate,
    HoldoutGate,
    LabelsGate,
    LatencyGate,
    LeakageGate,
    LeakAlarmGate,
    MemoryGate,
    ServesGate,
    SizeGate,
    SliceGate,
    StabilityGate,
    ValueGate,
)
from include.config.gates.base import off, told_why, unjudged
from include.config.project_code import has_behaviour
from include.domain.decision import GateResult
from include.domain.metrics import MetricName

if TYPE_CHECKING:
    from include.config.project import Project

# where groups differ in truth, so do the answers of a model that is right; half of all is more than that explains
MAX_UNLIKE = 0.5


def gates_in_force(project: Project) -> tuple[Gate, ...]:
    """Return the gates that a candidate is judged by: the declared ones, then those that need no declaration."""
    declared = [gate for gate in project.gates if not is_off(gate)]
    return (*declared, *undeclared(project))


def undeclared(project: Project) -> tuple[Gate, ...]:
    """Return the gates that are in force though the project doesn't name them."""
    named = {_looks_at(gate) for gate in project.gates}
    alone = (gate for gate in _of_every_project(project.metrics.primary) if _looks_at(gate) not in named)
    return (*alone, *_of_groups(project), *_where_there_is_something(project, {gate.kind for gate in project.gates}))


def is_off(gate: Gate) -> bool:
    """Tell whether a declaration switches its gate off."""
    return bool(getattr(gate, "off", False))


def _looks_at(gate: Gate) -> tuple[str, str]:
    return gate.kind, getattr(gate, "metric", "")


def _of_every_project(primary: MetricName) -> Iterator[Gate]:
    yield HoldoutGate(kind="holdout")
    yield BeatsBaselineGate(kind="beats_baseline", metric=primary)
    yield BetterThanChampionGate(kind="better_than_champion", metric=primary)
    yield LeakAlarmGate(kind="leak_alarm", metric=primary)
    yield LeakageGate(kind="leakage")
    yield LabelsGate(kind="labels")
    yield CalibrationGate(kind="calibration")
    yield StabilityGate(kind="stability")
    yield ServesGate(kind="serves")
    yield LatencyGate(kind="latency")
    yield MemoryGate(kind="memory")
    yield SizeGate(kind="size")


def _of_groups(project: Project) -> Iterator[Gate]:
    """Yield a gate of the groups that no declared gate looks at."""
    primary = project.metrics.primary
    slices = [gate.by for gate in project.gates if isinstance(gate, SliceGate) and gate.metric == primary]
    left = _left((*project.protected, *project.slices), slices)
    if left:
        yield SliceGate(kind="slice", metric=primary, by=left if slices else ())
    fairness = [gate.by for gate in project.gates if isinstance(gate, FairnessGate)]
    for column in _left(project.protected, fairness):
        yield FairnessGate(
            kind="fairness",
            by=(column,),
            max_demographic_parity_difference=MAX_UNLIKE,
            max_equalized_odds_difference=MAX_UNLIKE,
        )


def _left(columns: Sequence[str], declared: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the columns that none of the gates looks at; one that names none looks at all."""
    if () in declared:
        return ()
    return tuple(name for name in columns if not any(name in by for by in declared))


def _where_there_is_something(project: Project, kinds: set[str]) -> Iterator[Gate]:
    # a threshold that is chosen otherwise is not meant to earn the most
    if project.value is not None and project.threshold.objective == "value" and "value" not in kinds:
        yield ValueGate(kind="value")
    if "behaviour" not in kinds and has_behaviour(project):
        yield BehaviourGate(kind="behaviour")


def judge_all(project: Project, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how all gates in force are judged, and which ones the project switches off."""
    declared = (told_why(found) for gate in project.gates if not is_off(gate) for found in gate.judge(evidence))
    others = (found for gate in undeclared(project) for found in judge_undeclared(gate, evidence))
    return (*declared, *others, *(told_why(off(gate)) for gate in project.gates if is_off(gate)))


def judge_undeclared(gate: Gate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Return how a gate is judged that nobody asked for: where groups are too small to judge, it is not applicable.

    A declared one stays closed there: whoever declares it says that they are large enough.
    """
    found, too_small = gate.judge(evidence), gate.too_small(evidence)
    if not too_small:
        return found
    return tuple(unjudged(each, too_small) if each.value is None else each for each in found)
