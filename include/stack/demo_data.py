"""Deliver the demo sources' data that a run needs; run as a program beside the starting stack."""

from __future__ import annotations

import sys
from datetime import date, timedelta

from include.config.connections import declared_connections
from include.config.errors import NightshiftError
from include.config.project import Project
from include.config.settings import Settings
from include.demo_feed import feed

# a week is what people backfill first in the UI, where nothing delivers what its windows reach back to
BACKFILLED_DAYS = 7


def days_needed(project: Project, as_of: date, window_days: int | None = None) -> tuple[date, date]:
    """Return the first and last day of source data that a run for `as_of` reads.

    The window's newest day is `label_delay_days` before `as_of`; excluded days move its start back, and the first day's
    features look back further. A day more at the front serves sources that read the previous day's file.
    """
    window = project.window
    back = window.label_delay_days + (window_days or window.days) + len(window.excluded) + window.lookback_days + 1
    return as_of - timedelta(days=back), as_of


def days_delivered(project: Project, newest: date) -> tuple[date, date]:
    """Return the first and last day of source data for a night about `newest`, and a backfill of the week before it."""
    first, _ = days_needed(project, newest - timedelta(days=BACKFILLED_DAYS))
    return first, newest


def main(project_name: str, first: str, last: str) -> int:
    """Load the days, with one line "<done>/<to do>" for each; return the exit status."""
    settings = Settings.from_environment()
    try:
        feed.load(
            project_name,
            date.fromisoformat(first),
            date.fromisoformat(last),
            store_url=settings.landing_url,
            connections=declared_connections(settings),
            progress=lambda done, total: print(f"{done}/{total}", flush=True),
        )
    except NightshiftError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
