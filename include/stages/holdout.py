"""Measure challenger, champion and baseline on the same rows of the holdout."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from include.config.gates import MetricName
from include.config.project import Project
from include.config.results import PlanResult
from include.ml.curves import roc_points
from include.ml.gates import NO_CHAMPION, Evidence
from include.ml.metrics import measure
from include.stages.candidates import LoadedModel
from include.stages.champions import Champion


@dataclass(frozen=True)
class Measured:
    """Hold what the holdout says.

    Attributes:
        evidence: Every metric of each model; the champion's are missing when there is none or it cannot be scored.
        curves: ROC curves by role.
        rows: Rows of the holdout.
        positive_rate: Share of positives among them.
        not_scored: Why a champion that exists has no score; empty otherwise.
    """

    evidence: Evidence
    curves: dict[str, list[tuple[float, float]]]
    rows: int
    positive_rate: float
    not_scored: str = ""


def measure_all(
    project: Project,
    plan: PlanResult,
    frame: pd.DataFrame,
    challenger: LoadedModel,
    champion: Champion | None,
    train_positive_rate: float,
) -> Measured:
    """Score the models on `frame`, each through its own signature.

    Args:
        frame: The holdout's rows: features and target.
        train_positive_rate: What the baseline answers for every row: the same as scikit-learn's
            `DummyClassifier(strategy="prior")` fitted on the train part.

    Raises:
        EvaluationError: The holdout holds one class only, or a model's scores are no probabilities.
    """
    labels = np.asarray(frame[project.target.name], dtype=int)
    where = f"holdout of {project.name}, {plan.holdout.first} to {plan.holdout.last}"
    metrics = _metrics_of(project)
    scores = challenger.score(frame)
    prior = np.full(len(labels), train_positive_rate)
    challenger_values = measure(metrics, labels, scores, f"{where}, challenger")
    baseline_values = measure(metrics, labels, prior, f"{where}, baseline")
    curves = {"challenger": roc_points(labels, scores)}
    champion_values = None
    not_scored = _why_not_scored(champion, frame)
    if champion is not None and not not_scored:
        rival = champion.model.score(frame)
        champion_values = measure(metrics, labels, rival, f"{where}, champion {champion.entry.version}")
        curves["champion"] = roc_points(labels, rival)
    evidence = Evidence(
        challenger=challenger_values,
        baseline=baseline_values,
        champion=champion_values,
        no_champion=f"champion not scored: {not_scored}" if not_scored else NO_CHAMPION,
    )
    return Measured(evidence, curves, len(labels), float(labels.mean()), not_scored)


def _metrics_of(project: Project) -> list[MetricName]:
    """Return every metric that is reported or looked at by a gate, the primary one first."""
    named = [project.metrics.primary, *project.metrics.also, *(gate.metric for gate in project.gates)]
    return list(dict.fromkeys(named))


def _why_not_scored(champion: Champion | None, frame: pd.DataFrame) -> str:
    if champion is None:
        return ""
    missing = champion.model.signature.missing_from(frame.columns)
    return f"the prepared features lack {', '.join(missing)}" if missing else ""
