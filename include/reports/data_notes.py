"""Say what stands out in the data of a window: what is missing, what differs between train part and holdout."""

from __future__ import annotations

from include.config.decision import Decision
from include.config.evidence import LabelsOfGroup
from include.config.explanation import DataProfile, FeatureProfile
from include.reports.wording import count, counted_rows, listed, number, share

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
