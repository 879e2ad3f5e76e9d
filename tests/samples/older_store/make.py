"""Make the sample of a home that an older version left: see README.md beside this file.

It runs the stages and commands of the checkout that it is started in, by the names they had at 774f82f:

    git worktree add /tmp/before 774f82f
    cd /tmp/before && python .../tests/samples/older_store/make.py .../tests/samples/older_store/home.tar.xz

The home is made at /srv/nightshift, which must not exist, and is removed afterwards.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import shutil
import socket
import sqlite3
import sys
import tarfile
import time
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

MADE_WITH = "774f82f"
CHECKOUT = Path.cwd()
HOME = Path("/srv/nightshift")
STORE = HOME / "store"
DATABASE = HOME / "mlflow" / "mlflow.db"
ROWS = 60
WEAK = [{"name": "stump", "estimator": "xgboost", "params": {"n_estimators": 1, "max_depth": 1}}]
STRONG = [
    {"name": "logistic", "estimator": "logistic_regression"},
    {"name": "trees", "estimator": "xgboost", "params": {"n_estimators": 5, "max_depth": 2}},
]
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
    "window": {"label_delay_days": 1, "days": 6, "holdout_days": 2, "lookback_days": 1},
    "features": {"numeric": ["amount", "refunds_before"], "categorical": ["country"]},
    "protected": ["age_group"],
    "pii": ["email"],
    "quality": {"max_rejected_fraction": 0.1, "min_rows": 20},
    "cross_validation": {"folds": 2},
    "gates": [{"kind": "minimum", "metric": "roc_auc", "value": 0.5}],
    "scoring": {"schedule": "30 3 * * *"},
    "seed": 7,
}
FEATURES = """import pandas as pd


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
EXPECTATIONS = """import great_expectations.expectations as gxe


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


def then(name: str) -> Any:
    """Return a module of the version that makes the sample, by the name it has there below `include`."""
    return importlib.import_module(f"include.{name}")


def leave(moment: datetime) -> None:
    """Give every file that was written since the time it would have then: retention looks at it."""
    for path in HOME.rglob("*"):
        if path.is_file() and path.stat().st_mtime > moment.timestamp():
            os.utime(path, (moment.timestamp(), moment.timestamp()))


def set_time(moment: datetime) -> None:
    """Have the whole process live at one moment: the stages, MLflow, and whatever else asks."""
    if "NIGHTSHIFT_NOW" in os.environ:
        leave(datetime.fromisoformat(os.environ["NIGHTSHIFT_NOW"]))
    os.environ["NIGHTSHIFT_NOW"] = moment.isoformat()
    time.time = moment.timestamp
    time.time_ns = lambda: int(moment.timestamp() * 1e9)


def declare(candidates: list[dict[str, Any]], **changes: Any) -> None:
    """Write the project's folder."""
    folder = HOME / "projects" / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    declared = {**DECLARATION, "candidates": candidates, **changes}
    (folder / "project.yaml").write_text(yaml.safe_dump(declared, sort_keys=False))
    (folder / "README.md").write_text("# shop\n\nWhich orders come back.\n")
    (folder / "features.py").write_text(FEATURES)
    (folder / "expectations.py").write_text(EXPECTATIONS)


def orders(day: date) -> pd.DataFrame:
    """Return a day of orders, of which the dear ones come back: two have no label yet, one has an impossible amount."""
    chance = np.random.default_rng(day.toordinal())
    amount = chance.uniform(10, 100, ROWS).round(2)
    refund = np.where(amount + chance.normal(0, 20, ROWS) > 65, 10.0, 0.0)
    refund[:2] = np.nan
    amount[-1] = -1.0
    return pd.DataFrame(
        {
            "order_id": [f"{day:%Y%m%d}-{number}" for number in range(ROWS)],
            "customer_id": chance.integers(0, 20, ROWS),
            "amount": amount,
            "refund": refund,
            "return_reason": ["too small"] * ROWS,
            "placed_on": [day.isoformat()] * ROWS,
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


def deliver(first: date, last: date) -> None:
    """Put the source's files into the landing zone."""
    landing = STORE / "landing"
    (landing / "orders").mkdir(parents=True, exist_ok=True)
    (landing / "customers.csv").write_text(customers().to_csv(index=False))
    for back in range((last - first).days + 1):
        day = first + timedelta(days=back)
        orders(day).to_parquet(landing / "orders" / f"{day}.parquet", index=False)


def inputs(as_of: date, dag: str, **more: Any) -> dict[str, Any]:
    """Return what every stage is given by a scheduled run of a Dag."""
    settings, results = then("config.settings"), then("config.results")
    origin = results.Origin(
        run_id=f"scheduled__{as_of + timedelta(days=1)}T03:00:00+00:00",
        dag_id=f"shop__{dag}",
        run_type="scheduled",
        git_commit=settings.git_commit(),
        lock_hash=settings.lock_hash(),
    )
    return {
        "as_of": as_of,
        "store_url": f"file://{STORE}",
        "tracking_url": f"sqlite:///{DATABASE}",
        "origin": origin,
        **more,
    }


def prepare(project: Any, days: Any, given: dict[str, Any]) -> None:
    """Ingest, validate and build the features of some days."""
    made = then("config.results").PartitionInputs(days=days, **given)
    for stage in ("ingest", "validate", "build_features"):
        then(f"stages.{stage}").run(project, made)


def night(as_of: date) -> str:
    """Run a whole night of the project as it is declared now, at three o'clock, and return the verdict."""
    set_time(datetime(as_of.year, as_of.month, as_of.day, 3, tzinfo=UTC) + timedelta(days=1))
    results, given = then("config.results"), inputs(as_of, "retrain")
    project = then("config.discovery").load_project(HOME / "projects", "shop")
    plan = then("stages.plan").run(project, results.PlanInputs(**given))
    for batch in plan.batches:
        prepare(project, batch, given)
    train = then("stages.train").run
    trained = tuple(
        train(project, results.TrainInputs(candidate=candidate.name, plan=plan, **given))
        for candidate in project.candidates
    )
    evaluated = then("stages.evaluate").run(project, results.EvaluateInputs(plan=plan, trained=trained, **given))
    try:
        then("stages.promote").run(project, results.PromoteInputs(evaluated=evaluated, **given))
    except then("config.errors").CandidateRejectedError as error:
        print(error)
    print(as_of, evaluated.verdict, evaluated.reason)
    return str(evaluated.verdict)


def score(day: date) -> None:
    """Score a day half an hour later."""
    set_time(datetime(day.year, day.month, day.day, 3, 30, tzinfo=UTC) + timedelta(days=1))
    results, given = then("config.results"), inputs(day, "score")
    project = then("config.discovery").load_project(HOME / "projects", "shop")
    prepare(project, (day,), given)
    print(day, then("stages.score").run(project, results.ScoreInputs(**given)))


def command(*arguments: str) -> None:
    """Run a command of the door."""
    status = then("cli.app").main(list(arguments))
    assert status == 0, arguments


def make() -> None:
    """Make the home: six nights, four scored days, a rollback and a history."""
    deliver(date(2024, 3, 1), date(2024, 3, 19))
    set_time(datetime(2024, 3, 12, 2, tzinfo=UTC))
    DATABASE.parent.mkdir()
    then("io.tracking").prepare_tracking(f"sqlite:///{DATABASE}")
    verdicts = []
    declare(WEAK)
    verdicts.append(night(date(2024, 3, 11)))
    verdicts.append(night(date(2024, 3, 12)))
    score(date(2024, 3, 12))
    declare(STRONG)
    verdicts.append(night(date(2024, 3, 13)))
    score(date(2024, 3, 13))
    declare(STRONG, gates=[{"kind": "minimum", "metric": "roc_auc", "value": 0.99}])
    verdicts.append(night(date(2024, 3, 14)))
    declare(STRONG)
    verdicts.append(night(date(2024, 3, 15)))
    score(date(2024, 3, 15))
    set_time(datetime(2024, 3, 16, 9, tzinfo=UTC))
    command("rollback", "shop", "--reason", "dear orders of Monday were answered wrongly")
    verdicts.append(night(date(2024, 3, 16)))
    score(date(2024, 3, 16))
    set_time(datetime(2024, 3, 17, 10, tzinfo=UTC))
    command("history", "shop")
    command("status")
    set_time(datetime(2024, 3, 17, 11, tzinfo=UTC))
    print(verdicts)


def pack(target: Path) -> None:
    """Write the home as a compressed archive that says nothing of the machine."""
    needles = [str(CHECKOUT), str(Path.home()), socket.gethostname(), sys.prefix]
    with closing(sqlite3.connect(DATABASE)) as connection:
        # what a process that ends leaves: one file
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with tarfile.open(target, "w:xz", preset=9) as archive:
        for path in sorted(HOME.rglob("*")):
            if path.name.endswith(("-wal", "-shm")):
                continue
            entry = archive.gettarinfo(path, str(path.relative_to(HOME)))
            entry.uid = entry.gid = 0
            entry.uname = entry.gname = ""
            entry.mode = 0o755 if path.is_dir() else 0o644
            entry.mtime = int(entry.mtime)
            if not path.is_file():
                archive.addfile(entry)
                continue
            data = path.read_bytes()
            for needle in needles:
                if len(needle) > 3 and needle.encode() in data:
                    raise SystemExit(f"{path} names this machine: {needle}")
            archive.addfile(entry, io.BytesIO(data))
    print(json.dumps({"files": sum(path.is_file() for path in HOME.rglob("*")), "bytes": target.stat().st_size}))


def main() -> None:
    """Make the home and pack it."""
    target = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(CHECKOUT))
    HOME.mkdir(parents=True)
    # MLflow names a folder below the one that it is started in
    os.chdir(HOME)
    os.environ.pop("NIGHTSHIFT_NOW", None)
    os.environ.update(
        NIGHTSHIFT_HOME=str(HOME),
        NIGHTSHIFT_PROJECTS=str(HOME / "projects"),
        NIGHTSHIFT_THREADS="1",
        USER="ada",
        LOGNAME="ada",
    )
    try:
        make()
        pack(target)
    finally:
        if "--keep" not in sys.argv:
            shutil.rmtree(HOME)


if __name__ == "__main__":
    main()
