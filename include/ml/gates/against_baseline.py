"""Judge whether the challenger is proved better than the best answer that looks at no feature, and on enough rows.

Both are asked of every model, the first one above all: it has no champion to be compared with. Three things must hold:
the metric is better by more than the margin, the lower bound of the gain is above zero, and labels that are dealt out
at random hardly ever make the same scores as good (`include/ml/baseline.py`).
"""

from __future__ import annotations

from include.config.gates import BeatsBaselineGate, HoldoutGate
from include.domain.decision import GateResult
from include.domain.evidence import BaselineGain
from include.ml.gates.results import Evidence, Judges, not_measured, result, worse_by
from include.ml.metrics import improvement, lower_is_better

# of labels dealt out at random; stricter than one in twenty, as a first model is asked for night after night until one
# passes, and chance needs to win only once
MAX_SHUFFLED = 0.01
TOO_SMALL = "the holdout is too small to tell a gain over the best trivial answer from chance"


def beats_baseline(gate: BeatsBaselineGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the metric is better than the best trivial answer's, and surely better at all."""
    value, found = evidence.challenger[gate.metric], evidence.measurements.baseline_gain(gate.metric, gate.confidence)
    baseline = found.baseline if found else evidence.baseline[gate.metric]
    bound = worse_by(gate.metric, baseline, -gate.margin)
    passed = found is not None and improvement(gate.metric, value, bound) > 0 and not _doubt(found)
    sign = "<" if lower_is_better(gate.metric) else ">"
    surely = f", {sign} {baseline:.6g}" if gate.margin else ""
    threshold = f"{sign} {bound:.6g}{surely} with {_percent(gate.confidence)} confidence"
    return (result(gate, threshold, value, passed, reference=baseline, note=_said(gate, found)),)


def large_enough(gate: HoldoutGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the holdout has enough rows, and enough of either class."""
    held = evidence.measurements.holdout
    bounds = (
        ("rows", gate.min_rows, held.rows if held else None),
        ("positives", gate.min_positives, held.positives if held else None),
        ("negatives", gate.min_negatives, held.rows - held.positives if held else None),
    )
    return tuple(
        not_measured(gate, f">= {least}", "the holdout was not counted", (f"holdout_{name}", ""))
        if count is None
        else result(
            gate,
            f">= {least}",
            float(count),
            count >= least,
            quantity=(f"holdout_{name}", ""),
            note="" if count >= least else f"{count} {name} in the holdout prove nothing: lengthen window.holdout_days",
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


JUDGES: Judges = {BeatsBaselineGate: beats_baseline, HoldoutGate: large_enough}
