"""Judge the gates that compare with the champion on the same rows."""

from __future__ import annotations

from include.config.decision import GateResult
from include.config.gates import NotWorseThanChampionGate
from include.ml.gates.results import Evidence, Judges, at_least, result, worse_by
from include.ml.metrics import improvement


def not_worse_than_champion(gate: NotWorseThanChampionGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric is not worse than the champion's by more than the margin."""
    value, side = evidence.challenger[gate.metric], at_least(gate.metric)
    if evidence.champion is None:
        margin = f" {'+' if side == '<=' else '-'} {gate.margin:.6g}" if gate.margin else ""
        return (result(gate, f"{side} champion{margin}", value, True, note=evidence.no_champion),)
    champion = evidence.champion[gate.metric]
    bound = worse_by(gate.metric, champion, gate.margin)
    passed = improvement(gate.metric, value, bound) >= 0
    return (result(gate, f"{side} {bound:.6g}", value, passed, reference=champion),)


JUDGES: Judges = {NotWorseThanChampionGate: not_worse_than_champion}
