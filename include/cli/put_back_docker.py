"""Restore a backup into an empty docker stack, whose Airflow and MLflow stand still meanwhile."""

from __future__ import annotations

import tempfile
from pathlib import Path

from include.cli.backup_fits import check_versions
from include.cli.console import errors
from include.cli.copy_view import CopyView
from include.config.errors import StackError
from include.config.settings import Settings
from include.operations.backup.archive import ArchiveReader
from include.operations.backup.putting_back import check_empty, put_back
from include.stack import docker_backup
from include.stack.compose.docker_stack import DOOR, require_running
from include.stack.compose.engine import Compose
from include.stack.restore_mark import DOCKER_FILE, begun_with, clear_mark, set_mark, start_mark

RECONCILE = "include.cli.reconcile_restored"


def put_back_docker(settings: Settings, archive: ArchiveReader, view: CopyView) -> int:
    """Write store and databases, start everything again, reconcile, and return how much could not be set right.

    Raises:
        SettingsError: The stack does not run or is not empty, or the restore of another file was interrupted.
        StackError: A command in a container failed; the same command goes on from there.
    """
    compose, mark_file = Compose(), settings.home / DOCKER_FILE
    compose.check()
    mark = begun_with(mark_file, archive.contents.backup_id)
    if mark is None:
        require_running(compose)
        check_versions(archive, docker_backup.versions(compose))
        docker_backup.refuse_runs(compose)
        with docker_backup.opened_store(compose) as store:
            check_empty(store, archive, begun=False)
        mark = start_mark(mark_file, archive.contents.backup_id, archive.path)
    if mark.turn == "writing":
        view.doing("stopping Airflow and MLflow")
        docker_backup.stand_still(compose)
        view.doing("writing objects")
        with docker_backup.opened_store(compose) as store:
            check_empty(store, archive, begun=True)
            put_back(store, archive, view.objects("written"))
        view.doing("writing databases")
        _put_databases(compose, archive)
        set_mark(mark_file, mark.model_copy(update={"turn": "reconciling"}))
    view.doing("starting Airflow and MLflow")
    docker_backup.start_again(compose)
    view.doing("comparing with the ledgers")
    left = _reconcile_all(compose, archive.contents.projects)
    clear_mark(mark_file)
    return left


def _put_databases(compose: Compose, archive: ArchiveReader) -> None:
    # beside the backup: it is on a disk that has room for it, and the folder is its owner's alone
    with tempfile.TemporaryDirectory(dir=archive.path.parent, prefix=f".{archive.path.name}.") as folder:
        for part in archive.contents.of_kind("database"):
            docker_backup.put_database(compose, archive, part, Path(folder))


def _reconcile_all(compose: Compose, projects: tuple[str, ...]) -> int:
    if not projects:
        return 0
    try:
        compose.output("exec", "--no-TTY", DOOR, "python", "-m", RECONCILE, *projects)
    except StackError as error:
        errors().print(str(error), style="red", markup=False, soft_wrap=True)
        return 1
    return 0
