"""Play a history whose older half nobody needs, once, and put it back before each test that spoils it."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from include.domain.clock import NOW_VARIABLE
from include.io.manifests import Manifest, get_file
from include.io.object_store import ObjectStore
from include.io.tracking_database import busy_safe
from include.operations.retention.records import RetentionInputs, RetentionResult
from include.operations.retention.run import run
from tests.support.model_nights import FIRST, NO_PROCESS, Nights, make_project
from tests.support.tracking import copy_prepared

KEEP = {"raw_days": 8, "features_days": 8, "versions": 2}
LAX: list[dict[str, Any]] = [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}, *NO_PROCESS]
WEAK = {"name": "weak", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}
MIDDLE = {"name": "middle", "estimator": "xgboost", "params": {"n_estimators": 4, "max_depth": 2}}
STRONG = {"name": "linear", "estimator": "logistic_regression"}
# what each night tries, and what becomes of it; versions are 1, 2, 3, ...
NIGHTS: tuple[tuple[list[dict[str, Any]], str, str], ...] = (
    ([WEAK], "automatic", "PROMOTE"),
    ([MIDDLE], "automatic", "PROMOTE"),
    ([STRONG, WEAK], "automatic", "PROMOTE"),
    ([MIDDLE], "hold", "HOLD"),
    ([STRONG], "hold", "HOLD"),
    ([STRONG], "hold", "HOLD"),
)


def night_of(number: int) -> date:
    """Return the as-of day of night `number`, from 1 on: far enough apart that no two use a day together."""
    return FIRST + timedelta(days=10 + 10 * number)


def declared(folder: Path, number: int = len(NIGHTS), **changes: Any) -> Any:
    """Return the project as night `number` declares it."""
    candidates, mode, _ = NIGHTS[number - 1]
    fields = {"candidates": candidates, "gates": LAX, "promotion": {"mode": mode}, "keep": KEEP, **changes}
    return make_project(folder, **fields)


def play(folder: Path, prepared: Path, nights: int = len(NIGHTS), s3_url: str = "") -> Nights:
    """Play the first `nights` nights in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    copy_prepared(prepared, folder)
    played = Nights(folder, declared(folder), s3_url=s3_url)
    for number in range(1, nights + 1):
        played.project = declared(folder, number)
        assert played.night(night_of(number)).verdict == NIGHTS[number - 1][2], number
    played.project = declared(folder)
    return played


@dataclass
class Aged:
    """Hold the played nights, and a copy to put back."""

    nights: Nights
    backup: Path

    def put_back(self) -> None:
        """Undo everything; the database is written over in place, for MLflow keeps it open."""
        shutil.rmtree(self.nights.folder / "store")
        shutil.copytree(self.backup / "store", self.nights.folder / "store")
        with (
            closing(sqlite3.connect(self.backup / "mlflow.db")) as source,
            closing(sqlite3.connect(self.nights.folder / "mlflow.db", timeout=60)) as target,
        ):
            source.backup(target)


def make_aged(folder: Path, prepared: Path) -> Aged:
    """Play the history in `folder`, and keep a copy of it."""
    nights = play(folder / "nights", prepared)
    backup = folder / "backup"
    shutil.copytree(nights.folder / "store", backup / "store")
    with (
        closing(sqlite3.connect(nights.folder / "mlflow.db", timeout=60)) as source,
        closing(sqlite3.connect(backup / "mlflow.db")) as target,
    ):
        source.backup(target)
    return Aged(nights, backup)


def later(patch: pytest.MonkeyPatch, hours: float = 48) -> None:
    """Let it be some hours from now for our clock, so that nothing counts as fresh."""
    patch.setenv(NOW_VARIABLE, (datetime.now(UTC) + timedelta(hours=hours)).isoformat())


def retain(nights: Nights, *, dry_run: bool = False, **keep: int) -> RetentionResult:
    """Run retention."""
    project = nights.project.model_copy(update={"keep": nights.project.keep.model_copy(update=keep)})
    return run(project, RetentionInputs(store_url=nights.store_url, tracking_url=nights.tracking_url, dry_run=dry_run))


def size_of(store: ObjectStore) -> int:
    """Return the bytes of all objects."""
    return sum(one.size for one in store.list())


def gone(result: RetentionResult, kind: str) -> list[str]:
    """Return what went of one kind."""
    return [one.name.split(" (")[0] for one in result.removed if one.kind == kind and not one.left]


def assert_whole(store: ObjectStore) -> None:
    """Check that every manifest's files are there, with the bytes it names."""
    for one in store.list():
        if one.key.endswith("/manifest.json"):
            for ref in Manifest.model_validate_json(store.get(one.key)).files.values():
                get_file(store, ref)


def client_of(nights: Nights) -> MlflowClient:
    """Return MLflow's own client."""
    return MlflowClient(busy_safe(nights.tracking_url), busy_safe(nights.tracking_url))


def versions_of(nights: Nights) -> list[int]:
    """Return MLflow's model versions."""
    return sorted(int(found.version) for found in client_of(nights).search_model_versions("name = 'parcels'"))
