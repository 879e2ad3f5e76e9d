"""Measure, on the rows of a holdout, what gates and people look at beside the metrics."""

from __future__ import annotations

import pandas as pd

from include.config.evidence import Calibration, Difference, Measurements, PairedTest, Stability
from include.config.gates import BetterThanChampionGate, MetricName, NotWorseThanChampionGate
from include.config.project import Project
from include.ml import paired
from include.ml.calibration import calibration
from include.ml.delong import delong
from include.ml.fairness import fairness
from include.ml.gates import gates_in_force
from include.ml.mcnemar import mcnemar
from include.ml.scored import Scored
from include.ml.stability import stability

BINS = 10
# rates of fewer people are mostly chance
MIN_GROUP_ROWS = 100


def measure_beside(project: Project, frame: pd.DataFrame, scored: Scored) -> Measurements:
    """Return what the holdout says beside its metrics.

    Args:
        frame: The holdout's rows, with target and protected columns.
        scored: Labels and scores of the same rows.
    """
    return Measurements(
        differences=differences(project, scored),
        tests=_classical_tests(scored),
        calibration=_calibration(scored),
        fairness=tuple(
            fairness(
                column,
                frame[column].to_numpy(),
                scored.labels,
                scored.challenger,
                scored.challenger_threshold,
                MIN_GROUP_ROWS,
            )
            for column in project.protected
        ),
        stability=_stability(scored),
    )


def differences(project: Project, scored: Scored) -> tuple[Difference, ...]:
    """Return how sure the challenger's gain over the champion is, as the gates in force ask for it.

    There is one for each metric and confidence that a gate compares with the champion, those of the primary metric
    first. Without a champion there are none, and of a metric where the holdout does not tell.
    """
    asked: dict[MetricName, list[float]] = {project.metrics.primary: []}
    for gate in gates_in_force(project.gates, project.metrics.primary):
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


def _calibration(scored: Scored) -> dict[str, Calibration]:
    found = {"challenger": calibration(scored.labels, scored.challenger, BINS)}
    if scored.champion is not None:
        found["champion"] = calibration(scored.labels, scored.champion, BINS)
    return found


def _stability(scored: Scored) -> Stability | None:
    return None if scored.champion is None else stability(scored.challenger, scored.champion)
