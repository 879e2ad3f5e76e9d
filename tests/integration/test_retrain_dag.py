"""Run whole retrain Dags in one process, with the real stages, on real data, over a short window."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from include.config.connections import SETTINGS_FILE, declared_connections, settings_connections
from include.config.discovery import load_project
from include.config.settings import ROOT, Settings
from include.demo_feed import feed
from include.io.ledger import Ledger
from include.io.releases import read_pointer
from include.io.stores import open_store
from include.stack.demo_data import days_needed
from tests.airflow_fixtures import airflow_database

pytestmark = pytest.mark.integration
FIRST, SECOND = date(2013, 4, 1), date(2013, 4, 2)


@dataclass(frozen=True)
class Case:
    """Name a project, and the shortest window its declared holdout allows."""

    project: str
    window_days: int
    minimum: str
    unreachable: str


# the unreachable minimum stays below the leak alarm: a declaration that lets nothing through is refused
CASES = [
    Case("flight_delay", 28, "value: 0.58", "value: 0.84"),
    Case("telco_churn", 30, "value: 0.80", "value: 0.89"),
]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case.project)
def night(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """Set a home up in which the demo's sources have delivered what the runs need."""
    case: Case = request.param
    home = tmp_path_factory.mktemp(case.project)
    airflow_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc123")
        patch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
        shutil.copytree(ROOT / "include" / "projects" / case.project, home / "projects" / case.project)
        edit_declaration(r"trials: \d+", "trials: 2")
        for name, fields in settings_connections(ROOT / SETTINGS_FILE).items():
            patch.setenv(f"AIRFLOW_CONN_{name.upper()}", fields.as_airflow_json())
        settings = Settings.from_environment()
        project = load_project(settings.projects_dir, case.project)
        first, _ = days_needed(project, FIRST, case.window_days)
        connections = declared_connections(settings)
        feed.load(case.project, first, SECOND, store_url=settings.store_url, connections=connections)
        yield case


def run(case: Case, as_of: date) -> Any:
    """Run the project's Dag once."""
    from include.orchestration.retrain import build_retrain_dag

    project = load_project(Settings.from_environment().projects_dir, case.project)
    dag = build_retrain_dag(project)
    return dag.test(run_conf={"as_of": as_of.isoformat(), "window_days": case.window_days})


def states(dag_run: Any) -> dict[str, set[str]]:
    """Return the states of each task's instances."""
    found: dict[str, set[str]] = {}
    for instance in dag_run.get_task_instances():
        found.setdefault(instance.task_id, set()).add(str(instance.state))
    return found


def ledger(case: Case) -> Ledger:
    return Ledger(open_store(Settings.from_environment().store_url), case.project)


def champion(case: Case) -> tuple[str, str]:
    """Return the champion's version, of the ledger and of the release that serving would load."""
    entry = ledger(case).champion()
    pointer = read_pointer(open_store(Settings.from_environment().store_url), case.project)
    assert entry is not None
    assert pointer is not None
    return entry.version, pointer.version


def test_three_nights(night: Case) -> None:
    first_run = run(night, FIRST)
    assert first_run.state == "success"
    assert set().union(*states(first_run).values()) == {"success"}
    decided = ledger(night).of_run(first_run.dag_id, first_run.run_id)
    assert decided is not None
    assert (decided.verdict, decided.as_of, decided.origin.git_commit) == ("PROMOTE", FIRST, "abc123")
    before = champion(night)
    assert before == (decided.version, decided.version)

    second_run = run(night, FIRST)
    assert second_run.state == "success"
    found = states(second_run)
    assert found["promote"] == found["announce_champion"] == {"skipped"}
    assert found["build_features"] == found["announce_features"] == {"skipped"}
    assert found["evaluate"] == {"success"}
    held = ledger(night).of_run(second_run.dag_id, second_run.run_id)
    assert held is not None
    assert (held.verdict, held.candidate_id) == ("HOLD", decided.candidate_id)
    assert champion(night) == before

    gate = "kind: minimum, metric: roc_auc, "
    edit_declaration(gate + night.minimum, gate + night.unreachable)
    third_run = run(night, SECOND)
    assert third_run.state == "failed"
    assert states(third_run)["promote"] == {"failed"}
    assert states(third_run)["announce_champion"] == {"upstream_failed"}
    rejected = ledger(night).of_run(third_run.dag_id, third_run.run_id)
    assert rejected is not None
    assert (rejected.verdict, rejected.as_of) == ("REJECT", SECOND)
    assert champion(night) == before


def edit_declaration(pattern: str, replacement: str) -> None:
    """Change the declaration in the home's own copy of the project."""
    [path] = Settings.from_environment().projects_dir.glob("*/project.yaml")
    text, count = re.subn(pattern, replacement, path.read_text())
    assert count
    path.write_text(text)
