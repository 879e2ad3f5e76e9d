"""Judge the best candidate against gates, baseline and champion on one holdout, and write down the decision."""

from __future__ import annotations

import logging
from dataclasses import replace

from include.config.approval import mode_in_force
from include.config.decision import Decision
from include.config.errors import ObjectMissingError
from include.config.project import Project
from include.config.results import EvaluateInputs, EvaluateResult, TrainResult
from include.io import keys
from include.io.decisions import decision_sha256, read_decision
from include.io.ledger import Ledger
from include.io.manifests import keep_first
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tracking import Measurement, Tracking
from include.ml.metrics import improvement
from include.reports.summary import summary
from include.stages.candidates import holdout_days
from include.stages.challengers import Challenger, read_challenger
from include.stages.champions import read_rival
from include.stages.contest import Contest
from include.stages.decision_identity import decision_id
from include.stages.decisions import decide, refuse
from include.stages.documents import write_documents
from include.stages.drawing import drawn
from include.stages.feature_window import read_window
from include.stages.measured import measure_all
from include.stages.partitions import refuse_unfinished
from include.stages.projections import refuse_unknown_champion
from include.stages.registration import register

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
    contest = Contest(project, inputs, challenger, champion, gone, ledger.in_force(), window, store)
    decision = _decided(store, contest, ledger, length)
    tracking.add_measurements(
        challenger.result.tracking_run_id,
        [Measurement(f"holdout_{name}", value) for name, value in decision.challenger.holdout.items()],
    )
    # whoever is asked to approve reads them first
    write_documents(store, tracking, contest, decision)
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


def _decided(store: ObjectStore, contest: Contest, ledger: Ledger, length: int) -> Decision:
    """Return the decision about this evidence: the one that is written, or one made now."""
    identity = decision_id(contest)
    try:
        return read_decision(store, contest.project.name, identity)
    except ObjectMissingError:
        made = _judged(contest, identity, ledger)
    key = keys.decision(contest.project.name, identity)
    return keep_first(store, key, made.model_copy(update={"ledger_length": length}))


def _judged(contest: Contest, identity: str, ledger: Ledger) -> Decision:
    if isinstance(contest.answers, str):
        return refuse(contest, identity, contest.answers)
    return decide(contest, identity, measure_all(contest, ledger))


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
