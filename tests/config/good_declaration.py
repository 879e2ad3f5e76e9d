"""Hold one good declaration with its folder, and write it whole or with one thing changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

GOOD_DECLARATION = """\
owner:
  name: Airport desk
  email: desk@example.org
description: Which flights arrive late
problem: binary
schedule: "0 3 * * *"
tags: [travel]
source:
  kind: files
  tables:
    flights:
      path: landing/flights/{date}.parquet
    planes:
      path: landing/planes.csv
      required: false
keys: [flight_id]
target:
  name: late
  column: arr_delay
  greater_than: 15
window:
  label_delay_days: 1
  days: 28
  holdout_days: 7
  lookback_days: 3
  excluded: [2013-12-31]
features:
  numeric: [distance, dep_hour]
  categorical: [carrier, origin]
unknown_at_prediction: [dep_time, arr_delay]
protected: [age_band]
pii: [passenger]
candidates:
  - name: linear
    estimator: logistic_regression
    params: {C: 1.0}
  - name: trees
    estimator: xgboost
    search:
      trials: 4
      space:
        max_depth: [3, 6]
        learning_rate: [0.05, 0.1]
cross_validation:
  folds: 3
metrics:
  primary: roc_auc
  also: [log_loss, brier_score]
gates:
  - kind: minimum
    metric: roc_auc
    value: 0.6
  - kind: beats_baseline
    metric: log_loss
  - kind: leak_alarm
    metric: roc_auc
    above: 0.85
promotion:
  mode: automatic
"""
GOOD_FILES = {
    "README.md": "# Late flights\n",
    "features.py": "def build_features(raw, history):\n    return raw\n",
    "expectations.py": "def build_suite():\n    return []\n",
}


@dataclass(frozen=True)
class Broken:
    """Change `old` to `new` in the good declaration (or in `file`); the folder then gives exactly `messages`."""

    name: str
    old: str
    new: str
    messages: tuple[str, ...]
    file: str = "project.yaml"


def write_good(folder: Path) -> Path:
    """Write the good project into `folder`."""
    folder.mkdir(parents=True)
    (folder / "project.yaml").write_text(GOOD_DECLARATION, encoding="utf-8")
    for name, text in GOOD_FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def write_broken(projects_dir: Path, case: Broken) -> Path:
    """Write one broken project into `projects_dir`; its folder has the case's name."""
    folder = write_good(projects_dir / case.name)
    path = folder / case.file
    text = path.read_text(encoding="utf-8")
    assert text.count(case.old) == 1, f"{case.name}: the text to change must be there once"
    path.write_text(text.replace(case.old, case.new), encoding="utf-8")
    return folder
