"""Be what a person asks for: who, why, on which project; and write it into the ledger once, however often it is tried.

An act takes effect when its ledger entry is written, and that is one create-only write. What the person saw when they
asked is checked against the history that the entry is appended to: an act never lands on a champion they did not mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from include.config import clock
from include.config.decision import EntryKind, LedgerEntry
from include.config.errors import ActRefusedError, ArtifactDamagedError, TrackingError
from include.config.results import Origin, Receipt
from include.io import keys
from include.io.ledger import Ledger
from include.io.object_store import ObjectStore
from include.io.standing import standing_after
from include.stages.projections import refuse_unknown_champion, tracking_of

# entries of an act are younger than the moment it was asked for; a day allows for clocks that differ
OLDEST_BEFORE_ACT = timedelta(days=1)


@dataclass(frozen=True)
class Act:
    """Hold what every act is given.

    Attributes:
        store: Holds ledger, releases and pointer.
        tracking_url: MLflow.
        project: The project's name.
        reason: Why, in the person's own words.
        origin: Who (`triggered_by`), in which run. Two acts never have the same run id; a retry of one has.
        asked_at: When, the same for every retry.

    Raises:
        ActRefusedError: The reason is empty.
    """

    store: ObjectStore
    tracking_url: str
    project: str
    reason: str
    origin: Origin
    asked_at: datetime = field(default_factory=clock.now)

    def __post_init__(self) -> None:
        """Refuse an act without a reason."""
        if not self.reason.strip():
            raise ActRefusedError(
                self.project, "a reason is needed: it is kept in the ledger for good", got=repr(self.reason)
            )

    @property
    def ledger(self) -> Ledger:
        """Return the project's ledger."""
        return Ledger(self.store, self.project)

    @property
    def where(self) -> str:
        """Return the ledger's address, for errors."""
        return f"the ledger of {self.project}"


class Change(Receipt):
    """Say what an act changed.

    Attributes:
        entry: The act's ledger entry.
        before: The entry of the champion before it, if there was one.
        after: The entry of the champion after it.
        behind: How the release pointer and MLflow's alias still differ, in words; empty when both follow.
    """

    entry: LedgerEntry
    before: LedgerEntry | None
    after: LedgerEntry
    behind: tuple[str, ...] = ()


class _DoneBeforeError(Exception):
    """Carry the entry that an earlier try of this act wrote."""

    def __init__(self, entry: LedgerEntry) -> None:
        super().__init__(entry.number)
        self.entry = entry


def done_before(act: Act, kind: EntryKind, history: Sequence[LedgerEntry]) -> LedgerEntry | None:
    """Return the entry that an earlier try of this act wrote, or None; reads only the newest entries."""
    oldest = act.asked_at - OLDEST_BEFORE_ACT
    for entry in reversed(history):
        if entry.made_at < oldest:
            return None
        if (entry.kind, entry.origin.dag_id, entry.origin.run_id) == (kind, act.origin.dag_id, act.origin.run_id):
            return entry
    return None


def write_once(
    act: Act, ledger: Ledger, kind: EntryKind, build: Callable[[Sequence[LedgerEntry]], LedgerEntry]
) -> LedgerEntry:
    """Return the act's entry, appended unless an earlier try has done so.

    Args:
        act: What is asked for.
        ledger: Of its project.
        kind: The entry's.
        build: Given the history, returns the entry that the act is about; it may raise to append nothing. Number,
            kind, moment, reason and origin are filled in here.

    Raises:
        LedgerConflictError: Other writers were faster every time.
    """

    def numbered(number: int, history: Sequence[LedgerEntry]) -> LedgerEntry:
        # also when the write came through and only its answer was lost
        written = done_before(act, kind, history)
        if written is not None:
            raise _DoneBeforeError(written)
        return build(history).model_copy(
            update={
                "number": number,
                "kind": kind,
                "made_at": clock.now(),
                "verdict": None,
                "reason": act.reason.strip(),
                "previous": 0,
                "origin": act.origin,
            }
        )

    try:
        return ledger.append(numbered)
    except _DoneBeforeError as done:
        return done.entry


def refuse_changed(act: Act, seen: LedgerEntry | None, history: Sequence[LedgerEntry]) -> None:
    """Refuse the act when the champion is another one than the person saw.

    Raises:
        ActRefusedError: It is; a retry by itself would do to the new champion what was meant for the old.
    """
    number = standing_after(history).champion
    if number != (seen.number if seen else 0):
        raise ActRefusedError(
            act.where,
            "the champion changed meanwhile; nothing was done",
            got=described(history[number - 1]),
            allowed=(described(seen) if seen else "no champion",),
            hint="look at it, and ask again",
        )


def refuse_unknown(act: Act, ledger: Ledger, *, by_pointer: bool = False) -> None:
    """Refuse the act where a champion is in force that this ledger does not know; MLflow may be away.

    Args:
        act: What is asked for.
        ledger: Of its project.
        by_pointer: Only the release pointer tells: what is urgent waits for no alias.

    Raises:
        UnknownChampionError: There is one: the store is another one, or entries are lost.
    """
    try:
        tracking = None if by_pointer else tracking_of(act.store, act.project, act.tracking_url)
        refuse_unknown_champion(act.store, tracking, ledger, act.project)
    except ArtifactDamagedError:
        # a damaged pointer names nobody; the act sets it right
        return
    except TrackingError:
        refuse_unknown_champion(act.store, None, ledger, act.project)


def champion_before(ledger: Ledger, entry: LedgerEntry) -> LedgerEntry | None:
    """Return the entry of the champion that was in force before an act, or None."""
    earlier = ledger.numbered(entry.number - 1)
    return ledger.numbered(earlier.standing.champion) if earlier else None


def described(entry: LedgerEntry) -> str:
    """Return a champion in words: "version 3 (as of 2013-05-01)"."""
    return f"version {entry.version} (as of {entry.as_of})"


def release_uri(act: Act, version: str) -> str:
    """Return the address of a version's release."""
    return act.store.uri(keys.release_file(act.project, version, "manifest.json"))
