"""Back a home or the docker stack up into one file, and say what it holds."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.status import Status

from include.cli.console import errors, output
from include.config.settings import Settings, database_file
from include.domain.errors import SettingsError

if TYPE_CHECKING:
    from include.operations.backup.archive import ArchiveReader, BackupContents, Place
    from include.operations.backup.copying import Dump, Progress, Source


EVERY_SECONDS = 10.0


class CopyView:
    """Say on stderr what is done now, so that stdout holds the result alone."""

    def __init__(self) -> None:
        self._console: Console = errors()
        self._status: Status | None = self._console.status("beginning") if self._console.is_terminal else None
        self._told = time.monotonic()

    def __enter__(self) -> CopyView:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def doing(self, words: str) -> None:
        """Say what begins."""
        if self._status:
            self._status.update(words)
        else:
            self._console.print(words, markup=False)

    def objects(self, done_to_them: str) -> Progress:
        """Return what tells of objects: done, in all, bytes."""

        def tell(done: int, total: int, size: int) -> None:
            words = f"{done} of {total} objects {done_to_them}, {decimal(size)}"
            if self._status:
                self._status.update(words)
            elif time.monotonic() - self._told > EVERY_SECONDS:
                self._told = time.monotonic()
                self._console.print(words, markup=False)

        return tell


MAX_NOTES = 10
SQLITE = "sqlite:///"


def back_up(file: str, *, force: bool, docker: bool, s3: bool) -> int:
    """Make the backup and print what is in it.

    Raises:
        SettingsError: The file exists, the options exclude each other, or a restore of this home was interrupted.
        BackupError: The file cannot be written.
    """

    from include.operations.backup.copying import Watch, make_backup

    if docker and s3:
        raise SettingsError("option --s3", "the docker stack has a store of its own", hint="leave it out")
    settings, path = Settings.from_environment().in_namespace(""), Path(file).absolute()
    began = time.monotonic()
    with CopyView() as view, _source(settings, docker=docker, s3=s3) as source:
        contents = make_backup(source, path, force=force, watch=Watch(view.doing, view.objects("copied")))
    show_contents(output(), f"{path}, {decimal(path.stat().st_size)}", contents, time.monotonic() - began)
    return 0


def show_contents(console: Console, what: str, contents: BackupContents, seconds: float) -> None:
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

    from include.operations.backup.copying import AIRFLOW, MLFLOW

    return {AIRFLOW: version("apache-airflow"), MLFLOW: version("mlflow")}


@contextmanager
def _source(settings: Settings, *, docker: bool, s3: bool) -> Iterator[Source]:
    from include.cli.stack_in_use import opened_place
    from include.operations.backup.copying import AIRFLOW, MLFLOW, Source, snapshot
    from include.stack.state_directory import refuse_half_restored

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
    from include.operations.backup.copying import Source
    from include.stack.compose import backup
    from include.stack.compose.docker_stack import require_running
    from include.stack.compose.engine import Compose
    from include.stack.state_directory import refuse_half_restored

    refuse_half_restored(settings.home, docker=True)
    compose = Compose()
    compose.check()
    require_running(compose)
    with backup.opened_store(compose) as store:
        yield Source("docker", store, backup.dumps(compose), backup.versions(compose))


BACKUP_EXAMPLE = "./nightshift backup /backups/nightshift-2026-11-21.tar"
Docker = Annotated[bool, typer.Option("--docker", help="The docker stack instead of this machine's home.")]


def backup(
    file: Annotated[str, typer.Argument(metavar="FILE", help="The file to make.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    docker: Docker = False,
    s3: Annotated[bool, typer.Option("--s3", help="The store that `run --s3` fills.")] = False,
) -> None:
    """Copy store, MLflow and Airflow's database into one file, also while nights are running.

    The file appears whole or not at all, and only its owner can read it. It holds no secrets: credentials.json and .env
    are kept apart. The exit status is 0 when the file is there, 1 when it could not be made, 2 when what was asked is
    not possible.
    """
    pass

    raise typer.Exit(back_up(file, force=force, docker=docker, s3=s3))


OTHER_WAY = {"home": "leave out --docker", "docker": "add --docker"}


def check_place(archive: ArchiveReader, place: Place) -> None:
    """Refuse a backup of the other kind.

    Raises:
        SettingsError: A home's databases are SQLite files, the docker stack's are PostgreSQL.
    """
    found = archive.contents.place
    if found != place:
        kinds: dict[Place, str] = {"home": "a home (SQLite)", "docker": "the docker stack (PostgreSQL)"}
        raise SettingsError(
            str(archive.path),
            f"this is a backup of {kinds[found]}; its databases do not fit {kinds[place]}",
            hint=OTHER_WAY[found],
        )


def check_versions(archive: ArchiveReader, here: Mapping[str, str]) -> None:
    """Refuse databases of newer programs than those that would read them; older ones are brought up to date.

    Raises:
        SettingsError: One is newer.
    """
    for name, made_by in archive.contents.versions.items():
        if _numbers(made_by) > _numbers(here[name]):
            raise SettingsError(
                str(archive.path),
                f"a database of a newer {name} cannot be read by this one",
                got=made_by,
                allowed=(f"up to {here[name]}",),
                hint="restore it with the version of Nightshift that made it, or a newer one",
            )


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])
