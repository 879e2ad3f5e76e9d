"""Say what is declared about measuring beside the metrics, apart from what is demanded of the numbers.

Numbers that were measured by the same declaration can be judged again, though the bounds have changed since.
"""

from __future__ import annotations

from include.config.evidence import Measurements
from include.config.gates import (
    BeatsBaselineGate,
    BetterThanChampionGate,
    CalibrationGate,
    FairnessGate,
    NotWorseThanChampionGate,
    SliceGate,
    ValueGate,
)
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.stages.candidates import fingerprint_of

# of a gate, what it demands of the numbers, and not how they are measured
BOUNDS = frozenset(
    {
        "because",
        "margin",
        "max_demographic_parity_difference",
        "max_ece",
        "max_equalized_odds_difference",
        "max_loss",
        "min_gain",
    }
)
_BESIDE = (SliceGate, FairnessGate, CalibrationGate, ValueGate)
_COMPARED = (BeatsBaselineGate, BetterThanChampionGate, NotWorseThanChampionGate)


def measured_by(project: Project) -> str:
    """Return a hash of what is declared about measuring models beside their metrics.

    It covers what can be measured again on the rows of a decision; what the release and the nights before said cannot.
    """
    gates = [
        gate.model_dump(mode="json", exclude=set(BOUNDS))
        for gate in gates_in_force(project)
        if isinstance(gate, (*_BESIDE, *_COMPARED))
    ]
    return fingerprint_of(
        {
            "gates": sorted(gates, key=repr),
            "groups": project.relevant("protected", "slices") if _declares(project, SliceGate, FairnessGate) else None,
            "value": project.relevant("value") if _declares(project, ValueGate) else None,
            "target": project.target.name,
            "seed": project.seed,
        }
    )


def looks_beside(project: Project) -> bool:
    """Tell whether a gate looks at what is measured of the challenger beside its metrics, champion or none."""
    return _declares(project, *_BESIDE)


def proves_alone(project: Project, measured: Measurements) -> bool:
    """Tell whether the measurements hold what is asked of every challenger, champion or none.

    Decisions of before it was asked do not.
    """
    asked = [gate for gate in gates_in_force(project) if isinstance(gate, BeatsBaselineGate)]
    return measured.holdout is not None and all(measured.baseline_gain(gate.metric, gate.confidence) for gate in asked)


def _declares(project: Project, *kinds: type) -> bool:
    return any(isinstance(gate, kinds) for gate in gates_in_force(project))
