"""Judge the gates that compare with the champion on the same rows.

Both look at the gain and at its one-sided bounds (`include/ml/bootstrap.py`). What is proved to be worse is rejected;
what is only not proved, because chance may have made it or the holdout is too small to tell, is a HOLD.
"""

from __future__ import annotations

import math

from include.config.gates import BetterThanChampionGate, NotWorseThanChampionGate
from include.domain.decision import GateResult
from include.domain.evidence import Difference
from include.ml.gates.results import Evidence, Judges, at_least, not_applicable, result, worse_by
from include.ml.metrics import improvement, lower_is_better

TOO_SMALL = "the holdout is too small to tell a gain from chance"
_Comparison = BetterThanChampionGate | NotWorseThanChampionGate


def better_than_champion(gate: BetterThanChampionGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric gains more than the margin, and so clearly that chance is unlikely to have made it."""
    value, sign = evidence.challenger[gate.metric], "<" if lower_is_better(gate.metric) else ">"
    if evidence.champion is None:
        threshold = f"{sign} champion{_by(gate.metric, -gate.margin)}"
        return (not_applicable(gate, threshold, evidence.no_champion, value, on_failure="hold"),)
    champion, found = evidence.champion[gate.metric], _difference(gate, evidence)
    enough = improvement(gate.metric, value, champion) > gate.margin
    proved = found is not None and found.lower > 0
    demanded = f"{sign} {worse_by(gate.metric, champion, -gate.margin):.6g}"
    surely = f"{sign} {champion:.6g} " if gate.margin else ""
    return (
        result(
            gate,
            f"{demanded}{', ' if surely else ' '}{surely}with {_percent(gate.confidence)} confidence",
            value,
            enough and proved,
            reference=champion,
            on_failure="hold",
            note=_no_gain(gate, evidence, value, champion) or _no_proof(gate, evidence) or _gain(gate, evidence),
        ),
    )


def not_worse_than_champion(gate: NotWorseThanChampionGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric is proved not worse than the champion's by more than the margin."""
    value, sign = evidence.challenger[gate.metric], at_least(gate.metric)
    if evidence.champion is None:
        threshold = f"{sign} champion{_by(gate.metric, gate.margin)}"
        return (not_applicable(gate, threshold, evidence.no_champion, value, on_failure="hold"),)
    champion = evidence.champion[gate.metric]
    no_number = math.isnan(improvement(gate.metric, value, champion))
    found = None if no_number else _difference(gate, evidence)
    passed = found is not None and found.lower >= -gate.margin
    worse = found is not None and found.upper < -gate.margin
    return (
        result(
            gate,
            f"{sign} {worse_by(gate.metric, champion, gate.margin):.6g} with {_percent(gate.confidence)} confidence",
            value,
            passed,
            reference=champion,
            on_failure="reject" if worse else "hold",
            note=_gain(gate, evidence) if passed else _worse(gate, evidence) if worse else _unsure(gate, evidence),
        ),
    )


def _difference(gate: _Comparison, evidence: Evidence) -> Difference | None:
    return evidence.measurements.difference(gate.metric, gate.confidence)


def _no_gain(gate: BetterThanChampionGate, evidence: Evidence, value: float, champion: float) -> str:
    """Return that there is no gain worth a change; empty when there is one, proved or not."""
    gain = improvement(gate.metric, value, champion)
    # written so that a gain that is not a number is no gain
    if gain > gate.margin:
        return ""
    if gain == 0:
        return f"a tie with {_rival(evidence)}: {gate.metric} {value:.6g}"
    needed = f" by more than {gate.margin:.6g}" if gate.margin else ""
    found = _difference(gate, evidence)
    most = (
        f" (the gain is {found.value:.4g}, and with {found.confidence:.4g} confidence at most {found.upper:.4g}; "
        f"{found.method})"
        if found
        else ""
    )
    return f"not better than {_rival(evidence)}{needed}: {gate.metric} {value:.6g} against {champion:.6g}{most}"


def _no_proof(gate: BetterThanChampionGate, evidence: Evidence) -> str:
    """Return why chance may have made the gain; empty when that is unlikely enough."""
    found = _difference(gate, evidence)
    better = f"better than {_rival(evidence)}, but not proved"
    if found is None:
        return f"{better}: {TOO_SMALL}"
    return "" if found.lower > 0 else f"{better}: {_may_be(found)}"


def _worse(gate: NotWorseThanChampionGate, evidence: Evidence) -> str:
    found = _difference(gate, evidence)
    assert found is not None, "nothing is proved without a difference"
    margin = f" by more than {gate.margin:.6g}" if gate.margin else ""
    return (
        f"proved worse than {_rival(evidence)}{margin}: the gain is {found.value:.4g}, and with "
        f"{found.confidence:.4g} confidence at most {found.upper:.4g}; {found.method}"
    )


def _unsure(gate: NotWorseThanChampionGate, evidence: Evidence) -> str:
    margin = f" by more than {gate.margin:.6g}" if gate.margin else ""
    found = _difference(gate, evidence)
    return f"not proved not worse than {_rival(evidence)}{margin}: {_may_be(found) if found else TOO_SMALL}"


def _gain(gate: _Comparison, evidence: Evidence) -> str:
    found = _difference(gate, evidence)
    if found is None:
        return TOO_SMALL
    return (
        f"the gain over {_rival(evidence)} is {found.value:.4g}, and with {found.confidence:.4g} confidence at least "
        f"{found.lower:.4g}; {found.method}"
    )


def _may_be(found: Difference) -> str:
    return (
        f"{found.metric} gains {found.value:.4g}, and with {found.confidence:.4g} confidence that may be "
        f"{found.lower:.4g} ({found.method})"
    )


def _rival(evidence: Evidence) -> str:
    return f"champion {evidence.champion_version}" if evidence.champion_version else "the champion"


def _by(metric: str, margin: float) -> str:
    """Return " - 0.01" for what is worse by the margin than a champion that is not there, whatever the direction."""
    if not margin:
        return ""
    return f" {'-' if worse_by(metric, 0.0, margin) < 0 else '+'} {abs(margin):.6g}"


def _percent(confidence: float) -> str:
    return f"{100 * confidence:.4g} %"


JUDGES: Judges = {
    BetterThanChampionGate: better_than_champion,
    NotWorseThanChampionGate: not_worse_than_champion,
}
