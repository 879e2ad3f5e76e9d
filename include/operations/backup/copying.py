"""Copy a store into a backup while nights, backfills and retention go on, so that what is copied belongs together.

Whatever refers is copied before what it refers to: Airflow's database (its finished tasks name what they wrote), then
the release pointers and ledgers, then all other commit marks, then MLflow's database (ledgers and manifests name its
runs), then the objects. A writer works the other way round, data first and the mark last, so what a mark names existed
before the mark was read, and is there when its turn comes. A night that goes on meanwhile adds marks that are not
copied, and objects that nothing copied names: the same as a night that was killed, which the next one completes. For
the same reason a task that Airflow's copy calls running may have finished in the store's: it is run again and finds
its work done. Had Airflow been copied last, it would call nights finished of which the ledger knew nothing.

Two things could still part a mark from its bytes: retention, which removes both, and a day that is prepared again. So
every copied mark is held against the copied objects at the end. A mark that is gone by then is left out; one that has
changed is copied anew, with what it names; one that has not was damaged before, and is kept with a note.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from include.config.errors import ObjectMissingError
from include.io.manifests import FileRef
from include.io.object_store import ObjectStore
from include.operations.backup.archive import ArchiveWriter
from include.operations.backup.contents import Part
from include.operations.backup.marks import is_history, is_mark, ledger_of, named_files, reading_order

ROUNDS = 10
# said of (objects done, objects in all, bytes done)
Progress = Callable[[int, int, int], None]


@dataclass
class StoreCopy:
    """Copy one store: marks first, then objects, then a look at what changed meanwhile.

    Attributes:
        notes: What was left out, and why, in words.
    """

    store: ObjectStore
    archive: ArchiveWriter
    progress: Progress = lambda done, total, size: None
    notes: list[str] = field(default_factory=list)
    _marks: dict[str, Part] = field(default_factory=dict)
    _names: dict[str, tuple[FileRef, ...]] = field(default_factory=dict)
    _objects: dict[str, Part] = field(default_factory=dict)
    _damaged: set[str] = field(default_factory=set)

    def copy_marks(self) -> None:
        """Copy pointers and ledgers, then all other commit marks: those are listed when the ledgers have been read."""
        history = _without_gaps(one.key for one in self.store.list() if is_history(one.key))
        self._take_marks(history)
        self._take_marks(one.key for one in self.store.list() if is_mark(one.key) and not is_history(one.key))

    def copy_objects(self) -> None:
        """Copy everything that is no mark, then settle what parted from its mark meanwhile."""
        listed = [one for one in self.store.list() if not is_mark(one.key)]
        size = 0
        for number, one in enumerate(listed, start=1):
            if not self._take_object(one.key):
                self.notes.append(f"{one.key}: removed while the backup was made")
            size += one.size
            self.progress(number, len(listed), size)
        self._settle()

    @property
    def parts(self) -> tuple[Part, ...]:
        """Return what counts of all that was written: the newest bytes of each key."""
        return (*self._marks.values(), *self._objects.values())

    @property
    def entries(self) -> list[tuple[str, int]]:
        """Return project and number of each ledger entry that was copied."""
        return sorted(found for key in self._marks if (found := ledger_of(key)))

    def _take_marks(self, keys: Iterable[str]) -> None:
        for key in sorted(keys, key=reading_order):
            if not self._take_mark(key):
                self.notes.append(f"{key}: {'missing' if is_history(key) else 'removed while the backup was made'}")

    def _take_mark(self, key: str) -> bool:
        """Copy one mark; return whether there is one."""
        try:
            data = self.store.get(key)
        except ObjectMissingError:
            return False
        self._marks[key] = self.archive.add("mark", key, data)
        self._names[key] = named_files(data)
        return True

    def _take_object(self, key: str) -> bool:
        """Copy one object; return whether there is one."""
        try:
            data = self.store.get(key)
        except ObjectMissingError:
            return False
        self._objects[key] = self.archive.add("object", key, data)
        return True

    def _settle(self) -> None:
        for _ in range(ROUNDS):
            parted = [key for key in self._marks if key not in self._damaged and self._lacking(key)]
            if not parted:
                return
            for key in parted:
                self._look_again(key)
        for key in parted:
            self._forget(key, "it changed all the time while the backup was made")

    def _lacking(self, key: str) -> list[FileRef]:
        """Return the files that a mark names and that were not copied with those bytes."""
        return [ref for ref in self._names[key] if self._copied_sha256(ref.key) != ref.sha256]

    def _copied_sha256(self, key: str) -> str:
        part = self._objects.get(key) or self._marks.get(key)
        return part.sha256 if part else ""

    def _look_again(self, key: str) -> None:
        """Bring a mark whose bytes are others up to now: it is gone, was written anew, or was damaged all the time."""
        try:
            data = self.store.get(key)
        except ObjectMissingError:
            self._forget(key, "removed while the backup was made, with what it names")
            return
        if hashlib.sha256(data).hexdigest() != self._marks[key].sha256:
            self._take_mark(key)
        lacking = self._lacking(key)
        for ref in lacking:
            self._take_object(ref.key)
        if lacking and self._lacking(key) and self._is_still(key):
            self._damaged.add(key)
            named = ", ".join(ref.key for ref in self._lacking(key))
            self.notes.append(f"{key}: the store itself lacks, or holds otherwise, what it names: {named}")

    def _is_still(self, key: str) -> bool:
        """Tell whether the store's mark is the one that was copied."""
        try:
            return hashlib.sha256(self.store.get(key)).hexdigest() == self._marks[key].sha256
        except ObjectMissingError:
            return False

    def _forget(self, key: str, why: str) -> None:
        del self._marks[key], self._names[key]
        self.notes.append(f"{key}: {why}")


def _without_gaps(keys: Iterable[str]) -> list[str]:
    """Add the entries before the newest of each ledger: a folder that grows while it is listed may lack one."""
    found = set(keys)
    newest: dict[str, tuple[int, str]] = {}
    for key in found:
        if entry := ledger_of(key):
            newest[entry[0]] = max(newest.get(entry[0], (0, "")), (entry[1], key))
    for number, key in newest.values():
        found |= {f"{key.rpartition('/')[0]}/{earlier:08d}.json" for earlier in range(1, number)}
    return sorted(found)
