"""Write what people read about a decision: its explanation, the data report, the model card and the report itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from include.config.project import Project
from include.domain.decision import Decision
from include.domain.explanation import Curves, DataProfile, ErrorAnalysis, Explanation, Importance, ImportanceSample
from include.domain.results import PlanResult
from include.io import keys
from include.io.keys import DAY
from include.io.manifests import keep_first, read_manifest, read_receipt
from include.io.models import LoadedModel, TrainingRecord, read_record
from include.io.object_store import ObjectStore
from include.io.tracking import Tracking
from include.ml.explanations import REPEATS, Answers, Loss, error_slices, importance, judged_rows, worst_errors
from include.ml.metrics import Predictions, precision_recall_points, roc_points
from include.ml.profile import adversarial_auc, feature_profile, rank_correlation, target_by_day
from include.reports.data_report import render_data
from include.reports.decision_page import render
from include.reports.model_card import model_card
from include.reports.templates import drawn, note_page
from include.stages.evaluate.context import EvaluationContext

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
    scored: Predictions,
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


def _curves(scored: Predictions) -> dict[str, Curves]:
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
    project: Project, frame: pd.DataFrame, scored: Predictions, challenger: LoadedModel, champion: LoadedModel | None
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


def _errors(project: Project, frame: pd.DataFrame, scored: Predictions) -> ErrorAnalysis:
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


def write_documents(
    store: ObjectStore,
    tracking: Tracking,
    contest: EvaluationContext,
    decision: Decision,
    made: Explanation | None = None,
) -> None:
    """Write the documents of a decision that are not there yet, and link them from the challenger's run in MLflow.

    What cannot be drawn is a note in its place: a decision that is written stands whatever becomes of its documents.

    Args:
        made: The explanation, where it was made with the decision.

    Raises:
        TrackingError, StoreError: MLflow or the store does not answer; a retry continues.
    """
    name, identity = decision.project, decision.decision_id
    if store.exists(keys.decision_report(name, identity)):
        return
    key = keys.decision_explanation(name, identity)
    explanation = read_receipt(store, key, Explanation) or keep_first(store, key, made or explained(contest))
    profile = explanation.data
    if profile is not None:
        page = drawn(
            "the data report",
            lambda: render_data(decision, profile),
            lambda note: note_page(f"{name}: data of {decision.as_of}", "", note),
        )
        store.put(keys.data_report(name, identity), page.encode())
    card = _write_card(store, contest.project, decision, explanation, contest.challenger.record)
    links = {
        "decision": store.uri(keys.decision(name, identity)),
        "report": store.uri(keys.decision_report(name, identity)),
        "model_card": store.uri(keys.model_card(name, identity)),
    }
    result = contest.challenger.result
    tracking.document(result.tracking_run_id, result.candidate_id, links, card)
    _write_report(store, contest.project, decision, explanation)


def tell_verdict(store: ObjectStore, project: Project, decision: Decision) -> None:
    """Write report and model card again, for what became of a decision.

    Args:
        decision: With the verdict and the reason that are in the ledger.
    """
    key = keys.decision_explanation(decision.project, decision.decision_id)
    explanation = read_receipt(store, key, Explanation)
    trained = read_manifest(store, keys.model_manifest(decision.project, decision.challenger.candidate_id))
    _write_card(store, project, decision, explanation, read_record(store, trained) if trained else None)
    _write_report(store, project, decision, explanation)


def _write_report(store: ObjectStore, project: Project, decision: Decision, explanation: Explanation | None) -> None:
    page = drawn(
        "the report",
        lambda: render(decision, explanation, project),
        lambda note: note_page(
            f"{decision.project} {decision.as_of}: {decision.verdict}", decision.reason, f"{note}. See decision.json."
        ),
    )
    store.put(keys.decision_report(decision.project, decision.decision_id), page.encode())


def _write_card(
    store: ObjectStore,
    project: Project,
    decision: Decision,
    explanation: Explanation | None,
    record: TrainingRecord | None,
) -> str:
    card = drawn(
        "the model card",
        lambda: model_card(project, decision, explanation, record),
        lambda note: f"# {decision.project} {decision.as_of}: {decision.verdict}\n\n{note}. See decision.json.\n",
    )
    store.put(keys.model_card(decision.project, decision.decision_id), card.encode())
    return card


def explained(contest: EvaluationContext) -> Explanation:
    """Return what explains the challenger's answers; what cannot be told is a note."""
    return drawn("the explanation", lambda: _explain(contest), lambda note: Explanation(notes=(note,)))


def _explain(contest: EvaluationContext) -> Explanation:
    """Return the explanation of a challenger that answers; of one that does not there is nothing to explain."""
    challenger = contest.challenger.model
    if challenger is None or isinstance(contest.answers, str):
        return Explanation()
    return explain(
        contest.project,
        contest.inputs.plan,
        contest.learnt,
        contest.holdout.frame,
        contest.scored,
        challenger,
        contest.rival,
    )
