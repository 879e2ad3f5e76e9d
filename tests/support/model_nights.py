"""Play nights on synthetic feature rows: write the days' features, then run train, evaluate and promote for real."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from include.config.project import Project
from include.domain.results import (
    EvaluateInputs,
    EvaluateResult,
    Origin,
    PlanResult,
    PromoteInputs,
    PromoteResult,
    Span,
    TrainInputs,
    TrainResult,
)
from include.io import keys
from include.io.manifests import Manifest, put_file, write_manifest
from include.io.object_store import ObjectStore
from include.io.stores import open_store
from include.io.tables import to_parquet
from include.stages import evaluate, promote, train

FIRST = date(2013, 4, 1)
DAYS = 8
HOLDOUT_DAYS = 2
ROWS = 120
# a process for each judgement takes seconds, and hundreds are judged here that are no test of it
NO_PROCESS: list[dict[str, Any]] = [
    {"kind": kind, "off": True, "because": "nothing here is about serving"} for kind in ("serves", "latency", "memory")
]

DECLARATION: dict[str, Any] = {
    "name": "parcels",
    "owner": {"name": "Post office", "email": "post@example.org"},
    "description": "Which parcels arrive late",
    "problem": "binary",
    "schedule": "0 3 * * *",
    "source": {"kind": "files", "tables": {"parcels": {"path": "landing/{date}.parquet"}}},
    "keys": ["parcel"],
    "target": {"name": "late", "column": "delay", "greater_than": 15},
    "window": {"label_delay_days": 0, "days": DAYS, "holdout_days": HOLDOUT_DAYS},
    "features": {"numeric": ["weight", "distance"], "categorical": ["city"]},
    "candidates": [
        {"name": "linear", "estimator": "logistic_regression", "params": {"C": 1.0}},
        {"name": "trees", "estimator": "xgboost", "params": {"n_estimators": 10, "max_depth": 2}},
    ],
    "cross_validation": {"folds": 2},
    "gates": [
        {"kind": "minimum", "metric": "roc_auc", "value": 0.6},
        {"kind": "not_worse_than_champion", "metric": "roc_auc", "margin": 0.01},
        {"kind": "leak_alarm", "metric": "roc_auc", "above": 0.95},
        *NO_PROCESS,
    ],
    "seed": 7,
}


def make_project(folder: Path, **changes: Any) -> Project:
    """Return the project with some top-level keys of its declaration replaced."""
    return Project.model_validate({**DECLARATION, "folder": folder, **changes})


def make_rows(day: date, rows: int = ROWS, strength: float = 1.5) -> pd.DataFrame:
    """Return one day's feature rows; `strength` says how much the features tell of the target."""
    random = np.random.default_rng(day.toordinal())
    frame = pd.DataFrame(
        {
            "parcel": np.arange(rows),
            "weight": random.normal(size=rows),
            "distance": random.normal(size=rows),
            "city": pd.Series(random.choice(["Bonn", "Lyon", "Oslo", None], size=rows), dtype="str"),
        }
    )
    signal = strength * frame["weight"] + 0.5 * strength * (frame["city"] == "Oslo")
    frame["late"] = (signal + random.normal(size=rows) > 0.3).astype("int8")
    frame.loc[::11, "distance"] = np.nan
    return frame


@dataclass
class Nights:
    """Hold a store and an MLflow database in a folder, and play nights on them."""

    folder: Path
    project: Project
    strength: float = 1.5
    s3_url: str = ""
    results: list[TrainResult] = field(default_factory=list)

    @property
    def store_url(self) -> str:
        """Return the store's address."""
        return self.s3_url or f"file://{self.folder / 'store'}"

    @property
    def tracking_url(self) -> str:
        """Return MLflow's address."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def store(self) -> ObjectStore:
        """Return the store."""
        return open_store(self.store_url)

    def write_day(self, day: date, frame: pd.DataFrame) -> None:
        """Write one day's feature rows as the stages before do."""
        key = keys.features_rows(self.project.name, day, f"{len(frame):016d}")
        ref = put_file(self.store, key, to_parquet(frame), rows=len(frame))
        manifest = Manifest(
            kind="features",
            project=self.project.name,
            day=day,
            fingerprint="f",
            files={"rows": ref},
            origin=Origin(run_id="prepare"),
            made_at=datetime(2013, 4, 1, tzinfo=UTC),
        )
        write_manifest(self.store, keys.features_manifest(self.project.name, day), manifest)

    def plan(self, as_of: date) -> PlanResult:
        """Return the plan of a day, its features written where they are missing."""
        days = tuple(as_of - timedelta(days=back) for back in reversed(range(DAYS)))
        for day in days:
            if not self.store.exists(keys.features_manifest(self.project.name, day)):
                self.write_day(day, make_rows(day, strength=self.strength))
        return PlanResult(
            train=Span(first=days[0], last=days[-HOLDOUT_DAYS - 1]),
            holdout=Span(first=days[-HOLDOUT_DAYS], last=days[-1]),
            days=days,
            batches=(),
            fresh=len(days),
            stale=0,
        )

    def inputs(self, as_of: date, run_id: str, **more: Any) -> dict[str, Any]:
        """Return what every stage is given."""
        return {
            "as_of": as_of,
            "store_url": self.store_url,
            "tracking_url": self.tracking_url,
            "origin": Origin(run_id=run_id, git_commit="abc", lock_hash="lock"),
            **more,
        }

    def train(self, as_of: date, candidate: str, run_id: str = "run", **more: Any) -> TrainResult:
        """Run train for one candidate."""
        inputs = TrainInputs(**self.inputs(as_of, run_id), candidate=candidate, plan=self.plan(as_of), **more)
        return train.run(self.project, inputs)

    def evaluate(self, as_of: date, run_id: str = "run", **more: Any) -> EvaluateResult:
        """Run train for every candidate, and evaluate."""
        trained = tuple(self.train(as_of, candidate.name, run_id) for candidate in self.project.candidates)
        self.results = list(trained)
        return self.judge(as_of, trained, run_id, **more)

    def judge(self, as_of: date, trained: tuple[TrainResult, ...], run_id: str = "run", **more: Any) -> EvaluateResult:
        """Run evaluate on candidates that are trained."""
        inputs = EvaluateInputs(**self.inputs(as_of, run_id, plan=self.plan(as_of), trained=trained, **more))
        return evaluate.run(self.project, inputs)

    def promote(self, as_of: date, evaluated: EvaluateResult, run_id: str = "run") -> PromoteResult:
        """Run promote on what evaluate gave."""
        return promote.run(self.project, PromoteInputs(**self.inputs(as_of, run_id), evaluated=evaluated))

    def night(self, as_of: date, run_id: str = "", **more: Any) -> PromoteResult:
        """Run a whole night: train, evaluate, promote."""
        name = run_id or f"night of {as_of}"
        return self.promote(as_of, self.evaluate(as_of, name, **more), name)
