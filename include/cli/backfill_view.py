"""Show a backfill while it runs, and sum up what its days decided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from include.cli.decision_view import COLOURS as VERDICT_COLOURS
from include.cli.failures_view import Failed, show_failures
from include.cli.night_view import NightView
from include.cli.tables import Column, table
from include.config.errors import same_cause
from include.stack.backfill import DayRun
from include.stack.night import Failure
from include.stack.past_runs import UNFINISHED
from include.stack.progress import stages

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
    failures: tuple[Failure, ...] = ()

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
