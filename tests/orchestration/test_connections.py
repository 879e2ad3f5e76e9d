"""Look connections up as a task does."""

from __future__ import annotations

from pathlib import Path

import pytest

from include.config.discovery import load_project
from include.config.project import Project
from include.config.settings import Settings
from include.domain.errors import ConnectionMissingError
from include.orchestration.stage_call import source_connections
from tests.airflow_fixtures import write_project

pytestmark = pytest.mark.usefixtures("airflow_db")
FILES = '  kind: files\n  tables:\n    rows: {path: "landing/shop/{date}.csv"}\n'
SQL = "  kind: sql\n  connection: sales\n  query: SELECT * FROM orders WHERE day = :date\n"


@pytest.fixture
def project(home: Path) -> Project:
    """Return a project that reads from the connection `sales`."""
    write_project(home / "projects", "shop", replace=(FILES, SQL))
    return load_project(home / "projects", "shop")


def test_a_connection_that_airflow_knows(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SALES", "postgres://ann:secret@db:5432/sales")
    urls = source_connections(project, Settings.from_environment())
    assert urls["sales"].get_secret_value() == "postgresql+psycopg://ann:secret@db:5432/sales"
    assert "secret" not in repr(urls)


def test_a_relative_sqlite_file_is_below_the_home(
    project: Project, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SALES", '{"conn_type": "sqlite", "host": "warehouse/sales.db"}')
    urls = source_connections(project, Settings.from_environment())
    assert urls["sales"].get_secret_value() == f"sqlite:///{home}/warehouse/sales.db"


def test_a_connection_that_is_configured_nowhere(project: Project) -> None:
    with pytest.raises(ConnectionMissingError) as caught:
        source_connections(project, Settings.from_environment())
    assert str(caught.value) == (
        "shop/project.yaml: source.connection: Airflow knows no such connection; got: 'sales'; "
        "hint: declare it in airflow_settings.yaml, in Airflow's UI, or as AIRFLOW_CONN_SALES"
    )


def test_a_source_of_files_needs_none(home: Path) -> None:
    write_project(home / "projects", "shop")
    assert source_connections(load_project(home / "projects", "shop"), Settings.from_environment()) == {}
