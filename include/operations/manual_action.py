"""Hold what a person asks for, who and why; write it into the ledger once, and have pointer and alias follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from include.domain import clock
from include.domain.champion import state_after
from include.domain.decision import EntryKind, LedgerEntry
from include.domain.errors import (
    ActRefusedError,
    ArtifactDamagedError,
    LedgerConflictError,
    ObjectMissingError,
    PreconditionFailedError,
    TrackingError,
)
from include.domain.results import Origin, Receipt
from include.io import keys
from include.io.champion_alias import differences, follow_ledger, pointer_to, refuse_unknown_champion, tracking_of
from include.io.ledger import Ledger
from include.io.manifests import to_json
from include.io.object_store import ObjectStore
from include.io.releases import MAX_ATTEMPTS, read_pointer

# entries of an act are younger than the moment it was asked for; a day allows for clocks that differ
OLDEST_BEFORE_ACT = timedelta(days=1)


@dataclass(frozen=True)
class ManualAction:
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


def done_before(act: ManualAction, kind: EntryKind, history: Sequence[LedgerEntry]) -> LedgerEntry | None:
    """Return the entry that an earlier try of this act wrote, or None; reads only the newest entries."""
    oldest = act.asked_at - OLDEST_BEFORE_ACT
    for entry in reversed(history):
        if entry.made_at < oldest:
            return None
        if (entry.kind, entry.origin.dag_id, entry.origin.run_id) == (kind, act.origin.dag_id, act.origin.run_id):
            return entry
    return None


def write_once(
    act: ManualAction, ledger: Ledger, kind: EntryKind, build: Callable[[Sequence[LedgerEntry]], LedgerEntry]
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


def refuse_changed(act: ManualAction, seen: LedgerEntry | None, history: Sequence[LedgerEntry]) -> None:
    """Refuse the act when the champion is another one than the person saw.

    Raises:
        ActRefusedError: It is; a retry by itself would do to the new champion what was meant for the old.
    """
    number = state_after(history).champion
    if number != (seen.number if seen else 0):
        raise ActRefusedError(
            act.where,
            "the champion changed meanwhile; nothing was done",
            got=described(history[number - 1]),
            allowed=(described(seen) if seen else "no champion",),
            hint="look at it, and ask again",
        )


def refuse_unknown(act: ManualAction, ledger: Ledger, *, by_pointer: bool = False) -> None:
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


def release_uri(act: ManualAction, version: str) -> str:
    """Return the address of a version's release."""
    return act.store.uri(keys.release_file(act.project, version, "manifest.json"))


def have_views_follow(store: ObjectStore, project: str, tracking_url: str) -> tuple[str, ...]:
    """Make pointer and alias follow the champion in force, and read them back.

    The champion is in force by the ledger alone, so a failing MLflow is no failure here: it is told.

    Returns:
        What still differs, in words; empty when both follow.

    Raises:
        LedgerConflictError: The champion changed every time.
    """
    replace_pointer(store, project)
    follow_ledger(store, project, tracking_url, must=False)
    return find_differences(store, project, tracking_url, Ledger(store, project).champion())


def replace_pointer(store: ObjectStore, project: str) -> None:
    """Make the pointer name the champion in force by compare-and-set, though it is damaged or ahead of the ledger.

    A night only moves the pointer forward. A store that was restored from a backup may hold a pointer that is newer
    than the ledger; the ledger wins. The pointer is read before the ledger: whoever moves it after that makes the
    write fail, and what is written is never older than what stood there.

    Raises:
        LedgerConflictError: Other writers were faster every time.
    """
    key = keys.release_pointer(project)
    ledger = Ledger(store, project)
    for _ in range(MAX_ATTEMPTS):
        data, etag = _read(store, key)
        champion = ledger.champion()
        if champion is None or data == to_json(pointer_to(champion)):
            return
        try:
            store.put(key, to_json(pointer_to(champion)), if_absent=etag is None, if_match=etag)
        except PreconditionFailedError:
            continue
        return
    raise LedgerConflictError(
        store.uri(key), "other writers moved the pointer every time", got=f"{MAX_ATTEMPTS} attempts", hint="retry"
    )


def find_differences(
    store: ObjectStore, project: str, tracking_url: str, champion: LedgerEntry | None
) -> tuple[str, ...]:
    """Return in words how pointer and alias differ from the champion in force; what cannot be read differs."""
    found = []
    try:
        pointer = read_pointer(store, project)
    except ArtifactDamagedError:
        return ("release pointer: it is damaged",)
    if pointer is not None and champion is not None and pointer.ledger_number > champion.number:
        found.append(f"release pointer: it is ahead of the ledger, at entry {pointer.ledger_number}")
    try:
        told = differences(store, tracking_of(store, project, tracking_url), champion, project)
    except TrackingError as error:
        return (*found, f"MLflow alias champion: unknown, {error}")
    return (*found, *told)


def _read(store: ObjectStore, key: str) -> tuple[bytes | None, str | None]:
    try:
        found = store.read(key)
    except ObjectMissingError:
        return None, None
    return found.data, found.etag
