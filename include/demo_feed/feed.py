"""Simulate the source systems of the demo projects: deliver the days that they would have delivered by now.

This is a simulator. It writes where real source systems would write (a landing zone, a warehouse) and nowhere else.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import date
from typing import TYPE_CHECKING

from include.config.errors import AsOfError, UnknownProjectError, did_you_mean

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
