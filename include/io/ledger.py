"""Keep a project's history as numbered, create-only entries without gaps, and read its decisions back."""

from __future__ import annotations

import hashlib
import itertools
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import overload

from include.domain.champion import ChampionState, champion_after, champion_as_of, champions, highest_version, settle
from include.domain.decision import Decision, EntryKind, LedgerEntry
from include.domain.errors import (
    ArtifactDamagedError,
    ChecksumMismatchError,
    LedgerConflictError,
    PreconditionFailedError,
)
from include.io import keys
from include.io.manifests import parse_receipt, to_json
from include.io.object_store import ObjectStore

MAX_ATTEMPTS = 100
LOST_PAUSE_SECONDS = 0.1
# requests in flight when the whole history is asked for
READ_THREADS = 8


class Ledger:
    """Read and append one project's entries; entries never change, so one that was read is kept.

    Each entry holds the sha256 of the bytes of the one before it: of two neighbours that are read, whoever reads them,
    the older one is checked.
    """

    def __init__(self, store: ObjectStore, project: str, *, chained: bool = True) -> None:
        """Take the store; without `chained` neighbours are not compared: for who tells all that is wrong."""
        self._store = store
        self._chained = chained
        self.project = project
        self._read: dict[int, LedgerEntry] = {}
        self._sha256: dict[int, str] = {}
        self._known: int | None = None

    def entries(self) -> list[LedgerEntry]:
        """Return all entries, oldest first, reading several at a time.

        Raises:
            ArtifactDamagedError: An entry is missing or unreadable.
        """
        count = len(self._history())
        with ThreadPoolExecutor(max_workers=READ_THREADS) as pool:
            return list(pool.map(self._entry, range(1, count + 1)))

    def history(self) -> Sequence[LedgerEntry]:
        """Return all entries, oldest first, each read when it is looked at."""
        return self._history()

    def find(self, decision_id: str, kind: EntryKind) -> LedgerEntry | None:
        """Return the newest entry of that kind about a decision, or None; a retry looks here before it appends."""
        for entry in reversed(self._history()):
            if entry.decision_id == decision_id and entry.kind == kind:
                return entry
        return None

    def of_run(self, dag_id: str, run_id: str) -> LedgerEntry | None:
        """Return the newest decision entry that an Airflow run wrote, or None."""
        for entry in reversed(self._history()):
            if entry.kind == "decision" and (entry.origin.dag_id, entry.origin.run_id) == (dag_id, run_id):
                return entry
        return None

    def acted(self, dag_id: str, run_id: str) -> LedgerEntry | None:
        """Return what a person did by an Airflow run that decides nothing (a rollback, a pin), or None."""
        for entry in reversed(self._history()):
            if entry.verdict is None and (entry.origin.dag_id, entry.origin.run_id) == (dag_id, run_id):
                return entry
        return None

    def newest(self, count: int) -> list[LedgerEntry]:
        """Return the newest `count` decision entries, newest first."""
        decisions = (entry for entry in reversed(self._history()) if entry.kind == "decision")
        return list(itertools.islice(decisions, count))

    def newest_night(self) -> LedgerEntry | None:
        """Return the decision of the newest day that a night decided, or, where only backfills did, of theirs.

        A late run of an old day and a backfill write the newest entries, and are about the past.
        """
        night, backfilled = None, None
        for entry in reversed(self._history()):
            if night is not None and entry.made_at.date() <= night.as_of:
                # what was decided by then is about earlier days
                break
            if entry.kind != "decision":
                continue
            if entry.origin.run_type == "backfill":
                backfilled = _newer(backfilled, entry)
            else:
                night = _newer(night, entry)
        return night or backfilled

    def told(self, count: int) -> list[LedgerEntry]:
        """Return the newest `count` lines of the project's story, newest first: decisions, and what a person did.

        A promotion that a night made says nothing that its decision does not say; it is left out.
        """
        lines = (entry for entry in reversed(self._history()) if entry.kind != "promotion" or entry.verdict is None)
        return list(itertools.islice(lines, count))

    def numbered(self, number: int) -> LedgerEntry | None:
        """Return the entry with that number, or None."""
        history = self._history()
        return history[number - 1] if 1 <= number <= len(history) else None

    def champion(self, as_of: date | None = None) -> LedgerEntry | None:
        """Return the entry that put the champion in force, or None before the first; see `champion_as_of`."""
        return champion_as_of(self._history(), as_of)

    def length(self) -> int:
        """Return how many entries there are; none is read."""
        return len(self._history())

    def in_force(self) -> ChampionState:
        """Return champion, pin and barred candidates; reads the newest entry and those it names."""
        return champion_after(self._history())

    def champions(self) -> list[LedgerEntry]:
        """Return the champion in force, then those a rollback can go back to, newest first."""
        return list(champions(self._history()))

    def highest_version(self) -> int:
        """Return the highest model version that an entry holds, 0 when there is none; reads the newest entry."""
        return highest_version(self._history())

    def holder(self, version: str, after: int = 0) -> str:
        """Return the candidate that has a model version by the newest entry naming it; empty when no entry does.

        Args:
            version: Asked for.
            after: Look only at entries with a higher number.
        """
        for entry in reversed(self._history()):
            if entry.number <= after:
                return ""
            if entry.version == version:
                return entry.candidate_id
        return ""

    def version_of(self, candidate_id: str, since: datetime) -> str:
        """Return the model version of a candidate by the newest entry about it; empty when no entry is.

        Args:
            candidate_id: Asked for.
            since: When the candidate was made: entries that are older are not read.
        """
        for entry in reversed(self._history()):
            if entry.made_at < since:
                return ""
            if entry.candidate_id == candidate_id and entry.version:
                return entry.version
        return ""

    def put_in_force(self, candidate_id: str) -> bool:
        """Tell whether an entry ever put that candidate in force, newest entries first."""
        return any(
            entry.candidate_id == candidate_id
            for entry in reversed(self._history())
            if entry.kind in ("promotion", "rollback")
        )

    def append(self, build: Callable[[int, Sequence[LedgerEntry]], LedgerEntry]) -> LedgerEntry:
        """Write the next entry; when another writer takes its number, build it anew on the new history.

        Args:
            build: Given the next number and the history before it, returns the entry with that number; it may raise
                to append nothing. Reading the history's newest entries reads only those. `previous`, `standing`,
                `highest_version` and `previous_sha256` are filled in here.

        Raises:
            LedgerConflictError: Other writers were faster every time.
            ArtifactDamagedError: An entry is missing or unreadable.
        """
        for _ in range(MAX_ATTEMPTS):
            history = self._history()
            number = len(history) + 1
            entry = settle(build(number, history), history)
            if (entry.number, entry.project) != (number, self.project):
                raise ValueError(
                    f"entry {number} of {self.project} was asked for, got {entry.number} of {entry.project}"
                )
            entry = entry.model_copy(update={"previous_sha256": self.sha256(number - 1)})
            data = to_json(entry)
            try:
                self._store.put(keys.ledger_entry(self.project, number), data, if_absent=True)
            except PreconditionFailedError:
                # those that lost a number together would meet again at the next: an S3 server has them wait a second
                time.sleep(random.uniform(0, LOST_PAUSE_SECONDS))
                continue
            self._keep(number, entry, data)
            return entry
        raise LedgerConflictError(
            self._store.uri(keys.ledger_prefix(self.project)),
            "other writers took every number that was tried",
            got=f"{MAX_ATTEMPTS} attempts",
            hint="run it again when fewer runs of this project are writing",
        )

    def _history(self) -> _History:
        """Return the entries there are now; only the first time by a listing, whose cost grows with history."""
        if self._known is None:
            self._known = self._listed()
        while self._store.exists(keys.ledger_entry(self.project, self._known + 1)):
            self._known += 1
        return _History(self._known, self._entry)

    def strays(self) -> list[str]:
        """Return the keys of what lies among the entries and has no entry's name: notes, copies, half a download."""
        return [key for key in self._keys() if not keys.is_ledger_entry(key)]

    def _keys(self) -> list[str]:
        return [info.key for info in self._store.list(keys.ledger_prefix(self.project))]

    def _listed(self) -> int:
        """Return how many entries there are, each in its place; what has no entry's name is passed over."""
        found = [key for key in self._keys() if keys.is_ledger_entry(key)]
        wanted = [keys.ledger_entry(self.project, number) for number in range(1, len(found) + 1)]
        for number, (key, expected) in enumerate(zip(found, wanted, strict=True), start=1):
            if key != expected:
                raise ArtifactDamagedError(
                    self._store.uri(keys.ledger_prefix(self.project)),
                    f"entry {number} is missing, or another object is in its place",
                    got=key,
                    allowed=(expected,),
                    hint="restore the entry: history is never deleted",
                )
        return len(found)

    def check_chain(self) -> None:
        """Compare every entry with the bytes of the one before it.

        Raises:
            ArtifactDamagedError: With the first that differs.
        """
        self.entries()
        for number in range(2, self.length() + 1):
            self._check_follows(number)

    def check(self, number: int) -> None:
        """Check an entry against the one after it, if there is one: costs at most one more read.

        Raises:
            ArtifactDamagedError: It is not the one that the next was written after.
        """
        if number < self.length():
            self._entry(number)
            self._entry(number + 1)

    def sha256(self, number: int) -> str:
        """Return the sha256 of the bytes of an entry; empty for number 0, which is none."""
        if number:
            self._entry(number)
        return self._sha256.get(number, "")

    def _entry(self, number: int) -> LedgerEntry:
        if number not in self._read:
            key = keys.ledger_entry(self.project, number)
            data = self._store.get(key)
            self._keep(number, parse_receipt(data, self._store.uri(key), LedgerEntry), data)
        return self._read[number]

    def _keep(self, number: int, entry: LedgerEntry, data: bytes) -> None:
        """Keep an entry that was read or written, once it follows from its neighbours that are known."""
        self._sha256[number] = hashlib.sha256(data).hexdigest()
        self._read[number] = entry
        if self._chained:
            self._check_follows(number)
            self._check_follows(number + 1)

    def _check_follows(self, number: int) -> None:
        """Compare an entry with the bytes of the one before it, where both are known."""
        entry, before = self._read.get(number), self._sha256.get(number - 1)
        if entry is None or before is None or entry.previous_sha256 == before:
            return
        # entries of before the sha256 was kept do not hold it; after the first that does, every one does
        older = self._read.get(number - 1)
        if not entry.previous_sha256 and not (older is not None and older.previous_sha256):
            return
        raise ArtifactDamagedError(
            self._store.uri(keys.ledger_entry(self.project, number - 1)),
            f"the entry is not the one that entry {number} was written after",
            got=f"sha256 {before}",
            allowed=(f"sha256 {entry.previous_sha256}" if entry.previous_sha256 else "the sha256 that it lacks",),
            hint="one of them was changed by hand: restore the ledger from a backup; "
            f"./nightshift reconcile {self.project} --deep checks everything",
        )


def _newer(known: LedgerEntry | None, entry: LedgerEntry) -> LedgerEntry:
    """Return the one of the later day; of one day the one that is known, which was written later."""
    return entry if known is None or entry.as_of > known.as_of else known


class _History(Sequence[LedgerEntry]):
    """Be the entries 1 to `length`, each read when it is asked for: a night looks at the newest few of thousands."""

    def __init__(self, length: int, entry: Callable[[int], LedgerEntry]) -> None:
        self._length = length
        self._entry = entry

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> LedgerEntry: ...
    @overload
    def __getitem__(self, index: slice) -> list[LedgerEntry]: ...
    def __getitem__(self, index: int | slice) -> LedgerEntry | list[LedgerEntry]:
        numbers = range(1, self._length + 1)
        if isinstance(index, slice):
            return [self._entry(number) for number in numbers[index]]
        return self._entry(numbers[index])


def read_decision(store: ObjectStore, project: str, decision_id: str, sha256: str = "") -> Decision:
    """Return a decision by its key, so that a store may be moved.

    Args:
        store: Holds it.
        project: The project's name.
        decision_id: Its id.
        sha256: Of its bytes, as it was written; empty where nobody kept that.

    Raises:
        ObjectMissingError: There is no such decision.
        ArtifactDamagedError: It is not one of this version.
        ChecksumMismatchError: It is not the one that was written.
    """
    key = keys.decision(project, decision_id)
    data = store.get(key)
    found = hashlib.sha256(data).hexdigest()
    if sha256 not in ("", found):
        raise ChecksumMismatchError(
            store.uri(key),
            "the decision is not the one that was written",
            got=f"sha256 {found}",
            allowed=(f"sha256 {sha256}",),
            hint="it was changed by hand: restore it from a backup, or delete it and run the night again",
        )
    return parse_receipt(data, store.uri(key), Decision)


def decision_sha256(store: ObjectStore, project: str, decision_id: str) -> str:
    """Return the sha256 of a decision's bytes.

    Raises:
        ObjectMissingError: There is no such decision.
    """
    return hashlib.sha256(store.get(keys.decision(project, decision_id))).hexdigest()
