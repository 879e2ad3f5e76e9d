"""Write the data of a decision's window as one HTML page that needs nothing else, and say what stands out in it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from include.domain.decision import Decision
from include.domain.evidence import LabelsOfGroup
from include.domain.explanation import DataProfile, DayOfTarget, FeatureProfile
from include.reports.plots import Plot, Rule, Scale, Series, bar_widths, lay_out
from include.reports.templates import template
from include.reports.wording import count, counted_rows, listed, number, share, written

# the rule of thumb of the population stability index
SMALL_SHIFT = 0.1
LARGE_SHIFT = 0.25
# a small model that tells the parts apart with at least this ROC AUC has found something
TELLS_APART = 0.6
MISSING_APART = 0.05
NAMED = 5
# of a group so small the share of missing labels says little
FEWEST_ROWS = 20


def shift_word(psi: float) -> str:
    """Return what a population stability index says: "small", "moderate" or "large"."""
    return "small" if psi < SMALL_SHIFT else "moderate" if psi < LARGE_SHIFT else "large"


def data_notes(profile: DataProfile | None) -> list[str]:
    """Return what a reader should know, in sentences; empty without a profile."""
    if profile is None:
        return []
    notes = [_shifted(profile), *_missing(profile)]
    if profile.adversarial_auc is not None:
        apart = "so something differs" if profile.adversarial_auc >= TELLS_APART else "so they are much alike"
        auc = number(profile.adversarial_auc)
        notes.append(
            f"A small model tells rows of the holdout from those of the train part with ROC AUC {auc}, {apart}."
        )
    target = target_shift(profile)
    return [*notes, target] if target else notes


def label_notes(decision: Decision) -> list[str]:
    """Return how many labels were missing when they were due, in sentences; empty where they were not counted."""
    labels = decision.measurements.labels
    held = labels.missing("holdout") if labels else None
    if labels is None or held is None:
        return []
    if not held[0]:
        said = ["No label of the holdout was missing when it was due."]
    else:
        rows = counted_rows(held[1], decision.row)
        said = [
            f"Of {rows} in the holdout, {count(held[0])} ({share(held[0] / held[1])}) had no label when it was due: "
            "nothing is judged on them, and what they turned out to be is not known."
        ]
    learnt = labels.missing("train")
    if learnt and learnt[0]:
        said.append(f"Of the train part, {share(learnt[0] / learnt[1])} had none.")
    most = max(groups_by_missing(decision), key=missing_share, default=None)
    if held[0] and most is not None and missing_share(most) > held[0] / held[1]:
        said.append(f"Most are missing where {most.column} is {most.group}: {share(missing_share(most))}.")
    return said


def groups_by_missing(decision: Decision) -> list[LabelsOfGroup]:
    """Return the groups of the holdout that are large enough to say something of their missing labels."""
    labels = decision.measurements.labels
    groups = labels.groups if labels else ()
    return [group for group in groups if group.labelled + group.missing >= FEWEST_ROWS]


def missing_share(group: LabelsOfGroup) -> float:
    """Return the share of a group's labels that are missing."""
    return group.missing / (group.labelled + group.missing)


def _shifted(profile: DataProfile) -> str:
    moved = by_shift(profile)
    moved = [feature for feature in moved if feature.psi >= SMALL_SHIFT]
    if not moved:
        return f"No feature of {len(profile.features)} is spread differently in the holdout."
    named = [f"{feature.name} ({shift_word(feature.psi)}, {number(feature.psi, 2)})" for feature in moved[:NAMED]]
    more = f", and {len(moved) - NAMED} more" if len(moved) > NAMED else ""
    return f"Spread differently in the holdout, by population stability index: {', '.join(named)}{more}."


def by_shift(profile: DataProfile) -> list[FeatureProfile]:
    """Return the features, the one that differs most between train part and holdout first."""
    return sorted(profile.features, key=lambda feature: -feature.psi)


def _missing(profile: DataProfile) -> list[str]:
    """Return which features lack values, and which of them much more often in the holdout."""
    lacking = sorted(
        (feature for feature in profile.features if max(feature.missing.values(), default=0.0) > 0),
        key=lambda feature: -max(feature.missing.values()),
    )
    if not lacking:
        return ["No value is missing."]
    worst = lacking[0]
    said = f"{len(lacking)} of {len(profile.features)} features lack values, most of all {worst.name}: {_parts(worst)}."
    apart = [f for f in lacking if abs(f.missing.get("holdout", 0.0) - f.missing.get("train", 0.0)) >= MISSING_APART]
    if not apart:
        return [said]
    return [said, f"Missing in one part far more often than in the other: {listed([f.name for f in apart[:NAMED]])}."]


def _parts(feature: FeatureProfile) -> str:
    return ", ".join(
        f"{share(rate)} of the {part}{' part' if part == 'train' else ''}" for part, rate in feature.missing.items()
    )


def target_shift(profile: DataProfile) -> str:
    """Return the share of positives in both parts; empty where a part has no rows."""
    rates = {}
    for part, inside in (("train part", False), ("holdout", True)):
        days = [day for day in profile.days if day.holdout is inside]
        rows = sum(day.rows for day in days)
        if not rows:
            return ""
        rates[part] = sum(day.rows * day.positive_rate for day in days) / rows
    return "Positives are " + " and ".join(f"{share(rate)} of the {part}" for part, rate in rates.items()) + "."


TEMPLATE = "data_page.html.j2"
DAYS_HEIGHT = 180.0
# how much of its colour the strongest correlation has, in percent: its number must stay readable on it
STRONGEST = 40
# of a histogram, in pixels
WIDTH, HEIGHT = 300.0, 110.0


@dataclass(frozen=True)
class Bar:
    """Hold one bin of a histogram in pixels: train is a filled bar, the holdout a line across the bin at its height."""

    x: float
    width: float
    train: float
    holdout: float
    text: str


@dataclass(frozen=True)
class CategoryRow:
    """Hold one category: the shares, and the lengths of their bars in percent of the largest."""

    name: str
    train: float
    holdout: float
    train_width: float
    holdout_width: float


@dataclass(frozen=True)
class FeatureView:
    """Hold how one feature is shown; bars or categories are empty, by its kind."""

    found: FeatureProfile
    anchor: str
    word: str
    bars: tuple[Bar, ...]
    low: str
    high: str
    categories: tuple[CategoryRow, ...]


def render_data(decision: Decision, profile: DataProfile) -> str:
    """Return the data of a window as a self-contained HTML page: no script, no address is fetched, all text escaped.

    Its one link leads to `report.html`, the decision's page, which is kept beside it.

    Args:
        decision: Whose window it is.
        profile: Of the window's rows.
    """
    return template(TEMPLATE).render(
        decision=decision,
        row=decision.row,
        profile=profile,
        notes=[*label_notes(decision), *data_notes(profile)],
        label_groups=[(group, missing_share(group)) for group in groups_by_missing(decision)],
        features=[_feature(decision, feature, index) for index, feature in enumerate(by_shift(profile))],
        target=target_plot(profile.days),
        correlation=_correlation(profile),
        spans=[("Train", decision.train, decision.train_rows), ("Holdout", decision.holdout, decision.holdout_rows)],
    )


def _feature(decision: Decision, feature: FeatureProfile, index: int) -> FeatureView:
    numeric = bool(feature.edges)
    return FeatureView(
        found=feature,
        anchor=f"feature-{index}",
        word=shift_word(feature.psi),
        bars=histogram(feature, decision) if numeric else (),
        low=_edge(feature, decision, 0) if numeric else "",
        high=_edge(feature, decision, -1) if numeric else "",
        categories=_categories(feature) if feature.categories else (),
    )


def histogram(feature: FeatureProfile, decision: Decision | None = None) -> tuple[Bar, ...]:
    """Return the bins of a numeric feature, all equally wide: the first and last hold what lies beyond, too.

    Args:
        feature: With its bins.
        decision: Which knows how the feature is written; None writes plain numbers.
    """
    heights = bar_widths([*feature.train, *feature.holdout])
    bins = len(feature.train)
    width = WIDTH / bins
    return tuple(
        Bar(
            x=round(index * width, 2),
            width=round(width, 2),
            train=round(heights[index] * HEIGHT / 100, 2),
            holdout=round(heights[bins + index] * HEIGHT / 100, 2),
            text=f"{_edge(feature, decision, index)} to {_edge(feature, decision, index + 1)}: "
            f"{share(feature.train[index])} of the train part, {share(feature.holdout[index])} of the holdout",
        )
        for index in range(bins)
    )


def _edge(feature: FeatureProfile, decision: Decision | None, at: int) -> str:
    """Return where a bin begins or ends: with as many digits as are needed to tell it from the bins beside it."""
    value, low, high = feature.edges[at], feature.edges[0], feature.edges[-1]
    if decision and feature.name in decision.display:
        return written(decision, feature.name, value)
    digits = max(
        4, math.ceil(math.log10(max(abs(low), abs(high), 1e-300) / max(high - low, 1e-300) * len(feature.edges))) + 1
    )
    return f"{value:.{min(digits, 12)}g}".replace("-", "−")


def _categories(feature: FeatureProfile) -> tuple[CategoryRow, ...]:
    widths = bar_widths([*feature.train, *feature.holdout])
    size = len(feature.categories)
    return tuple(
        CategoryRow(name, feature.train[at], feature.holdout[at], widths[at], widths[size + at])
        for at, name in enumerate(feature.categories)
    )


def target_plot(days: tuple[DayOfTarget, ...]) -> Plot | None:
    """Return the share of positives by day, train part and holdout as two lines; None for fewer than two days."""
    if len(days) < 2:
        return None
    first, last = min(day.day for day in days), max(day.day for day in days)
    parts = {
        part: [((day.day - first).days + 0.0, day.positive_rate) for day in days if day.holdout is inside]
        for part, inside in (("train", False), ("holdout", True))
    }
    rows = sum(day.rows for day in days)
    mean = sum(day.rows * day.positive_rate for day in days) / rows if rows else 0.0
    x = Scale.days(first, last)
    y = Scale.around([0.0, *(rate for points in parts.values() for _, rate in points)], "share of positives")
    series = [
        Series("challenger", "train part", parts["train"], marked=True),
        Series("champion", "holdout", parts["holdout"], marked=True),
    ]
    label = f"Share of positives by day, {first} to {last}; on average {share(mean)}"
    mean_line = Rule((x.low, mean), (x.high, mean))
    return lay_out(label, x, y, [each for each in series if each.points], rules=[mean_line], height=DAYS_HEIGHT)


@dataclass(frozen=True)
class Cell:
    """Hold one correlation: its text, and how much of its colour it has, in percent."""

    text: str
    role: str
    strength: int


def _correlation(profile: DataProfile) -> list[tuple[str, list[Cell]]]:
    """Return a row for each of `correlated`, each with all its cells."""
    return [
        (name, [_cell(value) for value in row])
        for name, row in zip(profile.correlated, profile.correlation, strict=True)
    ]


def _cell(value: float | None) -> Cell:
    if value is None:
        return Cell(number(None), "", 0)
    return Cell(number(value, 2), "champion" if value < 0 else "challenger", round(STRONGEST * min(1.0, abs(value))))
