"""Measure, on the rows of a holdout and on the nights before, what smells of the answer."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from include.config.evidence import Leakage
from include.config.project import Project
from include.io.ledger import Ledger
from include.io.standing import standing_after
from include.ml.leakage import Feature, alone_auc, count, determines
from include.ml.metrics import improvement
from include.ml.repeats import find_repeats
from include.stages.columns import DAY

# older nights tell little of what is ordinary in this season; a project that trains monthly still has three
OLDEST_NIGHT = timedelta(days=100)


def measure_leakage(
    project: Project, learnt: pd.DataFrame, frame: pd.DataFrame, ledger: Ledger, as_of: date
) -> Leakage:
    """Return what each feature tells by itself, and what the nights before were worth.

    Args:
        learnt: The rows that the challenger has learnt from.
        frame: The holdout's rows with features and target; both classes are there.
        ledger: Of the project; its newest entry alone is read.
        as_of: The day of the run: only nights of earlier days count, and never a backfill, so that the runs of a
            backfill see the same nights in whatever order they end.
    """
    labels = np.asarray(frame[project.target.name], dtype=int)
    features = _features(project, frame, labels)
    best = sorted(((name, alone_auc(feature)) for name, feature in features.items()), key=lambda each: -each[1])
    return Leakage(
        metric=project.metrics.primary,
        single_feature_auc=tuple(best),
        same_as_target=tuple(name for name, feature in features.items() if determines(feature.whole)),
        best_before=_best_before(project, ledger, as_of),
        positives=int(labels.sum()),
        negatives=int((1 - labels).sum()),
        repeats=find_repeats(
            learnt,
            frame,
            keys=project.keys,
            features=project.features.names,
            target=project.target.name,
            day=DAY,
        ),
    )


def _features(project: Project, frame: pd.DataFrame, labels: np.ndarray) -> dict[str, Feature]:
    half = np.random.default_rng(project.seed).permutation(len(labels)) % 2
    declared = project.features
    return {
        name: count(frame[name], "numeric" if name in declared.numeric else "categorical", labels, half)
        for name in declared.names
    }


def _best_before(project: Project, ledger: Ledger, as_of: date) -> tuple[float, int] | None:
    """Return the best primary metric of the nights before, and how many there are."""
    primary = project.metrics.primary
    values = [
        value
        for day, metric, value in standing_after(ledger.history()).nights
        if as_of - OLDEST_NIGHT <= day < as_of and metric == primary
    ]
    return (max(values, key=lambda value: improvement(primary, value, 0.0)), len(values)) if values else None
