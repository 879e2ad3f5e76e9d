"""Tell, night by night, what would have been decided knowing only the past.

The ledger says what was decided when: late runs, backfills, pins and people are in it, and the order in which runs
ended. The walk-forward record is free of all that. It is a fold over the decisions by as-of day, which begins without
a champion: each day's challenger is compared with the champion of the days before, on that day's holdout, by the rules
as they are declared now, and takes over on PROMOTE. Any order of the same decisions gives the same record.

It judges only by what it can know. How a release served, what leaked and how a model behaved was measured on the night
itself, beside the champion of then, or never: a gate that needs a number nobody has is left out, and named.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from include.config.gates import Evidence
from include.config.gates.data import REPEATED
from include.config.gates_in_force import judge_all
from include.config.project import Project
from include.domain import clock
from include.domain.decision import Decision, GateResult, LedgerEntry, ModelSummary, Night, WalkedChampion
from include.domain.evidence import Measurements
from include.domain.metrics import improvement
from include.domain.promotion_rules import Case, Rival, reach_verdict
from include.domain.results import Verdict
from include.io import keys
from include.io.ledger import Ledger, read_decision
from include.io.object_store import ObjectStore
from include.io.raw_rows import STORE_THREADS
from include.operations.cached_measurements import Comparison, MeasurementCache
from include.reports.history_page import render
from include.stages.evaluate.context import no_champion

_BY_THE_RELEASE = ("serves", "latency", "memory", "size")
# what other gates look at: the part of the measurements by the gate's kind
_MEASURED = {
    "behaviour": "behaviour",
    "calibration": "calibration",
    "fairness": "fairness",
    "holdout": "holdout",
    "labels": "labels",
    "slice": "groups",
    "stability": "stability",
    "value": "money",
}


def walk_forward(
    store: ObjectStore,
    project: Project,
    *,
    last: date | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Night]:
    """Return the walk-forward record, oldest night first.

    Of an as-of day that was decided more than once, the newest decision counts. What the decisions do not hold is
    measured on the very rows they name, and kept: a second call scores nothing.

    Args:
        last: Leave out the nights after it; those before are needed to know the champion.
        progress: Told how many nights are done, and of how many.

    Raises:
        ObjectMissingError, ArtifactDamagedError: An entry or a decision that the ledger names is not there.
    """
    entries = Ledger(store, project.name).entries()
    chosen = [entry for entry in newest_by_day(entries) if last is None or entry.as_of <= last]
    with ThreadPoolExecutor(max_workers=STORE_THREADS) as pool:
        decisions = pool.map(lambda entry: read_decision(store, project.name, entry.decision_id), chosen)
        comparisons, undone = MeasurementCache(store, project), rollbacks(entries)
        nights: list[Night] = []
        champion: ModelSummary | None = None
        for entry, decision in zip(chosen, decisions, strict=True):
            night = _walk(project, comparisons, entry, decision, champion)
            if night.verdict == "PROMOTE":
                champion = decision.challenger
            nights.append(night.model_copy(update={"rolled_back": undone.get(night.candidate_id, "")}))
            if progress is not None:
                progress(len(nights), len(chosen))
    return nights


def write_page(store: ObjectStore, project: Project, nights: Sequence[Night]) -> str:
    """Write the page of the record, in place of the one before, and return its address.

    The record is a what-if: the page names the champion in production beside it.

    Args:
        nights: At least one, oldest first.
    """
    key = keys.history_page(project.name)
    champion = Ledger(store, project.name).champion()
    store.put(key, render(project.name, nights, clock.now(), champion).encode())
    return store.uri(key)


def newest_by_day(entries: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Return the newest decision entry of each as-of day, by day."""
    newest: dict[date, LedgerEntry] = {}
    for entry in sorted(entries, key=lambda entry: entry.number):
        if entry.kind == "decision":
            newest[entry.as_of] = entry
    return [newest[day] for day in sorted(newest)]


def rollbacks(entries: Sequence[LedgerEntry]) -> dict[str, str]:
    """Return who rolled back each candidate, and why."""
    found: dict[str, str] = {}
    barred: tuple[str, ...] = ()
    for entry in sorted(entries, key=lambda entry: entry.number):
        if entry.kind == "rollback":
            who = entry.origin.triggered_by or "somebody"
            said = f"rolled back by {who} at {entry.made_at:%Y-%m-%d %H:%M} UTC: {entry.reason}"
            found |= {name: said for name in entry.standing.barred if name not in barred}
        barred = entry.standing.barred
    return found


def _walk(
    project: Project,
    comparisons: MeasurementCache,
    entry: LedgerEntry,
    decision: Decision,
    champion: ModelSummary | None,
) -> Night:
    primary, challenger = project.metrics.primary, decision.challenger
    ours, theirs = _compared(comparisons, decision, champion)
    verdict, reason, left_out = _judge(project, decision, champion, ours, theirs)
    value, rival = ours.values.get(primary), theirs.values.get(primary)
    assert entry.verdict is not None, "an entry about a decision has its verdict"
    return Night(
        as_of=decision.as_of,
        number=entry.number,
        decision_id=decision.decision_id,
        report_uri=entry.report_uri,
        metric=primary,
        candidate=challenger.candidate,
        candidate_id=challenger.candidate_id,
        version=challenger.version,
        value=value,
        interval=ours.interval,
        champion=_walked(champion),
        champion_value=rival,
        champion_interval=theirs.interval,
        gain=None if value is None or rival is None else improvement(primary, value, rival),
        verdict=verdict,
        reason=reason,
        left_out=left_out,
        in_force=_walked(challenger if verdict == "PROMOTE" else champion),
        decided=entry.verdict,
        decided_reason=entry.reason,
    )


def _compared(
    comparisons: MeasurementCache, decision: Decision, champion: ModelSummary | None
) -> tuple[Comparison, Comparison]:
    """Return what challenger and champion say; of a challenger that was refused unmeasured, nothing."""
    if _refused(decision):
        return Comparison(not_scored=decision.reason), Comparison()
    theirs = comparisons.of_champion(champion, decision) if champion else Comparison()
    return comparisons.of_challenger(decision, alone=not theirs.values), theirs


def _refused(decision: Decision) -> bool:
    return decision.verdict == "REJECT" and not decision.challenger.holdout


def _judge(
    project: Project, decision: Decision, champion: ModelSummary | None, ours: Comparison, theirs: Comparison
) -> tuple[Verdict, str, tuple[str, ...]]:
    """Return what the rules of now say, as a night in production without pins and people would, and what they miss."""
    if _refused(decision):
        return "REJECT", decision.reason, ()
    if ours.not_scored:
        return "HOLD", f"the challenger could not be measured by the rules as they are now: {ours.not_scored}", ()
    primary = project.metrics.primary
    evidence = Evidence(
        challenger=ours.values,
        baseline=ours.baseline,
        champion=theirs.values or None,
        no_champion=no_champion(theirs.not_scored),
        measurements=(theirs if theirs.values else ours).measurements,
        champion_version=champion.version if champion else "",
    )
    case = Case(
        as_of=decision.as_of,
        metric=primary,
        value=ours.values[primary],
        candidate_id=decision.challenger.candidate_id,
        rival=_rival(champion, theirs, primary),
        newest_as_of=champion.as_of if champion else None,
        mode="automatic",
    )
    known: list[GateResult] = []
    left_out: list[str] = []
    for gate in judge_all(project, evidence):
        if _was_never_measured(gate, evidence.measurements):
            left_out.append(f"{gate.kind}: {gate.metric} {gate.threshold}")
        else:
            known.append(gate)
    verdict, reason = reach_verdict(known, case)
    return verdict, reason, tuple(left_out)


def _was_never_measured(gate: GateResult, known: Measurements) -> bool:
    """Tell whether a gate is closed only because nobody measured what it looks at, and no row tells it now."""
    if gate.kind == "beats_baseline":
        # the metrics are known, and in records of before it was asked not how sure they are
        return not gate.passed and known.holdout is None
    if gate.passed or gate.value is not None:
        return False
    if gate.kind in _BY_THE_RELEASE:
        # a release that did not serve was tried, and has no numbers for that very reason
        return known.runtime is None or not known.runtime.error
    if gate.kind == "leakage":
        return known.leakage is None or (known.leakage.repeats is None and (gate.metric, "") == REPEATED)
    return gate.kind in _MEASURED and not getattr(known, _MEASURED[gate.kind])


def _rival(champion: ModelSummary | None, theirs: Comparison, primary: str) -> Rival | None:
    if champion is None:
        return None
    return Rival(champion.version, champion.candidate_id, theirs.values.get(primary), theirs.not_scored)


def _walked(model: ModelSummary | None) -> WalkedChampion | None:
    if model is None:
        return None
    return WalkedChampion(
        version=model.version, as_of=model.as_of, candidate=model.candidate, candidate_id=model.candidate_id
    )
