"""Judge the gates that look at groups of rows, at scores as probabilities, and at moved scores.

A group is proved worse by a one-sided test of "its gain is not below minus the margin", with Student's t and the
standard error of the paired bootstrap. Many groups are many tests, and some fail by chance alone: Holm's correction
bounds the chance that any honest group fails, whatever the groups have in common (S. Holm, A Simple Sequentially
Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from scipy.stats import t as student_t

from include.config.gates import CalibrationGate, FairnessGate, Gate, SliceGate, StabilityGate
from include.domain.decision import GateResult
from include.domain.evidence import Fairness, Group, GroupRates
from include.ml.calibration import error_by_chance
from include.ml.gates.results import Evidence, Judges, at_least, not_applicable, not_measured, result
from include.ml.metrics import lower_is_better

_SHOWN = 3
# where no bound is declared: honest models have up to 0.21 where the share of positives moves with the season
MAX_ECE = 0.25
# where no bound is declared: honest nights had up to 1.4, a season apart, a tree of two leaves 4.3, constants 7 to 9
MAX_PSI = 5.0
NO_CLASS = "a judged group has no positives or no negatives"


def no_worse_slice(gate: SliceGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether no group is proved worse than with the champion by more than the margin.

    The value is what the gain of the worst group is at best: the upper end of its interval at the confidence that
    Holm's correction asks of the first of all groups. It lies below minus the margin exactly when one is proved worse.
    """
    if evidence.champion is None:
        margin = f" {'+' if lower_is_better(gate.metric) else '-'} {gate.margin:.6g}" if gate.margin else ""
        threshold = f"{at_least(gate.metric)} champion{margin} in each group"
        return (not_applicable(gate, threshold, evidence.no_champion),)
    threshold = f">= {-gate.margin:.6g}" if gate.margin else ">= 0"
    quantity = (f"{gate.metric} gain at best, worst group", "")
    groups = _looked_at(gate, evidence)
    judged = _judged(groups)
    unseen = [column for column in gate.by if column not in {group.column for group in groups}]
    if unseen or not judged:
        why = f"not measured by {', '.join(unseen)}" if unseen else _no_group(gate)
        return (not_measured(gate, threshold, why, quantity),)
    ranked = sorted(((_chance_of_no_harm(group, gate.margin), group) for group in judged), key=lambda pair: pair[0])
    worse = proved([chance for chance, _ in ranked], gate.confidence)
    worst = ranked[0][1]
    best_case = _at_best(worst, 1 - (1 - gate.confidence) / len(judged))
    note = _those_worse([group for (_, group), is_worse in zip(ranked, worse, strict=True) if is_worse])
    shown = f"{len(judged)} groups judged, {len(groups) - len(judged)} only shown; {_compared(worst)}"
    return (result(gate, threshold, best_case, not any(worse), quantity=quantity, note=note or shown),)


def proved(chances: Sequence[float], confidence: float) -> list[bool]:
    """Return which p-values prove something when they are looked at together, by Holm's correction.

    From the smallest on, each is held against its share of what is left, until one fails. (statsmodels' `multipletests`
    gives the same, and collects the garbage of the whole process each time: 60 ms for each night of a history.)

    Args:
        chances: One p-value a test, at least one.
        confidence: That not a single one is called proved by chance.
    """
    found = [False] * len(chances)
    for rank, index in enumerate(np.argsort(chances, kind="stable")):
        if chances[index] > (1 - confidence) / (len(chances) - rank):
            break
        found[index] = True
    return found


def fair(gate: FairnessGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge each bound on each protected column: how far apart the answers to groups of people may be."""
    measured = {each.column: each for each in evidence.measurements.fairness}
    columns = gate.by or tuple(measured)
    if not columns:
        return (not_measured(gate, "is measured", "no protected column was measured"),)
    bounds = (
        ("demographic parity difference", gate.max_demographic_parity_difference, _parity),
        ("equalized odds difference", gate.max_equalized_odds_difference, _odds),
    )
    return tuple(
        _within(gate, (f"{name}, {column}", bound), measured.get(column), look)
        for column in columns
        for name, bound, look in bounds
        if bound is not None
    )


def too_small(gate: Gate, evidence: Evidence) -> str:
    """Return why the groups that a gate looks at cannot be judged, though they were measured; empty when they can."""
    if isinstance(gate, SliceGate):
        groups = _looked_at(gate, evidence)
        return "" if not groups or _judged(groups) else _no_group(gate)
    if isinstance(gate, FairnessGate):
        measured = [each for each in evidence.measurements.fairness if each.column in gate.by]
        unequal = [each for each in measured if sum(group.judged for group in each.groups) < 2]
        lacking = [each for each in measured if each.equalized_odds_difference is None]
        return _few_groups(gate) if unequal else NO_CLASS if lacking else ""
    return ""


def calibrated(gate: CalibrationGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the expected calibration error is small enough; the champion's is shown beside it.

    Of few rows even right scores have an error. A bound that is declared is taken at its word; without one, what
    chance gives is allowed for.
    """
    quantity, found = ("ece", ""), evidence.measurements.calibration
    ours, theirs = found.get("challenger"), found.get("champion")
    if ours is None:
        usual = gate.max_ece or MAX_ECE
        return (not_measured(gate, f"<= {usual:.6g}", "the calibration was not measured", quantity),)
    notes, bound = [], gate.max_ece or MAX_ECE
    if gate.max_ece is None:
        chance = error_by_chance(ours)
        bound += chance
        notes.append(f"right scores have up to {chance:.2g} on so few rows")
    if ours.brier_score is not None and ours.reliability is not None:
        notes.append(f"Brier score {ours.brier_score:.4g}, of which miscalibration is {ours.reliability:.2g}")
    reference = None if theirs is None else theirs.ece
    threshold, passed = f"<= {bound:.6g}", ours.ece <= bound
    return (result(gate, threshold, ours.ece, passed, quantity=quantity, reference=reference, note="; ".join(notes)),)


def stable(gate: StabilityGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge whether the scores are spread much as the champion's are; beside no champion there is nothing to judge.

    A bound that is declared is taken at its word. Without one, scores may move as long as they tell as well as the
    champion's how many are positive: a model that knows more says more, and few large leaves say few different things.
    """
    quantity, found = ("psi", ""), evidence.measurements.stability
    threshold = f"<= {gate.max_psi:.6g}" if gate.max_psi is not None else f"<= {MAX_PSI:.6g}, or calibrated as well"
    if evidence.champion is None:
        return (not_applicable(gate, threshold, evidence.no_champion, quantity=quantity),)
    if found is None:
        return (not_measured(gate, threshold, "the scores were not compared with the champion's", quantity),)
    note = f"mean score {found.challenger_mean:.4g}, the champion's {found.champion_mean:.4g}"
    passed = found.psi <= (MAX_PSI if gate.max_psi is None else gate.max_psi)
    if gate.max_psi is None and found.psi > MAX_PSI:
        passed, calibrated_as = _calibrated_as_well(evidence)
        note = f"{note}; {calibrated_as}"
    return (result(gate, threshold, found.psi, passed, quantity=quantity, note=note),)


def _calibrated_as_well(evidence: Evidence) -> tuple[bool, str]:
    """Return whether the scores are calibrated as well as the champion's, but for chance, and what was compared."""
    ours, theirs = (evidence.measurements.calibration.get(role) for role in ("challenger", "champion"))
    if ours is None or theirs is None:
        return False, "the calibration was not measured"
    said = f"expected calibration error {ours.ece:.3g}, the champion's {theirs.ece:.3g}"
    return ours.ece <= theirs.ece + error_by_chance(ours), said


def _looked_at(gate: SliceGate, evidence: Evidence) -> list[Group]:
    return [
        group
        for group in evidence.measurements.groups
        if group.metric == gate.metric and (not gate.by or group.column in gate.by)
    ]


def _judged(groups: Sequence[Group]) -> list[Group]:
    return [group for group in groups if group.judged and group.standard_error is not None]


def _no_group(gate: SliceGate) -> str:
    return f"no group of at least {gate.min_rows} rows, of both classes, on enough days"


def _few_groups(gate: FairnessGate) -> str:
    return f"fewer than two groups of at least {gate.min_rows} rows"


def _chance_of_no_harm(group: Group, margin: float) -> float:
    """Return the p-value of a gain this far below minus the margin."""
    excess, error = (group.gain or 0.0) + margin, group.standard_error
    if not error:
        return 0.0 if excess < 0 else 1.0
    return float(student_t.cdf(excess / error, group.degrees_of_freedom))


def _at_best(group: Group, confidence: float) -> float:
    error = group.standard_error or 0.0
    return (group.gain or 0.0) + float(student_t.ppf(confidence, group.degrees_of_freedom)) * error


def _those_worse(groups: Sequence[Group]) -> str:
    """Return the groups in words, the greatest loss first; empty when there are none."""
    if not groups:
        return ""
    named = "; ".join(_compared(group) for group in sorted(groups, key=lambda group: group.gain or 0.0)[:_SHOWN])
    rest = f"; and {len(groups) - _SHOWN} more groups" if len(groups) > _SHOWN else ""
    return f"proved worse in {named}{rest}"


def _compared(group: Group) -> str:
    return f"{group.column} {group.group}: {group.challenger:.4g} against the champion's {group.champion:.4g}"


# what a bound looks at: its value, or None and why there is none, or what the value comes from
_Look = Callable[[Fairness], tuple[float | None, str]]


def _within(gate: FairnessGate, demanded: tuple[str, float], found: Fairness | None, look: _Look) -> GateResult:
    name, bound = demanded
    threshold, quantity = f"<= {bound:.6g}", (name, "")
    if found is None:
        return not_measured(gate, threshold, "the column was not measured", quantity)
    if sum(group.judged for group in found.groups) < 2:
        return not_measured(gate, threshold, _few_groups(gate), quantity)
    value, note = look(found)
    return result(gate, threshold, value, value is not None and value <= bound, quantity=quantity, note=note)


def _parity(found: Fairness) -> tuple[float | None, str]:
    return found.demographic_parity_difference, f"answered yes: {_extremes(found, 'selection_rate')}"


def _odds(found: Fairness) -> tuple[float | None, str]:
    """Return the difference, and the two groups that are the furthest apart in the rate that makes it."""
    if found.equalized_odds_difference is None:
        return None, NO_CLASS
    spread = {rate: _spread(found, rate) for rate in ("true_positive_rate", "false_positive_rate")}
    widest = max(spread, key=lambda rate: spread[rate])
    words = "positives found" if widest == "true_positive_rate" else "false alarms among negatives"
    return found.equalized_odds_difference, f"{words}: {_extremes(found, widest)}"


def _spread(found: Fairness, rate: str) -> float:
    values = [getattr(group, rate) for group in found.groups if group.judged]
    return max(values) - min(values)


def _extremes(found: Fairness, rate: str) -> str:
    def of(group: GroupRates) -> float:
        return float(getattr(group, rate))

    judged = [group for group in found.groups if group.judged]
    high, low = max(judged, key=of), min(judged, key=of)
    return f"{of(high):.1%} of {high.group}, {of(low):.1%} of {low.group}"


JUDGES: Judges = {
    SliceGate: no_worse_slice,
    FairnessGate: fair,
    CalibrationGate: calibrated,
    StabilityGate: stable,
}
