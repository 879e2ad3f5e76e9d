"""Restore a backup into an empty home or docker stack, and set right what follows from the ledgers."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli.backup import SQLITE, CopyView, Docker, check_place, check_versions, show_contents, versions_here
from include.cli.champion import origin_of_person
from include.cli.console import errors, output
from include.config.settings import DATABASE_STAMP, Settings, database_file
from include.domain.errors import NightshiftError, SettingsError, StackError
from include.domain.names import register, split_prefix

if TYPE_CHECKING:
    from include.io.object_store import ObjectStore
    from include.operations.backup.archive import ArchiveReader
    from include.stack.compose.engine import Compose


RECONCILE = "include.cli.restore"


def restore_docker(settings: Settings, archive: ArchiveReader, view: CopyView) -> int:
    """Write store and databases, start everything again, reconcile, and return how much could not be set right.

    Raises:
        SettingsError: The stack does not run or is not empty, or the restore of another file was interrupted.
        StackError: A command in a container failed; the same command goes on from there.
    """

    from include.operations.backup.restore import check_empty, restore_objects
    from include.stack.compose import backup
    from include.stack.compose.docker_stack import require_running
    from include.stack.compose.engine import Compose
    from include.stack.state_directory import DOCKER_FILE, begun_with, clear_mark, set_mark, start_mark

    compose, mark_file = Compose(), settings.home / DOCKER_FILE
    compose.check()
    mark = begun_with(mark_file, archive.contents.backup_id)
    if mark is None:
        require_running(compose)
        check_versions(archive, backup.versions(compose))
        backup.refuse_runs(compose)
        with backup.opened_store(compose) as store:
            check_empty(store, archive, begun=False)
        mark = start_mark(mark_file, archive.contents.backup_id, archive.path)
    if mark.turn == "writing":
        view.doing("stopping Airflow and MLflow")
        backup.stand_still(compose)
        view.doing("writing objects")
        with backup.opened_store(compose) as store:
            check_empty(store, archive, begun=True)
            restore_objects(store, archive, view.objects("written"))
        view.doing("writing databases")
        _restore_docker_databases(compose, archive)
        set_mark(mark_file, mark.model_copy(update={"turn": "reconciling"}))
    view.doing("starting Airflow and MLflow")
    backup.start_again(compose)
    view.doing("comparing with the ledgers")
    left = _reconcile_all(compose, archive.contents.projects)
    clear_mark(mark_file)
    return left


def _restore_docker_databases(compose: Compose, archive: ArchiveReader) -> None:
    # beside the backup: it is on a disk that has room for it, and the folder is its owner's alone
    from include.stack.compose import backup

    with tempfile.TemporaryDirectory(dir=archive.path.parent, prefix=f".{archive.path.name}.") as folder:
        for part in archive.contents.of_kind("database"):
            backup.put_database(compose, archive, part, Path(folder))


def _reconcile_all(compose: Compose, projects: tuple[str, ...]) -> int:
    from include.stack.compose.docker_stack import DOOR

    if not projects:
        return 0
    try:
        compose.output("exec", "--no-TTY", DOOR, "python", "-m", RECONCILE, *projects)
    except StackError as error:
        errors().print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    return 0


def restore_home(settings: Settings, archive: ArchiveReader, view: CopyView, *, s3: bool) -> int:
    """Write store and databases, reconcile, and return how much could not be set right.

    Raises:
        SettingsError: A stack runs in the home, it is not empty, or the restore of another file was interrupted.
    """

    from include.operations.backup.copying import AIRFLOW, MLFLOW
    from include.operations.backup.restore import check_empty, restore_objects
    from include.stack.state_directory import RESTORE_FILE, begun_with, clear_mark, running_stack, set_mark, start_mark

    home = settings.home
    check_versions(archive, versions_here())
    if running_stack(home) is not None:
        raise SettingsError(str(home), "a stack is running in this home", hint="./nightshift down first")
    mark_file = home / RESTORE_FILE
    with _held_place(settings, s3=s3) as (store, tracking_url):
        databases = {AIRFLOW: database_file(home), MLFLOW: _sqlite_file(tracking_url)}
        mark = begun_with(mark_file, archive.contents.backup_id)
        if mark is None or mark.turn == "writing":
            check_empty(store, archive, begun=mark is not None)
            if mark is None:
                _refuse_runs(databases)
                mark = start_mark(mark_file, archive.contents.backup_id, archive.path)
            view.doing("writing objects")
            restore_objects(store, archive, view.objects("written"))
            view.doing("writing databases")
            _restore_databases(archive, databases, store)
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

    from include.io.stores import open_store
    from include.operations.reconcile import reconcile

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
    from include.cli.stack_in_use import opened_place
    from include.stack.state_directory import exclusive

    with nullcontext() if s3 else exclusive(settings.home), opened_place(settings, s3=s3) as place:
        yield place


def _refuse_runs(databases: Mapping[str, Path]) -> None:
    from include.operations.backup.copying import AIRFLOW, MLFLOW, count_rows

    for name, table in ((AIRFLOW, "dag_run"), (MLFLOW, "runs")):
        if rows := count_rows(databases[name], table):
            raise SettingsError(
                str(databases[name]),
                f"a backup is restored into an empty home only, and {name} has runs here",
                got=str(rows),
                hint="set NIGHTSHIFT_HOME to a new folder",
            )


def _restore_databases(archive: ArchiveReader, databases: Mapping[str, Path], store: ObjectStore) -> None:
    from include.operations.backup.copying import MLFLOW, check_database, move_addresses, put_in_place

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


RESTORE_EXAMPLE = "./nightshift restore /backups/nightshift-2026-11-21.tar"


def restore(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A file that `backup` made.")],
    docker: Docker = False,
    s3: Annotated[bool, typer.Option("--s3", help="Into the store that `run --s3` fills.")] = False,
) -> None:
    """Put a backup into an empty home or stack, and have MLflow and the release pointers follow the ledgers.

    The whole file is checked before anything is written. A restore that was interrupted goes on when the same command
    is given again. The exit status is 0 when all agrees with the ledgers afterwards, 1 when something does not or the
    file is damaged, 2 when what was asked is not possible.
    """
    raise typer.Exit(restore_backup(file, docker=docker, s3=s3))


def restore_backup(file: str, *, docker: bool, s3: bool) -> int:
    """Check the file, put everything back, reconcile every project, and print what is there now.

    Raises:
        BackupError: The file is damaged; nothing was written.
        SettingsError: The home or stack is not empty, a stack runs in the home, or the backup is of another kind.
    """

    from include.operations.backup.archive import ArchiveReader
    from include.operations.backup.restore import check_whole

    if docker and s3:
        raise SettingsError("option --s3", "the docker stack has a store of its own", hint="leave it out")
    settings, path = Settings.from_environment().in_namespace(""), Path(file).absolute()
    began = time.monotonic()
    with CopyView() as view, ArchiveReader(path) as archive:
        check_place(archive, "docker" if docker else "home")
        view.doing("checking the file")
        check_whole(archive, view.objects("checked"))
        if docker:
            pass

            left = restore_docker(settings, archive, view)
        else:
            left = restore_home(settings, archive, view, s3=s3)
    show_contents(output(), f"restored {path}", archive.contents, time.monotonic() - began)
    return 1 if left else 0


def main(projects: list[str]) -> int:
    """Set release pointers and MLflow's aliases right, say on stderr what cannot be, and return the exit status."""
    settings = Settings.from_environment().in_namespace("")
    left = reconcile_all(settings, settings.store_url, settings.tracking_url, tuple(projects))
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
