"""Judge the best candidate against gates, baseline and champion on one holdout, and write down the decision."""

from __future__ import annotations

import logging
from dataclasses import replace

from include.config.gates import Evidence
from include.config.gates_in_force import judge_all
from include.config.identity import decision_code
from include.config.project import Project
from include.config.sections import mode_in_force
from include.config.window import refuse_unfinished
from include.domain import clock
from include.domain.decision import Decision, GateResult, ModelSummary
from include.domain.errors import ObjectMissingError
from include.domain.explanation import Explanation
from include.domain.metrics import improvement
from include.domain.promotion_rules import Case, Rival, reach_verdict
from include.domain.results import EvaluateInputs, EvaluateResult, TrainResult, Verdict
from include.io import keys
from include.io.champion_alias import refuse_unknown_champion
from include.io.feature_rows import read_window
from include.io.ledger import Ledger, decision_sha256, read_decision
from include.io.manifests import keep_first
from include.io.model_registry import register
from include.io.models import Champion, holdout_days, read_rival
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking import Measurement, Tracking
from include.io.verdict_entries import describe_pin
from include.reports.markdown import summary
from include.reports.templates import drawn
from include.stages.evaluate.context import Challenger, EvaluationContext, decision_id, labels_of, read_challenger
from include.stages.evaluate.documents import write_documents
from include.stages.evaluate.measurements import Measured, measure_all, measurement_fingerprint

NOT_COMPARED = "the challenger could not be measured"


def decide(contest: EvaluationContext, identity: str, measured: Measured) -> Decision:
    """Return the decision: gates, verdict and evidence.

    Args:
        identity: Of the decision; see `decision_identity`.
        measured: What the holdout says.
    """
    project = contest.project
    gates = judge_all(project, measured.evidence)
    verdict, reason = reach_verdict(gates, _case(contest, measured))
    return _record(contest, identity, measured, gates, (verdict, reason))


def refuse(contest: EvaluationContext, identity: str, fault: str) -> Decision:
    """Return the decision about a challenger that cannot be measured: REJECT, whatever the gates.

    Args:
        identity: Of the decision; see `decision_identity`.
        fault: Why it cannot be measured.
    """
    measured = Measured(Evidence({}, {}, no_champion=NOT_COMPARED))
    gate = GateResult(
        kind="serves", metric="answers", threshold="loads and answers", value=None, passed=False, note=fault
    )
    return _record(contest, identity, measured, (gate,), ("REJECT", f"the challenger cannot be used: {fault}"))


def _record(
    contest: EvaluationContext,
    identity: str,
    measured: Measured,
    gates: tuple[GateResult, ...],
    outcome: tuple[Verdict, str],
) -> Decision:
    inputs, challenger = contest.inputs, contest.challenger
    labels = labels_of(contest.project, contest.holdout.frame)
    return Decision(
        decision_id=identity,
        project=contest.project.name,
        as_of=inputs.as_of,
        verdict=outcome[0],
        reason=outcome[1],
        made_at=clock.now(),
        train=inputs.plan.train,
        holdout=inputs.plan.holdout,
        holdout_rows=len(labels),
        train_rows=challenger.record.rows,
        positive_rate=float(labels.mean()),
        primary_metric=contest.project.metrics.primary,
        challenger=_challenger_summary(inputs, challenger, measured),
        champion=_champion_summary(contest.champion, measured),
        baseline=dict(measured.evidence.baseline),
        others=_other_summaries(contest.project, inputs, challenger),
        gates=gates,
        holdout_data=contest.holdout.data,
        measurements=measured.evidence.measurements,
        measured_by=measurement_fingerprint(contest.project),
        in_force_version=contest.in_force.champion.version if contest.in_force.champion else "",
        row=contest.project.row,
        display=contest.project.display,
        data_fingerprint=challenger.record.data_fingerprint,
        code_fingerprint=decision_code(),
        origin=inputs.origin,
    )


def _case(contest: EvaluationContext, measured: Measured) -> Case:
    project, inputs, in_force = contest.project, contest.inputs, contest.in_force
    primary, candidate_id = project.metrics.primary, contest.challenger.result.candidate_id
    return Case(
        as_of=inputs.as_of,
        metric=primary,
        value=measured.evidence.challenger[primary],
        candidate_id=candidate_id,
        rival=_rival(contest, measured, primary),
        newest_as_of=in_force.champion.as_of if in_force.champion else None,
        mode=mode_in_force(project.name, project.promotion.mode, inputs.promotion_mode),
        barred=contest.barred,
        pinned=describe_pin(in_force.pin),
        backfill=inputs.origin.run_type == "backfill",
    )


def _rival(contest: EvaluationContext, measured: Measured, primary: str) -> Rival | None:
    champion = contest.champion
    if champion is None:
        return None
    values = measured.evidence.champion
    return Rival(
        version=champion.entry.version,
        candidate_id=champion.entry.candidate_id,
        value=None if values is None else values[primary],
        not_scored=contest.not_scored,
        in_force=champion.entry == contest.in_force.champion,
    )


def _challenger_summary(inputs: EvaluateInputs, challenger: Challenger, measured: Measured) -> ModelSummary:
    result, record = challenger.result, challenger.record
    return ModelSummary(
        candidate=result.candidate,
        candidate_id=result.candidate_id,
        estimator=record.estimator,
        as_of=inputs.as_of,
        version=challenger.version,
        tracking_run_id=result.tracking_run_id,
        model_uri=result.model_uri,
        params=record.params,
        cv_mean=record.cv_mean,
        cv_std=record.cv_std,
        holdout=dict(measured.evidence.challenger),
        interval=measured.interval,
    )


def _champion_summary(champion: Champion | None, measured: Measured) -> ModelSummary | None:
    """Return the champion with its scores on *this* holdout; those of the night it was promoted do not count."""
    if champion is None:
        return None
    here = {"holdout": dict(measured.evidence.champion or {}), "interval": measured.champion_interval}
    return champion.decision.challenger.model_copy(update={"version": champion.entry.version, **here})


def _other_summaries(project: Project, inputs: EvaluateInputs, challenger: Challenger) -> tuple[ModelSummary, ...]:
    """Return the candidates that lost in cross-validation; they are not scored on the holdout at all."""
    return tuple(
        ModelSummary(
            candidate=result.candidate,
            candidate_id=result.candidate_id,
            estimator=project.candidate(result.candidate).estimator,
            as_of=inputs.as_of,
            tracking_run_id=result.tracking_run_id,
            model_uri=result.model_uri,
            cv_mean=result.cv_mean,
            cv_std=result.cv_std,
        )
        for result in inputs.trained
        if result.candidate_id != challenger.result.candidate_id
    )


_log = logging.getLogger(__name__)


def run(project: Project, inputs: EvaluateInputs) -> EvaluateResult:
    """Judge the candidates of this run, and write the decision once.

    The challenger is the candidate with the best cross-validation score; the holdout never chooses. It is compared
    with the champion as of the run's day, on the same rows. The same evidence gives the same decision, so a retry
    finds the one that is written and measures nothing again. A challenger that cannot be read, or gives no
    probabilities, is rejected.

    Raises:
        SettingsError: The run asks for a looser promotion mode than is declared.
        EvaluationError: The holdout holds one class only, or the champion's scores are no probabilities.
        UnknownChampionError: The release pointer or MLflow's alias names a champion that the ledger does not know.
        ChecksumMismatchError, ModelUntrustedError: The champion's model is not the one that was published.
        TrackingError, StoreError: MLflow or the store does not answer; a retry continues.
    """
    refuse_unfinished(inputs)
    mode = mode_in_force(project.name, project.promotion.mode, inputs.promotion_mode)
    store = open_store(inputs.store_url)
    tracking = Tracking(inputs.tracking_url, project.name, store.uri(keys.tracking_artifacts(project.name)))
    challenger = read_challenger(store, project.name, _best(project, inputs.trained))
    ledger = Ledger(store, project.name)
    refuse_unknown_champion(store, tracking, ledger, project.name)
    length = ledger.length()
    challenger = replace(challenger, version=_registered(store, tracking, ledger, inputs, challenger))
    champion, gone = read_rival(store, ledger, inputs.as_of)
    window = read_window(store, project, holdout_days(inputs.plan))
    contest = EvaluationContext(project, inputs, challenger, champion, gone, ledger.in_force(), window, store)
    decision, explanation = _decided(store, contest, ledger, length)
    tracking.add_measurements(
        challenger.result.tracking_run_id,
        [Measurement(f"holdout_{name}", value) for name, value in decision.challenger.holdout.items()],
    )
    # whoever is asked to approve reads them first
    write_documents(store, tracking, contest, decision, explanation)
    _log.info("evaluate %s %s: %s, %s", project.name, inputs.as_of, decision.verdict, decision.reason)
    return EvaluateResult(
        verdict=decision.verdict,
        reason=decision.reason,
        decision_id=decision.decision_id,
        decision_uri=store.uri(keys.decision(project.name, decision.decision_id)),
        challenger=challenger.result.candidate,
        candidate_id=challenger.result.candidate_id,
        decision_sha256=decision_sha256(store, project.name, decision.decision_id),
        report_uri=store.uri(keys.decision_report(project.name, decision.decision_id)),
        mode=mode,
        summary=drawn("the summary", lambda: summary(decision), lambda note: f"{decision.verdict}. {note}."),
    )


def _decided(
    store: ObjectStore, contest: EvaluationContext, ledger: Ledger, length: int
) -> tuple[Decision, Explanation | None]:
    """Return the decision about this evidence, the one that is written or one made now; then with its explanation."""
    identity = decision_id(contest)
    try:
        return read_decision(store, contest.project.name, identity), None
    except ObjectMissingError:
        made, explanation = _judged(contest, identity, ledger)
    key = keys.decision(contest.project.name, identity)
    return keep_first(store, key, made.model_copy(update={"ledger_length": length})), explanation


def _judged(contest: EvaluationContext, identity: str, ledger: Ledger) -> tuple[Decision, Explanation | None]:
    if isinstance(contest.answers, str):
        return refuse(contest, identity, contest.answers), None
    measured = measure_all(contest, ledger)
    return decide(contest, identity, measured), measured.explanation


def _best(project: Project, trained: tuple[TrainResult, ...]) -> TrainResult:
    """Return the candidate with the best cross-validation score; of equal ones, the one declared first."""
    order = [candidate.name for candidate in project.candidates]
    ranked = sorted(trained, key=lambda result: order.index(result.candidate))
    return max(ranked, key=lambda result: improvement(project.metrics.primary, result.cv_mean, 0.0))


def _registered(
    store: ObjectStore, tracking: Tracking, ledger: Ledger, inputs: EvaluateInputs, challenger: Challenger
) -> str:
    """Return the challenger's model version.

    The alias `challenger` is the newest night's: a backfill leaves it where it is.
    """
    registered = register(store, tracking, ledger, challenger.result, challenger.made_at)
    if inputs.origin.run_type != "backfill":
        tracking.set_alias("challenger", registered.number)
    return registered.version
