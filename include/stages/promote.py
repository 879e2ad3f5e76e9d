"""Record the verdict, a person's answer included, in the ledger and, for a PROMOTE, make the challenger champion."""

from __future__ import annotations

import logging

from include.config.project import Project
from include.config.sections import Approval, stricter
from include.config.window import refuse_unfinished
from include.domain.decision import Decision, LedgerEntry
from include.domain.errors import ArtifactDamagedError, CandidateRejectedError, TrackingError
from include.domain.promotion_rules import contradiction
from include.domain.results import ApprovalAnswer, EvaluateResult, Origin, PromoteInputs, PromoteResult
from include.io import keys
from include.io.champion_alias import follow_ledger, refuse_unknown_champion, tracking_of
from include.io.ledger import Ledger, decision_sha256, read_decision
from include.io.manifests import Manifest, get_file
from include.io.models import DECISION, MODEL, SIGNATURE, TRAINING, read_candidate
from include.io.object_store import ObjectStore
from include.io.releases import publish_release
from include.io.stores import open_store
from include.io.verdict_entries import ApprovalOutcome, OvertakenError, VerdictWriter
from include.reports.first_screen import consequence
from include.stages.evaluate.documents import tell_verdict

HELD = "promotion mode is hold"
NOT_ASKED = "promotion mode is approval, and nobody was asked"


def rule(evaluated: EvaluateResult, answer: ApprovalAnswer | None, declared: Approval) -> ApprovalOutcome | None:
    """Return what mode and answer make of the verdict; None when it stands."""
    if evaluated.mode == "automatic" or evaluated.verdict != "PROMOTE":
        return None
    if evaluated.mode == "hold" or answer is None:
        why = HELD if evaluated.mode == "hold" else NOT_ASKED
        return ApprovalOutcome("HOLD", f"{why}; it would be promoted: {evaluated.reason}", answer)
    if answer.answer == "timed_out":
        silence = f"nobody answered within {hours(declared.timeout_hours)}"
        if declared.on_timeout == "promote":
            return ApprovalOutcome("PROMOTE", f"{evaluated.reason}; {silence}, which promotes as declared", answer)
        return ApprovalOutcome("HOLD", f"{silence}; it would be promoted: {evaluated.reason}", answer)
    who = answer.by or "somebody"
    if answer.answer == "approved":
        return ApprovalOutcome("PROMOTE", f"{evaluated.reason}; {who} approved{_words(answer)}", answer)
    return ApprovalOutcome(
        "HOLD", f"{who} rejected{_words(answer) or ', without a reason'}; proved: {evaluated.reason}", answer
    )


def hours(count: float) -> str:
    """Return a wait in words: "24 hours", "1 hour", "0.5 hours"."""
    return f"{count:g} hour{'' if count == 1 else 's'}"


def _words(answer: ApprovalAnswer) -> str:
    return f": {answer.reason}" if answer.reason else ""


_log = logging.getLogger(__name__)


def run(project: Project, inputs: PromoteInputs) -> PromoteResult:
    """Record the decision, promote when it says so, and set pointer and alias right.

    Raises:
        CandidateRejectedError: The verdict is REJECT; the ledger holds the decision by then.
        ChecksumMismatchError, ArtifactDamagedError: The decision is not the one that evaluate wrote.
        UnknownChampionError: The release pointer or MLflow's alias names a champion that the ledger does not know;
            nothing was changed.
        TrackingError, StoreError, LedgerConflictError: MLflow or the store does not answer; a retry continues.
    """
    refuse_unfinished(inputs)
    store = open_store(inputs.store_url)
    decision, sha256 = _decision(store, project.name, inputs.evaluated)
    ledger = Ledger(store, project.name)
    _refuse_unknown_champion(store, project.name, inputs, ledger)
    # what is declared by now counts, whatever the receipt says: no run loosens it
    mode = stricter(inputs.evaluated.mode, project.promotion.mode)
    evaluated = inputs.evaluated.model_copy(update={"mode": mode})
    ruling = rule(evaluated, inputs.approval, project.promotion.approval)
    recorder = VerdictWriter(store, ledger, decision, inputs.origin, ruling, sha256)
    entry = recorder.record_decision()
    if entry.verdict == "PROMOTE":
        entry = _promote(store, recorder, entry)
    # the same decision may have ended otherwise in another run, and another champion be in force by now
    told = {"verdict": entry.verdict, "reason": entry.reason, "in_force_version": _in_force(ledger, entry)}
    tell_verdict(store, project, decision.model_copy(update=told))
    must = entry.verdict == "PROMOTE"
    champion = follow_ledger(store, project.name, inputs.tracking_url, must=must, ledger=ledger)
    version = champion.version if champion else ""
    _log.info(
        "promote %s %s: %s, champion is version %s", project.name, decision.as_of, entry.verdict, version or "none"
    )
    if entry.verdict == "REJECT":
        left = consequence(decision, with_version=False)
        raise CandidateRejectedError(
            f"{project.name}, decision {decision.decision_id}",
            "a gate failed" if entry.reason.startswith(left) else f"a gate failed; {left}",
            got=entry.reason,
            hint=f"read the report: {entry.report_uri}",
        )
    return PromoteResult(
        verdict=entry.verdict,
        reason=entry.reason,
        ledger_number=entry.number,
        champion_version=version,
        report_uri=entry.report_uri,
        approval=entry.approval,
    )


def _decision(store: ObjectStore, project: str, evaluated: EvaluateResult) -> tuple[Decision, str]:
    """Return the decision that evaluate wrote, and the sha256 of its bytes; the pure verdict is run on it once more."""
    decision = read_decision(store, project, evaluated.decision_id, evaluated.decision_sha256)
    wrong = contradiction(decision.gates, decision.verdict)
    if not wrong and decision.verdict != evaluated.verdict:
        wrong = f"{decision.verdict}, and evaluate said {evaluated.verdict}"
    if wrong:
        raise ArtifactDamagedError(
            store.uri(keys.decision(project, decision.decision_id)),
            "the verdict is not the one that its own evidence gives",
            got=wrong,
            hint="it was changed by hand: restore it from a backup, or delete it and run the night again",
        )
    return decision, decision_sha256(store, project, evaluated.decision_id)


def _in_force(ledger: Ledger, entry: LedgerEntry) -> str:
    """Return the version that was in force after an entry; empty when none was."""
    champion = ledger.numbered(entry.standing.champion)
    return champion.version if champion else ""


def _refuse_unknown_champion(store: ObjectStore, project: str, inputs: PromoteInputs, ledger: Ledger) -> None:
    """Refuse to promote beside a champion that the ledger does not know; without a promotion MLflow may be away."""
    try:
        tracking = tracking_of(store, project, inputs.tracking_url)
        refuse_unknown_champion(store, tracking, ledger, project)
    except TrackingError as error:
        if inputs.evaluated.verdict == "PROMOTE":
            raise
        _log.warning("MLflow was not asked for the champion: %s", error)
        refuse_unknown_champion(store, None, ledger, project)


def _promote(store: ObjectStore, recorder: VerdictWriter, entry: LedgerEntry) -> LedgerEntry:
    """Publish the release and append the promotion; return the decision entry that is true afterwards."""
    release_uri = publish(store, recorder.decision, recorder.origin)
    try:
        recorder.record_promotion(release_uri)
    except OvertakenError as error:
        return recorder.record_overtaken(str(error))
    return entry


def publish(store: ObjectStore, decision: Decision, origin: Origin) -> str:
    """Publish the release of a decision's challenger, unless it is there, and return its address.

    The release holds nothing of the run that publishes, `origin`: published again it has the same bytes.

    Raises:
        ObjectMissingError, ChecksumMismatchError, ModelUntrustedError: The candidate is not the one that was trained.
    """
    trained, _, _ = read_candidate(store, decision.project, decision.challenger.candidate_id)
    files = {name: get_file(store, trained.files[name]) for name in (MODEL, SIGNATURE, TRAINING)}
    files[DECISION] = store.get(keys.decision(decision.project, decision.decision_id))
    _log.info("run %s publishes release %s of %s", origin.run_id, decision.challenger.version, decision.project)
    return publish_files(store, decision, files)


def publish_files(store: ObjectStore, decision: Decision, files: dict[str, bytes]) -> str:
    """Publish the files of a release, whoever had kept them; see `publish`.

    One model may be judged again: its release keeps the decision it was first published with. The ledger names the one
    that put it in force.
    """
    manifest = Manifest(
        kind="release",
        project=decision.project,
        day=decision.as_of,
        fingerprint=decision.challenger.candidate_id,
        files={},
        # of the decision, so that a release that is published again has the same bytes
        origin=decision.origin,
        made_at=decision.made_at,
        details={"decision_id": decision.decision_id, "version": decision.challenger.version},
    )
    return publish_release(store, decision.project, decision.challenger.version, files, manifest, (DECISION,))
