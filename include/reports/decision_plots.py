"""Lay out the plots of a decision: both models on the same axes, the challenger above."""

from __future__ import annotations

from include.config.decision import Decision
from include.config.evidence import OperatingPoint
from include.config.explanation import Explanation
from include.reports.plots import Mark, Plot, Rule, Scale, Series, lay_out
from include.reports.wording import amount, number, points, share, words

ROLES = ("challenger", "champion")
PROFIT_HEIGHT = 220.0


def roc_plot(decision: Decision, explanation: Explanation) -> Plot | None:
    """Return the ROC curves; None when none was recorded."""
    points = {role: found.roc for role, found in explanation.curves.items()}
    series = [
        Series(role, f"{role} {number(_metric(decision, role, 'roc_auc'))}", points[role])
        for role in ROLES
        if points.get(role)
    ]
    if not series:
        return None
    label = "ROC curves: " + "; ".join(
        f"{each.role}, area {number(_metric(decision, each.role, 'roc_auc'))}" for each in series
    )
    diagonal = Rule((0, 0), (1, 1))
    return lay_out(
        label, Scale.shares("false positive rate"), Scale.shares("true positive rate"), series, rules=[diagonal]
    )


def precision_recall_plot(decision: Decision, explanation: Explanation) -> Plot | None:
    """Return the precision-recall curves; None when none was recorded."""
    series = [
        Series(
            role,
            f"{role} {number(_metric(decision, role, 'average_precision'))}",
            explanation.curves[role].precision_recall,
        )
        for role in ROLES
        if role in explanation.curves
    ]
    if not series:
        return None
    said = "; ".join(
        f"{each.role}, average precision {number(_metric(decision, each.role, 'average_precision'))}" for each in series
    )
    rate = decision.positive_rate
    return lay_out(
        f"Precision-recall curves: {said}; without a model {share(rate)}",
        Scale.shares("recall: share of positives found"),
        Scale.shares("precision: share of yes that are right"),
        series,
        rules=[Rule((0, rate), (1, rate))],
        marks=_operating_marks(decision),
    )


def _operating_marks(decision: Decision) -> list[Mark]:
    """Return where the models answer: recall and precision at their thresholds."""
    marks = []
    for role in ROLES:
        point = decision.measurements.points.get(role)
        if point and point.true_positives:
            recall = point.true_positives / (point.true_positives + point.false_negatives)
            precision = point.true_positives / (point.true_positives + point.false_positives)
            marks.append(Mark(role, recall, precision, f"{role} at its threshold {number(point.threshold, 3)}"))
    return marks


def _metric(decision: Decision, role: str, metric: str) -> float | None:
    model = decision.challenger if role == "challenger" else decision.champion
    return model.holdout.get(metric) if model else None


def reliability_plot(decision: Decision) -> Plot | None:
    """Return mean score against share of positives; None when calibration was not measured."""
    found = decision.measurements.calibration
    series = [
        Series(
            role,
            f"{role}: off by {points(found[role].ece)} on average",
            [(bin.mean_score, bin.positive_rate) for bin in found[role].bins],
            marked=True,
        )
        for role in ROLES
        if role in found
    ]
    if not series:
        return None
    said = "; ".join(f"{each.role}, expected calibration error {number(found[each.role].ece)}" for each in series)
    return lay_out(
        f"Reliability: {said}",
        Scale.shares(f"score: mean of similar {decision.row.many}, 0 to 1"),
        Scale.shares("share of positives among them, 0 to 1"),
        series,
        rules=[Rule((0, 0), (1, 1))],
    )


def profit_plot(decision: Decision) -> Plot | None:
    """Return what 1,000 rows earn by threshold; None without declared values."""
    money, points = decision.measurements.money, decision.measurements.points
    if money is None:
        return None
    curves = {"challenger": money.challenger_curve, "champion": money.champion_curve}
    series = [Series(role, role, points) for role, points in curves.items() if points]
    if not series:
        return None
    same = money.always_the_same
    title = f"earned by 1,000 {decision.row.many}, {money.currency}"
    y = Scale.around([same, *(value for each in series for _, value in each.points)], title)
    marks = [
        Mark(role, point.threshold, point.value_per_1000, _at_threshold(role, point, money.currency))
        for role, point in points.items()
        if point.value_per_1000 is not None
    ]
    told = "; ".join(mark.text for mark in marks)
    return lay_out(
        f"What 1,000 {decision.row.many} earn at each threshold; {told or words('value')}",
        Scale.shares("threshold: a score of at least this is a yes"),
        y,
        series,
        rules=[Rule((0, same), (1, same))],
        marks=marks,
        height=PROFIT_HEIGHT,
    )


def _at_threshold(role: str, point: OperatingPoint, currency: str) -> str:
    return f"{role} at its threshold {number(point.threshold, 3)}: {amount(point.value_per_1000, currency)}"
