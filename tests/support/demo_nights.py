"""Play whole nights of a real project in one process: its own home, its own copy of the project, its real Dag."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from include.config.connections import SETTINGS_FILE, declared_connections, settings_connections
from include.config.discovery import load_project
from include.config.project import Project
from include.config.settings import ROOT, Settings
from include.demo_feed import feed
from include.demo_feed.feed import days_needed
from include.domain.results import Origin, PartitionInputs, PlanInputs
from include.io import keys
from include.io.ledger import Ledger
from include.io.local_store import LocalStore
from include.io.stores import open_store
from include.io.tracking import Tracking
from include.stages import build_features, ingest, plan, validate
from tests.airflow_fixtures import airflow_database


@dataclass(frozen=True)
class DemoNights:
    """Hold a project's copy in a home of its own, and play nights on it; the environment names the home meanwhile.

    Attributes:
        name: The project.
        window_days: What the run's form asks for; None keeps what is declared.
    """

    name: str
    window_days: int | None = None

    @property
    def settings(self) -> Settings:
        """Return where the home's things are."""
        return Settings.from_environment()

    @property
    def project(self) -> Project:
        """Return the project as its copy declares it now."""
        return load_project(self.settings.projects_dir, self.name)

    @property
    def store(self) -> LocalStore:
        """Return the home's store."""
        return LocalStore(self.settings.store_url)

    @property
    def ledger(self) -> Ledger:
        """Return the project's ledger, read anew."""
        return Ledger(self.store, self.name)

    def edit(self, pattern: str, replacement: str, file: str = "project.yaml") -> None:
        """Change a file of the project's copy; a pattern that is not there is an error of the test."""
        path = self.settings.projects_dir / self.name / file
        text, count = re.subn(pattern, replacement, path.read_text())
        assert count, pattern
        path.write_text(text)

    def shorten(self) -> None:
        """Declare twelve days, one trial and two folds for `flight_delay`, so that a first night takes seconds."""
        self.edit(r"  days: \d+\n  holdout_days: \d+", "  days: 12\n  holdout_days: 4")
        self.edit(r"trials: \d+", "trials: 1")
        self.edit(r"folds: \d+", "folds: 2")

    def deliver(self, first: date, last: date) -> None:
        """Have the demo source deliver what runs for the days from `first` to `last` read."""
        oldest, _ = days_needed(self.project, first, self.window_days)
        connections = declared_connections(self.settings)
        feed.load(self.name, oldest, last, store_url=self.settings.store_url, connections=connections)

    def run(self, as_of: date) -> Any:
        """Run the project's Dag once, and return its run."""
        from include.orchestration.retrain import build_retrain_dag

        conf = {"as_of": as_of.isoformat(), "window_days": self.window_days}
        return build_retrain_dag(self.project).test(run_conf=conf)

    def score(self, day: date) -> Any:
        """Run the project's score Dag once, and return its run."""
        from include.orchestration.score import build_score_dag

        project = self.project
        assert project.scoring is not None
        return build_score_dag(project, project.scoring).test(run_conf={"as_of": day.isoformat()})

    def prepare(self, as_of: date) -> None:
        """Run the stages before training: what the Dag does, without its wait of a second a task after a failure."""
        project, settings = self.project, self.settings
        given: dict[str, Any] = {
            "as_of": as_of,
            "store_url": settings.store_url,
            "tracking_url": settings.tracking_url,
            "origin": Origin(run_id=f"stages of {as_of}"),
            "connections": declared_connections(settings),
        }
        for days in plan.run(project, PlanInputs(window_days=self.window_days, **given)).batches:
            inputs = PartitionInputs(days=days, **given)
            for stage in (ingest, validate, build_features):
                stage.run(project, inputs)

    def alias(self, alias: str = "champion") -> str | None:
        """Return the version that MLflow's alias points at."""
        root = open_store(self.settings.store_url).uri(keys.tracking_artifacts(self.name))
        return Tracking(self.settings.tracking_url, self.name, root).version_of_alias(alias)


@contextmanager
def demo_nights(home: Path, name: str, window_days: int | None = None) -> Iterator[DemoNights]:
    """Set up a home with a copy of the project, and an Airflow database; nothing is delivered yet."""
    airflow_database()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTSHIFT_HOME", str(home))
        patch.setenv("NIGHTSHIFT_GIT_COMMIT", "abc123")
        patch.setenv("NIGHTSHIFT_PROJECTS", str(home / "projects"))
        shutil.copytree(ROOT / "include" / "projects" / name, home / "projects" / name)
        for connection, fields in settings_connections(ROOT / SETTINGS_FILE).items():
            patch.setenv(f"AIRFLOW_CONN_{connection.upper()}", fields.as_airflow_json())
        yield DemoNights(name, window_days)


def states(dag_run: Any) -> dict[str, set[str]]:
    """Return the states of each task's instances."""
    found: dict[str, set[str]] = {}
    for instance in dag_run.get_task_instances():
        found.setdefault(instance.task_id, set()).add(str(instance.state))
    return found


def error_of(dag_run: Any, task_id: str) -> str:
    """Return the error that a failed task handed on, which is what the owner and the command line are shown."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from include.orchestration.stage_call import ERROR_KEY

    found = XComModel.get_many(run_id=dag_run.run_id, dag_ids=dag_run.dag_id, task_ids=task_id, key=ERROR_KEY)
    with create_session() as session:
        [row] = session.scalars(found).all()
        return str(XComModel.deserialize_value(row))
