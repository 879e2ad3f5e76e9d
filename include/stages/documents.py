"""Write what people read about a decision: its explanation, the data report, the model card and the report itself.

All of it is made from the decision and from the rows and models it names. It is written before a person is asked for
approval, so it says what evaluate found; the report comes last and is the mark that everything is there. When the
ledger says otherwise in the end, `tell_verdict` puts that into the report and the card.
"""

from __future__ import annotations

from include.config.decision import Decision
from include.config.explanation import Explanation
from include.config.project import Project
from include.io import keys
from include.io.manifests import keep_first, read_manifest, read_receipt
from include.io.object_store import ObjectStore
from include.io.tracking import Tracking
from include.reports.data_page import render_data
from include.reports.decision_page import render
from include.reports.model_card import model_card
from include.stages.candidates import TrainingRecord, read_record
from include.stages.contest import Contest
from include.stages.drawing import drawn, note_page
from include.stages.explaining import explain


def write_documents(store: ObjectStore, tracking: Tracking, contest: Contest, decision: Decision) -> None:
    """Write the documents of a decision that are not there yet, and link them from the challenger's run in MLflow.

    What cannot be drawn is a note in its place: a decision that is written stands whatever becomes of its documents.

    Raises:
        TrackingError, StoreError: MLflow or the store does not answer; a retry continues.
    """
    name, identity = decision.project, decision.decision_id
    if store.exists(keys.decision_report(name, identity)):
        return
    explanation = _explained(store, contest, decision)
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


def _explained(store: ObjectStore, contest: Contest, decision: Decision) -> Explanation:
    """Return the explanation that is written, or the one made and written now."""
    key = keys.decision_explanation(decision.project, decision.decision_id)
    found = read_receipt(store, key, Explanation)
    if found is not None:
        return found
    made = drawn("the explanation", lambda: _explain(contest), lambda note: Explanation(notes=(note,)))
    return keep_first(store, key, made)


def _explain(contest: Contest) -> Explanation:
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
