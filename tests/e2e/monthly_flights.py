"""Be monthly retrains of the flights of 2013, cheap enough for a test: the project, and what was decided."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import Any

from include.io import keys
from include.io.ledger import read_decision
from include.io.tracking import Tracking
from tests.e2e.door import Door, copied_projects, edit
from tests.support.sizes import size
from tests.support.timeless import without_clock

PROJECT = "flight_delay"
DAG_ID = "flight_delay__retrain"
CHAMPION_DAY = date(2013, 9, 1)
MONTHS = tuple(date(2013, month, 1) for month in range(size(6, 1), 13))

# real days and real rows, but fewer columns (one of a hundred airports among them), and two checks instead of forty
FEATURES = """

_all_features = build_features


def build_features(raw, history):
    left_out = ["dest_airport", "arrival_minute", "plane_built", "plane_seats", "dest_latitude", "dest_longitude"]
    return _all_features(raw, history).drop(columns=left_out)
"""
EXPECTATIONS = """\
import great_expectations.expectations as gxe


def build_suite():
    return [
        gxe.ExpectTableRowCountToBeBetween(min_value=300, max_value=2000),
        gxe.ExpectColumnValuesToBeInSet(column="origin", value_set=["EWR", "JFK", "LGA"]),
    ]
"""
NO_PROCESS = "what is shown is the order of the months"
# what differs between two homes though the decision is the same
OF_THE_MOMENT = {"decision_id", "made_at", "ledger_length", "origin", "report_uri", "decision_uri"}
OF_THE_HOME = {"version", "tracking_run_id", "model_uri"}


def monthly_flights(folder: Path) -> Path:
    """Return a folder with a copy of the project that retrains on 90 days, as of the first of each month."""
    copied_projects(folder, PROJECT)
    project = folder / PROJECT
    edit(
        project / "project.yaml",
        # the partition is the day before the tick
        (r"^schedule: .*$", 'schedule: "0 9 2 * *"'),
        (r"^  days: 60$", "  days: 90"),
        (", dest_airport]", "]"),
        (", arrival_minute: time_of_day", ""),
        (r"^    - (arrival_minute|plane_built|plane_seats|dest_latitude|dest_longitude)\n", ""),
        (r"trials: 2", "trials: 1"),
        (r"n_estimators: \d+", "n_estimators: 40"),
        (r"folds: 3", "folds: 2"),
        # a process of its own for each of some sixty decisions would take minutes
        (r"^  - \{kind: (serves|latency|memory|size)\b.*$", rf"  - {{kind: \1, off: true, because: {NO_PROCESS}}}"),
        (r"^  - \{kind: behaviour\b.*\n", ""),
    )
    # it changes columns that are left out here
    (project / "behaviour.py").unlink()
    features = project / "features.py"
    features.write_text(features.read_text(encoding="utf-8") + FEATURES, encoding="utf-8")
    (project / "expectations.py").write_text(EXPECTATIONS, encoding="utf-8")
    return folder


def backfilled(door: Door) -> dict[date, list[dict[str, Any]]]:
    """Return what backfills decided about each day, oldest first, without what two homes may differ in."""
    found: dict[date, list[dict[str, Any]]] = {}
    for entry in door.ledger(PROJECT).entries():
        if (entry.kind, entry.origin.run_type) == ("decision", "backfill"):
            decision = read_decision(door.store(), PROJECT, entry.decision_id).model_dump(mode="json")
            assert (decision["verdict"], decision["reason"]) == (entry.verdict, entry.reason)
            found.setdefault(entry.as_of, []).append(_comparable(decision))
    return found


def production(door: Door) -> dict[str, Any]:
    """Return everything that serving and readers of predictions see: the champion, its alias, and files by sha256."""
    files = {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in ("releases", "predictions")
        for path in sorted((door.home / "store" / PROJECT / part).rglob("*"))
        if path.is_file()
    }
    root = door.store().uri(keys.tracking_artifacts(PROJECT))
    tracking = Tracking(f"sqlite:///{door.home / 'mlflow' / 'mlflow.db'}", PROJECT, root)
    champion = door.ledger(PROJECT).champion()
    assert champion is not None
    return {
        "champion": (champion.number, champion.version),
        "alias": tracking.version_of_alias("champion"),
        "files": files,
    }


def _comparable(decision: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in without_clock(decision).items() if name not in OF_THE_MOMENT}
    for name in ("challenger", "champion"):
        if kept[name] is not None:
            kept[name] = _without_home(kept[name])
    kept["others"] = [_without_home(other) for other in kept["others"]]
    return kept


def _without_home(model: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name not in OF_THE_HOME}
