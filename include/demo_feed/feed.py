"""Deliver the days that the demo projects' source systems would have delivered by now."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING

from include.config.connections import declared_connections
from include.config.project import Project
from include.config.settings import Settings
from include.domain.errors import AsOfError, NightshiftError, UnknownProjectError, did_you_mean

if TYPE_CHECKING:
    from pydantic import SecretStr


FEEDS = ("flight_delay", "telco_churn")
Progress = Callable[[int, int], None]
logger = logging.getLogger(__name__)


def load(
    project_name: str,
    first: date,
    last: date,
    *,
    store_url: str,
    connections: Mapping[str, SecretStr],
    progress: Progress | None = None,
) -> int:
    """Deliver the days from `first` to `last`, both included; days that are there already cost next to nothing.

    A day appears whole or not at all, and two processes may load the same days at once.

    Args:
        project_name: One of `FEEDS`.
        first: The first day needed, with the days before it that features look back to.
        last: The last day needed.
        store_url: The object store with the landing zone.
        connections: SQLAlchemy URLs by connection name, for the warehouse: `telco_warehouse_owner`, who may write, or
            where it is not there (a file has one user) `telco_warehouse`.
        progress: Called after each missing day with (days done, days to do).

    Returns:
        How many days this call delivered.

    Raises:
        UnknownProjectError: No feed has this name.
        AsOfError: `first` is after `last`.
        ConnectionMissingError, SettingsError, SourceUnavailableError: The warehouse cannot be written to.
        SourceDataError: The packaged data is missing or is not the data it should be.
    """
    if project_name not in FEEDS:
        raise UnknownProjectError(
            "the demo feed",
            "no such feed",
            got=repr(project_name),
            allowed=FEEDS,
            hint=did_you_mean(project_name, FEEDS) or "a project of your own brings its own source",
        )
    if first > last:
        raise AsOfError("the demo feed", "the first day is after the last", got=f"{first} to {last}")
    if project_name == "flight_delay":
        # pandas is imported only when there is something to simulate
        from include.demo_feed.flights import deliver

        written = deliver(first, last, store_url, progress)
    else:
        from include.demo_feed.telco import OWNER, WAREHOUSE, deliver_snapshots
        from include.io.sql_source import connection_url

        name = OWNER if OWNER in connections else WAREHOUSE
        reader = connection_url(WAREHOUSE, connections).username if WAREHOUSE in connections else ""
        url = connection_url(name, connections)
        written = deliver_snapshots(first, last, url, progress, reader=reader or "", name=name)
    logger.info("demo feed %s: %d days of %s to %s delivered", project_name, written, first, last)
    return written


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
        load(
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
