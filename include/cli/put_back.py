"""Restore a backup into an empty home or docker stack, and set right what follows from the ledgers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

from include.cli.console import errors, output
from include.cli.copy_view import CopyView
from include.cli.make_backup import SQLITE, show_contents
from include.cli.perform_act import origin_of_person
from include.cli.stores import opened_place
from include.config.errors import NightshiftError, SettingsError
from include.config.settings import Settings
from include.io.object_store import ObjectStore
from include.operations.backup.archive import ArchiveReader
from include.operations.backup.contents import Contents, Place
from include.operations.backup.making import AIRFLOW, MLFLOW
from include.operations.backup.putting_back import check_empty, check_whole, put_back
from include.operations.reconcile import reconcile
from include.stack.databases import check_database, count_rows, move_addresses, put_in_place
from include.stack.environment import database_file
from include.stack.home import DATABASE_STAMP
from include.stack.restore_mark import RestoreMark, clear_mark, read_mark, set_mark
from include.stack.running import running_stack
from include.stack.state import exclusive

OTHER_WAY = {"home": "leave out --docker", "docker": "add --docker"}


def restore_backup(file: str, *, docker: bool, s3: bool) -> int:
    """Check the file, put everything back, reconcile every project, and print what is there now.

    Raises:
        BackupError: The file is damaged; nothing was written.
        SettingsError: The home is not empty, a stack runs in it, or the backup is of another kind.
    """
    if docker and s3:
        raise SettingsError("option --s3", "the docker stack has a store of its own", hint="leave it out")
    settings, path = Settings.from_environment(), Path(file).absolute()
    began = time.monotonic()
    with CopyView() as view, ArchiveReader(path) as archive:
        check_fits(archive, "docker" if docker else "home")
        view.doing("checking the file")
        check_whole(archive, view.objects("checked"))
        left = _restore_home(settings, archive, view, s3=s3)
    show_contents(output(), f"restored {path}", archive.contents, time.monotonic() - began)
    return 1 if left else 0


def check_fits(archive: ArchiveReader, place: Place) -> None:
    """Refuse a backup of the other kind, or of newer programs than those that would read it.

    Raises:
        SettingsError: It does not fit.
    """
    contents, where = archive.contents, str(archive.path)
    if contents.place != place:
        kinds: dict[Place, str] = {"home": "a home (SQLite)", "docker": "the docker stack (PostgreSQL)"}
        raise SettingsError(
            where,
            f"this is a backup of {kinds[contents.place]}; its databases do not fit {kinds[place]}",
            hint=OTHER_WAY[contents.place],
        )
    for name, package in ((AIRFLOW, "apache-airflow"), (MLFLOW, "mlflow")):
        made_by, here = contents.versions[name], version(package)
        if _numbers(made_by) > _numbers(here):
            raise SettingsError(
                where,
                f"a database of a newer {name} cannot be read by this one",
                got=made_by,
                allowed=(f"up to {here}",),
                hint="restore it with the version of Nightshift that made it, or a newer one",
            )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def reconcile_all(store: ObjectStore, tracking_url: str, contents: Contents) -> int:
    """Have release pointers and MLflow follow each project's ledger; say what cannot be, and return how many things."""
    left = 0
    for project in contents.projects:
        try:
            found = reconcile(store, tracking_url, project, origin_of_person()).left
        except NightshiftError as error:
            found = (str(error),)
        for words in found:
            errors().print(f"{project}: {words}", style="red", markup=False, soft_wrap=True)
        left += len(found)
    return left


def _restore_home(settings: Settings, archive: ArchiveReader, view: CopyView, *, s3: bool) -> int:
    home, contents = settings.home, archive.contents
    if running_stack(home) is not None:
        raise SettingsError(str(home), "a stack is running in this home", hint="./nightshift down first")
    with _held_place(settings, s3=s3) as (store, tracking_url):
        databases = {AIRFLOW: database_file(home), MLFLOW: _sqlite_file(tracking_url)}
        mark = _begin(home, archive, store, databases)
        if mark.turn == "writing":
            view.doing("writing objects")
            put_back(store, archive, view.objects("written"))
            view.doing("writing databases")
            _put_databases(archive, databases, store)
            # of another version, perhaps: the next start brings them up to this one
            (home / "airflow" / DATABASE_STAMP).unlink(missing_ok=True)
            databases[MLFLOW].with_name(f"{databases[MLFLOW].name}.prepared").unlink(missing_ok=True)
            set_mark(home, mark.model_copy(update={"turn": "reconciling"}))
        view.doing("comparing with the ledgers")
        left = reconcile_all(store, tracking_url, contents)
        clear_mark(home)
    return left


@contextmanager
def _held_place(settings: Settings, *, s3: bool) -> Iterator[tuple[ObjectStore, str]]:
    # with s3 the place holds the home itself
    with nullcontext() if s3 else exclusive(settings.home), opened_place(settings, s3=s3) as place:
        yield place


def _begin(home: Path, archive: ArchiveReader, store: ObjectStore, databases: dict[str, Path]) -> RestoreMark:
    """Return the mark of this restore, made after nothing of any night was found here.

    Raises:
        SettingsError: The home is not empty, or the restore of another file was interrupted.
    """
    begun, backup_id = read_mark(home), archive.contents.backup_id
    if begun is not None and begun.backup_id != backup_id:
        raise SettingsError(
            str(home), "the restore of another file was interrupted here", got=begun.file, hint="go on with that one"
        )
    if begun is not None and begun.turn == "reconciling":
        return begun
    check_empty(store, archive, begun=begun is not None)
    if begun is not None:
        return begun
    for name, table in ((AIRFLOW, "dag_run"), (MLFLOW, "runs")):
        if rows := count_rows(databases[name], table):
            raise SettingsError(
                str(databases[name]),
                f"a backup is restored into an empty home only, and {name} has runs here",
                got=str(rows),
                hint="set NIGHTSHIFT_HOME to a new folder",
            )
    mark = RestoreMark(backup_id=backup_id, file=str(archive.path))
    set_mark(home, mark)
    return mark


def _put_databases(archive: ArchiveReader, databases: dict[str, Path], store: ObjectStore) -> None:
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
