"""Profile one evaluation on a holdout of 50,000 real flights, with all gates, and all pages written.

    .venv/bin/python -m benchmarks.evaluation [--holdout-days 56] [--train-days 60] [--home FOLDER] [--json]

A copy of the project flight_delay with longer window is prepared in a folder of its own: its days, a champion of the
day before, and the candidates of the day. Then the stage `evaluate` is run once, under Python's profiler. The whole is
a few minutes of preparing and one evaluation; a second call with the same `--home` finds the days prepared.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import shutil
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

PROJECT = "flight_delay"
AS_OF = date(2013, 7, 1)
# what the time is spent on: functions of ours, by file and name
PARTS = {
    "model: read and answer": (("challengers.py", "read_challenger"), ("contest.py", "answers")),
    "champion: read": (("champions.py", "read_rival"),),
    "rows of the holdout": (("feature_window.py", "read_window"),),
    "metrics and intervals": (("holdout.py", "measure_scores"),),
    "gain over the champion": (("measurements.py", "differences"),),
    "groups": (("group_measurements.py", "measure_groups"),),
    "fairness, calibration, stability": (
        ("group_measurements.py", "measure_fairness"),
        ("group_measurements.py", "measure_calibration"),
        ("group_measurements.py", "measure_stability"),
    ),
    "money and thresholds": (("money_measurements.py", "measure_points"), ("money_measurements.py", "measure_money")),
    "rows of the train part": (("contest.py", "learnt"),),
    "leakage": (("leakage_measurements.py", "measure_leakage"),),
    "release in a clean process": (("release_probe.py", "probe_release"),),
    "behaviour": (("behaviour_measurements.py", "measure_behaviour"),),
    "explanation and data profile": (("explaining.py", "explain"),),
    "pages and model card": (
        ("decision_page.py", "render"),
        ("data_page.py", "render_data"),
        ("model_card.py", "model_card"),
    ),
    "MLflow": (("tracking.py", "register"), ("tracking.py", "add_measurements"), ("tracking.py", "document")),
}


def main(arguments: list[str] | None = None) -> int:
    """Prepare, evaluate once, and print where the time went; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--holdout-days", type=int, default=56, help="about 900 flights each (default: 56)")
    parser.add_argument("--train-days", type=int, default=60, help="default: 60")
    parser.add_argument("--home", type=Path, help="keep everything there (default: a temporary folder)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="nightshift-benchmark-") as temporary:
        found = _measure(given.home or Path(temporary), given.holdout_days, given.train_days)
    print(json.dumps(found) if given.json else _table(found))
    return 0


def _measure(home: Path, holdout_days: int, train_days: int) -> dict[str, Any]:
    _environment(home, holdout_days, train_days)
    from include.config.discovery import load_project
    from include.config.settings import Settings

    settings = Settings.from_environment()
    project = load_project(settings.projects_dir, PROJECT)
    nights = _Nights(settings, project)
    # the champion lacks one day of the challenger's rows, as on any morning
    nights.prepare(AS_OF)
    nights.promote(AS_OF - timedelta(days=1), nights.evaluate(AS_OF - timedelta(days=1)))
    inputs = nights.evaluate_inputs(AS_OF)
    profile = cProfile.Profile()
    began = time.perf_counter()
    result = profile.runcall(nights.evaluate_now, inputs)
    wall = time.perf_counter() - began
    decision = nights.decision(result.decision_id)
    return {
        "holdout_rows": decision.holdout_rows,
        "train_rows": decision.train_rows,
        "gates": len(decision.gates),
        "verdict": decision.verdict,
        "seconds": round(wall, 1),
        "report_kilobytes": round(nights.report_bytes(result.decision_id) / 1000),
        "parts": _parts(profile),
    }


def _environment(home: Path, holdout_days: int, train_days: int) -> None:
    """Point this process at a home of its own, with a copy of the project."""
    from include.config.connections import SETTINGS_FILE, settings_connections
    from include.config.settings import ROOT

    projects = home / "projects"
    shutil.copytree(ROOT / "include" / "projects" / PROJECT, projects / PROJECT, dirs_exist_ok=True)
    path = projects / PROJECT / "project.yaml"
    text = path.read_text(encoding="utf-8")
    lines = [
        f"  days: {holdout_days + train_days}" if line.startswith("  days:") else
        f"  holdout_days: {holdout_days}" if line.startswith("  holdout_days:") else line
        for line in text.splitlines()
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    os.environ |= {"NIGHTSHIFT_HOME": str(home), "NIGHTSHIFT_PROJECTS": str(projects)}
    for name, fields in settings_connections(ROOT / SETTINGS_FILE).items():
        os.environ[f"AIRFLOW_CONN_{name.upper()}"] = fields.as_airflow_json()


class _Nights:
    """Run the stages of nights, one after the other, in this process."""

    def __init__(self, settings: Any, project: Any) -> None:
        from include.config.connections import declared_connections
        from include.io.stores import open_store
        from include.io.tracking import prepare_tracking

        self._settings, self._project = settings, project
        self._store = open_store(settings.store_url)
        self._connections = declared_connections(settings)
        prepare_tracking(settings.tracking_url)

    def prepare(self, as_of: date) -> None:
        from include.demo_feed import feed
        from include.demo_feed.feed import days_needed
        from include.domain.results import PartitionInputs, PlanInputs
        from include.stages import build_features, ingest, plan, validate

        first, last = days_needed(self._project, as_of - timedelta(days=1))[0], as_of
        feed.load(PROJECT, first, last, store_url=self._settings.store_url, connections=self._connections)
        for day in (as_of - timedelta(days=1), as_of):
            batches = plan.run(self._project, PlanInputs(**self._given(day))).batches
            for number, days in enumerate(batches, start=1):
                print(f"preparing {len(days)} days, batch {number} of {len(batches)}", file=sys.stderr)
                for stage in (ingest, validate, build_features):
                    stage.run(self._project, PartitionInputs(days=days, **self._given(day)))

    def evaluate_inputs(self, as_of: date) -> Any:
        """Train every candidate, and return what evaluate is given."""
        from include.domain.results import EvaluateInputs, PlanInputs, TrainInputs
        from include.stages import plan, train

        planned = plan.run(self._project, PlanInputs(**self._given(as_of)))
        trained = []
        for candidate in self._project.candidates:
            print(f"training {candidate.name} as of {as_of}", file=sys.stderr)
            inputs = TrainInputs(candidate=candidate.name, plan=planned, **self._given(as_of))
            trained.append(train.run(self._project, inputs))
        return EvaluateInputs(plan=planned, trained=tuple(trained), **self._given(as_of))

    def evaluate_now(self, inputs: Any) -> Any:
        from include.stages import evaluate

        return evaluate.run(self._project, inputs)

    def evaluate(self, as_of: date) -> Any:
        return self.evaluate_now(self.evaluate_inputs(as_of))

    def promote(self, as_of: date, evaluated: Any) -> None:
        from include.domain.results import PromoteInputs
        from include.stages import promote

        promote.run(self._project, PromoteInputs(evaluated=evaluated, **self._given(as_of)))

    def decision(self, decision_id: str) -> Any:
        from include.io.ledger import read_decision

        return read_decision(self._store, PROJECT, decision_id)

    def report_bytes(self, decision_id: str) -> int:
        from include.io import keys

        return len(self._store.get(keys.decision_report(PROJECT, decision_id)))

    def _given(self, as_of: date) -> dict[str, Any]:
        from include.domain.results import Origin

        return {
            "as_of": as_of,
            "store_url": self._settings.store_url,
            "tracking_url": self._settings.tracking_url,
            "origin": Origin(run_id=f"benchmark {as_of}"),
            "connections": self._connections,
        }


def _parts(profile: cProfile.Profile) -> dict[str, float]:
    """Return the seconds spent in each part, those it calls included."""
    spent: dict[tuple[str, str], float] = {}
    for (file, _, function), (_, _, _, cumulative, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        place = (Path(file).name, function)
        spent[place] = spent.get(place, 0.0) + cumulative
    return {part: round(sum(spent.get(place, 0.0) for place in places), 2) for part, places in PARTS.items()}


def _table(found: dict[str, Any]) -> str:
    lines = [
        f"{found['holdout_rows']} holdout rows, {found['train_rows']} train rows, {found['gates']} gate results, "
        f"{found['verdict']}: {found['seconds']} s under the profiler, report of {found['report_kilobytes']} kB",
        "",
    ]
    ranked = sorted(found["parts"].items(), key=lambda item: -item[1])
    lines += [f"  {seconds:6.2f} s  {part}" for part, seconds in ranked]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
