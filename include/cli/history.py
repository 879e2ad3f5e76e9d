"""Define the command `history`: the walk-forward record as a table, and the page with its plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from include.cli.options import Docker, Namespace

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from include.cli.console import Column
    from include.domain.decision import Night

EXAMPLE = "./nightshift history flight_delay --from 2013-06-01 --to 2013-12-31"


def history(
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="A folder of include/projects.")],
    first: Annotated[str, typer.Option("--from", metavar="DATE", help="Show no night before it.")] = "",
    last: Annotated[str, typer.Option("--to", metavar="DATE", help="Show no night after it.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else.")] = False,
    s3: Annotated[bool, typer.Option("--s3", help="Read the store that `run --s3` fills.")] = False,
    docker: Docker = False,
    namespace: Namespace = "",
) -> None:
    """Show night by night what would have been decided, knowing only the past.

    Each night's challenger is compared with the champion of the nights before it, by the rules as they are declared
    now: the order in which runs ended, backfills, pins and people play no part. So it is a what-if, and names the
    champion in production beside it. Writes a page with a plot of the same nights beside the decisions. What no
    decision holds is measured once and kept, so the first call may take a while.
    """
    raise typer.Exit(show_walk_forward(project, first, last, as_json=as_json, s3=s3))


def show_walk_forward(project: str, first: str, last: str, *, as_json: bool, s3: bool) -> int:
    """Print the record between two days, both included, write its page, and return the exit status.

    Raises:
        AsOfError: A day is not one, or the days are the wrong way round.
        ObjectMissingError: No decision is of these days.
    """
    from include.cli.console import output, print_json
    from include.cli.stack_in_use import opened_store
    from include.config.discovery import load_project
    from include.config.settings import Settings
    from include.io.ledger import Ledger
    from include.operations.history import walk_forward, write_page
    from include.reports.history_page import in_production, left_out, summary

    begin, end = _days(first, last)
    settings = Settings.from_environment()
    declared = load_project(settings.projects_dir, project)
    with opened_store(settings, s3=s3) as store, _progress() as progress:
        walked = walk_forward(store, declared, last=end, progress=progress)
        nights = [night for night in walked if begin is None or night.as_of >= begin]
        if not nights:
            raise _nothing(declared.name, first, last)
        page = write_page(store, declared, nights)
        champion = Ledger(store, declared.name).champion()
    if as_json:
        real = champion.model_dump(mode="json") if champion else None
        record = [night.model_dump(mode="json") for night in nights]
        print_json({"page": page, "what_if": True, "nights": record, "champion_in_production": real})
        return 0
    console = output()
    console.print(nights_table(nights, console.width))
    console.print(summary(nights), markup=False)
    console.print(in_production(nights, champion), markup=False)
    console.print(f"page      {page}", markup=False, soft_wrap=True)
    if left_out(nights):
        console.print(left_out(nights), markup=False)
    return 0


def nights_table(nights: Sequence[Night], width: int) -> Table:
    """Return the record as a table, oldest night first."""
    from include.cli.console import table

    return table(nights_columns(nights[-1].metric), [_cells(night) for night in nights], width)


def nights_columns(metric: str) -> tuple[Column, ...]:
    """Return the columns of the record, for a project judged by `metric`."""
    from include.cli.console import Column

    return (
        Column("as of"),
        Column("verdict"),
        Column(metric, right=True, leaves=5),
        Column("champion", right=True, leaves=3),
        Column("gain", right=True, leaves=4),
        Column("would be in force", leaves=2),
        Column("decided", leaves=1),
    )


def _cells(night: Night) -> list[str]:
    from rich.markup import escape

    from include.cli.decision_view import COLOURS
    from include.reports.wording import extent, number, signed

    def cell(text: str, more: str) -> str:
        return f"{text} ({more})" if more else text

    decided = cell(f"[{COLOURS[night.decided]}]{night.decided}[/]", f"#{night.number}")
    return [
        str(night.as_of),
        f"[{COLOURS[night.verdict]}]{night.verdict}[/]",
        cell(number(night.value), extent(night.interval) if night.interval else ""),
        cell(number(night.champion_value), escape(f"version {night.champion.version}") if night.champion else ""),
        signed(night.gain),
        cell(escape(f"version {night.in_force.version}"), str(night.in_force.as_of)) if night.in_force else "none",
        cell(decided, "rolled back") if night.rolled_back else decided,
    ]


def _days(first: str, last: str) -> tuple[date | None, date | None]:
    from include.cli.options import parse_day
    from include.domain.errors import AsOfError

    begin = parse_day(first, "--from") if first else None
    end = parse_day(last, "--to") if last else None
    if begin and end and begin > end:
        raise AsOfError("option --from", "the first day is after the last", got=f"--from {begin} --to {end}")
    return begin, end


def _nothing(project: str, first: str, last: str) -> Exception:
    from include.domain.errors import ObjectMissingError

    if first or last:
        asked = " ".join(f"{option} {day}" for option, day in (("--from", first), ("--to", last)) if day)
        hint = f"./nightshift ledger {project} lists the days that were decided"
        return ObjectMissingError(f"the ledger of {project}", "no decision is of these days", got=asked, hint=hint)
    return ObjectMissingError(f"the ledger of {project}", "no decision yet", hint=f"./nightshift run {project}")


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Yield what is told how far the record is: a bar on a terminal, that leaves nothing behind."""
    from rich.progress import Progress

    from include.cli.console import errors

    console = errors()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("nights", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
