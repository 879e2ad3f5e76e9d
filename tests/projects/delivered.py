"""Deliver a few days of a project's demo source, and read them the way the stages do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
from pydantic import SecretStr

from include.config.discovery import load_project
from include.config.project import Project
from include.config.settings import ROOT
from include.demo_feed import feed
from include.demo_feed.telco import WAREHOUSE
from include.domain.results import Origin, PartitionInputs
from include.io import keys
from include.io.keys import ROWS
from include.io.local_store import LocalStore
from include.io.manifests import FileRef, read_manifest
from include.io.raw_rows import assemble
from include.io.sources import read_source
from include.stages import build_features, ingest, validate

PROJECTS = ROOT / "include" / "projects"
DAY = date(2013, 4, 10)


@dataclass(frozen=True)
class Delivered:
    """Hold a project and where its source's days are."""

    project: Project
    store: LocalStore
    connections: Mapping[str, SecretStr]

    @classmethod
    def into(cls, folder: Path, name: str) -> Delivered:
        """Return the project's sources below `folder`, with nothing in them."""
        warehouse = SecretStr(f"sqlite:///{folder / 'warehouse.db'}")
        return cls(load_project(PROJECTS, name), LocalStore(f"file://{folder / 'store'}"), {WAREHOUSE: warehouse})

    def load(self, first: date, last: date) -> Delivered:
        """Deliver the days from `first` to `last` and those looked back to."""
        first = first - timedelta(days=self.project.window.lookback_days)
        feed.load(self.project.name, first, last, store_url=self.store.url, connections=self.connections)
        return self

    def frame(self, day: date = DAY) -> pd.DataFrame:
        """Return one day's assembled frame, all columns."""
        return assemble(self.project, day, read_source(self.project, day, self.store, self.connections))

    def known(self, day: date = DAY) -> pd.DataFrame:
        """Return one day's frame without what is unknown at prediction."""
        hidden = build_features.unknown_columns(self.project)
        return self.frame(day).drop(columns=list(hidden))

    def history(self, day: date = DAY) -> pd.DataFrame | None:
        """Return the frames of the days looked back to; None when none is declared."""
        earlier = [day - timedelta(days=back) for back in range(self.project.window.lookback_days, 0, -1)]
        return pd.concat([self.frame(each) for each in earlier], ignore_index=True) if earlier else None

    def features(self, day: date = DAY) -> pd.DataFrame:
        """Return one day's features, held to the declaration."""
        return build_features.build(self.project, day, self.frame(day), self.history(day))

    def prepared(self, day: date = DAY) -> FileRef:
        """Return the feature rows of one day that the stages write in a run for that very day."""
        inputs = PartitionInputs(
            as_of=day,
            store_url=self.store.url,
            tracking_url="unused",
            origin=Origin(run_id=f"contract of {day}"),
            connections=dict(self.connections),
            days=(day,),
        )
        for stage in (ingest, validate, build_features):
            stage.run(self.project, inputs)
        manifest = read_manifest(self.store, keys.features_manifest(self.project.name, day))
        assert manifest is not None
        return manifest.files[ROWS]
