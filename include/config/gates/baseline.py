"""Prove a challenger better than the best answer that looks at no feature, on a holdout that is large enough.

Both are asked of every model, the first one above all: it has no champion to be compared with. Three things must hold:
the metric is better by more than the margin, the lower bound of the gain is above zero, and labels that are dealt out
at random hardly ever make the same scores as good (`include/ml/baseline.py`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from include.config.gates.base import (
    BaseGate,
    Confidence,
    Evidence,
    not_measured,
    result,
    worse_by,
)
from include.domain.decision import GateResult
from include.domain.evidence import BaselineGain
from include.domain.metrics import MetricName, improvement, lower_is_better

# of labels dealt out at random; stricter than one in twenty, as a first model is asked for night after night until one
# passes, and chance needs to win only once
MAX_SHUFFLED = 0.01
TOO_SMALL = "the holdout is too small to tell a gain over the best trivial answer from chance"


class BeatsBaselineGate(BaseGate):
    """Pass when the candidate is proved better than the best answer that ignores the features; always in force.

    Attributes:
        kind: `beats_baseline`.
        metric: The metric it looks at.
        margin: By more than this it must be better on the holdout.
        confidence: How sure it must be that it is better at all: one-sided, of a bootstrap over days.
    """

    kind: Literal["beats_baseline"]
    metric: MetricName
    margin: float = Field(default=0.0, ge=0)
    confidence: Confidence = 0.95

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the metric is better than the best trivial answer's, and surely better at all."""
        value, found = (
            evidence.challenger[self.metric],
            evidence.measurements.baseline_gain(self.metric, self.confidence),
        )
        baseline = found.baseline if found else evidence.baseline[self.metric]
        bound = worse_by(self.metric, baseline, -self.margin)
        passed = found is not None and improvement(self.metric, value, bound) > 0 and not _doubt(found)
        sign = "<" if lower_is_better(self.metric) else ">"
        surely = f", {sign} {baseline:.6g}" if self.margin else ""
        threshold = f"{sign} {bound:.6g}{surely} with {_percent(self.confidence)} confidence"
        return (result(self, threshold, value, passed, reference=baseline, note=_said(self, found)),)


class HoldoutGate(BaseGate):
    """Pass when the holdout is large enough to prove anything; always in force.

    Attributes:
        kind: `holdout`.
        min_rows: The fewest labelled rows.
        min_positives: The fewest of them that are positive.
        min_negatives: And the fewest that are not.
    """

    kind: Literal["holdout"]
    min_rows: int = Field(default=50, ge=2)
    min_positives: int = Field(default=10, ge=1)
    min_negatives: int = Field(default=10, ge=1)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the holdout has enough rows, and enough of either class."""
        held = evidence.measurements.holdout
        bounds = (
            ("rows", self.min_rows, held.rows if held else None),
            ("positives", self.min_positives, held.positives if held else None),
            ("negatives", self.min_negatives, held.rows - held.positives if held else None),
        )
        return tuple(
            not_measured(self, f">= {least}", "the holdout was not counted", (f"holdout_{name}", ""))
            if count is None
            else result(
                self,
                f">= {least}",
                float(count),
                count >= least,
                quantity=(f"holdout_{name}", ""),
                note=""
                if count >= least
                else f"{count} {name} in the holdout prove nothing: lengthen window.holdout_days",
            )
            for name, least, count in bounds
        )


def _said(gate: BeatsBaselineGate, found: BaselineGain | None) -> str:
    """Return in a whole sentence what is proved, or why it is not."""
    if found is None:
        return TOO_SMALL
    trivial, gain = f"the best trivial answer ({found.answer})", f"{found.value:.4g}"
    # written so that a gain that is not a number is no gain
    if not found.value > 0:
        return f"not better than {trivial}: the gain is {gain}"
    doubt = _doubt(found)
    if doubt:
        return f"better than {trivial} by {gain}, but not proved: {doubt}"
    if not found.value > gate.margin:
        return f"better than {trivial} by {gain}, and more than {gate.margin:.6g} is demanded"
    # where every draw gives the same gain, its interval has no width, and the shuffled labels alone are the proof
    least = f", surely by at least {found.lower:.4g}" if found.standard_error > 0 else ""
    return f"better than {trivial} by {gain}{least} ({found.method}; {_shuffled(found)})"


def _doubt(found: BaselineGain) -> str:
    """Return why chance may have made the gain; empty when that is unlikely enough."""
    doubts = []
    if not found.lower > 0:
        doubts.append(
            f"with {_percent(found.confidence)} confidence the gain may be {found.lower:.4g} ({found.method})"
        )
    if not found.shuffled_p_value <= MAX_SHUFFLED:
        doubts.append(f"{_shuffled(found)}, and at most {_percent(MAX_SHUFFLED)} of all may be")
    return "; ".join(doubts)


def _shuffled(found: BaselineGain) -> str:
    within = " within each day" if found.within_days else ""
    # the p-value counts the holdout itself as one try more
    as_good = round(found.shuffled_p_value * (found.shuffles + 1)) - 1
    return f"labels shuffled{within} are as good in {as_good} of {found.shuffles} tries"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
