"""Write verdicts into the ledger: once for each run, and never a promotion that the newest history speaks against.

The key of an entry is (kind, decision id, run id) and what a person answered: a retry of the same run finds its entry,
another run of the same day writes its own, and so does a run whose question was asked and answered again. A promotion
is checked against the history it is appended to, not against what evaluate saw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from include.domain import clock
from include.domain.champion import as_number, champion_after, highest_version
from include.domain.decision import Decision, LedgerEntry
from include.domain.errors import ArtifactDamagedError
from include.domain.promotion_rules import ROLLED_BACK
from include.domain.results import ApprovalAnswer, Origin, Verdict
from include.io import keys
from include.io.ledger import Ledger
from include.io.models import was_rolled_back
from include.io.object_store import ObjectStore
from include.io.releases import release_sha256

# entries about a decision are younger than it; a day allows for clocks that differ
OLDEST_BEFORE_DECISION = timedelta(days=1)


def describe_pin(pin: LedgerEntry | None) -> str:
    """Return who pinned the champion and why: "by ada (audit week)"; empty when nobody did."""
    return f"by {pin.origin.triggered_by or 'somebody'} ({pin.reason})" if pin else ""


class _AlreadyWrittenError(Exception):
    """Carry the entry that an earlier try of this run wrote."""

    def __init__(self, entry: LedgerEntry) -> None:
        super().__init__(entry.number)
        self.entry = entry


class OvertakenError(Exception):
    """Say that the history forbids the promotion by now: another champion, a pin, a rollback."""


@dataclass(frozen=True)
class ApprovalOutcome:
    """Say what a person's answer, or its absence, makes of a PROMOTE.

    Attributes:
        answer: None when nobody was asked although somebody had to be.
    """

    verdict: Verdict
    reason: str
    answer: ApprovalAnswer | None


@dataclass(frozen=True)
class VerdictWriter:
    """Append a run's entries about one decision.

    Attributes:
        ruling: What a person's answer makes of the verdict, if one was needed.
        decision_sha256: Of the decision's bytes.
    """

    store: ObjectStore
    ledger: Ledger
    decision: Decision
    origin: Origin
    ruling: ApprovalOutcome | None = None
    decision_sha256: str = ""

    def record_decision(self) -> LedgerEntry:
        """Return this run's decision entry, appended if need be; a PROMOTE that was overtaken is recorded as HOLD."""

        def build(number: int, history: Sequence[LedgerEntry]) -> LedgerEntry:
            self._raise_if_written("decision", history)
            self._refuse_taken(history)
            verdict, reason = self._ruled()
            overtaken = self._overtaken(history) if verdict == "PROMOTE" else ""
            if overtaken:
                return self._entry(number, "decision", "HOLD", self._too_late(overtaken))
            return self._entry(number, "decision", verdict, reason)

        return self._append(build)

    def record_overtaken(self, reason: str) -> LedgerEntry:
        """Append a second decision entry of this run, which says that its PROMOTE became a HOLD."""
        return self._append(lambda number, history: self._entry(number, "decision", "HOLD", self._too_late(reason)))

    def record_promotion(self, release_uri: str) -> LedgerEntry:
        """Return this run's promotion entry, appended if need be.

        Raises:
            OvertakenError: Another promotion came first; nothing was appended.
        """

        project, version = self.decision.project, self.decision.challenger.version
        sha256 = release_sha256(self.store, project, version)

        def build(number: int, history: Sequence[LedgerEntry]) -> LedgerEntry:
            self._raise_if_written("promotion", history)
            self._refuse_taken(history)
            overtaken = self._overtaken(history)
            if overtaken:
                raise OvertakenError(overtaken)
            entry = self._entry(number, "promotion", "PROMOTE", self._ruled()[1], release_uri)
            return entry.model_copy(update={"release_sha256": sha256})

        return self._append(build)

    def _ruled(self) -> tuple[Verdict, str]:
        """Return the verdict and the reason once a person's answer is taken in."""
        decision = self.decision
        return (self.ruling.verdict, self.ruling.reason) if self.ruling else (decision.verdict, decision.reason)

    def _append(self, build: Callable[[int, Sequence[LedgerEntry]], LedgerEntry]) -> LedgerEntry:
        try:
            return self.ledger.append(build)
        except _AlreadyWrittenError as written:
            return written.entry

    def _raise_if_written(self, kind: Literal["decision", "promotion"], history: Sequence[LedgerEntry]) -> None:
        oldest = self.decision.made_at - OLDEST_BEFORE_DECISION
        promoted = False
        for entry in reversed(history):
            if entry.number <= self.decision.ledger_length or entry.made_at < oldest:
                return
            if (entry.decision_id, entry.origin.run_id) != (self.decision.decision_id, self.origin.run_id):
                continue
            promoted = promoted or entry.kind == "promotion"
            # another answer is another entry; but what an earlier answer promoted is taken back by a rollback only
            if entry.kind == kind and (promoted or entry.approval == self._answer()):
                raise _AlreadyWrittenError(entry)

    def _refuse_taken(self, history: Sequence[LedgerEntry]) -> None:
        """Refuse an entry whose version another candidate was given meanwhile, as when MLflow was lost in between.

        Evaluate has looked at the entries there were before it judged.

        Raises:
            ArtifactDamagedError: The ledger has another candidate under the version.
        """
        mine = self.decision.challenger
        if as_number(mine.version) > highest_version(history):
            return
        for entry in reversed(history):
            if entry.number <= self.decision.ledger_length:
                return
            if entry.version == mine.version:
                if entry.candidate_id == mine.candidate_id:
                    return
                raise ArtifactDamagedError(
                    self.store.uri(keys.decision(self.decision.project, self.decision.decision_id)),
                    f"version {mine.version} is another model by now",
                    got=mine.candidate_id,
                    allowed=(f"{entry.candidate_id}, by ledger entry {entry.number}",),
                    hint="MLflow began to count anew before it was recorded: run the night again",
                )

    def _answer(self) -> ApprovalAnswer | None:
        return self.ruling.answer if self.ruling else None

    def _too_late(self, overtaken: str) -> str:
        answer = self._answer()
        approved = answer is not None and answer.answer == "approved"
        return (
            f"{overtaken}; the approval by {answer.by or 'somebody'} came too late"
            if answer and approved
            else overtaken
        )

    def _overtaken(self, history: Sequence[LedgerEntry]) -> str:
        """Return why the history forbids the promotion; empty when it does not."""
        now = champion_after(history)
        if now.pin is not None:
            return f"overtaken: the champion was pinned meanwhile {describe_pin(now.pin)}"
        if was_rolled_back(self.store, self.decision.project, self.decision.challenger.candidate_id, now):
            return f"overtaken: {ROLLED_BACK}"
        newest, judged = now.champion, self.decision.champion
        if newest is None or (judged is not None and newest.version == judged.version):
            return ""
        against = f"version {judged.version}" if judged else "no champion"
        return (
            f"overtaken: the challenger was compared with {against}, and version {newest.version} "
            f"(as of {newest.as_of}) was put in force meanwhile; run again"
        )

    def _entry(
        self, number: int, kind: Literal["decision", "promotion"], verdict: Verdict, reason: str, release_uri: str = ""
    ) -> LedgerEntry:
        decision = self.decision
        return LedgerEntry(
            number=number,
            kind=kind,
            project=decision.project,
            as_of=decision.as_of,
            made_at=clock.now(),
            verdict=verdict,
            reason=reason,
            decision_id=decision.decision_id,
            decision_uri=self.store.uri(keys.decision(decision.project, decision.decision_id)),
            report_uri=self.store.uri(keys.decision_report(decision.project, decision.decision_id)),
            candidate=decision.challenger.candidate,
            candidate_id=decision.challenger.candidate_id,
            version=decision.challenger.version,
            release_uri=release_uri,
            tracking_run_id=decision.challenger.tracking_run_id,
            metric=decision.primary_metric,
            value=decision.challenger.holdout.get(decision.primary_metric),
            approval=self._answer(),
            decision_sha256=self.decision_sha256,
            origin=self.origin,
        )
