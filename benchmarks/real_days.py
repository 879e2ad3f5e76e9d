"""Bring the real days of a demo project into one frame, and cut windows of train and holdout from it.

The days come as in production: the demo feed delivers them, the project's source reads them, and its own code makes the
features. Only validation is left out: it takes a second a day, and sets nothing aside in these data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from pydantic import SecretStr

from include.config.discovery import load_project
from include.config.project import Project
from include.config.settings import ROOT
from include.config.window import lookback_of
from include.demo_feed import feed
from include.demo_feed.telco import CYCLE_DAYS, WAREHOUSE
from include.io.keys import DAY
from include.io.local_store import LocalStore
from include.io.raw_rows import assemble
from include.io.sources import read_source
from include.stages.build_features import build, history_of, label

PROJECTS = ROOT / "include" / "projects"
# the first day whose look back is in the data of 2013, and the last one with weather
YEAR = (date(2013, 1, 2), date(2013, 12, 30))


@dataclass(frozen=True)
class RealDays:
    """Hold the labelled rows of many days of a project.

    Attributes:
        frame: One row an example: day, target, features and protected columns.
        cyclic: Whether the days after the last are the first ones again, as a replay's are.
    """

    project: Project
    frame: pd.DataFrame
    cyclic: bool

    def windows(self, count: int) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
        """Return the as-of day, train part and holdout of `count` windows, spread evenly over the days."""
        days, declared = sorted(self.frame[DAY].unique()), self.project.window
        starts = len(days) if self.cyclic else len(days) - declared.days + 1
        found = []
        for number in range(min(count, starts)):
            first = number * starts // min(count, starts)
            window = [days[(first + offset) % len(days)] for offset in range(declared.days)]
            train, holdout = window[: -declared.holdout_days], window[-declared.holdout_days :]
            found.append((window[-1], self._rows(train), self._rows(holdout)))
        return found

    def _rows(self, days: list[str]) -> pd.DataFrame:
        return self.frame[self.frame[DAY].isin(days)].reset_index(drop=True)


def read_real_days(name: str, folder: Path, progress: Callable[[str], None]) -> RealDays:
    """Return the days of a project: a whole year of flights, or the whole cycle of customers.

    Args:
        name: `flight_delay` or `telco_churn`.
        folder: Where the demo source delivers to.
        progress: Told what is going on.
    """
    project, cyclic = load_project(PROJECTS, name), name == "telco_churn"
    first, last = YEAR if not cyclic else (YEAR[0], YEAR[0] + timedelta(days=CYCLE_DAYS - 1))
    store = LocalStore(f"file://{folder / 'store'}")
    connections = {WAREHOUSE: SecretStr(f"sqlite:///{folder / 'warehouse.db'}")}
    oldest = min(lookback_of(project, first), default=first)
    feed.load(name, oldest, last, store_url=store.url, connections=connections)
    known: dict[date, pd.DataFrame] = {}
    parts = []
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        for each in (*lookback_of(project, day), day):
            if each not in known:
                known[each] = assemble(project, each, read_source(project, each, store, connections))
        parts.append(_features(project, day, known))
        known = {each: known[each] for each in (*lookback_of(project, day + timedelta(days=1)), day) if each in known}
        if number % 30 == 0:
            progress(f"{name}: preparing {day}, to {last}")
    return RealDays(project, pd.concat(parts, ignore_index=True), cyclic)


def _features(project: Project, day: date, known: dict[date, pd.DataFrame]) -> pd.DataFrame:
    """Return one day's labelled rows, as the stage build_features writes them."""
    raw, target = known[day], project.target
    frame = build(project, day, raw, history_of(project, day, known)).copy()
    frame[target.name] = label(target, raw[target.column])
    for name in project.protected:
        frame[name] = raw[name]
    frame = frame[frame[target.name].notna()].astype({target.name: "int8"})
    frame.insert(0, DAY, pd.Series([day.isoformat()] * len(frame), index=frame.index, dtype="str"))
    return frame
