"""Restore a backup into an empty home of this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from include.cli.backup_fits import check_versions
from include.cli.console import errors
from include.cli.copy_view import CopyView
from include.cli.make_backup import SQLITE, versions_here
from include.cli.perform_act import origin_of_person
from include.cli.stores import opened_place
from include.config.errors import NightshiftError, SettingsError
from include.config.namespaces import register, split_prefix
from include.config.settings import Settings
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.operations.backup.archive import ArchiveReader
from include.operations.backup.making import AIRFLOW, MLFLOW
from include.operations.backup.putting_back import check_empty, put_back
from include.operations.reconcile import reconcile
from include.stack.databases import check_database, count_rows, move_addresses, put_in_place
from include.stack.environment import database_file
from include.stack.home import DATABASE_STAMP
from include.stack.restore_mark import FILE, begun_with, clear_mark, set_mark, start_mark
from include.stack.running import running_stack
from include.stack.state import exclusive


def put_back_home(settings: Settings, archive: ArchiveReader, view: CopyView, *, s3: bool) -> int:
    """Write store and databases, reconcile, and return how much could not be set right.

    Raises:
        SettingsError: A stack runs in the home, it is not empty, or the restore of another file was interrupted.
    """
    home = settings.home
    check_versions(archive, versions_here())
    if running_stack(home) is not None:
        raise SettingsError(str(home), "a stack is running in this home", hint="./nightshift down first")
    mark_file = home / FILE
    with _held_place(settings, s3=s3) as (store, tracking_url):
        databases = {AIRFLOW: database_file(home), MLFLOW: _sqlite_file(tracking_url)}
        mark = begun_with(mark_file, archive.contents.backup_id)
        if mark is None or mark.turn == "writing":
            check_empty(store, archive, begun=mark is not None)
            if mark is None:
                _refuse_runs(databases)
                mark = start_mark(mark_file, archive.contents.backup_id, archive.path)
            view.doing("writing objects")
            put_back(store, archive, view.objects("written"))
            view.doing("writing databases")
            _put_databases(archive, databases, store)
            # of another version, perhaps: the next start brings them up to this one
            (home / "airflow" / DATABASE_STAMP).unlink(missing_ok=True)
            databases[MLFLOW].with_name(f"{databases[MLFLOW].name}.prepared").unlink(missing_ok=True)
            set_mark(mark_file, mark.model_copy(update={"turn": "reconciling"}))
        view.doing("comparing with the ledgers")
        left = reconcile_all(settings, store.url, tracking_url, archive.contents.projects)
        clear_mark(mark_file)
    return left


def reconcile_all(settings: Settings, store_url: str, tracking_url: str, projects: tuple[str, ...]) -> int:
    """Have release pointers and MLflow follow each project's ledger, and Airflow show the namespaces there are.

    Args:
        settings: Of the home.
        store_url: The whole store.
        tracking_url: MLflow, outside all namespaces.
        projects: What precedes `/ledger/` in the keys of the ledgers, a namespace's part included.

    Returns:
        How many things could not be set right; each is said.
    """
    left = 0
    for project in projects:
        namespace, name = split_prefix(project)
        there = settings.model_copy(update={"namespace": namespace}).at(store_url, tracking_url)
        try:
            if namespace:
                register(settings.home, namespace)
            found = reconcile(open_store(there.store_url), there.tracking_url, name, origin_of_person()).left
        except NightshiftError as error:
            found = (str(error),)
        for words in found:
            errors().print(f"{project}: {words}", style="red", markup=False, soft_wrap=True)
        left += len(found)
    return left


@contextmanager
def _held_place(settings: Settings, *, s3: bool) -> Iterator[tuple[ObjectStore, str]]:
    # with s3 the place holds the home itself
    with nullcontext() if s3 else exclusive(settings.home), opened_place(settings, s3=s3) as place:
        yield place


def _refuse_runs(databases: Mapping[str, Path]) -> None:
    for name, table in ((AIRFLOW, "dag_run"), (MLFLOW, "runs")):
        if rows := count_rows(databases[name], table):
            raise SettingsError(
                str(databases[name]),
                f"a backup is restored into an empty home only, and {name} has runs here",
                got=str(rows),
                hint="set NIGHTSHIFT_HOME to a new folder",
            )


def _put_databases(archive: ArchiveReader, databases: Mapping[str, Path], store: ObjectStore) -> None:
    for name, database in databases.items():
        part = archive.contents.database(name)
        if part is None:
            continue
        database.parent.mkdir(parents=True, exist_ok=True)
        copy = database.with_name(f".{database.name}.restored")
        archive.extract(part, copy)
        check_database(copy)
        if name == MLFLOW:
            move_addresses(copy, archive.contents.store_url, store.url)
        put_in_place(copy, database)


def _sqlite_file(tracking_url: str) -> Path:
    if not tracking_url.startswith(SQLITE):
        raise SettingsError(
            "NIGHTSHIFT_TRACKING_URL",
            "a home's backup is restored beside a MLflow database of its own",
            got=tracking_url.partition("://")[0],
            allowed=("sqlite:///file",),
            hint="unset it",
        )
    return Path(tracking_url.partition("?")[0].removeprefix(SQLITE))
