"""Reckon with days: which ones a run uses, which ones a day's features look back to, how work is spread.

Pure dates, no I/O: the command line and the tests ask the same functions as the stages.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from datetime import date, timedelta

from include.config.project import Project
from include.domain.clock import complete
from include.domain.errors import WindowError
from include.domain.results import PartitionInputs, Span, StageInputs

ONE_DAY = timedelta(days=1)
# two runs over the same 30 days of flight_delay did 19 % of the checks twice with portions of 2 days, 39 % with 5
SHORTEST_PORTION = 2


def refuse_unfinished(inputs: StageInputs) -> None:
    """Refuse a run about a day that is not over, whoever calls the stage: what is known by its end is not known yet.

    Raises:
        AsOfError: The run's day, or one that it prepares, is not over in UTC, or no window fits before it.
    """
    complete(inputs.as_of)
    if isinstance(inputs, PartitionInputs) and inputs.days:
        complete(max(inputs.days), "a day that is prepared")
        complete(min(inputs.days), "a day that is prepared")


def window_of(project: Project, as_of: date, window_days: int | None = None) -> tuple[date, ...]:
    """Return the days a run for `as_of` trains on and judges with, oldest first.

    A day is matured when its label is known by the end of `as_of`. The window is the newest `window.days` matured
    days; excluded days are left out of it, not replaced by older ones.

    Args:
        project: Declares `window`.
        as_of: The day the run is about.
        window_days: Replaces the declared `window.days`; None keeps it.

    Raises:
        WindowError: Too few days are left to train on besides the holdout.
    """
    window = project.window
    length = window.days if window_days is None else window_days
    newest = as_of - window.label_delay_days * ONE_DAY
    excluded = set(window.excluded)
    days = tuple(day for day in (newest - back * ONE_DAY for back in reversed(range(length))) if day not in excluded)
    least = 2 * window.holdout_days
    if len(days) < least:
        raise WindowError(
            f"{project.name}/plan: window of {length} days up to {newest}",
            "too few days are left to train on and to judge with",
            got=f"{len(days)} days, {length - len(days)} of {length} excluded",
            allowed=[f"at least {least} days (twice holdout_days)"],
            hint="ask for a longer window, or declare fewer holdout_days or excluded days",
        )
    return days


def split(project: Project, days: Sequence[date]) -> tuple[Span, Span]:
    """Return the train part and the holdout of `days`: the holdout is the newest `holdout_days` of them."""
    held = project.window.holdout_days
    return Span(first=days[0], last=days[-held - 1]), Span(first=days[-held], last=days[-1])


def lookback_of(project: Project, day: date) -> tuple[date, ...]:
    """Return the earlier days whose rows are the `history` of `day`, oldest first; excluded days are not among them."""
    excluded = set(project.window.excluded)
    back = (day - number * ONE_DAY for number in range(project.window.lookback_days, 0, -1))
    return tuple(earlier for earlier in back if earlier not in excluded)


def mature_on(project: Project, day: date) -> date:
    """Return the day by whose end the labels of `day` are known."""
    return day + project.window.label_delay_days * ONE_DAY


def with_lookback(project: Project, days: Sequence[date]) -> tuple[date, ...]:
    """Return `days` and all days they look back to, in order: what must be read and checked to prepare `days`."""
    wanted = set(days)
    for day in days:
        wanted.update(lookback_of(project, day))
    return tuple(sorted(wanted))


def spread(days: Sequence[date], batches: int) -> tuple[tuple[date, ...], ...]:
    """Return `days` in at most `batches` contiguous runs of nearly equal length; none of them is empty.

    Contiguous, because neighbours share the days they look back to.
    """
    count = min(max(batches, 1), len(days))
    if not count:
        return ()
    size, larger = divmod(len(days), count)
    starts = [number * size + min(number, larger) for number in range(count + 1)]
    return tuple(tuple(days[start:end]) for start, end in itertools.pairwise(starts))


def portions(project: Project, days: Sequence[date], run_id: str) -> tuple[tuple[date, ...], ...]:
    """Return `days` in short contiguous portions, in an order drawn from the run's id.

    Runs whose windows overlap prepare the same days at once. Each looks, portion by portion, at what others have done
    meanwhile; in orders of their own they seldom work on the same portion, so most work is done once. No lock is
    needed, so a killed run leaves none.

    Neighbours share the days they look back to: a portion is as long as the lookback, so that no day is read more than
    about twice.
    """
    length = max(SHORTEST_PORTION, project.window.lookback_days)
    drawn = [tuple(days[start : start + length]) for start in range(0, len(days), length)]
    random.Random(run_id).shuffle(drawn)
    return tuple(drawn)
