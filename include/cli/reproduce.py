"""Make a version again, and show how it compares with what was recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from include.cli.console import Column, errors, output, print_json, table
from include.cli.options import Docker, Namespace
from include.config.project import PROJECT_NAME_PATTERN
from include.config.settings import Settings, git_commit, lock_hash
from include.domain.errors import SettingsError, UnknownProjectError
from include.domain.results import Origin

if TYPE_CHECKING:
    from include.operations.model_comparison import NumberDifference, Reproduction
    from include.operations.reproduce import Remade, Tell


COMPARISON = "reproduction.json"
COLOURS = {"identical": "green", "different": "red", "incomplete": "yellow"}
SHOWN = 40
HASH_CHARACTERS = 16
COLUMNS = (
    Column("what"),
    Column("then", leaves=3),
    Column("now", leaves=4),
    Column("values", leaves=2),
    Column("largest difference", leaves=1),
)


def show_reproduction(project: str, version: str, *, keep: str, as_json: bool, s3: bool) -> int:
    """Make the version again, print the comparison, and return the exit status: 0 only when all is identical.

    Args:
        project: Its name; its folder is not read.
        version: The model version.
        keep: A new or empty folder for the model that is made; empty keeps nothing.
        as_json: Print JSON instead of tables.
        s3: Read the S3 server's store.

    Raises:
        NightshiftError: What was asked is not possible, or the decision itself is gone.
    """

    from include.cli.stack_in_use import opened_store
    from include.operations.reproduce import reproduce as reproduce_version

    if not re.fullmatch(PROJECT_NAME_PATTERN, project):
        raise UnknownProjectError("argument PROJECT", "not the name of a project", got=repr(project))
    folder = _empty_folder(keep) if keep else None
    settings = Settings.from_environment()
    here = Origin(run_id="reproduce", git_commit=git_commit(), lock_hash=lock_hash())
    with opened_store(settings, s3=s3) as store, _progress(errors()) as tell:
        remade = reproduce_version(store, project, version, here, tell)
    if folder is not None:
        _keep(folder, remade)
    if as_json:
        print_json(remade.reproduction.model_dump(mode="json"))
    else:
        _show(output(), remade.reproduction, folder if remade.trained else None)
    return 0 if remade.reproduction.status == "identical" else 1


def _empty_folder(text: str) -> Path:
    folder = Path(text)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise SettingsError("option --keep", "a new or empty folder is needed", got=str(folder))
    return folder


@contextmanager
def _progress(console: Console) -> Iterator[Tell]:
    """Tell on a terminal what is being done by one changing line, elsewhere by a line each."""
    if not console.is_terminal:
        yield lambda words: console.print(escape(words), soft_wrap=True)
        return
    with console.status("finding the decision") as line:
        yield lambda words: line.update(escape(words))


def _keep(folder: Path, remade: Remade) -> None:
    from include.io.manifests import to_json
    from include.io.models import MODEL, SIGNATURE, TRAINING

    folder.mkdir(parents=True, exist_ok=True)
    (folder / COMPARISON).write_bytes(to_json(remade.reproduction))
    if remade.trained is not None:
        model = remade.trained.model
        (folder / MODEL).write_bytes(model.data)
        (folder / SIGNATURE).write_bytes(to_json(model.signature))
        (folder / TRAINING).write_bytes(to_json(remade.trained.record))


def _show(console: Console, found: Reproduction, folder: Path | None) -> None:
    console.print(
        f"[bold {COLOURS[found.status]}]{found.status.upper()}[/]  version {escape(found.version)} of "
        f"{escape(found.project)}, as of {found.as_of} ({escape(found.candidate_id)})"
    )
    if found.model_then:
        now = found.model_now or "not made"
        console.print(f"model     sha256 then {found.model_then}\n          sha256 now  {now}", soft_wrap=True)
        console.print(f"made from {found.rows} rows of {found.days} days, threads {found.threads}")
    if found.holdout:
        measured = ", ".join(f"{name} {value:.6f}" for name, value in found.holdout.items())
        console.print(f"holdout   measured again: {escape(measured)}", soft_wrap=True)
    _show_table(console, "what came out differently", found.differences)
    _show_table(console, "made under other circumstances", found.circumstances)
    for words in found.missing[:SHOWN]:
        console.print(f"missing   {escape(words)}", soft_wrap=True)
    if len(found.missing) > SHOWN:
        console.print(f"          and {len(found.missing) - SHOWN} more; --json lists them all")
    if folder is not None:
        console.print(f"kept in   {escape(str(folder))}", soft_wrap=True)


def _show_table(console: Console, title: str, differences: Sequence[NumberDifference]) -> None:
    if not differences:
        return
    rows = []
    for each in differences[:SHOWN]:
        largest = "" if each.largest is None else f"{each.largest:.3g}"
        values = f"{each.count} of {each.of}" if each.of > 1 else ""
        rows.append([escape(each.what), escape(_short(each.then)), escape(_short(each.now)), values, largest])
    shown = table(COLUMNS, rows, console.width)
    shown.title, shown.title_justify = title, "left"
    console.print(shown)
    if len(differences) > SHOWN:
        console.print(f"and {len(differences) - SHOWN} more; --json lists them all")


def _short(text: str) -> str:
    return text[:HASH_CHARACTERS] if re.fullmatch("[0-9a-f]{64}", text) else text


EXAMPLE = "./nightshift reproduce flight_delay 3"


def reproduce(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A project with decisions in the store.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A model version that a decision is about.")],
    keep: Annotated[
        str, typer.Option("--keep", metavar="FOLDER", help="Keep the model that is made, and the comparison, in it.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout; progress goes to stderr.")] = False,
    s3: Annotated[bool, typer.Option("--s3", help="Read the store that `run --s3` fills.")] = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Train a version again from its decision's record alone, and compare it byte for byte.

    The project's folder is not read, so it may have changed since; nothing is written into the store or MLflow. The
    exit status is 0 when all is identical, 1 when a number differs or something needed is missing, 2 when what was
    asked is not possible.
    """
    pass

    raise typer.Exit(show_reproduction(project, version, keep=keep, as_json=as_json, s3=s3))
