"""Put together what explains a decision to people: nothing here decides anything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from include.config.explanation import (
    Curves,
    DataProfile,
    ErrorAnalysis,
    Explanation,
    Importance,
    ImportanceSample,
)
from include.config.project import Project
from include.config.results import PlanResult
from include.ml.curves import precision_recall_points, roc_points
from include.ml.error_analysis import Answers, error_slices, worst_errors
from include.ml.importance import REPEATS, Loss, importance, judged_rows
from include.ml.profile import adversarial_auc, feature_profile, rank_correlation, target_by_day
from include.ml.scored import Scored
from include.stages.candidates import LoadedModel
from include.stages.columns import DAY
from include.stages.drawing import drawn

Part = TypeVar("Part")

# rows beyond these change a picture by less than can be seen
IMPORTANCE_ROWS = 5_000
CORRELATION_ROWS = 5_000
ADVERSARIAL_ROWS = 10_000


def explain(
    project: Project,
    plan: PlanResult,
    train_frame: pd.DataFrame,
    holdout_frame: pd.DataFrame,
    scored: Scored,
    challenger: LoadedModel,
    champion: LoadedModel | None,
) -> Explanation:
    """Return what explains a decision; the same for the same arguments. A part that cannot be drawn is a note.

    Args:
        plan: Of the run.
        train_frame: The train part's rows: day, features and target.
        holdout_frame: The holdout's rows: the same columns, and those that the champion needs.
        scored: Labels and scores of both models on the holdout's rows.
        challenger: The candidate under judgement.
        champion: What it was compared with; None when there is none, or it could not be scored.
    """
    theirs = None if scored.champion is None else champion
    notes: list[str] = []

    def part(what: str, make: Callable[[], Part], nothing: Part) -> Part:
        def noted(note: str) -> Part:
            notes.append(note)
            return nothing

        return drawn(what, make, noted)

    no_curves: dict[str, Curves] = {}
    nowhere: tuple[tuple[Importance, ...], ImportanceSample | None] = ((), None)
    found, sample = part(
        "the importance", lambda: _importance(project, holdout_frame, scored, challenger, theirs), nowhere
    )
    profile: DataProfile | None = part("the data", lambda: _data(project, plan, train_frame, holdout_frame), None)
    return Explanation(
        curves=part("the curves", lambda: _curves(scored), no_curves),
        importance=found,
        importance_sample=sample,
        errors=part("the errors", lambda: _errors(project, holdout_frame, scored), ErrorAnalysis()),
        data=profile,
        notes=tuple(notes),
    )


def _curves(scored: Scored) -> dict[str, Curves]:
    scores = {"challenger": scored.challenger, "champion": scored.champion}
    return {
        role: Curves(
            roc=tuple(roc_points(scored.labels, each)),
            precision_recall=tuple(precision_recall_points(scored.labels, each)),
        )
        for role, each in scores.items()
        if each is not None
    }


def _importance(
    project: Project, frame: pd.DataFrame, scored: Scored, challenger: LoadedModel, champion: LoadedModel | None
) -> tuple[tuple[Importance, ...], ImportanceSample | None]:
    """Return the importance of each feature of either model, on the same shuffled rows."""
    rows = _sample(len(frame), IMPORTANCE_ROWS, scored.seed)
    labels = scored.labels[rows]
    if len(np.unique(labels)) < 2:
        return (), None
    names = list(dict.fromkeys([*challenger.signature.names, *(champion.signature.names if champion else ())]))
    judged = judged_rows(frame[names].iloc[rows], labels, project.metrics.primary, scored.seed)
    ours = importance(judged, challenger.signature.names, challenger.score, scored.challenger_threshold)
    theirs: dict[str, Loss] = {}
    if champion is not None:
        theirs = importance(judged, champion.signature.names, champion.score, scored.champion_threshold)
    found = [_importance_of(name, ours.get(name), theirs.get(name)) for name in names]
    sample = ImportanceSample(metric=project.metrics.primary, rows=len(frame), sampled_rows=len(rows), repeats=REPEATS)
    return tuple(sorted(found, key=_rank)), sample


def _rank(of: Importance) -> tuple[bool, float]:
    """Return what sorts the challenger's features first, and among them what matters most."""
    value = of.champion if of.challenger is None else of.challenger
    return of.challenger is None, -(value or 0.0)


def _importance_of(name: str, ours: Loss | None, theirs: Loss | None) -> Importance:
    return Importance(
        feature=name,
        challenger=ours.mean if ours else None,
        spread=ours.spread if ours else 0.0,
        champion=theirs.mean if theirs else None,
        champion_spread=theirs.spread if theirs else 0.0,
    )


def _errors(project: Project, frame: pd.DataFrame, scored: Scored) -> ErrorAnalysis:
    """Return where the challenger errs; single rows are shown without keys, personal data and protected columns."""
    names, numeric = list(project.features.names), frozenset(project.features.numeric)
    hidden = {*project.keys, *project.pii, *project.protected}
    shown = [name for name in names if name not in hidden]
    answers = Answers(scored.labels, scored.challenger)
    found = error_slices(frame[names], numeric, answers, scored.seed)
    return found.model_copy(update={"worst": worst_errors(frame[shown], numeric, answers)})


def _data(project: Project, plan: PlanResult, train: pd.DataFrame, holdout: pd.DataFrame) -> DataProfile:
    features, target, seed = project.features, project.target.name, project.seed
    numeric = frozenset(features.numeric)
    window = pd.concat([train[[DAY, target, *features.numeric]], holdout[[DAY, target, *features.numeric]]])
    correlated = (*features.numeric, target)
    rows = _sample(len(window), CORRELATION_ROWS, seed)
    each = min(len(train), len(holdout), ADVERSARIAL_ROWS)
    parts = [part[list(features.names)].iloc[_sample(len(part), each, seed)] for part in (train, holdout)]
    return DataProfile(
        features=tuple(feature_profile(train[name], holdout[name], name in numeric) for name in features.names),
        days=target_by_day(window[DAY], window[target], (plan.holdout.first, plan.holdout.last)),
        train_rows=len(train),
        holdout_rows=len(holdout),
        correlated=correlated,
        correlation=rank_correlation(window[list(correlated)].iloc[rows]),
        correlation_rows=len(rows),
        adversarial_auc=adversarial_auc(parts[0], parts[1], numeric, seed),
        adversarial_rows=each,
    )


def _sample(rows: int, most: int, seed: int) -> np.ndarray:
    """Return the places of at most so many random rows, in their order."""
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
