"""Record the verdict in the ledger and, for a PROMOTE, make the challenger champion.

The ledger is the truth; the release pointer and MLflow's alias follow it and are set right on every run. In order:
report, decision entry, release, promotion entry, pointer, alias. Every part can be done again without changing what is
done, so a run that was killed between any two of them is healed by a retry.
"""

from __future__ import annotations

import logging

from include.config import clock
from include.config.decision import Decision, LedgerEntry
from include.config.errors import CandidateRejectedError, LedgerConflictError, TrackingError
from include.config.project import Project
from include.config.results import PromoteInputs, PromoteResult
from include.io import keys
from include.io.decisions import read_decision
from include.io.ledger import Ledger
from include.io.manifests import Manifest, get_file
from include.io.object_store import ObjectStore
from include.io.releases import ReleasePointer, point_at, publish_release
from include.io.stores import open_store
from include.io.tracking import Tracking
from include.reports.decision_page import render
from include.stages.candidates import DECISION, MODEL, SIGNATURE, TRAINING, read_candidate
from include.stages.recording import OvertakenError, Recorder

ALIAS_ATTEMPTS = 5

_log = logging.getLogger(__name__)


def run(project: Project, inputs: PromoteInputs) -> PromoteResult:
    """Record the decision, promote when it says so, and set pointer and alias right.

    Raises:
        CandidateRejectedError: The verdict is REJECT; the ledger holds the decision by then.
        TrackingError, StoreError, LedgerConflictError: MLflow or the store does not answer; a retry continues.
    """
    store = open_store(inputs.store_url)
    decision = read_decision(store, project.name, inputs.evaluated.decision_id)
    ledger = Ledger(store, project.name)
    recorder = Recorder(store, ledger, decision, inputs.origin)
    _write_report(store, decision)
    entry = recorder.record_decision()
    if entry.verdict == "PROMOTE":
        entry = _promote(store, recorder, entry)
    if entry.verdict != decision.verdict:
        _write_report(store, decision.model_copy(update={"verdict": entry.verdict, "reason": entry.reason}))
    champion = _follow_ledger(store, ledger, project, inputs, must=entry.verdict == "PROMOTE")
    version = champion.version if champion else ""
    _log.info(
        "promote %s %s: %s, champion is version %s", project.name, decision.as_of, entry.verdict, version or "none"
    )
    if entry.verdict == "REJECT":
        raise CandidateRejectedError(
            f"{project.name}, decision {decision.decision_id}",
            "a gate failed; the champion stays",
            got=entry.reason,
            hint=f"read the report: {entry.report_uri}",
        )
    return PromoteResult(
        verdict=entry.verdict,
        reason=entry.reason,
        ledger_number=entry.number,
        champion_version=version,
        report_uri=entry.report_uri,
    )


def _write_report(store: ObjectStore, decision: Decision) -> None:
    store.put(keys.decision_report(decision.project, decision.decision_id), render(decision).encode())


def _promote(store: ObjectStore, recorder: Recorder, entry: LedgerEntry) -> LedgerEntry:
    """Publish the release and append the promotion; return the decision entry that is true afterwards."""
    release_uri = _publish(store, recorder)
    try:
        recorder.record_promotion(release_uri)
    except OvertakenError as error:
        return recorder.record_overtaken(str(error))
    return entry


def _publish(store: ObjectStore, recorder: Recorder) -> str:
    decision = recorder.decision
    trained, _, _ = read_candidate(store, decision.project, decision.challenger.candidate_id)
    files = {name: get_file(store, trained.files[name]) for name in (MODEL, SIGNATURE, TRAINING)}
    files[DECISION] = store.get(keys.decision(decision.project, decision.decision_id))
    manifest = Manifest(
        kind="release",
        project=decision.project,
        day=decision.as_of,
        fingerprint=decision.challenger.candidate_id,
        files={},
        origin=recorder.origin,
        made_at=clock.now(),
        details={"decision_id": decision.decision_id, "version": decision.challenger.version},
    )
    return publish_release(store, decision.project, decision.challenger.version, files, manifest)


def _follow_ledger(
    store: ObjectStore, ledger: Ledger, project: Project, inputs: PromoteInputs, *, must: bool
) -> LedgerEntry | None:
    """Make pointer and alias follow the newest promotion, and return it.

    Args:
        must: Whether a failing MLflow fails the run; on a night without a promotion it is only logged, because the
            alias is a view and the next run sets it right.

    Raises:
        LedgerConflictError: The champion changed every time the alias was set.
    """
    tracking: Tracking | None = None
    for _ in range(ALIAS_ATTEMPTS):
        champion = ledger.champion()
        if champion is None:
            return None
        point_at(store, project.name, _pointer(champion))
        try:
            if tracking is None:
                root = store.uri(keys.tracking_artifacts(project.name))
                tracking = Tracking(inputs.tracking_url, project.name, root)
            if tracking.version_of_alias("champion") != champion.version:
                tracking.set_alias("champion", champion.version)
        except TrackingError as error:
            if must:
                raise
            _log.warning("the alias of champion %s could not be set: %s", champion.version, error)
        newest = ledger.champion()
        if newest == champion:
            return champion
    raise LedgerConflictError(
        store.uri(keys.ledger_prefix(project.name)),
        "the champion changed every time the alias was set",
        got=f"{ALIAS_ATTEMPTS} attempts",
        hint="retry when fewer runs of this project are promoting",
    )


def _pointer(champion: LedgerEntry) -> ReleasePointer:
    return ReleasePointer(
        project=champion.project,
        version=champion.version,
        ledger_number=champion.number,
        candidate_id=champion.candidate_id,
        as_of=champion.as_of,
        release_uri=champion.release_uri,
    )
