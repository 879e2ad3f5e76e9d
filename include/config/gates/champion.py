"""Compare with the champion on the same rows.

Both look at the gain and at its one-sided bounds (`include/ml/bootstrap.py`). What is proved to be worse is rejected;
what is only not proved, because chance may have made it or the holdout is too small to tell, is a HOLD.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from include.config.gates.base import (
    BaseGate,
    Confidence,
    Evidence,
    at_least,
    not_applicable,
    result,
    worse_by,
)
from include.domain.decision import GateResult
from include.domain.evidence import Difference
from include.domain.metrics import MetricName, improvement, lower_is_better

TOO_SMALL = "the holdout is too small to tell a gain from chance"


class BetterThanChampionGate(BaseGate):
    """Pass when the candidate is proved better than the champion on the same rows; else HOLD. Always in force.

    Attributes:
        kind: `better_than_champion`.
        metric: The metric it looks at.
        margin: The least gain worth a change of champion: on the holdout it must be more than this.
        confidence: How sure it must be that there is a gain at all: one-sided, of a paired bootstrap over days.
    """

    kind: Literal["better_than_champion"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the metric gains more than the margin, and so clearly that chance hardly made it."""
        value, sign = evidence.challenger[self.metric], "<" if lower_is_better(self.metric) else ">"
        if evidence.champion is None:
            threshold = f"{sign} champion{_by(self.metric, -self.margin)}"
            return (not_applicable(self, threshold, evidence.no_champion, value, on_failure="hold"),)
        champion, found = evidence.champion[self.metric], _difference(self, evidence)
        enough = improvement(self.metric, value, champion) > self.margin
        proved = found is not None and found.lower > 0
        demanded = f"{sign} {worse_by(self.metric, champion, -self.margin):.6g}"
        surely = f"{sign} {champion:.6g} " if self.margin else ""
        return (
            result(
                self,
                f"{demanded}{', ' if surely else ' '}{surely}with {_percent(self.confidence)} confidence",
                value,
                enough and proved,
                reference=champion,
                on_failure="hold",
                note=_no_gain(self, evidence, value, champion) or _no_proof(self, evidence) or _gain(self, evidence),
            ),
        )


class NotWorseThanChampionGate(BaseGate):
    """Pass when the candidate is proved not worse than the champion by more than a margin, on the same rows.

    What is proved to be worse by more than the margin is rejected; what is only not proved is a HOLD.

    Attributes:
        kind: `not_worse_than_champion`.
        metric: The metric it looks at.
        margin: By at most this it may be worse.
        confidence: How sure: one-sided, of a paired bootstrap over days.
    """

    kind: Literal["not_worse_than_champion"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the metric is proved not worse than the champion's by more than the margin."""
        value, sign = evidence.challenger[self.metric], at_least(self.metric)
        if evidence.champion is None:
            threshold = f"{sign} champion{_by(self.metric, self.margin)}"
            return (not_applicable(self, threshold, evidence.no_champion, value, on_failure="hold"),)
        champion = evidence.champion[self.metric]
        no_number = math.isnan(improvement(self.metric, value, champion))
        found = None if no_number else _difference(self, evidence)
        passed = found is not None and found.lower >= -self.margin
        worse = found is not None and found.upper < -self.margin
        return (
            result(
                self,
                f"{sign} {worse_by(self.metric, champion, self.margin):.6g} with {_percent(self.confidence)} "
                "confidence",
                value,
                passed,
                reference=champion,
                on_failure="reject" if worse else "hold",
                note=_gain(self, evidence) if passed else _worse(self, evidence) if worse else _unsure(self, evidence),
            ),
        )


_Comparison = BetterThanChampionGate | NotWorseThanChampionGate


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
