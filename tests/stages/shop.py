"""Be a small invented project with its source: a shop's orders, which may come back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from include.config.discovery import read_project
from include.config.project import Project
from include.domain.results import Origin, PartitionInputs, PlanInputs
from include.io import keys
from include.io.local_store import LocalStore
from include.io.manifests import Manifest, read_manifest
from include.stages import build_features, ingest, plan, validate

AS_OF = date(2024, 3, 11)
ROWS = 60

DECLARATION: dict[str, Any] = {
    "owner": {"name": "Shop", "email": "shop@example.org"},
    "description": "Tell which orders of a small shop will be sent back.",
    "problem": "binary",
    "schedule": "0 3 * * *",
    "source": {
        "kind": "files",
        "tables": {"orders": {"path": "landing/orders/{date}.parquet"}, "customers": {"path": "landing/customers.csv"}},
    },
    "keys": ["order_id"],
    "target": {"name": "sent_back", "column": "refund", "greater_than": 0},
    "unknown_at_prediction": ["return_reason"],
    "window": {"label_delay_days": 1, "days": 6, "holdout_days": 2, "lookback_days": 2},
    "features": {"numeric": ["amount", "refunds_before"], "categorical": ["country"]},
    "protected": ["age_group"],
    "pii": ["email"],
    "quality": {"max_rejected_fraction": 0.1, "min_rows": 20},
    "candidates": [{"name": "logistic", "estimator": "logistic_regression"}],
    "gates": [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}],
}

FEATURES = """
import pandas as pd

def assemble(tables):
    return tables["orders"].merge(tables["customers"], on="customer_id", how="left", validate="many_to_one")

def build_features(raw, history):
    return pd.DataFrame(
        {
            "amount": raw["amount"].astype("float64"),
            "refunds_before": pd.Series(history["refund"].mean(), index=raw.index).astype("float64"),
            "country": raw["country"].astype("str"),
        },
        index=raw.index,
    )
"""

EXPECTATIONS = """
import great_expectations.expectations as gxe

def build_suite():
    return [
        gxe.ExpectTableColumnsToMatchSet(column_set=["order_id", "amount", "country", "refund"], exact_match=False),
        gxe.ExpectTableRowCountToBeBetween(min_value=10, max_value=1000),
        gxe.ExpectColumnMeanToBeBetween(column="amount", min_value=5, max_value=500),
        gxe.ExpectColumnValuesToNotBeNull(column="country"),
        gxe.ExpectColumnValuesToBeInSet(column="country", value_set=["DE", "FR", "IT"]),
        gxe.ExpectColumnValuesToBeBetween(column="amount", min_value=0, max_value=10000),
        gxe.ExpectColumnValuesToNotBeNull(column="refund", mostly=0.8),
        gxe.ExpectColumnValuesToMatchRegex(column="email", regex="@"),
    ]
"""


def orders(day: date, rows: int = ROWS) -> pd.DataFrame:
    """Return a good day of orders: two rows have no label yet."""
    chance = np.random.default_rng(day.toordinal())
    refund = np.where(chance.random(rows) < 0.3, 10.0, 0.0)
    refund[:2] = np.nan
    return pd.DataFrame(
        {
            "order_id": [f"{day:%Y%m%d}-{number}" for number in range(rows)],
            "customer_id": chance.integers(0, 20, rows),
            "amount": chance.uniform(10, 100, rows).round(2),
            "refund": refund,
            "return_reason": ["too small"] * rows,
            "placed_on": [day.isoformat()] * rows,
        }
    )


def customers() -> pd.DataFrame:
    """Return the shop's customers, some of them of unknown age."""
    return pd.DataFrame(
        {
            "customer_id": range(20),
            "country": ["DE", "FR", "IT", "DE"] * 5,
            "age_group": ["young", "old", None, "old"] * 5,
            "email": [f"customer{number}@example.org" for number in range(20)],
        }
    )


@dataclass
class Shop:
    """Hold the project's folder and its store, and run stages on them."""

    folder: Path
    store: LocalStore

    @property
    def project(self) -> Project:
        """Return the project as it is declared on disk now."""
        return read_project(self.folder)

    def declare(self, **changes: Any) -> Shop:
        """Write the declaration, with some top-level keys changed."""
        (self.folder / "project.yaml").write_text(yaml.safe_dump({**DECLARATION, **changes}))
        (self.folder / "README.md").write_text("A small shop.\n")
        return self

    def code(self, features: str = FEATURES, expectations: str = EXPECTATIONS) -> Shop:
        """Write the project's Python files."""
        (self.folder / "features.py").write_text(features)
        (self.folder / "expectations.py").write_text(expectations)
        return self

    def deliver(self, day: date, frame: pd.DataFrame | None = None) -> None:
        """Put a day of orders into the landing zone."""
        data = (orders(day) if frame is None else frame).to_parquet(index=False)
        self.store.put(f"landing/orders/{day}.parquet", data)

    def deliver_all(self, first: date, last: date) -> None:
        """Put good orders of several days, and the customers, into the landing zone."""
        self.store.put("landing/customers.csv", customers().to_csv(index=False).encode())
        for back in range((last - first).days + 1):
            self.deliver(first + timedelta(days=back))

    def raw(self, day: date) -> Manifest:
        """Return the manifest of the raw snapshot in force."""
        found = read_manifest(self.store, keys.raw_manifest("shop", day))
        assert found is not None
        return found

    def inputs(self, days: Sequence[date], **changes: Any) -> PartitionInputs:
        """Return a batch's inputs."""
        return PartitionInputs(days=tuple(days), **self._base(**changes))

    def plan(self, as_of: date = AS_OF, **changes: Any) -> plan.PlanResult:
        """Plan a night."""
        return plan.run(self.project, PlanInputs(**{**self._base(), "as_of": as_of, **changes}))

    def prepare(self, days: Sequence[date], **changes: Any) -> build_features.FeaturesResult:
        """Run ingest, validate and build_features over `days`."""
        inputs = self.inputs(days, **changes)
        ingest.run(self.project, inputs)
        validate.run(self.project, inputs)
        return build_features.run(self.project, inputs)

    def _base(self, **changes: Any) -> dict[str, Any]:
        return {
            "as_of": AS_OF,
            "store_url": self.store.url,
            "tracking_url": "unused",
            "origin": Origin(run_id="manual__test"),
            **changes,
        }


def meanwhile(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen each time that ingest has read the source, before it writes."""
    read_source = ingest.read_source

    def read(*args: Any) -> dict[str, pd.DataFrame]:
        tables = read_source(*args)
        with monkeypatch.context() as patched:
            patched.setattr(ingest, "read_source", read_source)
            happens()
        return tables

    monkeypatch.setattr(ingest, "read_source", read)


def contents(store: LocalStore, prefix: str = "") -> dict[str, bytes]:
    """Return every object below `prefix` with its bytes."""
    return {info.key: store.get(info.key) for info in store.list(prefix)}


def assert_nothing_half_written(store: LocalStore, prefix: str) -> None:
    """Check that each file that a manifest below `prefix` names is there, with the bytes it names."""
    manifests = [info.key for info in store.list(prefix) if info.key.endswith("manifest.json")]
    assert manifests
    for key in manifests:
        for ref in Manifest.model_validate_json(store.get(key)).files.values():
            data = store.get(ref.key)
            assert (hashlib.sha256(data).hexdigest(), len(data)) == (ref.sha256, ref.size), ref.key
