"""Make a whole backup: the databases and the store, in the order that keeps them together (see `copying`)."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from include.config import clock
from include.config.settings import git_commit
from include.io.object_store import ObjectStore
from include.operations.backup.archive import new_archive
from include.operations.backup.contents import FORMAT, Contents, Place
from include.operations.backup.copying import Progress, StoreCopy

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


def make_backup(source: Source, path: Path, *, force: bool, watch: Watch) -> Contents:
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
        contents = Contents(
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
