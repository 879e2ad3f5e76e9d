"""Measure challenger, champion and baseline on the same rows of the holdout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.config.gates import NO_CHAMPION, gate_metrics
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.domain.metrics import MetricName
from include.io.keys import DAY
from include.io.models import LoadedModel
from include.ml.baseline import measure_trivial
from include.ml.bootstrap import interval_by_days
from include.ml.metrics import Predictions, measure


@dataclass(frozen=True)
class ModelOnHoldout:
    """Hold what the holdout says of one model.

    Attributes:
        values: Every metric.
        interval: Of the primary metric, at 95 %; None when the holdout is too short for one.
        scores: Probability of the positive class, a row each.
    """

    values: dict[str, float]
    interval: tuple[float, float] | None
    scores: np.ndarray


@dataclass(frozen=True)
class Answered:
    """Hold a model with its probability of 1 for each row, shape (n_rows,)."""

    model: LoadedModel
    scores: np.ndarray


def scored_rows(
    project: Project, frame: pd.DataFrame, ours: Answered, theirs: Answered | None, prior: float
) -> Predictions:
    """Return labels and scores of two models on the rows of `frame`, each with its own threshold.

    Args:
        prior: Share of positives in the train part of `ours`.
    """
    champion = theirs.model if theirs else ours.model
    return Predictions(
        labels_of(project, frame),
        frame[DAY].to_numpy(),
        ours.scores,
        theirs.scores if theirs else None,
        challenger_threshold=ours.model.threshold,
        champion_threshold=champion.threshold,
        challenger_objective=ours.model.objective,
        champion_objective=champion.objective,
        seed=project.seed,
        prior=prior,
    )


def measure_model(project: Project, frame: pd.DataFrame, model: LoadedModel, where: str) -> ModelOnHoldout:
    """Return every metric of one model on `frame`.

    Raises:
        EvaluationError: The rows are of one class only, or the scores are no probabilities.
    """
    return measure_scores(project, frame, model.score(frame), where, model.threshold)


def measure_scores(
    project: Project, frame: pd.DataFrame, scores: np.ndarray, where: str, threshold: float
) -> ModelOnHoldout:
    """Return every metric of scores of the rows of `frame`; see `measure_model`."""
    labels = labels_of(project, frame)
    values = measure(measured_metrics(project), labels, scores, where, threshold)
    interval = interval_by_days(project.metrics.primary, labels, scores, frame[DAY].to_numpy(), project.seed, threshold)
    return ModelOnHoldout(values, interval, scores)


def measure_baseline(project: Project, frame: pd.DataFrame, train_positive_rate: float, where: str) -> dict[str, float]:
    """Return every metric of the best answer that is the same for every row; see `ml.baseline`.

    Raises:
        EvaluationError: The rows are of one class only.
    """
    return measure_trivial(measured_metrics(project), labels_of(project, frame), train_positive_rate, where)


def measured_metrics(project: Project) -> list[MetricName]:
    """Return every metric that is reported or looked at by a gate, the primary one first."""
    named = [project.metrics.primary, *project.metrics.also, *gate_metrics(gates_in_force(project))]
    return list(dict.fromkeys(named))


def spread(rows: int, at_most: int) -> np.ndarray:
    """Return the positions of rows spread evenly over all, the first and the last among them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, at_most)).round().astype(int))


def why_not_scored(model: LoadedModel, frame: pd.DataFrame) -> str:
    """Return why a model cannot score `frame`; empty when it can."""
    missing = model.signature.missing_from(frame.columns)
    return f"the prepared features lack {', '.join(missing)}" if missing else ""


def no_champion(not_scored: str) -> str:
    """Return what the gates are told when the champion has no score."""
    return f"champion not scored: {not_scored}" if not_scored else NO_CHAMPION


def labels_of(project: Project, frame: pd.DataFrame) -> np.ndarray:
    """Return the target of each row, 0 or 1, shape (n_rows,)."""
    return np.asarray(frame[project.target.name], dtype=int)
