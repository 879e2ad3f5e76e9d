"""Look at groups of rows, at scores as probabilities, and at moved scores.

A group is proved worse by a one-sided test of "its gain is not below minus the margin", with Student's t and the
standard error of the paired bootstrap. Many groups are many tests, and some fail by chance alone: Holm's correction
bounds the chance that any honest group fails, whatever the groups have in common (S. Holm, A Simple Sequentially
Rejective Multiple Test Procedure, Scandinavian Journal of Statistics 6, 1979).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field, model_validator

from include.config.gates.base import (
    Confidence,
    Evidence,
    SwitchableGate,
    at_least,
    not_applicable,
    not_measured,
    result,
)
from include.config.source import ColumnName
from include.domain.base_model import ValidationIssue, ValidationIssuesError
from include.domain.decision import GateResult
from include.domain.evidence import Calibration, Fairness, Group, GroupRates
from include.domain.metrics import MetricName, lower_is_better

_SHOWN = 3
# where no bound is declared: honest models have up to 0.21 where the share of positives moves with the season
MAX_ECE = 0.25
# where no bound is declared: honest nights had up to 1.4, a season apart, a tree of two leaves 4.3, constants 7 to 9
MAX_PSI = 5.0
NO_CLASS = "a judged group has no positives or no negatives"


class SliceGate(SwitchableGate):
    """Pass when no group is proved worse off than with the champion. In force wherever groups are declared.

    Attributes:
        kind: `slice`.
        metric: The metric it looks at, in each group.
        by: The columns whose groups are looked at; left out, every protected column and every declared slice.
        margin: By at most this a group may be worse.
        min_rows: Smaller groups are not judged, only shown.
        confidence: How sure that no group fails by chance, over all groups together (Holm's correction).
    """

    kind: Literal["slice"]
    metric: MetricName
    by: tuple[ColumnName, ...] = ()
    margin: float = Field(default=0.02, ge=0)
    min_rows: int = Field(default=200, ge=20)
    confidence: Confidence = 0.95

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether no group is proved worse than with the champion by more than the margin.

        The value is what the gain of the worst group is at best: the upper end of its interval at the confidence that
        Holm's correction asks of the first of all groups. It lies below minus the margin exactly when one is proved
        worse.
        """
        if evidence.champion is None:
            margin = f" {'+' if lower_is_better(self.metric) else '-'} {self.margin:.6g}" if self.margin else ""
            threshold = f"{at_least(self.metric)} champion{margin} in each group"
            return (not_applicable(self, threshold, evidence.no_champion),)
        threshold = f">= {-self.margin:.6g}" if self.margin else ">= 0"
        quantity = (f"{self.metric} gain at best, worst group", "")
        groups = _looked_at(self, evidence)
        judged = _judged(groups)
        unseen = [column for column in self.by if column not in {group.column for group in groups}]
        if unseen or not judged:
            why = f"not measured by {', '.join(unseen)}" if unseen else _no_group(self)
            return (not_measured(self, threshold, why, quantity),)
        ranked = sorted(((_chance_of_no_harm(group, self.margin), group) for group in judged), key=lambda pair: pair[0])
        worse = proved([chance for chance, _ in ranked], self.confidence)
        worst = ranked[0][1]
        best_case = _at_best(worst, 1 - (1 - self.confidence) / len(judged))
        note = _those_worse([group for (_, group), is_worse in zip(ranked, worse, strict=True) if is_worse])
        shown = f"{len(judged)} groups judged, {len(groups) - len(judged)} only shown; {_compared(worst)}"
        return (result(self, threshold, best_case, not any(worse), quantity=quantity, note=note or shown),)

    def too_small(self, evidence: Evidence) -> str:
        """Return why no group can be judged, though groups were measured; empty when one can."""
        groups = _looked_at(self, evidence)
        return "" if not groups or _judged(groups) else _no_group(self)


class FairnessGate(SwitchableGate):
    """Pass when groups of people are treated alike, at the model's threshold. In force wherever there are such groups.

    Attributes:
        kind: `fairness`.
        by: Protected columns; left out, all of them.
        max_demographic_parity_difference: Between the largest and the smallest share of positive answers.
        max_equalized_odds_difference: The larger of the gaps in true and in false positive rates.
        min_rows: Smaller groups are not judged, only shown.
    """

    kind: Literal["fairness"]
    by: tuple[ColumnName, ...] = ()
    max_demographic_parity_difference: float | None = Field(default=None, gt=0, le=1)
    max_equalized_odds_difference: float | None = Field(default=None, gt=0, le=1)
    min_rows: int = Field(default=100, ge=20)

    @model_validator(mode="after")
    def _demands_something(self) -> FairnessGate:
        bounds = (self.max_demographic_parity_difference, self.max_equalized_odds_difference)
        if not self.off and bounds == (None, None):
            allowed = ("max_demographic_parity_difference", "max_equalized_odds_difference")
            raise ValidationIssuesError([ValidationIssue((), "at least one bound is needed", "none", allowed)])
        return self

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge each bound on each protected column: how far apart the answers to groups of people may be."""
        measured = {each.column: each for each in evidence.measurements.fairness}
        columns = self.by or tuple(measured)
        if not columns:
            return (not_measured(self, "is measured", "no protected column was measured"),)
        bounds = (
            ("demographic parity difference", self.max_demographic_parity_difference, _parity),
            ("equalized odds difference", self.max_equalized_odds_difference, _odds),
        )
        return tuple(
            _within(self, (f"{name}, {column}", bound), measured.get(column), look)
            for column in columns
            for name, bound, look in bounds
            if bound is not None
        )

    def too_small(self, evidence: Evidence) -> str:
        """Return why the groups cannot be compared, though they were measured; empty when they can."""
        measured = [each for each in evidence.measurements.fairness if each.column in self.by]
        unequal = [each for each in measured if sum(group.judged for group in each.groups) < 2]
        lacking = [each for each in measured if each.equalized_odds_difference is None]
        return _few_groups(self) if unequal else NO_CLASS if lacking else ""


class CalibrationGate(SwitchableGate):
    """Pass when a score of 0.3 means that 3 in 10 are positive. In force by default.

    Attributes:
        kind: `calibration`.
        max_ece: The largest expected calibration error; left out, 0.25 more than chance gives so few rows.
        bins: How many, each with the same number of rows.
    """

    kind: Literal["calibration"]
    max_ece: float | None = Field(default=None, gt=0, lt=1)
    bins: int = Field(default=10, ge=2, le=50)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the expected calibration error is small enough; the champion's is shown beside it.

        Of few rows even right scores have an error. A bound that is declared is taken at its word; without one, what
        chance gives is allowed for.
        """
        quantity, found = ("ece", ""), evidence.measurements.calibration
        ours, theirs = found.get("challenger"), found.get("champion")
        if ours is None:
            usual = self.max_ece or MAX_ECE
            return (not_measured(self, f"<= {usual:.6g}", "the calibration was not measured", quantity),)
        notes, bound = [], self.max_ece or MAX_ECE
        if self.max_ece is None:
            chance = error_by_chance(ours)
            bound += chance
            notes.append(f"right scores have up to {chance:.2g} on so few rows")
        if ours.brier_score is not None and ours.reliability is not None:
            notes.append(f"Brier score {ours.brier_score:.4g}, of which miscalibration is {ours.reliability:.2g}")
        reference = None if theirs is None else theirs.ece
        threshold, passed = f"<= {bound:.6g}", ours.ece <= bound
        return (
            result(self, threshold, ours.ece, passed, quantity=quantity, reference=reference, note="; ".join(notes)),
        )


class StabilityGate(SwitchableGate):
    """Pass when the candidate's scores are spread over the holdout much as the champion's are. In force by default.

    Attributes:
        kind: `stability`.
        max_psi: The largest population stability index; left out, 5, or scores as calibrated as the champion's.
    """

    kind: Literal["stability"]
    max_psi: float | None = Field(default=None, gt=0)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge whether the scores are spread much as the champion's are; beside no champion there is nothing to judge.

        A bound that is declared is taken at its word. Without one, scores may move as long as they tell as well as the
        champion's how many are positive: a model that knows more says more, and few large leaves say few different
        things.
        """
        quantity, found = ("psi", ""), evidence.measurements.stability
        threshold = f"<= {self.max_psi:.6g}" if self.max_psi is not None else f"<= {MAX_PSI:.6g}, or calibrated as well"
        if evidence.champion is None:
            return (not_applicable(self, threshold, evidence.no_champion, quantity=quantity),)
        if found is None:
            return (not_measured(self, threshold, "the scores were not compared with the champion's", quantity),)
        note = f"mean score {found.challenger_mean:.4g}, the champion's {found.champion_mean:.4g}"
        passed = found.psi <= (MAX_PSI if self.max_psi is None else self.max_psi)
        if self.max_psi is None and found.psi > MAX_PSI:
            passed, calibrated_as = _calibrated_as_well(evidence)
            note = f"{note}; {calibrated_as}"
        return (result(self, threshold, found.psi, passed, quantity=quantity, note=note),)


def proved(chances: Sequence[float], confidence: float) -> list[bool]:
    """Return which p-values prove something when they are looked at together, by Holm's correction.

    From the smallest on, each is held against its share of what is left, until one fails. (statsmodels' `multipletests`
    gives the same, and collects the garbage of the whole process each time: 60 ms for each night of a history.)

    Args:
        chances: One p-value a test, at least one.
        confidence: That not a single one is called proved by chance.
    """
    import numpy as np

    found = [False] * len(chances)
    for rank, index in enumerate(np.argsort(chances, kind="stable")):
        if chances[index] > (1 - confidence) / (len(chances) - rank):
            break
        found[index] = True
    return found


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
    from scipy.stats import t as student_t

    return float(student_t.cdf(excess / error, group.degrees_of_freedom))


def _at_best(group: Group, confidence: float) -> float:
    from scipy.stats import t as student_t

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


def error_by_chance(found: Calibration) -> float:
    """Return what the expected calibration error of right scores is at most in 97 of 100 holdouts of these bins.

    In a bin of n rows with the mean score s, the share of positives strays from s like a normal number of the variance
    s (1 - s) / n; its distance has the mean sqrt(2 / pi) of that spread, and 1 - 2 / pi of the variance.
    """
    import numpy as np

    rows = np.array([each.rows for each in found.bins], dtype="float64")
    scores = np.array([each.mean_score for each in found.bins])
    share, variance = rows / rows.sum(), scores * (1 - scores) / rows
    mean = float(np.sum(share * np.sqrt(2 / np.pi * variance)))
    spread = float(np.sqrt(np.sum(share**2 * (1 - 2 / np.pi) * variance)))
    return mean + 2 * spread
