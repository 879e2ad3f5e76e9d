"""Be small projects whose promotions a person is asked about, with their data, for a real Airflow."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from include.io.local_store import LocalStore
from tests.e2e.door import edit, schedule_far_from_now

FIRST = date(2024, 3, 1)
DAYS = 10
ROWS = 150
# each of them has a whole window before it
NIGHTS = tuple(FIRST + timedelta(days=number) for number in range(6, DAYS))

FEATURES = """\
def build_features(raw, history):
    return raw[["weight", "distance"]].astype("float64")
"""
EXPECTATIONS = """\
import great_expectations.expectations as gxe


def build_suite():
    return [gxe.ExpectTableRowCountToBeBetween(min_value=10, max_value=1000)]
"""


def declaration(name: str, **approval: Any) -> dict[str, Any]:
    """Return a project that asks; `approval` is how."""
    return {
        "owner": {"name": "Post office", "email": "post@example.org"},
        "description": "Which parcels arrive late.",
        "problem": "binary",
        "schedule": "0 3 * * *",
        "source": {"kind": "files", "tables": {"parcels": {"path": f"landing/{name}/{{date}}.csv"}}},
        "keys": ["parcel"],
        "target": {"name": "late", "column": "delay", "greater_than": 15},
        "window": {"label_delay_days": 0, "days": 6, "holdout_days": 2},
        "features": {"numeric": ["weight", "distance"]},
        "candidates": [{"name": "linear", "estimator": "logistic_regression"}],
        "cross_validation": {"folds": 2},
        "gates": [{"kind": "minimum", "metric": "roc_auc", "value": 0.6}],
        "value": {"currency": "EUR", "true_positive": 4, "false_positive": -4},
        "promotion": {"mode": "approval", "approval": approval},
    }


def rows(day: date) -> pd.DataFrame:
    """Return one day's parcels: heavy ones are late."""
    chance = np.random.default_rng(day.toordinal())
    weight = chance.normal(size=ROWS)
    return pd.DataFrame(
        {
            "parcel": [f"{day:%Y%m%d}-{number}" for number in range(ROWS)],
            "weight": weight,
            "distance": chance.normal(size=ROWS),
            "delay": 15 + 10 * (1.5 * weight + chance.normal(size=ROWS)),
        }
    )


def write_asked(projects_dir: Path, store: LocalStore, name: str, **approval: Any) -> None:
    """Write a project's folder, and its days into the landing zone."""
    folder = projects_dir / name
    folder.mkdir(parents=True)
    (folder / "project.yaml").write_text(yaml.safe_dump(declaration(name, **approval)), encoding="utf-8")
    edit(folder / "project.yaml", schedule_far_from_now())
    (folder / "features.py").write_text(FEATURES, encoding="utf-8")
    (folder / "expectations.py").write_text(EXPECTATIONS, encoding="utf-8")
    (folder / "README.md").write_text(f"# {name}\n\nWhich arrive late.\n", encoding="utf-8")
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        store.put(f"landing/{name}/{day}.csv", rows(day).to_csv(index=False).encode())
