"""Deliver the demo sources' data by hand."""

from __future__ import annotations

from include.cli.console import output
from include.cli.days import parse_day
from include.cli.stores import opened_store
from include.config.connections import declared_connections
from include.config.settings import Settings
from include.demo_feed import feed


def load_demo(project: str, first: str, last: str, *, s3: bool) -> int:
    """Deliver the days from `first` to `last`, both included, and say how many were missing.

    Raises:
        UnknownProjectError: The demo feed has no such project.
        AsOfError: A day is not a day, or `first` is after `last`.
    """
    settings = Settings.from_environment()
    days = parse_day(first, "--from"), parse_day(last, "--to")
    console = output()
    with (
        opened_store(settings.in_namespace(""), s3=s3) as store,
        console.status("delivering", spinner="line") as status,
    ):
        written = feed.load(
            project,
            *days,
            store_url=settings.given_landing_url or store.url,
            connections=declared_connections(settings),
            progress=lambda done, total: status.update(f"delivering day {done} of {total}"),
        )
    console.print(f"{project}: {written} days delivered, the others were there")
    return 0
