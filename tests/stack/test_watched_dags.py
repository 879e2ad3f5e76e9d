"""The Dag files are parsed again when a project, our code or a namespace has changed, and not otherwise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from include.config.settings import Settings
from include.domain.names import register
from include.stack.watched_dags import WatchedDagBundle, contents
from tests.airflow_fixtures import airflow_database, write_project


@pytest.fixture(scope="module", autouse=True)
def _database() -> None:
    airflow_database()


@pytest.fixture
def projects(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with one project."""
    folder = home / "declared"
    write_project(folder, "shop")
    monkeypatch.setenv("NIGHTSHIFT_PROJECTS", str(folder))
    return folder


@pytest.fixture
def bundle(projects: Path, tmp_path: Path) -> WatchedDagBundle:
    """Return the bundle of two Dag files, looked at once."""
    folder = tmp_path / "dags"
    folder.mkdir()
    for name in ("retrain.py", "score.py"):
        (folder / name).write_text("")
    made = WatchedDagBundle(name=f"of-{tmp_path.name}", path=str(folder))
    made.refresh()
    return made


def _asked(bundle: WatchedDagBundle) -> list[str]:
    """Return the files whose parse was asked for, and forget that."""
    from airflow.models.dagbag import DagPriorityParsingRequest
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        mine = select(DagPriorityParsingRequest).where(DagPriorityParsingRequest.bundle_name == bundle.name)
        rows = session.scalars(mine).all()
        names = sorted(row.relative_fileloc for row in rows)
        for row in rows:
            session.delete(row)
    return names


def test_nothing_is_asked_for_while_nothing_changes(bundle: WatchedDagBundle, projects: Path) -> None:
    (projects / "shop" / "__pycache__").mkdir()
    (projects / "shop" / "__pycache__" / "features.cpython-311.pyc").write_bytes(b"x")
    (projects / "shop" / "landing.csv").write_text("a day's data")
    bundle.refresh()
    assert _asked(bundle) == []


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "a declaration": lambda projects, home: (projects / "shop" / "project.yaml").write_text("seed: 3\n"),
    "a project's code": lambda projects, home: (projects / "shop" / "features.py").write_text("x = 1\n"),
    "a README that goes": lambda projects, home: (projects / "shop" / "README.md").unlink(),
    "a new project": lambda projects, home: write_project(projects, "bank"),
    "a project that goes": lambda projects, home: (projects / "shop").rename(home / "away"),
    "a namespace": lambda projects, home: register(home, "pr-1"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_has_every_dag_file_parsed_again_once(
    bundle: WatchedDagBundle, projects: Path, home: Path, change: str
) -> None:
    CHANGES[change](projects, home)
    bundle.refresh()
    assert _asked(bundle) == ["retrain.py", "score.py"]
    bundle.refresh()
    assert _asked(bundle) == []


def test_our_own_code_is_watched_too(projects: Path) -> None:
    watched = {Path(path).name for path in contents(Settings.from_environment())}
    assert {"retrain.py", "watched_dags.py", "daily_partition.py", "project.yaml"} <= watched
