"""Lay out plots in numbers, so that a template only writes them: scales, lines, marks, both models on one axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from include.domain.decision import Decision
from include.domain.evidence import OperatingPoint
from include.domain.explanation import Explanation
from include.reports.wording import amount, number, points, share, words

# as wide as a phone, so that text is not shrunk there; viewed larger it grows with the plot
WIDTH = 300.0
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Tick:
    """Hold a line across the plot at a round number, in pixels from the left or from the top."""

    place: float
    text: str


@dataclass(frozen=True)
class Scale:
    """Turn values into places; `low` is at the left or at the bottom, `names` stand at the ticks for numbers."""

    low: float
    high: float
    ticks: tuple[float, ...]
    title: str
    decimals: int = 2
    names: tuple[str, ...] = ()

    @classmethod
    def shares(cls, title: str) -> Scale:
        """Return the scale of what lies between 0 and 1."""
        return cls(0.0, 1.0, SHARES, title)

    @classmethod
    def around(cls, values: Iterable[float], title: str, at_most: int = 6) -> Scale:
        """Return a scale that shows every finite value, with ticks at round numbers.

        Args:
            values: Any; without a finite one the scale is from 0 to 1.
            title: What stands beside the axis.
            at_most: So many ticks.
        """
        known = [value for value in values if math.isfinite(value)]
        low, high = min(known, default=0.0), max(known, default=1.0)
        if high - low < 1e-9 * max(1.0, abs(high)):
            low, high = low - 0.5, high + 0.5
        step = round_step((high - low) / (at_most - 1))
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        ticks = tuple(index * step for index in range(first, last + 1))
        return cls(ticks[0], ticks[-1], ticks, title, max(0, -math.floor(math.log10(step) + 1e-9)))

    @classmethod
    def days(cls, first: date, last: date, at_most: int = 5) -> Scale:
        """Return the scale of the days from `first` to `last`: values are days since `first`, ticks are dates."""
        length = max(1, (last - first).days)
        step = math.ceil(length / (at_most - 1))
        ticks = tuple(range(0, length + 1, step))
        names = tuple(f"{first + timedelta(days=tick):%m-%d}" for tick in ticks)
        return cls(0.0, float(length), tuple(map(float, ticks)), "day", names=names)

    def tick_names(self) -> tuple[str, ...]:
        """Return what stands at each tick."""
        return self.names or tuple(_tick(tick, self.decimals) for tick in self.ticks)

    def part(self, value: float) -> float:
        """Return how far along the scale a value lies, from 0 to 1; what is outside is put at the edge."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def across(self, value: float) -> float:
        """Return how far from the left a value stands, in pixels."""
        return round(self.part(value) * WIDTH, 1)

    def down(self, value: float, height: float) -> float:
        """Return how far below the top a value stands, in pixels."""
        return round((1 - self.part(value)) * height, 1)


def round_step(least: float) -> float:
    """Return the smallest of 1, 2 or 5 times a power of ten that is not below `least`."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))


@dataclass(frozen=True)
class Series:
    """Hold the points of one line, and how it is drawn.

    Attributes:
        role: "challenger", "champion", ...: a colour of the style, and dashes for the champion.
        text: What the legend says of it.
        marked: Whether each point is a dot.
    """

    role: str
    text: str
    points: Sequence[tuple[float, float]]
    marked: bool = False


@dataclass(frozen=True)
class Rule:
    """Hold a dotted line for the eye to compare with, from one point to another, in values."""

    start: tuple[float, float]
    end: tuple[float, float]


@dataclass(frozen=True)
class Mark:
    """Hold a ring around one point, and what it says."""

    role: str
    x: float
    y: float
    text: str


@dataclass(frozen=True)
class Drawn:
    """Hold one series as it is drawn: an SVG `points` attribute, and its dots."""

    role: str
    text: str
    points: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Plot:
    """Hold a whole plot in pixels; `label` says in words what there is to see, `left` is room for the ticks' names."""

    label: str
    left: float
    width: float
    height: float
    x_title: str
    y_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Drawn, ...]
    rules: tuple[tuple[float, float, float, float], ...]
    marks: tuple[Mark, ...]


def lay_out(
    label: str,
    x: Scale,
    y: Scale,
    series: Sequence[Series],
    *,
    rules: Sequence[Rule] = (),
    marks: Sequence[Mark] = (),
    height: float = WIDTH,
) -> Plot:
    """Return a plot; the first series is drawn last, above the others.

    Args:
        label: What there is to see, for those who cannot.
        x, y: The scales; every series is drawn on them.
        series: In the order of the legend.
        rules: Dotted lines, in values.
        marks: Rings, in values.
        height: In pixels; the width is `WIDTH`.
    """

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return x.across(point[0]), y.down(point[1], height)

    return Plot(
        label=label,
        left=30.0 + 7.0 * max(map(len, y.tick_names())),
        width=WIDTH,
        height=height,
        x_title=x.title,
        y_title=y.title,
        x_ticks=tuple(Tick(x.across(tick), name) for tick, name in zip(x.ticks, x.tick_names(), strict=True)),
        y_ticks=tuple(Tick(y.down(tick, height), name) for tick, name in zip(y.ticks, y.tick_names(), strict=True)),
        lines=tuple(_drawn(each, at) for each in series),
        rules=tuple((*at(rule.start), *at(rule.end)) for rule in rules),
        marks=tuple(Mark(mark.role, *at((mark.x, mark.y)), mark.text) for mark in marks),
    )


def _tick(value: float, decimals: int) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}".replace(",", "\u202f").replace("-", "−")
    return number(value + 0.0, decimals)


def _drawn(series: Series, at: Callable[[tuple[float, float]], tuple[float, float]]) -> Drawn:
    places = [at(point) for point in series.points if all(map(math.isfinite, point))]
    return Drawn(
        series.role, series.text, " ".join(f"{x:g},{y:g}" for x, y in places), tuple(places) if series.marked else ()
    )


@dataclass(frozen=True)
class Whisker:
    """Hold a value with its interval on a scale that several rows share: in percent of the width.

    Attributes:
        zero: Where zero is; None where the scale does not show it.
    """

    middle: float
    left: float
    right: float
    zero: float | None


def whiskers(rows: Sequence[tuple[float | None, tuple[float, float] | None]]) -> list[Whisker | None]:
    """Return a whisker for each row, on one scale that shows all of them and zero; None where there is no value."""
    known = [number for value, interval in rows if value is not None for number in (value, *(interval or ()))]
    scale = Scale.around([0.0, *known], "")

    def at(value: float) -> float:
        return round(100 * scale.part(value), 2)

    return [None if value is None else _whisker(value, interval or (value, value), at) for value, interval in rows]


def _whisker(value: float, ends: tuple[float, float], at: Callable[[float], float]) -> Whisker:
    return Whisker(middle=at(value), left=at(ends[0]), right=at(ends[1]), zero=at(0.0))


def bar_widths(values: Sequence[float | None]) -> list[float]:
    """Return the length of each bar in percent of the longest; what is missing or below zero has none."""
    known = [max(0.0, value) if value is not None and math.isfinite(value) else 0.0 for value in values]
    longest = max(known, default=0.0) or 1.0
    return [round(100 * value / longest, 2) for value in known]


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
