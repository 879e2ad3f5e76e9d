"""Hold who is judged, against whom and on which rows, and what both answer there: each model answers once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from include.config.project import Project
from include.config.results import EvaluateInputs
from include.io.object_store import ObjectStore
from include.io.standing import InForce
from include.ml.scored import Scored
from include.stages.candidates import LoadedModel, train_days
from include.stages.challengers import Challenger, answers
from include.stages.champions import Champion
from include.stages.feature_window import FeatureWindow, read_rows, read_window
from include.stages.holdout import Answered, scored_rows, why_not_scored


@dataclass(frozen=True)
class Contest:
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
    in_force: InForce
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
    def scored(self) -> Scored:
        """Return labels and scores side by side, of a challenger that answers."""
        frame, ours = self.holdout.frame, self.challenger.model
        assert ours is not None and not isinstance(self.answers, str), "a challenger that answers"
        theirs = Answered(self.rival, self.rival.score(frame)) if self.rival else None
        prior = self.challenger.record.positive_rate
        return scored_rows(self.project, frame, Answered(ours, self.answers), theirs, prior)
