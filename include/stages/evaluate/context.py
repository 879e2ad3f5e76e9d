"""Hold who is judged, against whom and on which rows; each model answers once, and is measured with the baseline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd

from include.config.gates import NO_CHAMPION, gate_metrics
from include.config.gates_in_force import gates_in_force
from include.config.identity import decision_code, fingerprint_of
from include.config.project import Project
from include.config.project_code import behaviour_fingerprint
from include.domain.champion import ChampionState
from include.domain.errors import ArtifactDamagedError, ChecksumMismatchError, EvaluationError, ModelUntrustedError
from include.domain.metrics import MetricName
from include.domain.results import EvaluateInputs, TrainResult
from include.io.feature_rows import FeatureWindow, read_rows, read_window
from include.io.keys import DAY
from include.io.models import (
    Champion,
    LoadedModel,
    TrainingRecord,
    candidate_manifest,
    load_with,
    read_record,
    train_days,
    was_rolled_back,
)
from include.io.object_store import ObjectStore
from include.ml.baseline import measure_trivial
from include.ml.bootstrap import interval_by_days
from include.ml.metrics import Predictions, check_probabilities, measure


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


# what libraries raise for inputs that a model cannot take, or for a model that is not what it says
_WRONG = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
LONG_AGO = datetime(1, 1, 2, tzinfo=UTC)


@dataclass(frozen=True)
class Challenger:
    """Hold the candidate under judgement.

    Attributes:
        result: What train said of it.
        record: How it was made.
        model: None when it cannot be read.
        broken: Why it cannot be read or does not answer; empty when it does.
        version: Its model version.
        made_at: When it was made.
    """

    result: TrainResult
    record: TrainingRecord
    model: LoadedModel | None
    broken: str = ""
    version: str = ""
    made_at: datetime = LONG_AGO


def read_challenger(store: ObjectStore, project: str, result: TrainResult) -> Challenger:
    """Return the candidate; a model file that is damaged or not trusted is told in `broken`.

    Raises:
        ObjectMissingError: It was never finished, or its files are gone.
        ChecksumMismatchError, ArtifactDamagedError: Its manifest or its record is damaged: nothing is known of it.
    """
    manifest = candidate_manifest(store, project, result.candidate_id)
    record = read_record(store, manifest)
    try:
        return Challenger(result, record, load_with(store, manifest, record), made_at=manifest.made_at)
    except (ArtifactDamagedError, ChecksumMismatchError, ModelUntrustedError) as error:
        return Challenger(result, record, None, str(error), made_at=manifest.made_at)


def answers(model: LoadedModel, frame: pd.DataFrame, where: str) -> np.ndarray | str:
    """Return the model's probability of 1 for each row of `frame`, shape (n_rows,), or why it gives none.

    Args:
        where: What is scored, for the message.
    """
    try:
        scores = np.asarray(model.score(frame), dtype="float64")
        check_probabilities(scores, where)
    except EvaluationError as error:
        return str(error)
    except _WRONG as error:
        return f"{where}: the model fails to answer; got: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    return scores


@dataclass(frozen=True)
class EvaluationContext:
    """Hold one judgement's parties and rows.

    Attributes:
        champion: As of the run's day; what the challenger is compared with.
        gone: Why there is no champion, when there should be one.
        in_force: Champion and pin of this moment, whatever their day.
        holdout: The rows that are judged on.
        store: Holds what the challenger has learnt from.
    """

    project: Project
    inputs: EvaluateInputs
    challenger: Challenger
    champion: Champion | None
    gone: str
    in_force: ChampionState
    holdout: FeatureWindow
    store: ObjectStore

    @property
    def where(self) -> str:
        """Return what is measured, for messages."""
        span = self.inputs.plan.holdout
        return f"holdout of {self.project.name}, {span.first} to {span.last}"

    @cached_property
    def learnt(self) -> pd.DataFrame:
        """Return the very rows that the challenger has learnt from, as `FeatureWindow` holds them."""
        record = self.challenger.record
        if not record.data:
            return read_window(self.store, self.project, train_days(self.inputs.plan)).frame
        return read_rows(self.store, self.project, record.data)

    @cached_property
    def barred(self) -> bool:
        """Return whether the challenger is a model that was rolled back, under whichever id."""
        return was_rolled_back(self.store, self.project.name, self.challenger.result.candidate_id, self.in_force)

    @cached_property
    def answers(self) -> np.ndarray | str:
        """Return the challenger's probability of 1 for each row, shape (n_rows,), or why there is none."""
        model = self.challenger.model
        return answers(model, self.holdout.frame, f"{self.where}, challenger") if model else self.challenger.broken

    @cached_property
    def not_scored(self) -> str:
        """Return why a champion that exists has no score; empty otherwise."""
        return why_not_scored(self.champion.model, self.holdout.frame) if self.champion else self.gone

    @cached_property
    def rival(self) -> LoadedModel | None:
        """Return the champion's model; None when there is none, or it cannot be scored."""
        return None if self.champion is None or self.not_scored else self.champion.model

    @cached_property
    def scored(self) -> Predictions:
        """Return labels and scores side by side, of a challenger that answers."""
        frame, ours = self.holdout.frame, self.challenger.model
        assert ours is not None and not isinstance(self.answers, str), "a challenger that answers"
        theirs = Answered(self.rival, self.rival.score(frame)) if self.rival else None
        prior = self.challenger.record.positive_rate
        return scored_rows(self.project, frame, Answered(ours, self.answers), theirs, prior)


# what is declared of measuring and judging
RULES = ("gates", "metrics", "promotion", "protected", "slices", "threshold", "value")


def decision_id(contest: EvaluationContext) -> str:
    """Return the run's day and a hash of the evidence, not of the moment: judging it again is the same decision."""
    project, inputs, challenger = contest.project, contest.inputs, contest.challenger
    champion, in_force = contest.champion, contest.in_force
    newest, pin = in_force.champion, in_force.pin
    identity = fingerprint_of(
        {
            "project": project.name,
            "as_of": inputs.as_of.isoformat(),
            "candidates": sorted(result.candidate_id for result in inputs.trained),
            "challenger": [challenger.result.candidate_id, challenger.version, challenger.broken],
            "champion": [champion.entry.candidate_id, champion.entry.version] if champion else None,
            "newest": [newest.candidate_id, newest.version] if newest else None,
            "rules": project.relevant(*RULES),
            "mode": inputs.promotion_mode,
            "backfill": inputs.origin.run_type == "backfill",
            "pin": pin.number if pin else None,
            "barred": contest.barred,
            "behaviour": behaviour_fingerprint(project),
            "holdout": contest.holdout.fingerprint,
            "code": decision_code(),
        }
    )
    return f"{inputs.as_of}-{identity}"
