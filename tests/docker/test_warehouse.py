"""Keep the telco warehouse on the PostgreSQL that the compose file runs, in a container."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from pydantic import SecretStr
from sqlalchemy import URL
from sqlalchemy.exc import OperationalError, ProgrammingError

from include.config.discovery import load_project
from include.config.project import SqlSource
from include.config.settings import ROOT
from include.demo_feed import feed
from include.io.sql_source import read_rows
from tests.support import docker_engine
from tests.support.warehouse import Warehouse, execute, make_warehouse

IMAGE = "postgres:17"
START_SECONDS = 60
FIRST, LAST = date(2026, 9, 22), date(2026, 9, 24)


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    if why := docker_engine.missing():
        pytest.skip(why)
    if not docker_engine.has_image(IMAGE):
        pytest.skip(f"no image {IMAGE}")
    password = secrets.token_urlsafe(12)
    with docker_engine.container(IMAGE, {"POSTGRES_PASSWORD": password}, 5432) as port:
        server = URL.create("postgresql+psycopg", "postgres", password, "127.0.0.1", port, "postgres")
        yield _made_when_ready(server)


def _made_when_ready(server: URL) -> Warehouse:
    # while it prepares its data the server answers by its socket only, and then stops once
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            assert str(execute(server, "SHOW server_version")[0][0]).startswith("17.")
            return make_warehouse(server, "telco")
        except OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.5)


def test_days_of_postgresql_17_are_those_of_a_file(warehouse: Warehouse, tmp_path: Path) -> None:
    project = load_project(ROOT / "include" / "projects", "telco_churn")
    assert isinstance(project.source, SqlSource)
    file = {"telco_warehouse": SecretStr(f"sqlite:///{tmp_path / 'telco.db'}")}
    for connections in (warehouse.connections(), file):
        assert feed.load("telco_churn", FIRST, LAST, store_url="file:///unused", connections=connections) == 3
    for number in range(3):
        day = FIRST + timedelta(days=number)
        ours, theirs = (read_rows(project, project.source, day, each) for each in (warehouse.connections(), file))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


def test_the_pipelines_user_cannot_write(warehouse: Warehouse) -> None:
    feed.load("telco_churn", FIRST, FIRST, store_url="file:///unused", connections=warehouse.connections())
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(warehouse.reader, "DELETE FROM billing")
    with pytest.raises(ProgrammingError, match="permission denied"):
        execute(warehouse.reader, "CREATE TABLE mine (id int)")
