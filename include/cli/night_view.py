"""Show a night or a backfill while it runs: a live table on a terminal, lines elsewhere; and what failed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from include.airflow_client.backfill import UNFINISHED, DayRun
from include.airflow_client.runs import StageProgress, TaskFailure, stages
from include.cli.console import Column, table
from include.cli.decision_view import COLOURS as VERDICT_COLOURS
from include.domain.errors import in_days, same_cause

COLOURS = {
    "done": "green",
    "running": "cyan",
    "failed": "red",
    "retrying": "yellow",
    "waits for a person": "bold yellow",
    "skipped": "dim",
    "waiting": "dim",
    "not run": "dim",
}


class NightView:
    """Be the progress of one night on a console; used as a context, which ends the live display."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._began = time.monotonic()
        self._doing = ""
        self._stages: Sequence[StageProgress] = ()
        self._seen: dict[str, tuple[str, int, int]] = {}
        self._live = Live(get_renderable=self._render, console=console, refresh_per_second=4, transient=False)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        else:
            self._line(self._title)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._doing = ""
        if self._console.is_terminal:
            self._live.stop()

    @property
    def seconds(self) -> float:
        """Return how long the night has taken."""
        return time.monotonic() - self._began

    def doing(self, what: str, *, small: bool = False) -> None:
        """Say what is waited for; `small` changes are shown only where they overwrite each other."""
        if what and what != self._doing and not small and not self._console.is_terminal:
            self._line(what)
        self._doing = what

    def note(self, what: str) -> None:
        """Say something that stays."""
        self._line(what)

    def stages(self, stages: Sequence[StageProgress]) -> None:
        """Show how far each stage is."""
        self._stages = stages
        if self._console.is_terminal:
            return
        for stage in stages:
            now = (stage.state, stage.done, stage.total)
            if stage.state != "waiting" and self._seen.get(stage.stage) != now:
                self._seen[stage.stage] = now
                self._line(f"{stage.stage}: {stage.state}{_count(stage)}{_seconds(stage)}")

    def _line(self, text: str) -> None:
        self._console.print(f"{self.seconds:6.1f} s  {text}", markup=False, soft_wrap=True)

    def _render(self) -> RenderableType:
        parts: list[RenderableType] = [Text(f"{self._title}  {self.seconds:.0f} s", style="bold")]
        if self._stages:
            table = Table(box=None, pad_edge=False, show_header=False)
            for stage in self._stages:
                colour = COLOURS[stage.state]
                table.add_row(
                    escape(stage.stage),
                    f"[{colour}]{stage.state}[/]",
                    _count(stage).strip(),
                    _seconds(stage).strip(" ,"),
                )
            parts.append(table)
        if self._doing:
            parts.append(Text(self._doing, style="dim"))
        return Group(*parts)


def _count(stage: StageProgress) -> str:
    return f" {stage.done}/{stage.total}" if stage.total > 1 else ""


def _seconds(stage: StageProgress) -> str:
    return "" if stage.seconds is None or stage.state == "skipped" else f", {stage.seconds:.1f} s"


@dataclass(frozen=True)
class Failed:
    """Be a task that failed, of the run about a day; None where there is one run only."""

    failure: TaskFailure
    day: date | None = None

    @property
    def stage(self) -> str:
        """Return the task without the number of its instance."""
        return self.failure.task.partition(" (")[0]


def show_failures(console: Console, failed: Sequence[Failed]) -> None:
    """Print each failure once, with its error and its log: the first's where several have the same cause."""
    groups: dict[tuple[str, str], list[Failed]] = {}
    for one in failed:
        groups.setdefault((one.stage, same_cause(one.failure.error)), []).append(one)
    for (stage, _), group in groups.items():
        first, days = group[0].failure, [one.day for one in group if one.day]
        if len(group) == 1:
            line = f"{days[0]}    task {first.task}" if days else f"task      {first.task}"
        elif len(set(days)) > 1:
            line = f"{stage}: {in_days(days)}: the same error"
        else:
            about = "; ".join(one.failure.about for one in group if one.failure.about)
            line = f"{days[0]}    " if days else "task      "
            line += f"{stage}, {len(group)} times the same error{f': {about}' if about else ''}"
        console.print(line, style="red", markup=False, soft_wrap=True)
        console.print(f"error     {first.error}", style="red", markup=False, soft_wrap=True)
        console.print(f"log       {first.log}", markup=False, soft_wrap=True)


BAR_COLUMNS = 40
COLUMNS = (Column("as of"), Column("result"), Column("reason", sentences=True), Column("took", right=True, leaves=1))
# a backfill of days before the champion's holds each of them, however good
HOLD_EXPLAINED = (
    "HOLD      a backfill promotes nothing, so a day that proved itself is held, too: `it would be promoted`,\n"
    "          or `not newer` where production has a champion of later data by now"
)
RESULT_COLOURS = {**VERDICT_COLOURS, "scored": "green", "FAILED": "red", "left out": "dim"}


@dataclass(frozen=True)
class DayOutcome:
    """Say what came of one day.

    Attributes:
        result: The verdict of the ledger, "scored", or "FAILED".
        failures: Tasks that failed by themselves; none for a REJECT, which is no fault.
    """

    day: date
    run_id: str
    succeeded: bool
    result: str
    reason: str
    seconds: float
    failures: tuple[TaskFailure, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it for a program."""
        failures = [{"task": one.task, "error": one.error, "log": str(one.log)} for one in self.failures]
        return {
            "day": str(self.day),
            "run_id": self.run_id,
            "succeeded": self.succeeded,
            "result": self.result,
            "reason": self.reason,
            "seconds": round(self.seconds, 1),
            "failures": failures,
        }


class BackfillView(NightView):
    """Be the progress of a backfill: a bar and the running days on a terminal, one line a change elsewhere."""

    def __init__(self, console: Console, title: str, parallel: int) -> None:
        self._terminal = console.is_terminal
        self._parallel = parallel
        self._runs: Sequence[DayRun] = ()
        self._told: dict[str, str] = {}
        # it draws itself at once
        super().__init__(console, title)

    def days(self, runs: Sequence[DayRun]) -> None:
        """Show how far every day is."""
        self._runs = runs
        if self._terminal:
            return
        for run in runs:
            now = run.state if run.state != "running" else "running" if not current_stage(run) else current_stage(run)
            if run.state != "queued" and self._told.get(run.run_id) != now:
                self._told[run.run_id] = now
                ended = run.state not in UNFINISHED
                self.note(f"{run.day}: {now}{_took(run)}{f'; {self._counts()}' if ended else ''}")

    def _counts(self) -> str:
        states = Counter(run.state for run in self._runs)
        done = len(self._runs) - sum(states[state] for state in UNFINISHED)
        parts = [f"{done} of {len(self._runs)} done"]
        parts += [f"{states[state]} {state}" for state in ("running", "queued", "failed") if states[state]]
        return ", ".join(parts) + self._left()

    def _left(self) -> str:
        seconds = seconds_left(self._runs, self._parallel)
        if seconds is None:
            return ""
        return f", about {seconds / 60:.0f} min left" if seconds >= 90 else f", about {seconds:.0f} s left"

    def _render(self) -> RenderableType:
        above = super()._render()
        if not self._runs:
            return above
        done = sum(run.state not in UNFINISHED for run in self._runs)
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=len(self._runs), completed=done, width=BAR_COLUMNS), Text(self._counts()))
        running = Table(box=None, pad_edge=False, show_header=False)
        for run in self._runs:
            if run.state == "running":
                running.add_row(
                    str(run.day), f"[cyan]{escape(current_stage(run)) or 'running'}[/]", _took(run).strip(" ,")
                )
        return Group(above, bar, running)


def seconds_left(runs: Sequence[DayRun], parallel: int) -> float | None:
    """Return about how long a backfill still takes: at the mean of the days that are done; None before the first."""
    done = [run.seconds for run in runs if run.state not in UNFINISHED and run.seconds is not None]
    if not done:
        return None
    mean = sum(done) / len(done)
    to_do = [max(mean - (run.seconds or 0.0), 0.0) for run in runs if run.state in UNFINISHED]
    return max(sum(to_do) / parallel, max(to_do, default=0.0))


def current_stage(run: DayRun) -> str:
    """Return the stage that a running day is in, with its count: "train 1/2"; empty between two."""
    for stage in stages(run.tasks):
        if stage.state in ("running", "retrying"):
            count = f" {stage.done}/{stage.total}" if stage.total > 1 else ""
            return f"{stage.stage}{count}" + (" (retrying)" if stage.state == "retrying" else "")
    return ""


def show_days(console: Console, outcomes: Sequence[DayOutcome], left_out: dict[date, str]) -> None:
    """Print one line a day, then the failures with their errors and logs."""
    if outcomes:
        rows: list[list[str]] = []
        told: dict[str, date] = {}
        for one in outcomes:
            colour = RESULT_COLOURS.get(one.result, "default")
            # an error stands once: in the row of its first day, and below with its log
            first = told.setdefault(same_cause(one.reason), one.day) if one.failures else one.day
            reason = one.reason if first == one.day else f"the same as {first}"
            rows.append([str(one.day), f"[{colour}]{one.result}[/]", escape(reason), f"{one.seconds:.0f} s"])
        console.print(table(COLUMNS, rows, console.width))
    show_failures(console, [Failed(failure, one.day) for one in outcomes for failure in one.failures])
    show_left_out(console, left_out)
    if any(one.result == "HOLD" for one in outcomes):
        console.print(HOLD_EXPLAINED, markup=False, soft_wrap=True)


def show_left_out(console: Console, left_out: dict[date, str]) -> None:
    """Say which days stay as they are, and how to have them run again."""
    if not left_out:
        return
    days = ", ".join(f"{day} ({state})" for day, state in sorted(left_out.items())[:10])
    more = f" and {len(left_out) - 10} more" if len(left_out) > 10 else ""
    console.print(f"left out  {len(left_out)} that ran before: {days}{more}", soft_wrap=True, markup=False)
    console.print("          --reprocess failed runs those that failed again, --reprocess completed all", markup=False)


def _took(run: DayRun) -> str:
    return "" if run.seconds is None else f", {run.seconds:.0f} s"
