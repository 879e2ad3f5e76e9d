"""Airflow parses Dag files and imports plugins all the time: neither may load a heavy library."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from include.config.discovery import discover
from include.domain.names import register, retrain_dag_id, score_dag_id
from tests.architecture.sources import DAGS, HEAVY, PLUGINS, ROOT, python_files, written

_CHILD = """
import json, runpy, sys
made = runpy.run_path(sys.argv[1])
dags = [value.dag_id for value in made.values() if type(value).__name__ == "DAG"]
print(json.dumps({"modules": sorted(name for name in sys.modules if "." not in name), "dags": sorted(dags)}))
"""


def _parsed(path: Path, home: Path) -> dict[str, Any]:
    """Run a file in a fresh process, the way Airflow does, and return the loaded modules and the Dags it made."""
    environment = {
        **os.environ,
        "AIRFLOW_HOME": str(home / "airflow"),
        "NIGHTSHIFT_HOME": str(home),
        # Airflow itself puts both on the path
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(PLUGINS)]),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    }
    child = subprocess.run(
        [sys.executable, "-c", _CHILD, str(path)],
        cwd=home,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    parsed: dict[str, Any] = json.loads(child.stdout.splitlines()[-1])
    return parsed


@pytest.mark.parametrize("path", python_files("dags"), ids=written)
def test_parsing_a_dag_file_loads_no_heavy_library(path: Path, tmp_path: Path) -> None:
    assert set(_parsed(path, tmp_path)["modules"]) & set(HEAVY) == set()


@pytest.mark.parametrize("path", python_files("plugins"), ids=written)
def test_importing_a_plugin_loads_no_heavy_library(path: Path, tmp_path: Path) -> None:
    assert set(_parsed(path, tmp_path)["modules"]) & set(HEAVY) == set()


def test_the_retrain_file_makes_one_dag_for_each_project(tmp_path: Path) -> None:
    projects = discover(ROOT / "include" / "projects").projects

    assert projects
    assert _parsed(DAGS / "retrain.py", tmp_path)["dags"] == sorted(retrain_dag_id(name) for name in projects)


def test_the_score_file_makes_one_dag_for_each_project_that_declares_scoring(tmp_path: Path) -> None:
    projects = discover(ROOT / "include" / "projects").projects
    scored = [name for name, project in projects.items() if project.scoring is not None]

    assert scored
    assert _parsed(DAGS / "score.py", tmp_path)["dags"] == sorted(score_dag_id(name) for name in scored)


def test_a_namespace_costs_no_more_than_its_dags(tmp_path: Path) -> None:
    register(tmp_path, "pr-1")
    parsed = _parsed(DAGS / "retrain.py", tmp_path)

    projects = discover(ROOT / "include" / "projects").projects
    assert parsed["dags"] == sorted(retrain_dag_id(name, there) for name in projects for there in ("", "pr-1"))
    assert set(parsed["modules"]) & set(HEAVY) == set()


def test_a_heavy_import_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "heavy.py").write_text("def quiet():\n    import numpy\n\n\nquiet()\n")

    assert "numpy" in _parsed(tmp_path / "heavy.py", tmp_path)["modules"]


@pytest.mark.parametrize(
    "module",
    ["config/discovery", "config/schema", "domain/results", "domain/decision", "config/settings", "domain/names"],
)
def test_the_declaration_is_light(module: str, tmp_path: Path) -> None:
    loaded = set(_parsed(ROOT / "include" / f"{module}.py", tmp_path)["modules"])

    assert loaded & {*HEAVY, "airflow", "croniter", "sqlalchemy"} == set()


def test_there_are_dags_and_plugins_to_parse() -> None:
    assert len(python_files("dags")) >= 2
    assert len(python_files("plugins")) >= 1
