"""Judge the best candidate against gates, baseline and champion on one holdout, and write down the decision."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from include.config.decision import Decision
from include.config.errors import PreconditionFailedError
from include.config.project import Project
from include.config.results import EvaluateInputs, EvaluateResult, TrainResult
from include.io import keys
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.io.manifests import to_json
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking import Measurement, Tracking
from include.ml.metrics import improvement
from include.stages.candidates import holdout_days, read_candidate
from include.stages.champions import read_rival
from include.stages.decisions import Challenger, decide
from include.stages.feature_window import read_window
from include.stages.holdout import measure_all

_log = logging.getLogger(__name__)


def run(project: Project, inputs: EvaluateInputs) -> EvaluateResult:
    """Judge the candidates of this run, and write the decision once.

    The challenger is the candidate with the best cross-validation score; the holdout never chooses. It is compared
    with the champion as of the run's day, on the same rows. The same evidence gives the same decision, so a retry
    finds the one that is written.

    Raises:
        EvaluationError: The holdout holds one class only, or a model's scores are no probabilities.
        ChecksumMismatchError, ModelUntrustedError: A stored model is not the one that was written.
        TrackingError, StoreError: MLflow or the store does not answer; a retry continues.
    """
    store = open_store(inputs.store_url)
    tracking = Tracking(inputs.tracking_url, project.name, store.uri(keys.tracking_artifacts(project.name)))
    best = _best(project, inputs.trained)
    _, model, record = read_candidate(store, project.name, best.candidate_id)
    ledger = Ledger(store, project.name)
    champion, gone = read_rival(store, ledger, inputs.as_of)
    window = read_window(store, project, holdout_days(inputs.plan))
    measured = measure_all(project, inputs.plan, window.frame, model, champion or gone, record.positive_rate)
    version = _registered(tracking, inputs, best, measured.evidence.challenger)
    challenger = Challenger(best, model, record, version)
    length = ledger.length()
    judged = decide(project, inputs, challenger, champion, ledger.in_force(), measured, window)
    decision = _write_once(store, judged.model_copy(update={"ledger_length": length}))
    _log.info("evaluate %s %s: %s, %s", project.name, inputs.as_of, decision.verdict, decision.reason)
    return EvaluateResult(
        verdict=decision.verdict,
        reason=decision.reason,
        decision_id=decision.decision_id,
        decision_uri=store.uri(keys.decision(project.name, decision.decision_id)),
        challenger=best.candidate,
        candidate_id=best.candidate_id,
    )


def _best(project: Project, trained: tuple[TrainResult, ...]) -> TrainResult:
    """Return the candidate with the best cross-validation score; of equal ones, the one declared first."""
    order = [candidate.name for candidate in project.candidates]
    ranked = sorted(trained, key=lambda result: order.index(result.candidate))
    return max(ranked, key=lambda result: improvement(project.metrics.primary, result.cv_mean, 0.0))


def _registered(tracking: Tracking, inputs: EvaluateInputs, best: TrainResult, values: Mapping[str, float]) -> str:
    """Add the holdout's metrics to the challenger's run, and return its model version.

    The alias `challenger` is the newest night's: a backfill leaves it where it is.
    """
    tracking.add_measurements(
        best.tracking_run_id, [Measurement(f"holdout_{name}", value) for name, value in values.items()]
    )
    version = tracking.register(best.candidate_id, best.tracking_run_id, best.candidate_id)
    if inputs.origin.run_type != "backfill":
        tracking.set_alias("challenger", version)
    return version


def _write_once(store: ObjectStore, decision: Decision) -> Decision:
    """Write the decision, or return the one that is there: equal evidence was judged before."""
    key = keys.decision(decision.project, decision.decision_id)
    try:
        store.put(key, to_json(decision), if_absent=True)
    except PreconditionFailedError:
        return read_decision(store, decision.project, decision.decision_id)
    return decision
