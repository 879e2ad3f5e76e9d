"""Copy a store and its databases into a backup while nights, backfills and retention go on, in an order that fits."""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from include.config.settings import git_commit
from include.domain import clock
from include.domain.errors import BackupError, ObjectMissingError
from include.io.manifests import FileRef
from include.io.object_store import ObjectStore
from include.operations.backup.archive import (
    FORMAT,
    ArchiveWriter,
    BackupContents,
    Part,
    Place,
    is_history,
    is_mark,
    ledger_of,
    named_files,
    new_archive,
    reading_order,
)

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


AIRFLOW, MLFLOW = "airflow", "mlflow"
# writes a consistent copy of a database into the folder and returns its file, or None when there is none to copy
Dump = Callable[[Path], Path | None]


@dataclass(frozen=True)
class Source:
    """Be what is backed up.

    Attributes:
        place: Whose databases they are.
        store: The objects.
        dumps: How Airflow's and MLflow's databases are copied, by name.
        versions: Of Airflow and MLflow.
        notes: What is left out from the start, in words.
    """

    place: Place
    store: ObjectStore
    dumps: Mapping[str, Dump]
    versions: Mapping[str, str]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watch:
    """Be told what is done: a few words at each turn, and the objects as they are copied."""

    doing: Callable[[str], None] = lambda words: None
    progress: Progress = lambda done, total, size: None


def make_backup(source: Source, path: Path, *, force: bool, watch: Watch) -> BackupContents:
    """Write the backup, and return what it holds.

    Raises:
        SettingsError: The file exists.
        BackupError: It cannot be written.
        StoreError: The store does not answer; nothing appears.
    """
    with new_archive(path, force=force) as archive:
        databases = []

        def dump(name: str) -> None:
            watch.doing(f"copying the database of {name}")
            copied = source.dumps[name](archive.folder) if name in source.dumps else None
            if copied is not None:
                databases.append(archive.add_database(name, copied))

        store = StoreCopy(source.store, archive, watch.progress)
        dump(AIRFLOW)
        watch.doing("copying ledgers and manifests")
        store.copy_marks()
        dump(MLFLOW)
        watch.doing("copying objects")
        store.copy_objects()
        contents = BackupContents(
            format=FORMAT,
            backup_id=secrets.token_hex(16),
            made_at=clock.now(),
            place=source.place,
            commit=git_commit(),
            versions=dict(source.versions),
            store_url=source.store.url,
            projects=tuple(sorted({project for project, _ in store.entries})),
            ledger_entries=len(store.entries),
            notes=(*source.notes, *store.notes),
            parts=(*databases, *store.parts),
        )
        archive.finish(contents)
    return contents


BUSY_SECONDS = 60
# where MLflow keeps addresses of files: they begin with the store's own
_ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
    ("tags", "value"),
    ("model_version_tags", "value"),
)


def snapshot(database: Path, copy: Path) -> Path | None:
    """Write a consistent copy of a database that others may be writing, and return it; None when there is none.

    SQLite's own backup, in one go: writers wait for its moment, and nothing that was committed before is missing.

    Raises:
        BackupError: It is no database, or stays locked.
    """
    if not database.is_file():
        return None
    try:
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
            # the copy is one file; whoever opens the original chooses its journal again
            target.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise BackupError(str(database), "the database cannot be copied", got=str(error)) from error
    return copy


def count_rows(database: Path, table: str) -> int:
    """Return how many rows a table has; 0 when there is no such database or table."""
    if not database.is_file():
        return 0
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as connection:
        if not _columns(connection, table):
            return 0
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names


def check_database(copy: Path) -> None:
    """Refuse a copy that SQLite finds fault with.

    Raises:
        BackupError: With what it says.
    """
    with closing(sqlite3.connect(copy)) as connection:
        try:
            found = str(connection.execute("PRAGMA quick_check").fetchone()[0])
        except sqlite3.Error as error:
            found = str(error)
    if found != "ok":
        raise BackupError(str(copy), "the backup's database is damaged", got=found)


def put_in_place(copy: Path, database: Path) -> None:
    """Make a copy the database; nobody may have it open. A kill leaves the old one or the new one."""
    for journal in ("-wal", "-shm", "-journal"):
        # they belong to the file that is replaced
        database.with_name(database.name + journal).unlink(missing_ok=True)
    copy.replace(database)


def move_addresses(database: Path, old: str, new: str) -> None:
    """Have MLflow's database name files by the store's new address, where it named them by the old one."""
    if old == new:
        return
    with closing(sqlite3.connect(database, timeout=BUSY_SECONDS)) as connection, connection:
        # the names of tables and columns are our own
        for table, column in _ADDRESSES:
            if column in _columns(connection, table):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",  # noqa: S608
                    (f"{new}/", len(old) + 2, len(old) + 1, f"{old}/"),
                )


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}
