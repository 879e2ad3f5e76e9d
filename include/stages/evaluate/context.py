"""Hold who is judged, against whom and on which rows: each model answers once, and equal evidence has one id."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import numpy as np
import pandas as pd

from include.config.code_identity import decision_code
from include.config.project import Project
from include.config.project_code import behaviour_fingerprint
from include.domain.champion import ChampionState
from include.domain.errors import ArtifactDamagedError, ChecksumMismatchError, EvaluationError, ModelUntrustedError
from include.domain.results import EvaluateInputs, TrainResult
from include.io.feature_rows import FeatureWindow, read_rows, read_window
from include.io.models import (
    Champion,
    LoadedModel,
    TrainingRecord,
    candidate_manifest,
    fingerprint_of,
    load_with,
    read_record,
    train_days,
)
from include.io.object_store import ObjectStore
from include.ml.metrics import Predictions, check_probabilities
from include.stages.evaluate.holdout_metrics import Answered, scored_rows, why_not_scored

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
            "barred": challenger.result.candidate_id in in_force.barred,
            "behaviour": behaviour_fingerprint(project),
            "holdout": contest.holdout.fingerprint,
            "code": decision_code(),
        }
    )
    return f"{inputs.as_of}-{identity}"
