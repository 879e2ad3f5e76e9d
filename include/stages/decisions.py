"""Put a verdict and all its evidence into one record."""

from __future__ import annotations

from dataclasses import dataclass

from include.config import clock
from include.config.decision import Decision, ModelSummary
from include.config.project import Project
from include.config.results import EvaluateInputs, TrainResult
from include.io.standing import InForce
from include.ml.gates import gates_in_force, judge
from include.ml.verdict import Case, Rival, reach_verdict
from include.stages.candidates import LoadedModel, TrainingRecord, fingerprint_of, model_code_fingerprint
from include.stages.champions import Champion
from include.stages.feature_window import FeatureWindow
from include.stages.holdout import Measured
from include.stages.recording import describe_pin


@dataclass(frozen=True)
class Challenger:
    """Hold the candidate under judgement, with its model version."""

    result: TrainResult
    model: LoadedModel
    record: TrainingRecord
    version: str


def decide(
    project: Project,
    inputs: EvaluateInputs,
    challenger: Challenger,
    champion: Champion | None,
    in_force: InForce,
    measured: Measured,
    holdout: FeatureWindow,
) -> Decision:
    """Return the decision: gates, verdict and evidence.

    Args:
        champion: As of the run's day; what the challenger is compared with.
        in_force: Champion and pin of this moment, whatever their day.
        holdout: The rows that were judged on.
    """
    primary = project.metrics.primary
    evidence = measured.evidence
    gates = tuple(found for gate in gates_in_force(project.gates, primary) for found in judge(gate, evidence))
    case = _case(project, inputs, challenger, champion, in_force, measured)
    verdict, reason = reach_verdict(gates, case)
    identity = _identity(project, inputs, challenger, champion, in_force, holdout)
    return Decision(
        decision_id=f"{inputs.as_of}-{identity}",
        project=project.name,
        as_of=inputs.as_of,
        verdict=verdict,
        reason=reason,
        made_at=clock.now(),
        train=inputs.plan.train,
        holdout=inputs.plan.holdout,
        holdout_rows=measured.rows,
        train_rows=challenger.record.rows,
        positive_rate=measured.positive_rate,
        primary_metric=primary,
        challenger=_challenger_summary(inputs, challenger, measured),
        champion=_champion_summary(champion, measured),
        baseline=dict(evidence.baseline),
        others=_other_summaries(project, inputs, challenger),
        gates=gates,
        curves=measured.curves,
        holdout_data=holdout.data,
        measurements=evidence.measurements,
        data_fingerprint=challenger.record.data_fingerprint,
        code_fingerprint=model_code_fingerprint(),
        origin=inputs.origin,
    )


def _case(
    project: Project,
    inputs: EvaluateInputs,
    challenger: Challenger,
    champion: Champion | None,
    in_force: InForce,
    measured: Measured,
) -> Case:
    primary = project.metrics.primary
    return Case(
        as_of=inputs.as_of,
        metric=primary,
        value=measured.evidence.challenger[primary],
        candidate_id=challenger.result.candidate_id,
        rival=_rival(champion, measured, primary),
        newest_as_of=in_force.champion.as_of if in_force.champion else None,
        min_improvement=project.promotion.min_improvement,
        difference=measured.evidence.measurements.difference(primary),
        mode=inputs.promotion_mode or project.promotion.mode,
        barred=challenger.result.candidate_id in in_force.barred,
        pinned=describe_pin(in_force.pin),
        backfill=inputs.origin.run_type == "backfill",
    )


def _identity(
    project: Project,
    inputs: EvaluateInputs,
    challenger: Challenger,
    champion: Champion | None,
    in_force: InForce,
    holdout: FeatureWindow,
) -> str:
    """Return a hash of the evidence, not of the moment: judging the same again is the same decision."""
    newest, pin = in_force.champion, in_force.pin
    return fingerprint_of(
        {
            "project": project.name,
            "as_of": inputs.as_of.isoformat(),
            "candidates": sorted(result.candidate_id for result in inputs.trained),
            "challenger": [challenger.result.candidate_id, challenger.version],
            "champion": [champion.entry.candidate_id, champion.entry.version] if champion else None,
            "newest": [newest.candidate_id, newest.version] if newest else None,
            "rules": project.relevant("gates", "metrics", "promotion"),
            "mode": inputs.promotion_mode,
            "backfill": inputs.origin.run_type == "backfill",
            "pin": pin.number if pin else None,
            "barred": challenger.result.candidate_id in in_force.barred,
            "holdout": holdout.fingerprint,
            "code": model_code_fingerprint(),
        }
    )


def _rival(champion: Champion | None, measured: Measured, primary: str) -> Rival | None:
    if champion is None:
        return None
    values = measured.evidence.champion
    return Rival(
        version=champion.entry.version,
        candidate_id=champion.entry.candidate_id,
        value=None if values is None else values[primary],
        not_scored=measured.not_scored,
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
