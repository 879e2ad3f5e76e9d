"""Remove what is older than a project keeps, and show what went, or would go, and what stays."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.filesize import decimal
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from include.cli.console import Column, errors, output, print_json, table
from include.cli.options import AsJson, Docker, Namespace
from include.config.project import Project
from include.config.settings import Settings
from include.domain.errors import NightshiftError, SettingsError

if TYPE_CHECKING:
    from include.operations.retention.records import KeptArtifact, RetentionInputs, RetentionResult


MAX_SHOWN = 20
RULES = {
    "raw": "raw data with its checks, older than keep.raw_days",
    "features": "features older than keep.features_days, that no kept version was made from",
    "superseded": "files that were delivered, prepared or checked again since",
    "versions": "models that nobody needs any more: candidate, release, model version, run",
    "orphans": "what killed or failed runs left behind",
}
TOTALS = (
    Column("kind"),
    Column("count", right=True, leaves=5),
    Column("objects", right=True, leaves=4),
    Column("bytes", right=True),
    Column("size", right=True, leaves=1),
    Column("oldest", leaves=2),
    Column("newest", leaves=3),
    Column("rule", sentences=True),
)
KEPT = (
    Column("stays"),
    Column("objects", right=True, leaves=1),
    Column("bytes", right=True, leaves=2),
    Column("why", sentences=True),
)


def run_retention(only: str, *, dry_run: bool, as_json: bool, s3: bool) -> int:
    """Run retention for one project, or for all; one that fails does not stop the others.

    Raises:
        UnknownProjectError: `only` is no project.
        DeclarationError: `only` is broken.
        SettingsError: There is no project at all.
    """

    from include.cli.stack_in_use import opened_place
    from include.operations.retention.records import RetentionInputs

    settings = Settings.from_environment()
    projects = _projects(settings, only)
    results: list[RetentionResult] = []
    failed: dict[str, str] = {}
    with opened_place(settings, s3=s3) as (store, tracking_url):
        inputs = RetentionInputs(store_url=store.url, tracking_url=tracking_url, dry_run=dry_run)
        for project in projects:
            try:
                results.append(_with_progress(project, inputs))
            except NightshiftError as error:
                failed[project.name] = str(error)
                errors().print(f"{project.name}: {error}", style="red", markup=False, soft_wrap=True)
    if as_json:
        print_json({"projects": [as_plain(result) for result in results], "failed": failed})
    else:
        for result in results:
            show(output(), result)
    return 1 if failed else 0


def as_plain(result: RetentionResult) -> dict[str, Any]:
    """Return everything as JSON values, sizes in bytes."""
    return {**result.summary().model_dump(mode="json"), **result.model_dump(mode="json")}


def show(console: Console, result: RetentionResult) -> None:
    """Print the totals by kind, the reasons, and what stays."""
    done = "would go" if result.dry_run else "removed"
    console.print(f"[bold]{escape(result.project)}[/bold]: {_amount(result.files, result.size)} {done}")
    if result.removed:
        console.print(_totals(result, console.width))
    versions = [one for one in result.removed if one.kind in ("versions", "orphans")]
    _list(console, done, (f"{one.name}: {one.why}" for one in versions if not one.left))
    _list(console, "left after all", (f"{one.kind} {one.name}: {one.left}" for one in result.removed if one.left))
    if result.kept:
        console.print(_kept(result.kept, console.width))
    _list(console, "unknown, never touched", result.unknown)


def _projects(settings: Settings, only: str) -> list[Project]:
    from include.config.discovery import discover, load_project

    if only:
        return [load_project(settings.projects_dir, only)]
    found = discover(settings.projects_dir)
    for name, problems in found.broken.items():
        errors().print(f"{name}: broken, left out, {len(problems)} problem(s); ./nightshift check {name}", style="red")
    if not found.projects and not found.broken:
        raise SettingsError(str(settings.projects_dir), "no project here", hint="set NIGHTSHIFT_PROJECTS")
    return list(found.projects.values())


def _with_progress(project: Project, inputs: RetentionInputs) -> RetentionResult:
    from include.operations.retention.run import run

    console = errors()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"retention of {project.name}", total=None)
        return run(project, inputs, lambda done, total: progress.update(task, completed=done, total=total))


def _totals(result: RetentionResult, width: int) -> Table:
    rows = []
    for one in result.totals():
        size, unit = f"{one.size:,}", decimal(one.size)
        oldest, newest = _moment(one.oldest), _moment(one.newest)
        if one.kind in ("raw", "features"):
            oldest, newest = one.first, one.last
        rows.append([one.kind, str(one.count), str(one.files), size, unit, oldest, newest, RULES[one.kind]])
    return table(TOTALS, rows, width)


def _kept(kept: Iterable[KeptArtifact], width: int) -> Table:
    """Return what stays; days of one reason are one line."""
    lines: dict[tuple[str, str], list[KeptArtifact]] = {}
    for one in kept:
        lines.setdefault((one.what, one.why), []).append(one)
    rows = []
    for (name, why), things in lines.items():
        day = things[0].day
        days = "" if day is None else f" of {day}" if len(things) == 1 else f" of {len(things)} days"
        files, size = sum(one.files for one in things), sum(one.size for one in things)
        rows.append([escape(name + days), str(files), f"{size:,}", escape(why)])
    return table(KEPT, rows, width)


def _list(console: Console, title: str, lines: Iterable[str]) -> None:
    shown = list(lines)
    if not shown:
        return
    console.print(f"{title}:")
    for line in shown[:MAX_SHOWN]:
        console.print(f"  {line}", markup=False, soft_wrap=True)
    if len(shown) > MAX_SHOWN:
        console.print(f"  and {len(shown) - MAX_SHOWN} more; --json lists all")


def _amount(files: int, size: int) -> str:
    objects = "1 object" if files == 1 else f"{files} objects"
    # below 1,000 the short form says the same again
    return f"{objects}, {size:,} bytes" + (f" ({decimal(size)})" if size >= 1000 else "")


def _moment(text: str) -> str:
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else "-"


EXAMPLE = "./nightshift retention flight_delay --dry-run"
OneProject = Annotated[str, typer.Argument(metavar="PROJECT", help="Only this one.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would go, how many bytes and why; remove nothing.")]
S3 = Annotated[bool, typer.Option("--s3", help="Look through the store that `run --s3` fills.")]


def retention(
    project: OneProject = "",
    dry_run: DryRun = False,
    as_json: AsJson = False,
    s3: S3 = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Remove what is older than project.yaml keeps (`keep:`), from the store and from MLflow.

    The champion, what a rollback can go back to, what is pinned, the newest judged, the rows these were made from, and
    all history stay, and so does whatever was written within the last 24 hours. The exit status is 0 when it is done,
    and 1 when a project could not be done: the next run goes on from there.
    """
    pass

    raise typer.Exit(run_retention(project, dry_run=dry_run, as_json=as_json, s3=s3))
