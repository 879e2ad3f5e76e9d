"""Turn a decision's evidence into the rows that its page shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby

from include.domain.decision import Decision, GateResult, ModelSummary, RowName
from include.domain.evidence import Group, OperatingPoint
from include.domain.explanation import Importance
from include.domain.metrics import LOWER_IS_BETTER
from include.reports.decision_state import is_champion
from include.reports.plots import Scale, Whisker, bar_widths, whiskers
from include.reports.wording import NOTHING, ROW, amount, count, counted_rows, decimals_of

REFERENCES = {
    "beats_baseline": "baseline",
    "not_worse_than_champion": "champion",
    "better_than_champion": "champion",
    "calibration": "champion",
    "latency": "champion",
    "leakage": "best before",
}
# quantities without a unit that are whole numbers
COUNTED = {"features_same_as_target", "holdout_rows", "holdout_positives", "holdout_negatives"}


@dataclass(frozen=True)
class MetricRow:
    """Hold one metric of the holdout as shown; `gain` is positive where the challenger is better."""

    name: str
    lower_is_better: bool
    primary: bool
    challenger: float | None
    champion: float | None
    baseline: float | None
    gain: float | None


@dataclass(frozen=True)
class Tried:
    """Hold one candidate's cross-validation score, with its spread on a scale that all candidates share."""

    model: ModelSummary
    chosen: bool
    bar: Whisker | None


@dataclass(frozen=True)
class GroupRow:
    """Hold one group of rows, its gain on a scale that the column's groups share, and whether chance may explain it."""

    group: Group
    whisker: Whisker | None
    sure: bool


@dataclass(frozen=True)
class GroupTable:
    """Hold the groups of one column in one metric, those that lose most first."""

    column: str
    metric: str
    rows: list[GroupRow]


@dataclass(frozen=True)
class ImportanceRow:
    """Hold one feature's importance, with the lengths of its bars in percent, and how it moved since the champion.

    Attributes:
        change: In words, where only one of the models has the feature.
    """

    found: Importance
    width: float
    champion_width: float | None
    moved: float | None
    change: str


@dataclass(frozen=True)
class Confusion:
    """Hold one model's answers at its threshold, with the rates that are read from them; None without rows."""

    role: str
    point: OperatingPoint
    rows: int
    precision: float | None
    recall: float | None
    false_positive_rate: float | None


def compared_with(decision: Decision, gate: GateResult) -> str:
    """Return what the reference value of a gate is."""
    money = decision.measurements.money
    if gate.kind == "value" and money:
        return "one answer for all" if gate.reference == money.always_the_same else "champion"
    return REFERENCES.get(gate.kind, "")


def gate_amount(gate: GateResult, value: float | None, row: RowName = ROW) -> str:
    """Return the value of a gate, or that it was compared with, as it is written.

    The value is written as exactly as it takes to tell it from the bound: 0.04996 is not 0.05.
    """
    if value is None:
        return NOTHING
    if gate.metric in COUNTED:
        return count(round(value))
    if gate.unit == "rows":
        return counted_rows(round(value), row)
    decimals = decimals_of(value, gate.unit)
    return amount(value, gate.unit, gate.digits(decimals, round) if value == gate.value else decimals)


def metric_rows(decision: Decision) -> list[MetricRow]:
    """Return the holdout's metrics, the primary one first."""
    measured = decision.challenger.holdout
    names = sorted({decision.primary_metric, *measured}, key=lambda name: (name != decision.primary_metric, name))
    rival = None if is_champion(decision) else decision.champion
    champion: Mapping[str, float] = rival.holdout if rival else {}
    return [
        MetricRow(
            name=name,
            lower_is_better=name in LOWER_IS_BETTER,
            primary=name == decision.primary_metric,
            challenger=measured.get(name),
            champion=champion.get(name),
            baseline=decision.baseline.get(name),
            gain=_gain(name, measured.get(name), champion.get(name)),
        )
        for name in names
    ]


def _gain(metric: str, challenger: float | None, champion: float | None) -> float | None:
    if challenger is None or champion is None:
        return None
    return champion - challenger if metric in LOWER_IS_BETTER else challenger - champion


def tried(decision: Decision) -> list[Tried]:
    """Return all candidates with their cross-validation scores, the best first."""
    lower = decision.primary_metric in LOWER_IS_BETTER
    models = [decision.challenger, *decision.others]
    models.sort(key=lambda model: (model.cv_mean is None, (model.cv_mean or 0.0) * (1 if lower else -1)))
    spreads = [
        (model.cv_mean, (model.cv_mean - (model.cv_std or 0.0), model.cv_mean + (model.cv_std or 0.0)))
        for model in models
        if model.cv_mean is not None
    ]
    scale = Scale.around([end for _, ends in spreads for end in ends], "")

    def at(value: float) -> float:
        return round(100 * scale.part(value), 2)

    bars = [Whisker(at(mean), at(low), at(high), None) for mean, (low, high) in spreads]
    return [
        Tried(model, model.candidate_id == decision.challenger.candidate_id, bars[index] if index < len(bars) else None)
        for index, model in enumerate(models)
    ]


def confusions(decision: Decision) -> list[Confusion]:
    """Return the answers of both models at their thresholds, the challenger's first."""
    points = decision.measurements.points
    return [_confusion(role, points[role]) for role in ("challenger", "champion") if role in points]


def _confusion(role: str, point: OperatingPoint) -> Confusion:
    positives = point.true_positives + point.false_negatives
    negatives = point.false_positives + point.true_negatives
    return Confusion(
        role,
        point,
        rows=positives + negatives,
        precision=_rate(point.true_positives, point.true_positives + point.false_positives),
        recall=_rate(point.true_positives, positives),
        false_positive_rate=_rate(point.false_positives, negatives),
    )


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def group_tables(decision: Decision) -> list[GroupTable]:
    """Return the groups of rows by column and metric, in the order they were measured."""
    by_column = groupby(decision.measurements.groups, key=lambda group: (group.column, group.metric))
    return [_group_table(column, metric, list(groups)) for (column, metric), groups in by_column]


def _group_table(column: str, metric: str, groups: list[Group]) -> GroupTable:
    groups.sort(key=lambda group: (group.gain is None, not group.judged, group.gain or 0.0))
    # a group that is too small to judge would stretch the scale with its wide interval
    shown = whiskers([(group.gain, group.interval) if group.judged else (None, None) for group in groups])
    return GroupTable(
        column,
        metric,
        [GroupRow(group, whisker, surely_moved(group)) for group, whisker in zip(groups, shown, strict=True)],
    )


def surely_moved(group: Group) -> bool:
    """Tell whether the interval of a group's gain leaves out zero."""
    return group.interval is not None and not group.interval[0] <= 0 <= group.interval[1]


def importance_rows(found: tuple[Importance, ...]) -> list[ImportanceRow]:
    """Return the features with bars of one scale for both models."""
    widths = bar_widths([*(each.challenger for each in found), *(each.champion for each in found)])
    ours, theirs = widths[: len(found)], widths[len(found) :]
    compared = any(each.champion is not None for each in found)
    return [
        ImportanceRow(
            each,
            width,
            other if each.champion is not None else None,
            _moved(each),
            _change(each) if compared else "",
        )
        for each, width, other in zip(found, ours, theirs, strict=True)
    ]


def _moved(found: Importance) -> float | None:
    return None if found.champion is None or found.challenger is None else found.challenger - found.champion


def _change(found: Importance) -> str:
    if found.champion is None:
        return "new: the champion does not have it"
    return "gone: only the champion has it" if found.challenger is None else ""
