"""Measure challenger, champion and baseline on the same rows of the holdout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.config.gates import MetricName, gate_metrics
from include.config.project import Project
from include.config.results import PlanResult
from include.ml.curves import roc_points
from include.ml.gates import NO_CHAMPION, Evidence
from include.ml.intervals import interval_by_days
from include.ml.metrics import measure
from include.ml.scored import Scored
from include.stages.candidates import LoadedModel
from include.stages.champions import Champion
from include.stages.columns import DAY
from include.stages.measurements import measure_beside


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
class Measured:
    """Hold what the holdout says.

    Attributes:
        evidence: Every metric of each model, and what was measured beside them.
        curves: ROC curves by role.
        rows: Rows of the holdout.
        positive_rate: Share of positives among them.
        not_scored: Why a champion that exists has no score; empty otherwise.
        interval: Of the challenger's primary metric, at 95 %; None when the holdout is too short for one.
        champion_interval: The same of the champion, on the same draws of days.
    """

    evidence: Evidence
    curves: dict[str, list[tuple[float, float]]]
    rows: int
    positive_rate: float
    not_scored: str = ""
    interval: tuple[float, float] | None = None
    champion_interval: tuple[float, float] | None = None


def measure_all(
    project: Project,
    plan: PlanResult,
    frame: pd.DataFrame,
    challenger: np.ndarray,
    champion: Champion | str,
    train_positive_rate: float,
) -> Measured:
    """Measure the models on `frame`, the champion scored through its own signature.

    Args:
        frame: The holdout's rows: day, features and target.
        challenger: Its probability of 1 for each row.
        champion: The champion, or why there is none to compare with (empty before the first promotion).
        train_positive_rate: What the baseline answers for every row; see `measure_baseline`.

    Raises:
        EvaluationError: The holdout holds one class only, or a model's scores are no probabilities.
    """
    labels = _labels(project, frame)
    where = f"holdout of {project.name}, {plan.holdout.first} to {plan.holdout.last}"
    ours = measure_scores(project, frame, challenger, f"{where}, challenger")
    curves = {"challenger": roc_points(labels, ours.scores)}
    theirs = None
    not_scored = champion if isinstance(champion, str) else why_not_scored(champion.model, frame)
    if isinstance(champion, Champion) and not not_scored:
        theirs = measure_model(project, frame, champion.model, f"{where}, champion {champion.entry.version}")
        curves["champion"] = roc_points(labels, theirs.scores)
    evidence = Evidence(
        challenger=ours.values,
        baseline=measure_baseline(project, frame, train_positive_rate, f"{where}, baseline"),
        champion=theirs.values if theirs else None,
        no_champion=no_champion(not_scored),
        measurements=measure_beside(project, frame, scored_rows(project, frame, ours, theirs)),
    )
    return Measured(
        evidence,
        curves,
        rows=len(labels),
        positive_rate=float(labels.mean()),
        not_scored=not_scored,
        interval=ours.interval,
        champion_interval=theirs.interval if theirs else None,
    )


def scored_rows(project: Project, frame: pd.DataFrame, ours: ModelOnHoldout, theirs: ModelOnHoldout | None) -> Scored:
    """Return labels and scores of two models on the rows of `frame`."""
    champion = theirs.scores if theirs else None
    return Scored(_labels(project, frame), frame[DAY].to_numpy(), ours.scores, champion, seed=project.seed)


def measure_model(project: Project, frame: pd.DataFrame, model: LoadedModel, where: str) -> ModelOnHoldout:
    """Return every metric of one model on `frame`.

    Raises:
        EvaluationError: The rows are of one class only, or the scores are no probabilities.
    """
    return measure_scores(project, frame, model.score(frame), where)


def measure_scores(project: Project, frame: pd.DataFrame, scores: np.ndarray, where: str) -> ModelOnHoldout:
    """Return every metric of scores of the rows of `frame`; see `measure_model`."""
    labels = _labels(project, frame)
    values = measure(measured_metrics(project), labels, scores, where)
    interval = interval_by_days(project.metrics.primary, labels, scores, frame[DAY].to_numpy(), project.seed)
    return ModelOnHoldout(values, interval, scores)


def measure_baseline(project: Project, frame: pd.DataFrame, train_positive_rate: float, where: str) -> dict[str, float]:
    """Return every metric of a model that answers the same for every row.

    It is scikit-learn's `DummyClassifier(strategy="prior")` fitted on the train part.

    Raises:
        EvaluationError: The rows are of one class only.
    """
    labels = _labels(project, frame)
    return measure(measured_metrics(project), labels, np.full(len(labels), train_positive_rate), where)


def measured_metrics(project: Project) -> list[MetricName]:
    """Return every metric that is reported or looked at by a gate, the primary one first."""
    named = [project.metrics.primary, *project.metrics.also, *gate_metrics(project.gates)]
    return list(dict.fromkeys(named))


def why_not_scored(model: LoadedModel, frame: pd.DataFrame) -> str:
    """Return why a model cannot score `frame`; empty when it can."""
    missing = model.signature.missing_from(frame.columns)
    return f"the prepared features lack {', '.join(missing)}" if missing else ""


def no_champion(not_scored: str) -> str:
    """Return what the gates are told when the champion has no score."""
    return f"champion not scored: {not_scored}" if not_scored else NO_CHAMPION


def _labels(project: Project, frame: pd.DataFrame) -> np.ndarray:
    return np.asarray(frame[project.target.name], dtype=int)
