"""Be whole nights of the invented shop, from the plan to the promotion, one task after the other.

The clock stands still and MLflow's run ids are made from the runs' names, so that two nights that did the same left the
same bytes.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from include.config.project import Project
from include.domain.results import (
    EvaluateInputs,
    Origin,
    PartitionInputs,
    PlanInputs,
    PlanResult,
    PromoteInputs,
    TrainInputs,
)
from include.io.local_store import LocalStore
from include.stages import build_features, evaluate, ingest, plan, promote, train, validate
from tests.stages.shop import Shop, orders
from tests.support.model_nights import NO_PROCESS

AS_OF = date(2024, 3, 11)
NAME = "shop"
NOW = "2024-03-12T03:00:00+00:00"
STAGES = ("plan", "ingest", "validate", "build_features", "train", "evaluate", "promote")
CHANGES: dict[str, Any] = {
    "window": {"label_delay_days": 1, "days": 5, "holdout_days": 2, "lookback_days": 1},
    "candidates": [
        {"name": "logistic", "estimator": "logistic_regression"},
        {"name": "trees", "estimator": "xgboost", "params": {"n_estimators": 5, "max_depth": 2}},
    ],
    "cross_validation": {"folds": 2},
    "gates": [{"kind": "minimum", "metric": "roc_auc", "value": 0.6}, *NO_PROCESS],
    "seed": 7,
}


def telling_orders(day: date) -> pd.DataFrame:
    """Return a good day of orders of which the dear ones come back."""
    frame = orders(day)
    chance = np.random.default_rng(day.toordinal() + 1)
    refund = np.where(frame["amount"] + chance.normal(0, 20, len(frame)) > 65, 10.0, 0.0)
    refund[:2] = np.nan
    return frame.assign(refund=refund)


@dataclass(frozen=True)
class Task:
    """Name one task of a night: a stage, and the batch or candidate it is about."""

    stage: str
    number: int = 0
    candidate: str = ""

    def __str__(self) -> str:
        return f"{self.stage} {self.candidate or self.number}"


@dataclass
class WholeNight:
    """Play one night, task by task; `results` hands the receipts on, as Airflow does.

    Attributes:
        folder: Holds the project, the store and MLflow's database.
        store_url: Where the store is, when it is not in the folder.
        named_runs: Whether MLflow's run ids are made from names; a run that fails and is made again needs two.
    """

    folder: Path
    as_of: date = AS_OF
    run_id: str = "the night"
    store_url: str = ""
    named_runs: bool = True
    results: dict[Task, Any] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Return the store's address."""
        return self.store_url or f"file://{self.folder / 'store'}"

    @property
    def tracking_url(self) -> str:
        """Return MLflow's address."""
        return f"sqlite:///{self.folder / 'mlflow.db'}"

    @property
    def shop(self) -> Shop:
        """Return the project with its landing zone."""
        return Shop(self.folder / "projects" / NAME, LocalStore(f"file://{self.folder / 'store'}"))

    @property
    def project(self) -> Project:
        """Return the project as declared."""
        return self.shop.project

    def deliver(self) -> None:
        """Write the project, and have the source deliver the days that the night reads."""
        self.shop.folder.mkdir(parents=True)
        self.shop.declare(**CHANGES).code()
        first = self.as_of - timedelta(days=9)
        self.shop.deliver_all(first, self.as_of)
        for back in range((self.as_of - first).days + 1):
            day = first + timedelta(days=back)
            self.shop.deliver(day, telling_orders(day))

    def tasks(self) -> Iterator[Task]:
        """Yield the tasks in order; the plan must be known before the second one is asked for."""
        yield Task("plan")
        for number in range(len(self.results[Task("plan")].batches)):
            for stage in ("ingest", "validate", "build_features"):
                yield Task(stage, number)
        for candidate in self.project.candidates:
            yield Task("train", candidate=candidate.name)
        yield Task("evaluate")
        yield Task("promote")

    def run(self, task: Task) -> Any:
        """Run one task here, and return its receipt."""
        with run_ids_by_name() if self.named_runs else nullcontext():
            return STEPS[task.stage](self, task)

    def inputs(self, **more: Any) -> dict[str, Any]:
        """Return what every stage is given."""
        return {
            "as_of": self.as_of,
            "store_url": self.url,
            "tracking_url": self.tracking_url,
            "origin": Origin(run_id=self.run_id, dag_id="shop__retrain", git_commit="abc", lock_hash="lock"),
            **more,
        }

    @property
    def planned(self) -> PlanResult:
        """Return the night's plan."""
        result = self.results[Task("plan")]
        assert isinstance(result, PlanResult)
        return result


def _plan(night: WholeNight, task: Task) -> Any:
    return plan.run(night.project, PlanInputs(**night.inputs()))


def _prepare(night: WholeNight, task: Task) -> Any:
    stage = {"ingest": ingest, "validate": validate, "build_features": build_features}[task.stage]
    return stage.run(night.project, PartitionInputs(**night.inputs(days=night.planned.batches[task.number])))


def _train(night: WholeNight, task: Task) -> Any:
    return train.run(night.project, TrainInputs(**night.inputs(candidate=task.candidate, plan=night.planned)))


def _evaluate(night: WholeNight, task: Task) -> Any:
    trained = tuple(result for done, result in night.results.items() if done.stage == "train")
    return evaluate.run(night.project, EvaluateInputs(**night.inputs(plan=night.planned, trained=trained)))


def _promote(night: WholeNight, task: Task) -> Any:
    return promote.run(night.project, PromoteInputs(**night.inputs(evaluated=night.results[Task("evaluate")])))


STEPS = {
    "plan": _plan,
    "ingest": _prepare,
    "validate": _prepare,
    "build_features": _prepare,
    "train": _train,
    "evaluate": _evaluate,
    "promote": _promote,
}


@contextmanager
def run_ids_by_name() -> Iterator[None]:
    """Have MLflow name runs by their names instead of by chance; a second run of a name is then refused by it."""
    from mlflow.store.tracking import sqlalchemy_store

    create_run = sqlalchemy_store.SqlAlchemyStore.create_run

    def named(store: Any, experiment_id: str, user_id: str, start_time: int, tags: Any, run_name: str) -> Any:
        chosen = SimpleNamespace(uuid4=lambda: uuid.uuid5(uuid.NAMESPACE_URL, run_name))
        with mock.patch.object(sqlalchemy_store, "uuid", chosen):
            return create_run(store, experiment_id, user_id, start_time, tags, run_name)

    with mock.patch.object(sqlalchemy_store.SqlAlchemyStore, "create_run", named):
        yield
