"""Put a verdict and all its evidence into one record."""

from __future__ import annotations

from include.config import clock
from include.config.approval import mode_in_force
from include.config.code_identity import decision_code
from include.config.decision import Decision, GateResult, ModelSummary
from include.config.project import Project
from include.config.results import EvaluateInputs, Verdict
from include.ml.gates import Evidence, judge_all
from include.ml.verdict import Case, Rival, reach_verdict
from include.stages.challengers import Challenger
from include.stages.champions import Champion
from include.stages.contest import Contest
from include.stages.holdout import labels_of
from include.stages.measured import Measured
from include.stages.measuring_rules import measured_by
from include.stages.recording import describe_pin

NOT_COMPARED = "the challenger could not be measured"


def decide(contest: Contest, identity: str, measured: Measured) -> Decision:
    """Return the decision: gates, verdict and evidence.

    Args:
        identity: Of the decision; see `decision_identity`.
        measured: What the holdout says.
    """
    project = contest.project
    gates = judge_all(project, measured.evidence)
    verdict, reason = reach_verdict(gates, _case(contest, measured))
    return _record(contest, identity, measured, gates, (verdict, reason))


def refuse(contest: Contest, identity: str, fault: str) -> Decision:
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
    contest: Contest,
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
        measured_by=measured_by(contest.project),
        in_force_version=contest.in_force.champion.version if contest.in_force.champion else "",
        row=contest.project.row,
        display=contest.project.display,
        data_fingerprint=challenger.record.data_fingerprint,
        code_fingerprint=decision_code(),
        origin=inputs.origin,
    )


def _case(contest: Contest, measured: Measured) -> Case:
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
        barred=candidate_id in in_force.barred,
        pinned=describe_pin(in_force.pin),
        backfill=inputs.origin.run_type == "backfill",
    )


def _rival(contest: Contest, measured: Measured, primary: str) -> Rival | None:
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
