"""Judge the gates that look at the data: features that tell the answer, scores that jump, labels that are missing."""

from __future__ import annotations

import math
from typing import Literal

from include.config.decision import GateResult
from include.config.evidence import Labels, Leakage
from include.config.gates import LabelsGate, LeakageGate
from include.ml.gates.results import Evidence, Judges, at_least, not_applicable, not_measured, result, worse_by
from include.ml.metrics import improvement

SINGLE_FEATURE = ("single_feature_auc", "")
SAME_AS_TARGET = ("features_same_as_target", "")
Part = Literal["holdout", "train"]
PART_NAMES: dict[Part, str] = {"holdout": "holdout", "train": "train part"}
MISSING_LABELS: dict[Part, tuple[str, str]] = {
    "holdout": ("missing_labels_holdout", ""),
    "train": ("missing_labels_train", ""),
}
# of fewer nights nobody knows what is ordinary
MIN_NIGHTS = 3
# so many names are enough to know where to look
NAMED = 5


def leakage(gate: LeakageGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge each feature alone, features that are the target renamed, and the jump over the nights before."""
    found = evidence.measurements.leakage
    if found is None:
        quantities = (SINGLE_FEATURE, SAME_AS_TARGET, ("jump", ""))
        return tuple(not_measured(gate, "is measured", "leakage was not measured", each) for each in quantities)
    return (_single_feature(gate, found), _same_as_target(gate, found), _jump(gate, found, evidence))


def _single_feature(gate: LeakageGate, found: Leakage) -> GateResult:
    bound = gate.max_single_feature_auc
    threshold = f"<= {bound:.6g}"
    if not found.single_feature_auc:
        return not_measured(gate, threshold, "no feature was measured", SINGLE_FEATURE)
    name, value = found.single_feature_auc[0]
    above = [f"{feature} {auc:.4f}" for feature, auc in found.single_feature_auc if not auc <= bound]
    note = f"tells too much by itself: {_list(above)}" if above else f"the most telling feature is {name}"
    return result(gate, threshold, value, not above, quantity=SINGLE_FEATURE, note=note)


def _same_as_target(gate: LeakageGate, found: Leakage) -> GateResult:
    same = found.same_as_target
    note = f"the target under another name: {_list(same)}" if same else ""
    return result(gate, "<= 0", float(len(same)), not same, quantity=SAME_AS_TARGET, note=note)


def _jump(gate: LeakageGate, found: Leakage, evidence: Evidence) -> GateResult:
    """Judge against the best of the nights before: a jump above it is a leak until a person has explained it."""
    value, quantity = evidence.challenger[found.metric], (found.metric, "")
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


def labels(gate: LabelsGate, evidence: Evidence) -> tuple[GateResult, ...]:
    """Judge the share of labels that were missing when they were due, in the holdout and in the train part."""
    threshold, found = f"<= {gate.max_missing_fraction:.6g}", evidence.measurements.labels
    if found is None:
        return tuple(
            not_measured(gate, threshold, "labels were not counted", quantity) for quantity in MISSING_LABELS.values()
        )
    return tuple(_missing(gate, threshold, found, part) for part in MISSING_LABELS)


def _missing(gate: LabelsGate, threshold: str, found: Labels, part: Part) -> GateResult:
    quantity, counted = MISSING_LABELS[part], found.missing(part)
    if counted is None:
        why = "the training's record is older than the count of missing labels"
        return not_applicable(gate, threshold, why, quantity=quantity)
    missing, rows = counted
    value = missing / rows if rows else math.nan
    note = f"{missing} of {rows} in the {PART_NAMES[part]}"
    return result(gate, threshold, value, value <= gate.max_missing_fraction, quantity=quantity, note=note)


JUDGES: Judges = {LeakageGate: leakage, LabelsGate: labels}
