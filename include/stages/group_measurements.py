"""Measure, on the rows of a holdout, what the gates of groups, calibration and stability look at."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from include.config.evidence import Calibration, Fairness, Group, Stability
from include.config.gates import CalibrationGate, FairnessGate, MetricName, SliceGate
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.ml.calibration import calibration
from include.ml.fairness import fairness
from include.ml.scored import Scored
from include.ml.slices import measure_slices
from include.ml.stability import stability

_SLICE_ROWS: int = SliceGate.model_fields["min_rows"].default
_FAIRNESS_ROWS: int = FairnessGate.model_fields["min_rows"].default
_BINS: int = CalibrationGate.model_fields["bins"].default


def measure_groups(project: Project, frame: pd.DataFrame, scored: Scored) -> tuple[Group, ...]:
    """Return both models' metrics in the groups of rows that slice gates judge, and that people look at.

    Args:
        frame: The holdout's rows, with features and protected columns.
        scored: Labels and scores of the same rows.

    Returns:
        The metric of each `slice` gate by its columns; and the primary metric by each protected column and declared
        slice, where no gate measures it.
    """
    return tuple(
        group
        for (metric, column), min_rows in _looked_at(project).items()
        for group in measure_slices(metric, column, frame[column], scored, min_rows)
    )


def measure_fairness(project: Project, frame: pd.DataFrame, scored: Scored) -> tuple[Fairness, ...]:
    """Return how the challenger answers groups of people at its threshold: one for each protected column.

    Args:
        frame: The holdout's rows, with the protected columns.
        scored: Labels and scores of the same rows.
    """
    gates = [gate for gate in gates_in_force(project) if isinstance(gate, FairnessGate)]
    return tuple(
        fairness(
            column,
            frame[column],
            scored.labels,
            scored.challenger,
            scored.challenger_threshold,
            next((gate.min_rows for gate in gates if column in (gate.by or project.protected)), _FAIRNESS_ROWS),
        )
        for column in project.protected
    )


def measure_calibration(project: Project, scored: Scored) -> dict[str, Calibration]:
    """Return whether the scores of challenger and champion, if any, are probabilities, by role."""
    bins = next((gate.bins for gate in gates_in_force(project) if isinstance(gate, CalibrationGate)), _BINS)
    found = {"challenger": calibration(scored.labels, scored.challenger, bins)}
    if scored.champion is not None:
        found["champion"] = calibration(scored.labels, scored.champion, bins)
    return found


def measure_stability(scored: Scored) -> Stability | None:
    """Return how far the challenger's scores moved from the champion's; None without a champion."""
    return None if scored.champion is None else stability(scored.challenger, scored.champion)


def _looked_at(project: Project) -> dict[tuple[MetricName, str], int]:
    """Return the metrics and columns to look at, with the fewest rows of a group that is judged."""
    found: dict[tuple[MetricName, str], int] = {}
    for metric, column, min_rows in (*_by_gates(project), *_by_default(project)):
        found.setdefault((metric, column), min_rows)
    return found


def _by_gates(project: Project) -> Iterator[tuple[MetricName, str, int]]:
    for gate in gates_in_force(project):
        if isinstance(gate, SliceGate):
            for column in gate.by or (*project.protected, *project.slices):
                yield gate.metric, column, gate.min_rows


def _by_default(project: Project) -> Iterator[tuple[MetricName, str, int]]:
    for column in (*project.protected, *project.slices):
        yield project.metrics.primary, column, _SLICE_ROWS
