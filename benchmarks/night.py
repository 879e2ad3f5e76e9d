"""Measure what a night costs beside a bare script: the same rows, features and models, and nothing around them.

    python -m benchmarks.night [--window-days 364] [--rounds 3]

A round is a bare script, a first night in a namespace of its own, a bare script, and the night after. The script is one
process that reads the same days, calls the same `features.py`, cross-validates, fits and scores both candidates by
plain scikit-learn with a thread a core, and saves the models: no snapshots, validation, tests, gates or report. It
knows no yesterday, so its work is the same in both turns. A night is its Dag run, from its start to its end on a stack
that already runs; both are wall seconds, and told are the medians.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from include.config.discovery import load_project
from include.config.settings import ROOT, Settings
from include.config.window import lookback_of

PROJECT = "flight_delay"
# the newest days with weather, so that the longest window fits
FIRST, NEXT = date(2013, 12, 29), date(2013, 12, 30)


@dataclass(frozen=True)
class NightCost:
    """Hold medians of wall seconds.

    Attributes:
        rows: Rows that the bare script trained and scored on.
        script: The bare script.
        first: A first night: every day of the window is prepared.
        normal: The night after it: one day is new.
    """

    rows: int
    script: float
    first: float
    normal: float


def bare(landing: str, as_of: date, window_days: int | None) -> int:
    """Do a night's modelling as a script would, print the metrics, and return the number of rows."""
    import skops.io
    from sklearn.base import clone
    from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

    from include.config.project import Project
    from include.ml.estimators import build_estimator
    from include.ml.tuning import settings_of, split

    project: Project = load_project(ROOT / "include" / "projects", PROJECT)
    days = window_days or project.window.days
    last = as_of - timedelta(days=project.window.label_delay_days)
    frame = _rows(project, landing, [last - timedelta(days=back) for back in range(days)][::-1])
    holdout = frame["day"] > last - timedelta(days=project.window.holdout_days)
    train, test, target = frame[~holdout], frame[holdout], project.target.name
    names = list(project.features.names)
    folds = split(train["day"].astype(str).tolist(), train[target].to_numpy(), project.cross_validation, project.seed)
    for candidate in project.candidates:
        tried = []
        for params in settings_of(candidate, project.seed):
            model = build_estimator(
                candidate.estimator, params, project.features, seed=project.seed, threads=os.cpu_count() or 1
            )
            scores = []
            for fold in folds:
                fitted = clone(model).fit(train[names].iloc[fold.train], train[target].iloc[fold.train])
                answers = fitted.predict_proba(train[names].iloc[fold.validation])[:, 1]
                scores.append(roc_auc_score(train[target].iloc[fold.validation], answers))
            tried.append((statistics.mean(scores), model))
        best = max(tried, key=lambda each: each[0])[1].fit(train[names], train[target])
        answers, truth = best.predict_proba(test[names])[:, 1], test[target]
        print(candidate.name, *(f"{measure(truth, answers):.4f}" for measure in
                                (roc_auc_score, average_precision_score, brier_score_loss, log_loss)))  # fmt: skip
        skops.io.dump(best, Path(tempfile.gettempdir()) / f"{candidate.name}-{os.getpid()}.skops")
        (Path(tempfile.gettempdir()) / f"{candidate.name}-{os.getpid()}.skops").unlink()
    return len(frame)


def _rows(project: Any, landing: str, days: list[date]) -> pd.DataFrame:
    """Return the labelled rows of the days, read from where the source delivers them."""
    from include.io.raw_rows import assemble
    from include.io.sources import read_source
    from include.io.stores import open_store
    from include.stages.build_features import build, history_of, label

    store, known, parts = open_store(landing), {}, []
    for day in days:
        for each in (*lookback_of(project, day), day):
            if each not in known:
                known[each] = assemble(project, each, read_source(project, each, store, {}))
        raw = known[day]
        frame = build(project, day, raw, history_of(project, day, known)).copy()
        frame[project.target.name] = label(project.target, raw[project.target.column])
        parts.append(frame[frame[project.target.name].notna()].assign(day=day))
    return pd.concat(parts, ignore_index=True).astype({project.target.name: "int8"})


def measure(window_days: int | None, rounds: int) -> NightCost:
    """Start a stack in a folder of its own, and measure so many rounds on it."""
    with tempfile.TemporaryDirectory() as made:
        home = Path(made) / "home"
        environment = {**os.environ, "NIGHTSHIFT_HOME": str(home)}
        _nightshift(environment, "up")
        try:
            # delivers the data and compiles; a round of its own, not counted
            _turn(environment, window_days, "warm")
            turns = [_turn(environment, window_days, f"round-{number}") for number in range(rounds)]
        finally:
            _nightshift(environment, "down")
    script = [seconds for turn in turns for seconds in turn[1:3]]
    first, normal = ([turn[which] for turn in turns] for which in (3, 4))
    return NightCost(int(turns[0][0]), statistics.median(script), statistics.median(first), statistics.median(normal))


def _turn(environment: dict[str, str], window_days: int | None, namespace: str) -> tuple[float, ...]:
    """Return the rows, and the seconds of script, script, first and normal night."""
    first = _night(environment, FIRST, window_days, namespace) if namespace == "warm" else None
    rows, before = _script(environment, FIRST, window_days)
    if first is None:
        first = _night(environment, FIRST, window_days, namespace)
    _, after = _script(environment, FIRST, window_days)
    normal = _night(environment, NEXT, window_days, namespace)
    print(f"{namespace}: script {before:.1f} and {after:.1f}, first {first:.1f}, normal {normal:.1f}", flush=True)
    return rows, before, after, first, normal


def _script(environment: dict[str, str], as_of: date, window_days: int | None) -> tuple[int, float]:
    landing = Settings.from_environment(environment).landing_url
    command = [sys.executable, "-m", "benchmarks.night", "--bare", landing, str(as_of)]
    if window_days:
        command += ["--window-days", str(window_days)]
    started = time.monotonic()
    said = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return int(said.split()[-1]), time.monotonic() - started


def _night(environment: dict[str, str], as_of: date, window_days: int | None, namespace: str) -> float:
    from include.airflow_client.api import AirflowApi
    from include.config.credentials import load_credentials
    from include.domain.names import retrain_dag_id
    from include.stack.state_directory import running_stack

    asked = ["run", PROJECT, "--as-of", str(as_of), "--namespace", namespace]
    _nightshift(environment, *asked, *(["--window-days", str(window_days)] if window_days else []))
    settings = Settings.from_environment(environment)
    state = running_stack(settings.home)
    assert state is not None
    api = AirflowApi(state.airflow_url, load_credentials(settings.home).admin_password)
    newest = max(api.runs(retrain_dag_id(PROJECT, namespace), "success"), key=lambda run: str(run["start_date"]))
    started, ended = (datetime.fromisoformat(newest[key]) for key in ("start_date", "end_date"))
    return (ended - started).total_seconds()


def _nightshift(environment: dict[str, str], *arguments: str) -> None:
    command = [str(ROOT / "nightshift"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"./nightshift {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}")


def main() -> None:
    """Print the measurement."""
    options = argparse.ArgumentParser(description="Measure nights beside a bare script.")
    options.add_argument("--window-days", type=int, default=None, help="default: as declared (60); a year: 364")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--bare", nargs=2, metavar=("LANDING", "DAY"), help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.bare:
        print(bare(asked.bare[0], date.fromisoformat(asked.bare[1]), asked.window_days))
        return
    found = measure(asked.window_days, asked.rounds)
    print(f"{found.rows} rows, wall seconds: script {found.script:.1f}, first night {found.first:.1f}, "
          f"normal night {found.normal:.1f}")  # fmt: skip
    print(f"ratios: first {found.first / found.script:.2f}, normal {found.normal / found.script:.2f}")


if __name__ == "__main__":
    main()
