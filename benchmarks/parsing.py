"""Measure what Airflow pays to parse the Dags of many projects, beside as many Dags of tasks that do nothing.

    python -m benchmarks.parsing [--projects 100] [--rounds 5]

Each parse is a `DagBag` of its own in a fresh process, ours and the empty ones in turns, so that what else the machine
does falls on both; told are the medians of CPU seconds. An empty Dag has ten tasks, as a retraining has; a project has
a retrain and a score Dag, and its declaration and code are read, too.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from include.config.discovery import project_folders
from include.config.settings import ROOT

TASKS = 10
_EMPTY = """\
from datetime import UTC, datetime
from airflow.sdk import DAG, task


@task
def nothing(before=None):
    return None


for number in range({dags}):
    start = datetime(2012, 1, 1, tzinfo=UTC)
    with DAG(f"empty_{{number:03d}}", schedule="0 3 * * *", start_date=start, catchup=False) as dag:
        done = None
        for index in range({tasks}):
            done = nothing.override(task_id=f"task_{{index}}")(done)
    globals()[dag.dag_id] = dag
"""
_PARSE = """\
import json, sys, time
from airflow.dag_processing.dagbag import DagBag
before = time.process_time()
bag = DagBag(sys.argv[1])
found = {"cpu_seconds": time.process_time() - before, "dags": len(bag.dags), "errors": len(bag.import_errors)}
print(json.dumps(found))
"""


@dataclass(frozen=True)
class ParseCost:
    """Hold medians of CPU seconds.

    Attributes:
        projects: How many projects there are, and how many empty Dags.
        dags: How many Dags the projects have.
        ours: Seconds for all Dags of the projects.
        empty: Seconds for the empty Dags.
    """

    projects: int
    dags: int
    ours: float
    empty: float

    @property
    def ratio(self) -> float:
        """Return how many times as much the projects cost."""
        return self.ours / self.empty


def measure(projects: int, rounds: int) -> ParseCost:
    """Return what parsing so many copies of the checkout's projects costs, beside as many empty Dags."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        examples = project_folders(ROOT / "include" / "projects")
        for number in range(projects):
            shutil.copytree(examples[number % len(examples)], folder / "projects" / f"project_{number:03d}")
        (folder / "empty").mkdir()
        (folder / "empty" / "empty.py").write_text(_EMPTY.format(dags=projects, tasks=TASKS), encoding="utf-8")
        # the first compiles, and is not counted
        turns = [(_parsed(folder, ROOT / "dags"), _parsed(folder, folder / "empty")) for _ in range(rounds + 1)][1:]
    ours, empty = ([turn[which]["cpu_seconds"] for turn in turns] for which in (0, 1))
    return ParseCost(projects, int(turns[0][0]["dags"]), statistics.median(ours), statistics.median(empty))


def _parsed(folder: Path, dags: Path) -> dict[str, float]:
    """Return the CPU seconds of one parse in a fresh process, and the number of Dags.

    Raises:
        RuntimeError: A Dag file could not be imported.
    """
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(folder / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NIGHTSHIFT_HOME": str(folder / "home"),
        "NIGHTSHIFT_PROJECTS": str(folder / "projects"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "plugins")]),
    }
    command = [sys.executable, "-c", _PARSE, str(dags)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    if found["errors"]:
        raise RuntimeError(f"{found['errors']:.0f} of the files of {dags} cannot be imported")
    return found


def main() -> None:
    """Print the measurement."""
    options = argparse.ArgumentParser(description="Measure what parsing the Dags of many projects costs.")
    options.add_argument("--projects", type=int, default=100)
    options.add_argument("--rounds", type=int, default=5)
    asked = options.parse_args()
    found = measure(asked.projects, asked.rounds)
    print(f"{found.projects} projects, {found.dags} Dags: {found.ours:.2f} CPU seconds")
    print(f"{found.projects} Dags of {TASKS} tasks that do nothing: {found.empty:.2f} CPU seconds")
    print(f"ratio: {found.ratio:.1f}")


if __name__ == "__main__":
    main()
