"""Measure, on the rows of a holdout, what gates and people look at beside the metrics."""

from __future__ import annotations

import pandas as pd

from include.config.evidence import BaselineGain, Difference, HoldoutSize, Measurements, PairedTest
from include.config.gates import BeatsBaselineGate, BetterThanChampionGate, MetricName, NotWorseThanChampionGate
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.ml import paired
from include.ml.baseline import baseline_gains
from include.ml.delong import delong
from include.ml.mcnemar import mcnemar
from include.ml.scored import Scored
from include.stages.group_measurements import (
    measure_calibration,
    measure_fairness,
    measure_groups,
    measure_stability,
)
from include.stages.money_measurements import measure_money, measure_points


def measure_beside(project: Project, frame: pd.DataFrame, scored: Scored) -> Measurements:
    """Return what the holdout says beside its metrics.

    Args:
        frame: The holdout's rows, with target and protected columns.
        scored: Labels and scores of the same rows.
    """
    return Measurements(
        holdout=_size(scored),
        over_baseline=over_baseline(project, scored),
        differences=differences(project, scored),
        tests=_classical_tests(scored),
        points=measure_points(project, scored),
        calibration=measure_calibration(project, scored),
        groups=measure_groups(project, frame, scored),
        fairness=measure_fairness(project, frame, scored),
        stability=measure_stability(scored),
        money=measure_money(project, scored),
    )


def over_baseline(project: Project, scored: Scored) -> tuple[BaselineGain, ...]:
    """Return how sure the challenger's gain over the best trivial answer is, as the gates in force ask for it."""
    asked: dict[MetricName, list[float]] = {project.metrics.primary: []}
    for gate in gates_in_force(project):
        if isinstance(gate, BeatsBaselineGate):
            asked.setdefault(gate.metric, []).append(gate.confidence)
    return tuple(found for metric, levels in asked.items() for found in baseline_gains(metric, scored, sorted(levels)))


def _size(scored: Scored) -> HoldoutSize:
    labels = scored.labels
    return HoldoutSize(rows=len(labels), positives=int(labels.sum()), days=len(set(scored.days.astype(str))))


def differences(project: Project, scored: Scored) -> tuple[Difference, ...]:
    """Return how sure the challenger's gain over the champion is, as the gates in force ask for it.

    There is one for each metric and confidence that a gate compares with the champion, those of the primary metric
    first. Without a champion there are none, and of a metric where the holdout does not tell.
    """
    asked: dict[MetricName, list[float]] = {project.metrics.primary: []}
    for gate in gates_in_force(project):
        if isinstance(gate, BetterThanChampionGate | NotWorseThanChampionGate):
            asked.setdefault(gate.metric, []).append(gate.confidence)
    return tuple(
        found for metric, levels in asked.items() for found in paired.differences(metric, scored, sorted(set(levels)))
    )


def _classical_tests(scored: Scored) -> tuple[PairedTest, ...]:
    if scored.champion is None:
        return ()
    areas = delong(scored.labels, scored.challenger, scored.champion)
    answers = mcnemar(
        scored.labels,
        scored.challenger,
        scored.champion,
        scored.challenger_threshold,
        scored.champion_threshold,
    )
    return (areas, answers) if areas else (answers,)
