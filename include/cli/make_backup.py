"""Back a home or the docker stack up, and say what the file holds."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.filesize import decimal

from include.cli.console import output
from include.cli.copy_view import CopyView
from include.cli.stores import opened_place
from include.config.errors import SettingsError
from include.config.settings import Settings
from include.operations.backup.contents import Contents
from include.operations.backup.making import AIRFLOW, MLFLOW, Dump, Source, Watch, make_backup
from include.stack.databases import snapshot
from include.stack.environment import database_file
from include.stack.restore_mark import refuse_half_restored

MAX_NOTES = 10
SQLITE = "sqlite:///"


def back_up(file: str, *, force: bool, docker: bool, s3: bool) -> int:
    """Make the backup and print what is in it.

    Raises:
        SettingsError: The file exists, the options exclude each other, or a restore of this home was interrupted.
        BackupError: The file cannot be written.
    """
    if docker and s3:
        raise SettingsError("option --s3", "the docker stack has a store of its own", hint="leave it out")
    settings, path = Settings.from_environment().in_namespace(""), Path(file).absolute()
    began = time.monotonic()
    with CopyView() as view, _source(settings, docker=docker, s3=s3) as source:
        contents = make_backup(source, path, force=force, watch=Watch(view.doing, view.objects("copied")))
    show_contents(output(), f"{path}, {decimal(path.stat().st_size)}", contents, time.monotonic() - began)
    return 0


def show_contents(console: Console, what: str, contents: Contents, seconds: float) -> None:
    """Print what a backup holds, and what it does not."""
    objects = contents.of_kind("mark", "object")
    size = sum(part.size for part in objects)
    lines = [
        what,
        f"projects       {', '.join(contents.projects) or 'none'}",
        f"ledger         {contents.ledger_entries} entries",
        f"objects        {len(objects)}, {size:,} bytes ({decimal(size)})",
        f"databases      {', '.join(part.name for part in contents.of_kind('database')) or 'none'}",
        *(f"note           {words}" for words in contents.notes[:MAX_NOTES]),
    ]
    if len(contents.notes) > MAX_NOTES:
        lines.append(f"note           and {len(contents.notes) - MAX_NOTES} more; the file's contents list them")
    for line in [*lines, f"finished in {seconds:.0f} s"]:
        console.print(line, markup=False, soft_wrap=True)


def versions_here() -> dict[str, str]:
    """Return the versions of Airflow and MLflow that are installed here."""
    return {AIRFLOW: version("apache-airflow"), MLFLOW: version("mlflow")}


@contextmanager
def _source(settings: Settings, *, docker: bool, s3: bool) -> Iterator[Source]:
    if docker:
        with _docker_source(settings) as source:
            yield source
        return
    refuse_half_restored(settings.home)
    with opened_place(settings, s3=s3) as (store, tracking_url):
        dumps: dict[str, Dump] = {AIRFLOW: lambda folder: snapshot(database_file(settings.home), folder / "airflow.db")}
        notes: tuple[str, ...] = ()
        if tracking_url.startswith(SQLITE):
            file = Path(tracking_url.partition("?")[0].removeprefix(SQLITE))
            dumps[MLFLOW] = lambda folder: snapshot(file, folder / "mlflow.db")
        else:
            notes = ("MLflow is a server of its own and is not in the file: back it up where it runs",)
        yield Source("home", store, dumps, versions_here(), notes)


@contextmanager
def _docker_source(settings: Settings) -> Iterator[Source]:
    from include.stack import docker_backup
    from include.stack.compose.docker_stack import require_running
    from include.stack.compose.engine import Compose

    refuse_half_restored(settings.home, docker=True)
    compose = Compose()
    compose.check()
    require_running(compose)
    with docker_backup.opened_store(compose) as store:
        yield Source("docker", store, docker_backup.dumps(compose), docker_backup.versions(compose))
