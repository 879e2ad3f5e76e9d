"""Show what failed, in a night or in the days of a backfill: what failed in the same way is one line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rich.console import Console

from include.config.errors import in_days, same_cause
from include.stack.night import Failure


@dataclass(frozen=True)
class Failed:
    """Be a task that failed, of the run about a day; None where there is one run only."""

    failure: Failure
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
