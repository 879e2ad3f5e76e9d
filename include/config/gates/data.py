"""Look at the data: features that tell the answer, scores that jump, rows that repeat, labels that are missing."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from include.config.gates.base import (
    Evidence,
    SwitchableGate,
    at_least,
    not_applicable,
    not_measured,
    result,
    worse_by,
)
from include.domain.decision import GateResult
from include.domain.evidence import Labels, Leakage, Repeats
from include.domain.metrics import improvement

SINGLE_FEATURE = ("single_feature_auc", "")
SAME_AS_TARGET = ("features_same_as_target", "")
Part = Literal["holdout", "train"]
PART_NAMES: dict[Part, str] = {"holdout": "holdout", "train": "train part"}
MISSING_LABELS: dict[Part, tuple[str, str]] = {
    "holdout": ("missing_labels_holdout", ""),
    "train": ("missing_labels_train", ""),
}
REPEATED = ("repeated_rows", "")
# where no bound is declared, no feature alone may be proved to be above it; with so many standard errors, 95 % sure
MAX_SINGLE_FEATURE_AUC = 0.93
SURELY = 1.645
# days differ in how many of their rows are equal to others by chance
MORE_THAN_CHANCE = 1.5
ALIKE = "rows of the train part with the same features and label under another key"
# of fewer nights nobody knows what is ordinary
MIN_NIGHTS = 3
# so many names are enough to know where to look
NAMED = 5


class LeakageGate(SwitchableGate):
    """Pass when neither a feature, nor rows that a model has learnt from, nor a sudden jump gives the answer away.

    A feature that is the target under another name never passes. In force by default.

    Attributes:
        kind: `leakage`.
        max_single_feature_auc: The best ROC AUC of one feature alone; left out, none is proved to be above 0.93.
        max_jump: By how much the primary metric may be better than the best of the 30 newest nights before.
        max_repeated_rows: The largest share of the holdout's rows that stand in the train part, too.
    """

    kind: Literal["leakage"]
    max_single_feature_auc: float | None = Field(default=None, gt=0.5, lt=1)
    max_jump: float = Field(default=0.1, gt=0, lt=1)
    max_repeated_rows: float = Field(default=0.05, ge=0, lt=1)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge each feature alone, features that are the target renamed, the jump over the nights, repeated rows."""
        found = evidence.measurements.leakage
        if found is None:
            quantities = (SINGLE_FEATURE, SAME_AS_TARGET, ("jump", ""), REPEATED)
            return tuple(not_measured(self, "is measured", "leakage was not measured", each) for each in quantities)
        return (
            _single_feature(self, found),
            _same_as_target(self, found),
            _jump(self, found, evidence),
            _repeated(self, found.repeats),
        )


class LabelsGate(SwitchableGate):
    """Pass when few enough labels were missing when they were due: they may all be of one class. In force by default.

    Attributes:
        kind: `labels`.
        max_missing_fraction: The largest share of rows without a label, in the train part and in the holdout.
    """

    kind: Literal["labels"]
    max_missing_fraction: float = Field(default=0.15, ge=0, lt=1)

    def judge(self, evidence: Evidence) -> tuple[GateResult, ...]:
        """Judge the share of labels that were missing when they were due, in the holdout and in the train part."""
        threshold, found = f"<= {self.max_missing_fraction:.6g}", evidence.measurements.labels
        if found is None:
            return tuple(
                not_measured(self, threshold, "labels were not counted", quantity)
                for quantity in MISSING_LABELS.values()
            )
        return tuple(_missing(self, threshold, found, part) for part in MISSING_LABELS)


def _single_feature(gate: LeakageGate, found: Leakage) -> GateResult:
    """Judge the most telling feature: by its AUC where a bound is declared, else by what is proved of it."""
    declared = gate.max_single_feature_auc
    threshold = f"<= {declared:.6g}" if declared is not None else f"<= {MAX_SINGLE_FEATURE_AUC:.6g}, but for chance"
    if not found.single_feature_auc:
        return not_measured(gate, threshold, "no feature was measured", SINGLE_FEATURE)
    name, value = found.single_feature_auc[0]
    above = [
        f"{feature} {auc:.4f}" for feature, auc in found.single_feature_auc if not _believable(auc, declared, found)
    ]
    note = f"tells too much by itself: {_list(above)}" if above else f"the most telling feature is {name}"
    return result(gate, threshold, value, not above, quantity=SINGLE_FEATURE, note=note)


def _believable(auc: float, declared: float | None, found: Leakage) -> bool:
    # written so that an AUC that is no number is not believable
    if declared is not None:
        return auc <= declared
    counted = found.positives and found.negatives
    error = auc_error(auc, found.positives, found.negatives) if counted else 0.0
    return auc - SURELY * error <= MAX_SINGLE_FEATURE_AUC


def _repeated(gate: LeakageGate, found: Repeats | None) -> GateResult:
    """Judge the rows that the model has learnt from, by what exceeds its bound the most."""
    bound = gate.max_repeated_rows
    if found is None:
        return not_measured(gate, f"<= {bound:.6g}", "repeated rows were not looked for", REPEATED)
    by_chance = bound + MORE_THAN_CHANCE * found.alike_by_nature
    copies = ", ".join(f"{day} is a copy of {other}" for day, other in found.copied_days)
    looks = [
        (found.copied, bound, f"whole days of the train part: {copies}"),
        (found.rows, bound, "rows of the train part with the same key, features and label"),
        (found.alike, by_chance, f"{ALIKE}, and chance explains {found.alike_by_nature:.1%}"),
    ]
    if found.keys_by_nature is not None and found.keys_by_nature <= bound:
        looks.append((found.keys, bound, "keys of the train part, on whose days hardly any key comes twice"))
    value, most, note = max(looks, key=lambda look: look[0] - look[1])
    passed = value <= most
    return result(gate, f"<= {most:.6g}", value, passed, quantity=REPEATED, note="" if passed else note)


def _same_as_target(gate: LeakageGate, found: Leakage) -> GateResult:
    same = found.same_as_target
    note = f"the target under another name: {_list(same)}" if same else ""
    return result(gate, "<= 0", float(len(same)), not same, quantity=SAME_AS_TARGET, note=note)


def _jump(gate: LeakageGate, found: Leakage, evidence: Evidence) -> GateResult:
    """Judge against the best of the nights before: a jump above it is a leak until a person has explained it."""
    quantity = (found.metric, "")
    if found.metric not in evidence.challenger:
        note = f"not judged: the nights before were measured by {found.metric}, which is no metric of now"
        return not_applicable(gate, f"no jump above {gate.max_jump:.6g}", note, quantity=quantity)
    value = evidence.challenger[found.metric]
    side = ">=" if at_least(found.metric) == "<=" else "<="
    best, nights = found.best_before or (None, 0)
    if best is None or nights < MIN_NIGHTS:
        sign = "-" if side == ">=" else "+"
        threshold = f"{side} best before {sign} {gate.max_jump:.6g}"
        note = f"not judged: {nights} of the {MIN_NIGHTS} nights that are needed to know what is ordinary"
        return not_applicable(gate, threshold, note, value, quantity=quantity)
    bound = worse_by(found.metric, best, -gate.max_jump)
    passed = improvement(found.metric, value, bound) <= 0
    note = f"the best of {nights} nights before was {best:.6g}"
    if not passed:
        note += ": a jump like this is a leak until somebody has explained it"
    return result(gate, f"{side} {bound:.6g}", value, passed, quantity=quantity, reference=best, note=note)


def _list(names: list[str] | tuple[str, ...]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _missing(gate: LabelsGate, threshold: str, found: Labels, part: Part) -> GateResult:
    quantity, counted = MISSING_LABELS[part], found.missing(part)
    if counted is None:
        why = "the training's record is older than the count of missing labels"
        return not_applicable(gate, threshold, why, quantity=quantity)
    missing, rows = counted
    value = missing / rows if rows else math.nan
    note = f"{missing} of {rows} in the {PART_NAMES[part]}"
    return result(gate, threshold, value, value <= gate.max_missing_fraction, quantity=quantity, note=note)


def auc_error(auc: float, positives: int, negatives: int) -> float:
    """Return the standard error of a ROC AUC, rows being independent.

    Source: J. A. Hanley and B. J. McNeil, The Meaning and Use of the Area under a ROC Curve, Radiology 143 (1982).

    Args:
        auc: Between 0 and 1.
        positives, negatives: Rows of each class, at least one.
    """
    two_positives, two_negatives = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (positives - 1) * (two_positives - auc**2) + (negatives - 1) * (two_negatives - auc**2)
    ) / (positives * negatives)
    return math.sqrt(max(0.0, variance))
