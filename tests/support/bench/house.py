"""Keep a real project's prepared days with a champion in force, and put candidates on the bench before it."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from include.config.discovery import load_project
from include.config.project import Features, Project
from include.demo_feed import feed
from include.demo_feed.feed import days_needed
from include.demo_feed.telco import WAREHOUSE
from include.domain.results import Origin, PartitionInputs, PlanInputs, PlanResult, TrainInputs, TrainResult
from include.io import keys
from include.io.feature_rows import read_window
from include.io.keys import ROWS
from include.io.local_store import LocalStore
from include.io.manifests import get_file, put_file, read_manifest, to_json, write_manifest
from include.io.model_files import dump_model
from include.io.models import MODEL, SIGNATURE, LoadedModel, load_from, train_days
from include.io.releases import read_pointer
from include.io.tables import from_parquet, to_parquet
from include.stages import build_features, ingest, plan, train, validate
from tests.projects.delivered import PROJECTS
from tests.support.bench.ground import Ground

Days = dict[date, pd.DataFrame]
Alter = Callable[[Days], Days]


@dataclass(frozen=True)
class House:
    """Hold a folder with the store and MLflow's database of one project."""

    ground: Ground
    folder: Path

    @property
    def store_url(self) -> str:
        """Return the store's address."""
        return f"file://{self.folder / 'store'}"

    @property
    def store(self) -> LocalStore:
        """Return the store."""
        return LocalStore(self.store_url)

    @property
    def tracking_url(self) -> str:
        """Return MLflow's address."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def days_back(self) -> dict[date, int]:
        """Return the window of each day on which something is judged: all begin on the same day."""
        ground = self.ground
        return {
            ground.as_of: ground.window_days,
            ground.champion_day: ground.window_days - 1,
            ground.stale_day: ground.window_days - 2,
        }

    def copy(self, folder: Path) -> House:
        """Return a copy of the house: the store's files, which never change, are shared, MLflow's are not."""
        shutil.copytree(self.folder / "store", folder / "store", copy_function=os.link)
        for path in self.folder.glob("mlflow.db*"):
            shutil.copy(path, folder / path.name)
        return House(self.ground, folder)

    def project(self, **changes: Any) -> Project:
        """Return the project as it is delivered, with one candidate, which is trained on few folds.

        Args:
            changes: Keys that are declared otherwise; never the gates.
        """
        declared = load_project(PROJECTS, self.ground.name).model_dump(exclude_unset=True)
        candidates = [{"name": "challenger", "estimator": "xgboost", "params": self.ground.params}]
        short = {"candidates": candidates, "cross_validation": {**declared["cross_validation"], "folds": 2}}
        return Project.model_validate({**declared, **short, **changes})

    def inputs(self, as_of: date, run_id: str, **more: Any) -> dict[str, Any]:
        """Return what every stage is given."""
        origin = Origin(run_id=run_id, dag_id=f"{self.ground.name}__retrain", git_commit="abc", lock_hash="lock")
        return {
            "as_of": as_of,
            "store_url": self.store_url,
            "tracking_url": self.tracking_url,
            "origin": origin,
            **more,
        }

    def plan(self, as_of: date, **more: Any) -> PlanResult:
        """Return the plan of a day."""
        given = self.inputs(as_of, f"night of {as_of}", window_days=self.days_back[as_of], **more)
        return plan.run(self.project(), PlanInputs(**given))

    def prepare(self) -> None:
        """Have the source deliver the days, and run the stages before training for all of them."""
        project, as_of = self.project(), self.ground.as_of
        connections: dict[str, Any] = {WAREHOUSE: f"sqlite:///{self.folder / 'warehouse.db'}"}
        given = self.inputs(as_of, "preparation", connections=connections)
        first, last = days_needed(project, as_of, self.ground.window_days)
        secret = PartitionInputs(**given, days=()).connections
        feed.load(project.name, first, last, store_url=self.store_url, connections=secret)
        for days in self.plan(as_of).batches:
            for stage in (ingest, validate, build_features):
                stage.run(project, PartitionInputs(**given, days=days))
        assert self.plan(as_of).stale == 0

    def champion_project(self) -> Project:
        """Return the project as it was when the champion was trained."""
        known = self.ground.champion_columns
        return self.knowing(*known) if known else self.project()

    def knowing(self, numeric: tuple[str, ...], categorical: tuple[str, ...]) -> Project:
        """Return the project with other features, for training alone: gates may look at columns it does not know."""
        return self.project().model_copy(update={"features": Features(numeric=numeric, categorical=categorical)})

    def train_champion(self) -> TrainResult:
        """Train what becomes, or is, the champion."""
        day = self.ground.champion_day
        with self.altered(share(self.ground.champion_share), day):
            return self.train(self.champion_project(), day)

    def train(self, project: Project, as_of: date | None = None, candidate: str = "challenger") -> TrainResult:
        """Train a candidate on the rows as they are now."""
        day = as_of or self.ground.as_of
        given = self.inputs(day, f"night of {day}", candidate=candidate, plan=self.plan(day))
        return train.run(project, TrainInputs(**given))

    @contextmanager
    def altered(self, alter: Alter, as_of: date | None = None) -> Iterator[None]:
        """Have the train part of a day's window hold other rows meanwhile."""
        days = train_days(self.plan(as_of or self.ground.as_of))
        marks = {key: self.store.get(key) for key in (keys.features_manifest(self.ground.name, day) for day in days)}
        self.rewrite(alter, days)
        try:
            yield
        finally:
            for key, mark in marks.items():
                self.store.put(key, mark)

    def add(self, column: Callable[[pd.DataFrame, np.random.Generator], pd.Series], name: str) -> None:
        """Have all rows of the window hold another column."""
        change = each(lambda frame, random: frame.assign(**{name: column(frame, random)}))
        self.rewrite(change, self.plan(self.ground.as_of).days)

    def drop(self, name: str) -> None:
        """Have no row of the window hold a column any more."""
        self.rewrite(each(lambda frame, _: frame.drop(columns=name)), self.plan(self.ground.as_of).days)

    def train_rows(self) -> pd.DataFrame:
        """Return the rows that candidates learn from."""
        return read_window(self.store, self.project(), train_days(self.plan(self.ground.as_of))).frame

    def rewrite(self, alter: Alter, days: Sequence[date]) -> None:
        """Replace the feature rows of `days`."""
        store, name = self.store, self.ground.name
        manifests = {day: read_manifest(store, keys.features_manifest(name, day)) for day in days}
        known = {day: manifest for day, manifest in manifests.items() if manifest is not None}
        frames = {day: from_parquet(get_file(store, manifest.files[ROWS]), name) for day, manifest in known.items()}
        for day, frame in alter(frames).items():
            data = to_parquet(frame)
            key = keys.features_rows(name, day, hashlib.sha256(data).hexdigest())
            files = {**known[day].files, ROWS: put_file(store, key, data, rows=len(frame))}
            write_manifest(store, keys.features_manifest(name, day), known[day].model_copy(update={"files": files}))

    def model(self, result: TrainResult) -> LoadedModel:
        """Return a trained candidate's model."""
        manifest = read_manifest(self.store, keys.model_manifest(self.ground.name, result.candidate_id))
        assert manifest is not None
        return load_from(self.store, manifest)

    def champion_files(self) -> dict[str, bytes]:
        """Return the files of the release in force."""
        pointer = read_pointer(self.store, self.ground.name)
        assert pointer is not None
        manifest = read_manifest(self.store, keys.release_file(self.ground.name, pointer.version, "manifest.json"))
        assert manifest is not None
        return {name: get_file(self.store, ref) for name, ref in manifest.files.items()}

    def keep_instead(self, result: TrainResult, model: Pipeline | bytes, signature: bytes | None = None) -> None:
        """Have a trained candidate's files hold another model, as if train had made that one."""
        store, key = self.store, keys.model_manifest(self.ground.name, result.candidate_id)
        manifest = read_manifest(store, key)
        assert manifest is not None
        changed = {MODEL: model if isinstance(model, bytes) else dump_model(model)}
        if signature is not None:
            changed[SIGNATURE] = signature
        refs = {name: put_file(store, manifest.files[name].key, data) for name, data in changed.items()}
        store.put(key, to_json(manifest.model_copy(update={"files": {**manifest.files, **refs}})))


def each(change: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]) -> Alter:
    """Return what changes each day by itself, with draws of its own."""
    return lambda days: {
        day: change(frame, np.random.default_rng(day.toordinal())).reset_index(drop=True) for day, frame in days.items()
    }


def share(of_rows: float) -> Alter:
    """Return what keeps a share of the rows, drawn at random."""
    return each(lambda frame, random: frame[random.random(len(frame)) < of_rows])
