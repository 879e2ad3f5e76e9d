"""Train pairs of models on one window of real days, and judge them by the project's own gates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from include.config.gates import (
    BehaviourGate,
    Evidence,
    LabelsGate,
    LatencyGate,
    LeakageGate,
    MemoryGate,
    ServesGate,
    SizeGate,
)
from include.config.gates_in_force import gates_in_force
from include.config.project import Project
from include.domain.metrics import improvement
from include.domain.promotion_rules import Case, Rival, reach_verdict
from include.io.keys import DAY
from include.ml.estimators import build_estimator
from include.ml.metrics import Predictions, measure
from include.ml.signature import model_input, signature_of
from include.ml.thresholds import choose_threshold
from include.ml.tuning import split
from include.stages.evaluate.context import labels_of, measure_baseline, measured_metrics
from include.stages.evaluate.measurements import measure_beside

# they look at the release, at the nights before and at the days' missing labels, and say nothing of chance
NOT_ASKED = (BehaviourGate, LabelsGate, LatencyGate, LeakageGate, MemoryGate, ServesGate, SizeGate)


Worse = Literal["rows", "trees"]


@dataclass(frozen=True)
class Outcome:
    """Hold how one challenger was judged against one champion.

    Attributes:
        failed: The kinds of the gates that did not let it pass.
    """

    verdict: str
    gain: float
    standard_error: float
    failed: tuple[str, ...]


class Arena:
    """Hold one window: models are trained on its train part, and meet on its holdout."""

    def __init__(
        self, project: Project, as_of: str, train: pd.DataFrame, holdout: pd.DataFrame, threshold: float | None = None
    ) -> None:
        """Prepare the window; without a threshold, it is chosen as declared."""
        self.project, self.holdout, self._as_of = project, holdout, date.fromisoformat(as_of)
        self._labels, self._truth = labels_of(project, train), labels_of(project, holdout)
        signature = signature_of(train, project.features, project.target.name)
        # preparing knows no chance, so all models of the window can share it
        prepare = self._estimator(0)[:-1]
        self._inputs = prepare.fit_transform(model_input(train, signature))
        self._asked = prepare.transform(model_input(holdout, signature))
        self._prior = float(self._labels.mean())
        self.threshold = self._choose(train[DAY].tolist()) if threshold is None else threshold
        self._baseline = measure_baseline(project, holdout, self._prior, as_of)
        self._gates = [gate for gate in gates_in_force(project) if not isinstance(gate, NOT_ASKED)]

    def scores(self, seed: int, worse: Worse = "rows", share: float = 1.0) -> np.ndarray:
        """Return what a newly trained model says of the holdout, shape (n_rows,).

        Args:
            seed: Of the training.
            worse: What a worse model has less of: the train part's rows, drawn at random, or trees.
            share: How much of it the model has.
        """
        drawn = np.random.default_rng(seed).random(len(self._labels)) < (share if worse == "rows" else 1.0)
        return self._fitted(seed, np.flatnonzero(drawn), self._asked, share if worse == "trees" else 1.0)

    def gain(self, challenger: np.ndarray, champion: np.ndarray) -> float:
        """Return by how much the challenger's primary metric is better on the holdout."""
        primary = self.project.metrics.primary
        ours, theirs = (
            measure([primary], self._truth, scores, "holdout", self.threshold)[primary]
            for scores in (challenger, champion)
        )
        return improvement(primary, ours, theirs)

    def first(self, challenger: np.ndarray) -> Outcome:
        """Judge the challenger as the first model of all, with no champion beside it; its gain is over the baseline."""
        return self._judged(challenger, None)

    def meet(self, challenger: np.ndarray, champion: np.ndarray) -> Outcome:
        """Judge the challenger against the champion by every gate that looks at answers."""
        return self._judged(challenger, champion)

    def _judged(self, challenger: np.ndarray, champion: np.ndarray | None) -> Outcome:
        project, primary = self.project, self.project.metrics.primary
        scored = Predictions(
            self._truth,
            self.holdout[DAY].to_numpy(),
            challenger,
            champion,
            challenger_threshold=self.threshold,
            champion_threshold=self.threshold,
            seed=project.seed,
            prior=self._prior,
        )
        ours, theirs = (
            None
            if scores is None
            else measure(measured_metrics(project), self._truth, scores, "holdout", self.threshold)
            for scores in (challenger, champion)
        )
        assert ours is not None, "the challenger always answers"
        measured = measure_beside(project, self.holdout, scored)
        evidence = Evidence(ours, self._baseline, theirs, measurements=measured, champion_version="1" if theirs else "")
        gates = [found for gate in self._gates for found in gate.judge(evidence)]
        case = Case(
            as_of=self._as_of,
            metric=primary,
            value=ours[primary],
            candidate_id="challenger",
            rival=Rival("1", "champion", theirs[primary]) if theirs else None,
            newest_as_of=None,
            mode="automatic",
        )
        verdict, _ = reach_verdict(gates, case)
        found = measured.difference(primary) if theirs else next(iter(measured.over_baseline), None)
        return Outcome(
            verdict,
            improvement(primary, ours[primary], (theirs or self._baseline)[primary]),
            found.standard_error if found else float("nan"),
            tuple(dict.fromkeys(gate.kind for gate in gates if not gate.passed)),
        )

    def _choose(self, days: list[str]) -> float:
        """Return the threshold of the window's models, chosen as declared; one for all, as they are much alike."""
        project = self.project
        scores = np.full(len(self._labels), np.nan)
        if project.threshold.objective != "fixed":
            for fold in split(days, self._labels, project.cross_validation, project.seed):
                scores[fold.validation] = self._fitted(project.seed, fold.train, self._inputs[fold.validation])
        return choose_threshold(project.threshold, project.value, self._labels, scores).value

    def _fitted(self, seed: int, rows: np.ndarray, asked: np.ndarray, trees: float = 1.0) -> np.ndarray:
        model = self._estimator(seed, trees)[-1]
        model.fit(self._inputs[rows], self._labels[rows])
        return np.asarray(model.predict_proba(asked)[:, 1], dtype="float64")

    def _estimator(self, seed: int, trees: float = 1.0) -> Pipeline:
        candidate = next(each for each in self.project.candidates if each.estimator == "xgboost")
        space = candidate.search.space if candidate.search else {}
        params: dict[str, Any] = {**candidate.params, **{name: values[0] for name, values in space.items()}}
        params["n_estimators"] = max(1, round(int(params["n_estimators"]) * trees))
        return build_estimator("xgboost", params, self.project.features, seed=seed, threads=1)
